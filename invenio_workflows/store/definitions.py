"""The table of definitions: which processes know, or have known, and since when.

It is for those who ask from outside. Whether a workflow can be started is asked of the
registry of the process that is to start it, never of this table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    String,
    Text,
    UniqueConstraint,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from ..definition.facts import Facts, storable
from ..errors import WorkflowsError
from .kinds import BigId, Encoded, UTCDateTime, now
from .models import Base
from .transactions import Transactions, begin

#: Who holds this lock in PostgreSQL writes what it knows.
_LOCK = 0x776F726B646566
#: The longest name that a run can keep.
_LONGEST = 255
#: The most names that one statement has.
_BATCH = 500


class DefinitionRow(Base):
    """A workflow definition, as the last process that saw it has it."""

    __tablename__ = "workflows_definition"
    __table_args__ = (
        UniqueConstraint("name", name="uq_workflows_definition_name"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    #: Where it is written, as ``module:qualname``.
    module: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    #: The JSON Schema of what each step asks of a person, by the step's name.
    schema: Mapped[Any] = mapped_column(Encoded)
    fingerprint: Mapped[str] = mapped_column(String(16))
    first_seen: Mapped[datetime] = mapped_column(UTCDateTime)
    last_seen: Mapped[datetime] = mapped_column(UTCDateTime)
    #: Since when no process is to have it any more; ``None`` for one that is there.
    removed: Mapped[datetime | None] = mapped_column(UTCDateTime)


DEFINITIONS: Any = DefinitionRow.__table__
_definitions = DEFINITIONS.c
_TOLD = tuple(name for name in Facts.__slots__ if name != "name")


@dataclass(frozen=True, slots=True)
class Known:
    """A row of the table."""

    id: int
    name: str
    module: str
    title: str
    description: str
    schema: dict[str, Any]
    fingerprint: str
    first_seen: datetime
    last_seen: datetime
    removed: datetime | None


@dataclass(frozen=True, slots=True)
class Synced:
    """The names of which a row was written, by what happened to it.

    ``returned``: those that were removed and are back; they are ``updated``, too.
    """

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)


class Definitions:
    """The table, as it is written and asked."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def see(self, told: Iterable[Facts]) -> Synced:
        """Write that these are there; say of none that it is not."""
        return self._transactions.joined(self.seeing(told))

    def seeing(self, told: Iterable[Facts]) -> Callable[[Connection], Synced]:
        """Return who writes that these are there, in a transaction of another's."""
        facts = _checked(told)
        return lambda connection: _see(connection, facts)

    def sync(
        self,
        told: Iterable[Facts],
        unknown: Iterable[str] = (),
        modules: Iterable[str] = (),
    ) -> Synced:
        """Write that these are there, and that all others are removed.

        :param unknown: names of which nothing can be said: they are broken.
        :param modules: modules of which nothing can be said: they do not import.
        """
        facts = _checked(told)
        kept = {*facts, *unknown}
        broken = tuple(modules)

        def work(connection: Connection) -> Synced:
            done = _see(connection, facts)
            done.removed.extend(_remove(connection, kept, broken))
            return done

        return self._transactions.joined(work)

    def all(self) -> list[Known]:
        """Return the rows, by name."""
        with self._transactions.reading() as connection:
            found = connection.execute(select(DEFINITIONS).order_by(_definitions.name))
            return [Known(**row) for row in found.mappings()]

    def name_of(self, number: int) -> str | None:
        """Return the name that has this id."""
        wanted = select(_definitions.name).where(_definitions.id == number)
        with self._transactions.reading() as connection:
            name: str | None = connection.execute(wanted).scalar_one_or_none()
        return name

    def find(self, name: str) -> Known | None:
        """Return what is known of a name; nothing if the database cannot be asked.

        On a connection of its own, for it is asked when something went wrong.
        """
        with suppress(SQLAlchemyError, WorkflowsError):
            if self._transactions.is_single():
                return None  # that connection is the session's, and nobody else's
            wanted = select(DEFINITIONS).where(_definitions.name == name)
            with self._transactions.beside() as connection:
                row = connection.execute(wanted).mappings().one_or_none()
            return None if row is None else Known(**row)
        return None


def _checked(told: Iterable[Facts]) -> dict[str, Facts]:
    """Return what is told by name; without what no run can be of."""
    return {
        each.name: each
        for each in told
        if len(each.name) <= _LONGEST and each.name == storable(each.name)
    }


def _see(connection: Connection, facts: dict[str, Facts]) -> Synced:
    """Write what is there, one process after the other."""
    begin(connection)
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    rows = connection.execute(select(DEFINITIONS)).mappings()
    there = {row["name"]: row for row in rows}
    done = Synced()
    for name, fact in sorted(facts.items()):
        row = there.get(name)
        values = {each: getattr(fact, each) for each in _TOLD}
        if row is None:
            seen = {"first_seen": now(), "last_seen": now(), "removed": None}
            connection.execute(insert(DEFINITIONS).values(name=name, **values, **seen))
            done.created.append(name)
            continue
        if row["removed"] is not None:
            done.returned.append(name)
        elif all(row[each] == value for each, value in values.items()):
            continue
        again = update(DEFINITIONS).where(_definitions.name == name)
        connection.execute(again.values(**values, removed=None))
        done.updated.append(name)
    _touch(connection, sorted(facts.keys() & there.keys()))
    return done


def _touch(connection: Connection, names: list[str]) -> None:
    for at in range(0, len(names), _BATCH):
        of = _definitions.name.in_(names[at : at + _BATCH])
        connection.execute(update(DEFINITIONS).where(of).values(last_seen=now()))


def _remove(
    connection: Connection, kept: set[str], broken: tuple[str, ...]
) -> list[str]:
    rows = connection.execute(
        select(_definitions.name, _definitions.module)
        .where(_definitions.removed.is_(None))
        .order_by(_definitions.name)
    )
    gone = [
        name for name, module in rows if name not in kept and not _is_of(module, broken)
    ]
    for at in range(0, len(gone), _BATCH):
        of = _definitions.name.in_(gone[at : at + _BATCH])
        connection.execute(update(DEFINITIONS).where(of).values(removed=now()))
    return gone


def _is_of(module: str, broken: tuple[str, ...]) -> bool:
    """Say whether a definition was written in one of these modules, or below it."""
    name = module.partition(":")[0]
    return any(name == each or name.startswith(f"{each}.") for each in broken)
