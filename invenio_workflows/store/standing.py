"""Where objects sleep: by workflow, definition and place, along one index.

However many objects there are, what is asked for a page looks at a fixed number of
them; what goes through all of them reads the few columns that it needs, in batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, literal, select, text, tuple_

from ..states import ObjectStatus
from . import statements as sql
from .kinds import UTCDateTime, now
from .models import IS_LISTED, IS_RESTING, IS_STANDING, STANDING
from .transactions import Transactions
from .wanted import Count

#: At most this many objects of one place are counted.
COUNTED = 1000
#: A page knows so many places of a workflow.
MOST_PLACES = 500
#: At most this many objects that run are looked at.
_RUNNING = 1000
_BATCH = 1000
#: At most this many that have ended are asked for the names of their tasks.
_ENDED = 20
#: Those that have not ended, and sleep or are yet to begin.
_LIVE = (
    *(ObjectStatus.HALTED, ObjectStatus.ERROR),
    *(ObjectStatus.WAITING, ObjectStatus.INITIAL),
)

_o = sql.OBJECTS.c


@dataclass(frozen=True, slots=True)
class Standing:
    """An object that sleeps, as far as its place is concerned."""

    id: int
    id_workflow: str | None
    workflow: str
    status: int
    seq: int
    fence: int
    revision: int
    cursor: str
    stands_at: str
    stands_since: datetime


#: Of what a :class:`Standing` is made, in its order.
COLUMNS = [sql.as_text(_o[name]) for name in Standing.__slots__]


@dataclass(frozen=True, slots=True)
class Crowd:
    """The objects that sleep at one place of one definition.

    :param at: the definition's fingerprint, a colon and the path.
    :param statuses: how many of those that were counted have which status, and
        those that are queued under ``None``.
    :param oldest: for how many seconds the first of them stands there.
    :param median: for how many the one in the middle does; ``None`` where there are
        more than are counted.
    """

    at: str
    count: Count
    statuses: dict[ObjectStatus | None, int]
    oldest: float
    median: float | None
    cursor: str

    @property
    def fingerprint(self) -> str:
        """That of the definition in which they were put down."""
        return self.at.partition(":")[0]


class Sleepers:
    """Reads where objects sleep; ``current_workflows.standing``."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    # --- for a page -----------------------------------------------------------------

    def crowds(self, workflow: str) -> list[Crowd]:
        """Return who sleeps where in a workflow, by place; in two statements."""
        with self._transactions.reading() as connection:
            at: datetime = connection.execute(select(now())).scalar_one()
            rows = connection.execute(_CROWDS, {"workflow": workflow}).all()
        return [_crowd(row, at) for row in rows]

    def running(self, workflow: str) -> list[str | None]:
        """Return the cursors of the objects of a workflow that run now."""
        cursors = (
            select(sql.as_text(_o.cursor))
            .where(_o.status == sql._n(ObjectStatus.RUNNING), _o.workflow == workflow)
            .limit(_RUNNING)
        )
        with self._transactions.reading() as connection:
            return list(connection.execute(cursors).scalars())

    def at(self, workflow: str, places: Sequence[str], most: int) -> list[Any]:
        """Return those that sleep longest at one of these places, as they are listed.

        At a hundred of them at most.
        """
        columns = _o.id, _o.status, _o.waits_for, _o.title, _o.markup, _o.stands_since
        found: list[Any] = []
        with self._transactions.reading() as connection:
            for at in places[:100]:
                rows = (
                    select(*columns)
                    .where(_o.workflow == workflow, IS_STANDING, _o.stands_at == at)
                    .order_by(_o.stands_since, _o.id)
                    .limit(most)
                )
                found += connection.execute(rows)
        return sorted(found, key=lambda row: (row.stands_since, row.id))[:most]

    # --- for a check ----------------------------------------------------------------

    def workflows(self) -> list[str]:
        """Return the names of the workflows in which objects sleep."""
        found: list[str] = []
        beyond = (
            select(_o.workflow)
            .where(IS_STANDING, _o.workflow > sql._p("after", _o.workflow))
            .order_by(_o.workflow)
            .limit(1)
        )
        with self._transactions.reading() as connection:
            after: str | None = ""
            while after is not None:
                values = {"after": after}
                after = connection.execute(beyond, values).scalar_one_or_none()
                found += [after] if after is not None else []
        return found

    def others(self, workflow: str, fingerprint: str) -> Iterator[Standing]:
        """Yield those that were put down in another definition than this one."""
        at: str | None = ""
        while True:
            with self._transactions.reading() as connection:
                at = next_place(connection, workflow, at or "")
            if at is None:
                return
            if at.startswith(f"{fingerprint}:"):
                at = f"{fingerprint};"  # behind all of them
                continue
            yield from self.standing(workflow, at)

    def standing(self, workflow: str, at: str) -> Iterator[Standing]:
        """Yield those that sleep at a place, the longest there first."""
        last: Standing | None = None
        while True:
            with self._transactions.reading() as connection:
                rows = batch(connection, workflow, at, last)
            yield from rows
            if len(rows) < _BATCH:
                return
            last = rows[-1]

    def asking(self, workflow: str, action: str) -> Iterator[tuple[int, Any]]:
        """Yield id and ``extra_data``, as JSON, of those that ask for an action."""
        last = 0
        while True:
            asked = (
                select(_o.id, sql.as_text(_o.extra_data))
                .where(_o.action == action, IS_LISTED, _o.action.is_not(None))
                .where(_o.id > last, _o.workflow == workflow)
                .where(_o.status == sql._n(ObjectStatus.HALTED))
                .order_by(_o.id)
                .limit(_BATCH)
            )
            with self._transactions.reading() as connection:
                rows = connection.execute(asked).all()
            yield from ((row.id, row.extra_data) for row in rows)
            if len(rows) < _BATCH:
                return
            last = rows[-1].id

    def some(self, workflow: str, most: int, action: str | None = None) -> list[int]:
        """Return the ids of a few that have not ended; of those that ask for that."""
        if action is not None:
            asked = select(_o.id).where(_o.action == action, _o.action.is_not(None))
            few = [asked.where(IS_LISTED, _o.workflow == workflow)]
        else:
            few = [
                select(_o.id).where(
                    IS_LISTED,
                    IS_RESTING,
                    _o.status == sql._n(status),
                    _o.workflow == workflow,
                )
                for status in _LIVE
            ]
        found: list[int] = []
        with self._transactions.reading() as connection:
            for each in few:
                rows = connection.execute(each.order_by(_o.id).limit(most))
                found += rows.scalars()
        return sorted(found)[:most]

    def place(self, workflow: str) -> str:
        """Return some place at which objects of a workflow sleep; ``""`` for none."""
        with self._transactions.reading() as connection:
            return next_place(connection, workflow, "") or ""

    def ways_before(self, workflow: str, fingerprint: str) -> list[list[str]]:
        """Return what a few passed that ended in another definition than this one."""
        ended = (
            select(_o.id, sql.as_text(_o.cursor).label("cursor"))
            .where(IS_LISTED, IS_RESTING, _o.workflow == workflow)
            .where(_o.status == sql._n(ObjectStatus.COMPLETED))
            .order_by(_o.id.desc())
            .limit(_ENDED)
        )
        with self._transactions.reading() as connection:
            rows = connection.execute(ended).all()
        ids = [row.id for row in rows if row.cursor and fingerprint not in row.cursor]
        return [self.passed(oid) for oid in ids]

    def passed(self, oid: int) -> list[str]:
        """Return the names of the tasks that an object passed last, the last last."""
        names = (
            select(sql.EVENTS.c.task)
            .where(sql.EVENTS.c.id_object == oid, sql.EVENTS.c.task.is_not(None))
            .order_by(sql.EVENTS.c.seq.desc())
            .limit(100)
        )
        with self._transactions.reading() as connection:
            return list(connection.execute(names).scalars())[::-1]


