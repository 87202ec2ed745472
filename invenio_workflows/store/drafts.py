"""Drafts: what a person has typed into a form and not sent yet.

One for each person and object; it is of one question, and gone when another is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    ForeignKey,
    Index,
    String,
    delete,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from .kinds import BigId, Encoded, UTCDateTime, later, now
from .models import Base
from .transactions import Transactions

#: Seconds for which a draft is kept.
KEPT = 30 * 86_400
#: At most this many old drafts go when one is kept.
_SWEPT = 20
#: And this many at a time when all of them are to go.
_BATCH = 100


class DraftRow(Base):
    """What a form said when it was last kept: names and values, in their order."""

    __tablename__ = "workflows_draft"
    __table_args__ = (Index("ix_workflows_draft_modified", "modified"),)

    id_object: Mapped[int] = mapped_column(
        BigId,
        ForeignKey(
            "workflows_object.id", name="fk_workflows_draft_object", ondelete="CASCADE"
        ),
        primary_key=True,
        autoincrement=False,
    )
    person: Mapped[str] = mapped_column(String(255), primary_key=True)
    #: Which question it answers: the id of the halt.
    halt: Mapped[str] = mapped_column(String(100))
    form: Mapped[Any] = mapped_column(Encoded)
    modified: Mapped[datetime] = mapped_column(UTCDateTime)


DRAFTS: Any = DraftRow.__table__
#: Of two that keep one draft at once, the second has the last word.
_INSERT: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody has typed, and in answer to which question."""

    form: tuple[tuple[str, str], ...]
    modified: datetime
    halt: str


class Drafts:
    """Keeps drafts for a month."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def keep(
        self, oid: int, person: str, halt: str, form: Sequence[tuple[str, str]]
    ) -> None:
        """Keep what a person has typed, in place of what they had before."""
        values = {
            "halt": halt[:100],
            "form": [list(pair) for pair in form],
            "modified": now(),
        }

        def work(connection: Connection) -> None:
            _sweep(connection, _SWEPT)
            key = {"id_object": oid, "person": person[:255]}
            made = _INSERT[connection.dialect.name](DRAFTS).values(**key, **values)
            connection.execute(
                made.on_conflict_do_update(
                    index_elements=["id_object", "person"], set_=values
                )
            )

        self._transactions.joined(work)

    def get(self, oid: int, person: str, halt: str) -> Draft | None:
        """Return what a person has typed in answer to a question."""
        found = self.last(oid, person)
        return found if found is not None and found.halt == halt[:100] else None

    def last(self, oid: int, person: str) -> Draft | None:
        """Return what a person has typed last, to whichever question of an object."""
        statement = select(DRAFTS).where(*_mine(oid, person))
        with self._transactions.reading() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            return None
        form = tuple((name, value) for name, value in row.form)
        return Draft(form, row.modified, row.halt)

    def forget(self, oid: int, person: str) -> None:
        """Forget what a person has typed."""
        statement = delete(DRAFTS).where(*_mine(oid, person))
        self._transactions.joined(lambda connection: connection.execute(statement))

    def sweep(self) -> int:
        """Delete drafts that nobody touched for a month; return how many.

        In batches, each of them one commit.
        """

        def work(connection: Connection) -> int:
            return _sweep(connection, _BATCH)

        return sum(iter(lambda: self._transactions.joined(work), 0))


def _mine(oid: int, person: str) -> tuple[Any, Any]:
    return DRAFTS.c.id_object == oid, DRAFTS.c.person == person[:255]


def _sweep(connection: Connection, most: int) -> int:
    found = (
        select(DRAFTS.c.id_object, DRAFTS.c.person)
        .where(DRAFTS.c.modified < later(-KEPT))
        .limit(most)
    )
    old = connection.execute(found).all()
    for oid, person in old:
        connection.execute(delete(DRAFTS).where(*_mine(oid, person)))
    return len(old)
