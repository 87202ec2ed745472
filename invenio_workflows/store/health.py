"""What the database is like, and who holds or waits for what in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    Connection,
    Engine,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
)

from ..errors import DatabaseUnavailable
from ..states import ObjectStatus
from . import statements as sql
from .database import Database
from .failures import clear_errors, is_busy
from .kinds import now
from .rows import place_of
from .transactions import Transactions

_PRAGMAS = ("journal_mode", "synchronous", "foreign_keys")
_SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")
_CATALOGUES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D'",
}
#: What refuses to change the audit, or to take from it.
_KEEP_AUDIT = {
    "sqlite": {"workflows_audit_no_update", "workflows_audit_no_delete"},
    "postgresql": {"workflows_audit_kept"},
}


@dataclass(frozen=True, slots=True)
class Facts:
    """A database that was reached. ``settings``: of SQLite, as one finds them."""

    dialect: str
    version: str
    address: str
    in_memory: bool
    settings: dict[str, str] = field(default_factory=dict)


def address(engine: Engine) -> str:
    """Return where the database is, without a word that could be a secret."""
    return str(engine.url.set(query={}).render_as_string(hide_password=True))


def examine(database: Database) -> Facts:
    """Connect and look.

    :raises DatabaseUnavailable: if it is away, locked, or too old.
    :raises ConfigurationError: if it is none that we can use.
    """
    engine = database.engine
    with clear_errors(), engine.connect() as connection:
        database.check_version(connection)
        name = connection.dialect.name
        version: Any = connection.dialect.server_version_info
        return Facts(
            name,
            ".".join(map(str, version)),
            address(engine),
            database.single_connection(),
            _settings(connection) if name == "sqlite" else {},
        )


def triggers(connection: Connection) -> set[str]:
    """Return the names of the triggers that are there and fire."""
    found = connection.exec_driver_sql(_CATALOGUES[connection.dialect.name])
    return set(found.scalars())


def unguarded(transactions: Transactions) -> list[str]:
    """Return the triggers that the audit has lost: those refuse to change it."""
    with transactions.reading() as connection:
        there = triggers(connection)
        return sorted(_KEEP_AUDIT[connection.dialect.name] - there)


def asleep(transactions: Transactions) -> dict[str, int]:
    """Return how many objects of each workflow may still be gone on with."""
    objects = sql.OBJECTS.c
    ended = [int(ObjectStatus.COMPLETED), int(ObjectStatus.CANCELLED)]
    with transactions.reading() as connection:
        rows = connection.execute(
            select(objects.workflow, func.count())
            .where(
                objects.id_parent.is_(None),
                objects.id_workflow.is_not(None),
                objects.status.not_in(ended),
            )
            .group_by(objects.workflow)
        ).all()
    return {name: number for name, number in rows}


@dataclass(frozen=True, slots=True)
class Line:
    """What waits in a queue: how many objects, the first for so many seconds."""

    queue: str
    objects: int
    oldest: datetime
    seconds: float


def lines(transactions: Transactions) -> list[Line]:
    """Return what waits in each queue, by its name; nothing of an empty one."""
    objects = sql.OBJECTS.c
    # Of what is queued, this is when it was queued: sending it changes nothing.
    oldest = func.min(objects.modified)
    with transactions.reading() as connection:
        rows = connection.execute(
            select(objects.queue, func.count(), oldest, now())
            .where(objects.waits_for == literal_column("'queue'"))
            .group_by(objects.queue)
            .order_by(objects.queue)
        ).all()
    return [
        Line(name or "", number, since, (at - since).total_seconds())
        for name, number, since, at in rows
    ]


@dataclass(frozen=True, slots=True)
class LastTask:
    """After which task an object of a run is, and since when."""

    run: str
    task: str
    since: datetime


def last_tasks(transactions: Transactions, ids: Collection[int]) -> dict[int, LastTask]:
    """Return the last task of objects, and since when they are behind it."""
    objects, events = sql.OBJECTS.c, sql.EVENTS.c
    last = (events.id_object == objects.id) & (events.seq == objects.seq)
    since = func.coalesce(events.created, objects.modified)
    with transactions.reading() as connection:
        rows = connection.execute(
            select(objects.id, objects.id_workflow, sql.as_text(objects.cursor), since)
            .join_from(sql.OBJECTS, sql.EVENTS, last, isouter=True)
            .where(objects.id.in_(ids))
        ).all()
    return {oid: LastTask(run, place_of(at)[1], when) for oid, run, at, when in rows}


#: What an object awaits in a tally, some of whose branches move.
BRANCHES = "branches"

Tally = dict[tuple[ObjectStatus, str | None], int]


def tally(transactions: Transactions, uuid: str) -> tuple[Tally, Tally]:
    """Return how many live objects of a run there are, by status and what they await.

    And as many branches; these are not objects of the run.
    """
    objects = sql.OBJECTS.c
    waits = case(
        (objects.status != int(ObjectStatus.WAITING), objects.waits_for),
        (objects.id.in_(select(_above_what_moves(uuid).c.id_fork)), literal(BRANCHES)),
        else_=objects.waits_for,
    ).label("waits")
    is_branch = objects.id_fork.is_not(None).label("is_branch")
    with transactions.beside() as connection:
        rows = connection.execute(
            select(is_branch, objects.status, waits, func.count())
            .where(objects.id_workflow == uuid, objects.id_parent.is_(None))
            .group_by(is_branch, objects.status, waits)
        ).all()
    found: tuple[Tally, Tally] = ({}, {})
    for branches, status, awaits, number in rows:
        found[bool(branches)][ObjectStatus(status), awaits] = number
    return found


def _above_what_moves(uuid: str) -> CTE:
    """Return the ids of the objects, a branch of which, or of theirs, moves."""
    objects, above = sql.OBJECTS.c, sql.OBJECTS.alias("above")
    moves = or_(
        objects.status == int(ObjectStatus.RUNNING),
        objects.waits_for.in_(["queue", "timer"]),
    )
    found = (
        select(objects.id_fork)
        .where(objects.id_workflow == uuid, objects.id_fork.is_not(None), moves)
        .cte("above_what_moves", recursive=True)
    )
    return found.union(
        select(above.c.id_fork).where(
            above.c.id == found.c.id_fork, above.c.id_fork.is_not(None)
        )
    )


def refusal(error: BaseException) -> DatabaseUnavailable | None:
    """Return what a person is told where the file stayed locked; else ``None``."""
    if not is_busy(error):
        return None
    return DatabaseUnavailable(
        "The database is locked: another process writes to it all the time. Try again "
        "when that has ended."
    )


def _settings(connection: Connection) -> dict[str, str]:
    found = {
        name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()).upper()
        for name in _PRAGMAS
    }
    found["synchronous"] = _SYNCHRONOUS[int(found["synchronous"])]
    found["foreign_keys"] = "ON" if found["foreign_keys"] == "1" else "OFF"
    return found