def batch(
    connection: Connection,
    workflow: str,
    at: str,
    last: Standing | None,
    for_update: bool = False,
) -> list[Standing]:
    """Return the next of those that sleep at a place.

    :param for_update: lock them; those that somebody else has locked are left out.
    """
    rows = (
        select(*COLUMNS)
        .where(_o.workflow == workflow, IS_STANDING, _o.stands_at == at)
        .order_by(_o.stands_since, _o.id)
        .limit(_BATCH)
    )
    if last is not None:
        there = tuple_(
            literal(last.stands_since, _o.stands_since.type),
            literal(last.id, _o.id.type),
        )
        rows = rows.where(tuple_(_o.stands_since, _o.id) > there)
    if for_update:
        rows = rows.with_for_update(skip_locked=True)
    return [Standing(*row) for row in connection.execute(rows)]


_NEXT_PLACE = (
    select(_o.stands_at)
    .where(
        _o.workflow == sql._p("workflow", _o.workflow),
        IS_STANDING,
        _o.stands_at > sql._p("after", _o.stands_at),
    )
    .order_by(_o.stands_at)
    .limit(1)
)


def next_place(connection: Connection, workflow: str, after: str) -> str | None:
    """Return the next place at which objects of a workflow sleep, in their order."""
    values = {"workflow": workflow, "after": after}
    found: str | None = connection.execute(_NEXT_PLACE, values).scalar_one_or_none()
    return found


