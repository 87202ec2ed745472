"""Runs that ended long ago, deleted with all that belongs to them.

In bounded batches, each of them one commit: what was interrupted goes on with the
next. Objects that are in no run are left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
)

from ..errors import IllegalMove
from ..states import ObjectStatus, run_status
from . import statements as sql
from .audited import AUDIT
from .kinds import BigId, later
from .models import Base
from .sql import SQLStore
from .transactions import begin

#: The statuses that nothing leaves by itself.
ENDED = (ObjectStatus.COMPLETED, ObjectStatus.CANCELLED)
#: What an object waits for that can go on without anybody's doing.
_MOVES = ("queue", "timer", "join")

_runs, _objects = sql.RUNS.c, sql.OBJECTS.c
_parent = sql.OBJECTS.alias("parent")
#: Said so that no index of parents is used, in which all live objects are alike.
_live = func.coalesce(_objects.id_parent, literal_column("0")) == literal_column("0")
#: The tables whose rows belong to an object; not every SQLite watches over that. What
#: people decided stays for good.
_OF_OBJECTS = [
    table
    for table in Base.metadata.sorted_tables
    if "id_object" in table.columns and table is not AUDIT
]


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many runs, and live objects of runs, are gone or would be."""

    runs: int
    objects: int


class Pruner:
    """Deletes runs of which every live object has ended."""

    def __init__(self, store: SQLStore) -> None:
        self._transactions = store.transactions

    def count(self, seconds: int, statuses: Collection[ObjectStatus] = ENDED) -> Pruned:
        """Return what :meth:`prune` would delete now."""
        old = _old(self._before(seconds), statuses)
        mine = _objects.id_workflow == _runs.uuid
        live = select(func.count()).where(mine, _objects.id_parent.is_(None))
        number = live.correlate(sql.RUNS).scalar_subquery()
        with self._transactions.reading() as connection:
            found = select(func.count(), func.coalesce(func.sum(number), 0))
            runs, objects = connection.execute(
                found.select_from(sql.RUNS).where(*old)
            ).one()
        return Pruned(int(runs), int(objects))

    def prune(
        self,
        seconds: int,
        statuses: Collection[ObjectStatus] = ENDED,
        batch: int = 1000,
    ) -> Iterator[Pruned]:
        """Delete the runs that were last changed so many seconds ago, or earlier.

        A generator: each step deletes at most ``batch`` objects and commits. A run
        of more loses them over several. A run stays as long as another run has an
        object that came from it, whose history begins here.

        :param statuses: every live object of a run is in one of these; one that
            moves, or will by itself, keeps its run.
        """
        old = _old(self._before(seconds), statuses)

        def work(connection: Connection) -> Pruned:
            return _batch(connection, old, batch)

        while True:
            pruned = self._transactions.run(work)
            if not pruned.runs and not pruned.objects:
                return
            yield pruned

    def drop(self, uuid: str) -> bool:
        """Delete a run whatever it waits for; false if a worker holds it."""

        def work(connection: Connection) -> bool:
            begin(connection)
            rows = connection.execute(
                select(_objects.id, _objects.status)
                .where(_objects.id_workflow == uuid, _objects.id_parent.is_(None))
                .order_by(_objects.id)
                .with_for_update()
            ).all()
            if any(row.status == ObjectStatus.RUNNING for row in rows):
                return False
            _delete_objects(connection, [row.id for row in rows])
            _delete_empty(connection, [uuid])
            return True

        return self._transactions.run(work)

    def _before(self, seconds: int) -> datetime:
        """Return the time so many seconds ago, by the database's clock."""
        with self._transactions.reading() as connection:
            then: datetime = connection.execute(
                select(later(literal(-seconds)))
            ).scalar_one()
        return then


def _old(before: datetime, statuses: Collection[ObjectStatus]) -> list[Any]:
    """Return the conditions on a run: ended, long ago, and nobody's beginning."""
    if ObjectStatus.RUNNING in statuses:
        raise IllegalMove("What a worker holds is never deleted.")
    numbers = [int(status) for status in statuses]
    stays = or_(
        _objects.status.not_in(numbers),
        _objects.waits_for.in_(_MOVES),
        _objects.modified > before,
    )
    mine = select(_objects.id).where(_objects.id_workflow == _runs.uuid)
    elsewhere = mine.join(_parent, _parent.c.id == _objects.id_parent).where(
        _parent.c.id_workflow.is_distinct_from(_runs.uuid)
    )
    # What a run is follows from its objects, and has an index with its time.
    ends = {run_status([])} | {run_status([(status, None)]) for status in statuses}
    return [
        _runs.status.in_(sorted(map(int, ends))),
        _runs.modified <= before,
        ~mine.where(_live, stays).correlate(sql.RUNS).exists(),
        ~elsewhere.correlate(sql.RUNS).exists(),
    ]


def _batch(connection: Connection, old: list[Any], size: int) -> Pruned:
    """Delete some objects of runs, and the runs that have none left.

    Locks are taken as by who goes on with an object: its row, then its run's. A run
    that somebody has locked is left; one that was moved before is looked at anew.
    """
    begin(connection)
    found = select(_runs.uuid).where(*old).order_by(_runs.modified, _runs.uuid)
    seen = connection.execute(found.limit(size)).scalars().all()
    rows = connection.execute(
        select(_objects.id, _objects.id_workflow)
        .where(_objects.id_workflow.in_(seen), _live)
        .order_by(_objects.id_workflow, _objects.id)
        .limit(size)
        .with_for_update()
    ).all()
    locked = found.where(_runs.uuid.in_(seen)).with_for_update(
        of=sql.RUNS, skip_locked=True
    )
    runs = list(connection.execute(locked).scalars())
    objects = [row.id for row in rows if row.id_workflow in set(runs)]
    _delete_objects(connection, objects)
    return Pruned(_delete_empty(connection, runs), len(objects))


def _delete_objects(connection: Connection, ids: list[int]) -> None:
    """Delete live objects with their snapshots, events, log lines and the like."""
    snapshots = connection.execute(
        select(_objects.id).where(_objects.id_parent.in_(_numbers(ids)))
    ).scalars()
    copies = list(snapshots)
    for table in _OF_OBJECTS:
        mine = table.columns.id_object.in_(_numbers([*ids, *copies]))
        connection.execute(delete(table).where(mine))
    for each in (copies, ids):
        connection.execute(delete(sql.OBJECTS).where(_objects.id.in_(_numbers(each))))


def _numbers(numbers: list[int]) -> Any:
    """Return numbers as a part of the text: parameters there may be too few."""
    return bindparam(None, numbers, type_=BigId, expanding=True, literal_execute=True)


def _delete_empty(connection: Connection, uuids: list[str]) -> int:
    """Delete those of the runs that have no live object, with what they logged."""
    live = select(_objects.id_workflow).where(_objects.id_workflow.in_(uuids), _live)
    empty = and_(_runs.uuid.in_(uuids), _runs.uuid.not_in(live))
    gone = connection.execute(select(_runs.uuid).where(empty)).scalars().all()
    for table in (sql.LOGS, sql.OBJECTS):
        connection.execute(delete(table).where(table.c.id_workflow.in_(gone)))
    connection.execute(delete(sql.RUNS).where(_runs.uuid.in_(gone)))
    return len(gone)
