"""The write side of starting: new runs, and runs that begin again.

Each is one transaction. A verb that is refused leaves nothing behind, and what
the caller had pending in the session as it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, null, update

from ..checkpoint import EventLine, RunInfo
from ..encoding import Writer, dumps
from ..errors import (
    DatabaseUnavailable,
    IllegalMove,
    WorkflowObjectVersionError,
)
from ..objects import WorkflowObject
from ..states import ObjectStatus, WorkflowStatus, may
from . import statements as sql
from .audit import keep_submitters
from .concurrency import Limits
from .due import forget_place
from .forks import cancel_branches, refuse_branch
from .ids import new_ids
from .keep import Check, refuse_snapshot, write_data
from .kinds import now
from .once import forget_once
from .queue import Queue
from .rows import changed_row, derive, projections, started_row, values_of
from .runs import settle_run
from .showing import Shown
from .shown import keep_shown
from .sql import SQLStore, taken_up, tell


class Acceptor:
    """Makes rows of what the verbs are given."""

    def __init__(
        self, store: SQLStore, batch_size: int, check: Check, limits: Limits
    ) -> None:
        self._store = store
        self._batch_size = batch_size
        self._check = check
        self._limits = limits

    # --- runs -----------------------------------------------------------------------

    def start(
        self, run: RunInfo, objects: Iterable[WorkflowObject]
    ) -> WorkflowObject | None:
        """Commit run, objects and snapshots, the first object claimed, and return it.

        :raises IllegalMove: if one of the objects is held by a worker.
        """
        objects = _Once(objects)

        def work(connection: Connection) -> WorkflowObject | None:
            told: list[dict[str, Any]] = []
            first = self._insert(connection, run, objects, told)
            if first is None:
                first = self._store.take_next(connection, run, -1, told)
            tell(connection, told)
            return first

        first = self._store.transactions.joined(work)
        if first is not None:
            taken_up(run, first)
        return first

    def accepting(
        self, run: RunInfo, objects: Iterable[WorkflowObject], queue: Queue
    ) -> Callable[[Connection], list[int]]:
        """Return what writes run, objects and snapshots, and queues the objects.

        It gives their ids, and raises IllegalMove if a worker holds one of them.
        """
        objects = _Once(objects)

        def work(connection: Connection) -> list[int]:
            oids: list[int] = []
            self._insert(connection, run, objects, queued=_Queued(queue, oids))
            return oids

        return work

    def _insert(
        self,
        connection: Connection,
        run: RunInfo,
        objects: Iterable[WorkflowObject],
        told: list[dict[str, Any]] | None = None,
        queued: _Queued | None = None,
    ) -> WorkflowObject | None:
        """Write the run and its objects.

        :param told: takes that the first was started; none: it is not claimed.
        :param queued: puts them in their queue.
        :return: the first, if it is new: then it was claimed as it was made.
        """
        self._insert_run(connection, run, is_new=queued is not None)
        first: WorkflowObject | None = None
        position, run.upcoming = 0, deque()
        left: set[str] = set()
        for batch in _batches(objects, self._batch_size):
            left |= {obj.id_workflow for obj in batch if obj.id_workflow}
            if told is not None and position == 0 and batch[0].id is None:
                first = batch[0]
            self._insert_batch(connection, run, batch, position, first, queued)
            run.upcoming = run.upcoming or deque(batch)
            position += len(batch)
        run.last = position - 1
        for uuid in sorted(left):
            settle_run(connection, uuid)
        if first is not None and told is not None:
            told.append(started_row(first))
        return first

    def _insert_run(self, connection: Connection, run: RunInfo, is_new: bool) -> None:
        status = WorkflowStatus.NEW if is_new else WorkflowStatus.RUNNING
        sql.INSERT_RUN(
            connection,
            {
                "uuid": run.uuid,
                "name": run.name,
                "status": int(status),
                "extra_data": dumps(run.extra_data, "eng.extra_data"),
                "id_user": run.id_user,
                "stop_on_halt": int(run.stop_on_halt),
                "stop_on_error": int(run.stop_on_error),
                "priority": run.priority,
            },
        )

    def _insert_batch(
        self,
        connection: Connection,
        run: RunInfo,
        batch: list[WorkflowObject],
        position: int,
        first: WorkflowObject | None,
        queued: _Queued | None,
    ) -> None:
        fresh = [obj for obj in batch if obj.id is None]
        # Then a snapshot is a copy of the row.
        alike = queued is not None and all(obj.cursor is None for obj in fresh)
        alike &= len(fresh) == len(batch)
        ids = iter(new_ids(connection, len(batch) + (0 if alike else len(fresh))))
        rows: list[dict[str, Any]] = []
        shown: list[tuple[int, Shown]] = []
        for at, obj in enumerate(batch, position):
            if obj.id is None:
                obj.position = at
            if first is not None and position == 0:  # it is on its way at once
                obj.writer = Writer()
            texts, cursor = self._check(obj), obj.cursor
            obj.columns["concurrency_key"] = self._limits.key_of(run.name, obj)
            if obj.id is None:
                obj.id = next(ids)
                row = _live_row(obj, run, at, texts)
                rows.append(row | self._store.as_held(obj) if obj is first else row)
            else:
                self._bring_in(connection, run, obj, at, texts)
            if not alike:
                rows.append(_snapshot_row(obj, next(ids), texts, cursor))
            obj.kept = texts
            derive(obj, self._store.task_history)
            if (made := self._store.showing.of(obj, texts, run.name)) is not None:
                shown.append((obj.id, made))
        if queued is not None and alike:
            queued.oids.extend(queued.queue.put_new(connection, run, rows))
        else:
            sql.INSERT_OBJECT(connection, rows)
        if queued is not None and not alike:
            queued.oids.extend(queued.queue.put_run(connection, run, position))
        keep_submitters(connection, batch, run)
        keep_shown(connection, shown, fresh=len(fresh) == len(batch))

    def _bring_in(
        self,
        connection: Connection,
        run: RunInfo,
        obj: WorkflowObject,
        position: int,
        texts: tuple[str, str],
    ) -> None:
        """Move an object that exists into the run, if no worker holds it."""
        before = obj.columns
        refuse_snapshot(obj)
        refuse_branch(obj)
        if not may("start", obj.status, obj.waits_for):
            raise _busy(obj)
        moved = connection.execute(
            update(sql.OBJECTS)
            .where(
                sql.OBJECTS.c.id == obj.id,
                sql.OBJECTS.c.seq == before.get("seq", 0),
                sql.OBJECTS.c.fence == before.get("fence", 0),
                sql.OBJECTS.c.status == int(obj.status),
            )
            .values(
                id_workflow=run.uuid,
                workflow=run.name,
                position=position,
                cursor=null(),
                stands_at=null(),
                concurrency_key=obj.columns["concurrency_key"],
                **dict.fromkeys(("waits_for", "wake_at", "deadline")),
                status=int(ObjectStatus.INITIAL),
                seq=sql.OBJECTS.c.seq + 1,
                revision=sql.OBJECTS.c.seq + 1,
                modified=now(),
                **projections({}, ObjectStatus.INITIAL),
            )
        )
        if moved.rowcount != 1:
            raise _as_start_error(self._store.moved(connection, obj.id), obj)
        _leave_behind(connection, obj.id, before)
        _enter(obj, run, position)
        seq = before.get("seq", 0) + 1
        accepted = EventLine("Accepted"), seq, ObjectStatus.INITIAL
        sql.INSERT_EVENT(connection, changed_row(obj, *accepted, texts))
        obj.columns |= {"status": ObjectStatus.INITIAL, "seq": seq, "revision": seq}
        obj.columns["cursor"] = None
        write_data(connection, obj, texts)
        forget_once(connection, [obj.id])


def _leave_behind(connection: Connection, oid: int, before: dict[str, Any]) -> None:
    """Take away what an object waited for that begins anew."""
    if before.get("waits_for") == "join":
        cancel_branches(connection, oid)
    if before.get("deadline") is not None:
        forget_place(connection, oid)


class _Queued(NamedTuple):
    """Where objects are queued, and what takes their ids."""

    queue: Queue
    oids: list[int]


class _Once:
    """Objects that may come from a generator, which does not give them again."""

    def __init__(self, objects: Iterable[WorkflowObject]) -> None:
        self._objects: Iterable[WorkflowObject] | None = objects

    def __iter__(self) -> Iterator[WorkflowObject]:
        objects, self._objects = self._objects, None
        if objects is None:
            raise DatabaseUnavailable(
                "The database was locked while the data was read, so nothing was "
                "started. If what makes the data writes to it, give a list instead."
            )
        return iter(objects)


def _live_row(
    obj: WorkflowObject, run: RunInfo, position: int, texts: tuple[str, str]
) -> dict[str, Any]:
    _enter(obj, run, position)
    obj.columns |= {"status": ObjectStatus.INITIAL, "seq": 0, "revision": 0}
    obj.columns |= {"fence": 0, "in_start": 0, "attempts": 0}
    # The row's are the database's, a moment later: to read them back costs too much.
    obj.columns["created"] = obj.columns["modified"] = datetime.now(UTC)
    return values_of(obj, *texts)


def _enter(obj: WorkflowObject, run: RunInfo, position: int) -> None:
    obj.columns |= {"id_workflow": run.uuid, "position": position, "cursor": None}
    obj.columns |= {"workflow_name": run.name, "waits_for": None}


def _snapshot_row(
    obj: WorkflowObject, oid: int, texts: tuple[str, str], cursor: str | None
) -> dict[str, Any]:
    """Return the copy of an object at its start, with the place where it stood."""
    row = values_of(obj, *texts)
    row |= {"id": oid, "id_parent": obj.id, "status": int(ObjectStatus.INITIAL)}
    row |= {"cursor": cursor, "action": None, "message": None, "error": None}
    return row


def _batches(
    objects: Iterable[WorkflowObject], size: int
) -> Iterator[list[WorkflowObject]]:
    items = iter(objects)
    while batch := list(islice(items, size)):
        yield batch


def _busy(obj: WorkflowObject) -> WorkflowObjectVersionError:
    label = "Queued" if obj.waits_for == "queue" else obj.status.name
    return WorkflowObjectVersionError(
        f"Object {obj.id} is already in {label} state; wait until it stops.",
        obj.id,
        int(obj.status),
    )


def _as_start_error(error: IllegalMove, obj: WorkflowObject) -> Exception:
    if isinstance(error, IllegalMove) and error.details.get("status") == "RUNNING":
        return WorkflowObjectVersionError(
            f"Object {obj.id} is already in RUNNING state; wait until it stops.",
            obj.id,
            int(ObjectStatus.RUNNING),
        )
    return error