#: The first of a place, in the order of the index: what is counted of it.
_FIRST = f"""
    (SELECT status, waits_for, stands_since, id FROM workflows_object
     WHERE workflow = :workflow AND {STANDING} AND stands_at = places.at
     ORDER BY stands_since, id LIMIT {COUNTED + 1}) AS first"""
_NEAREST = f"""
    SELECT min(stands_at) FROM workflows_object
    WHERE workflow = :workflow AND {STANDING}"""
#: From place to place, through the index.
_CROWDS = text(
    f"""
    WITH RECURSIVE places(at) AS (
        SELECT ({_NEAREST})
        UNION ALL
        SELECT ({_NEAREST} AND stands_at > places.at)
        FROM places WHERE places.at IS NOT NULL)
    SELECT at,
        (SELECT count(*) FROM {_FIRST}) AS number,
        (SELECT count(*) FROM {_FIRST} WHERE first.waits_for = 'queue') AS queued,
        (SELECT count(*) FROM {_FIRST} WHERE first.status = 2) AS halted,
        (SELECT count(*) FROM {_FIRST} WHERE first.status = 5) AS failed,
        (SELECT min(stands_since) FROM {_FIRST}) AS oldest,
        (SELECT stands_since FROM (
            SELECT stands_since, row_number() OVER (ORDER BY stands_since, id) AS place,
                count(*) OVER () AS number
            FROM {_FIRST}) AS ordered
         WHERE ordered.place = (ordered.number + 1) / 2) AS middle,
        (SELECT CAST(cursor AS TEXT) FROM workflows_object
         WHERE workflow = :workflow AND {STANDING} AND stands_at = places.at
         ORDER BY stands_since, id LIMIT 1) AS cursor
    FROM places WHERE at IS NOT NULL LIMIT {MOST_PLACES}"""
).columns(oldest=UTCDateTime, middle=UTCDateTime)


def _crowd(row: Any, at: datetime) -> Crowd:
    waiting = row.number - row.halted - row.failed - row.queued
    numbers = {
        ObjectStatus.HALTED: row.halted,
        ObjectStatus.ERROR: row.failed,
        ObjectStatus.WAITING: waiting,
        None: row.queued,
    }
    whole = row.number <= COUNTED
    if not whole:  # the one behind those that are counted
        numbers[max(numbers, key=lambda status: numbers[status])] -= 1
    return Crowd(
        at=row.at,
        count=Count(min(row.number, COUNTED), whole),
        statuses={status: number for status, number in numbers.items() if number},
        oldest=_seconds(at, row.oldest),
        median=_seconds(at, row.middle) if whole else None,
        cursor=row.cursor,
    )


def _seconds(until: datetime, since: datetime) -> float:
    return max((until - since).total_seconds(), 0.0)
