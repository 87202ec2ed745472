"""The write side of the verbs: new runs, saved and deleted objects, new beginnings.

Each is one transaction. A verb that is refused leaves nothing behind, and what
the caller had pending in the session as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Connection, delete, select, update

from ..checkpoint import EventLine, RunInfo
from ..encoding import dumps
from ..errors import (
    DatabaseUnavailable,
    IllegalMove,
    ObjectNotFound,
    WorkflowObjectVersionError,
)
from ..objects import WorkflowObject
from ..states import ObjectStatus, WorkflowStatus, may, require
from . import statements as sql
from .models import now
from .rows import derive, describing, projections, values_of
from .sql import SQLStore, event_row, settle_run, taken_up
from .transactions import begin

Prepare = Any


class Acceptor:
    """Makes rows of what the verbs are given."""

    def __init__(self, store: SQLStore, batch_size: int, check: Prepare) -> None:
        self._store = store
        self._batch_size = batch_size
        #: Encodes a document, or says what cannot be kept of it.
        self._check = check

    # --- runs -----------------------------------------------------------------------

    def start(
        self, run: RunInfo, objects: Iterable[WorkflowObject]
    ) -> WorkflowObject | None:
        """Commit run, objects and snapshots, the first object claimed, and return it.

        :raises IllegalMove: if one of the objects is held by a worker.
        """

        began: list[bool] = []

        def work(connection: Connection) -> WorkflowObject | None:
            self._insert_run(connection, run)
            if began:  # what was taken from a generator does not come again
                raise DatabaseUnavailable(
                    "The database was locked while the data was read, so nothing was "
                    "started. Does what makes the data write to it? Give a list then."
                )
            began.append(True)
            position, run.upcoming = 0, []
            left: set[str] = set()
            for batch in _batches(objects, self._batch_size):
                left |= {obj.id_workflow for obj in batch if obj.id_workflow}
                self._insert_batch(connection, run, batch, position)
                run.upcoming = run.upcoming or batch
                position += len(batch)
            run.last = position - 1
            for uuid in sorted(left):
                settle_run(connection, uuid)
            return self._store.take_next(connection, run, -1)

        return self._taken(run, self._store.transactions.joined(work))

    def _taken(
        self, run: RunInfo, first: WorkflowObject | None
    ) -> WorkflowObject | None:
        if first is not None:
            taken_up(first)
            run.upcoming = run.upcoming[1:]
        return first

    def _insert_run(self, connection: Connection, run: RunInfo) -> None:
        sql.INSERT_RUN(
            connection,
            {
                "uuid": run.uuid,
                "name": run.name,
                "status": int(WorkflowStatus.RUNNING),
                "extra_data": dumps(run.extra_data, "eng.extra_data"),
                "id_user": run.id_user,
                "stop_on_halt": int(run.stop_on_halt),
                "stop_on_error": int(run.stop_on_error),
            },
        )

    def _insert_batch(
        self,
        connection: Connection,
        run: RunInfo,
        batch: list[WorkflowObject],
        position: int,
    ) -> None:
        fresh = [obj for obj in batch if obj.id is None]
        ids = iter(_new_ids(connection, len(batch) + len(fresh)))
        rows: list[dict[str, Any]] = []
        for at, obj in enumerate(batch, position):
            texts, cursor = self._check(obj), obj.cursor
            if obj.id is None:
                obj.id = next(ids)
                rows.append(_live_row(obj, run, at, texts))
            else:
                self._bring_in(connection, run, obj, at, texts)
            rows.append(_snapshot_row(obj, next(ids), texts, cursor))
            obj._kept = texts
            derive(obj, self._store.task_history)
        sql.INSERT_OBJECT(connection, rows)

    def _bring_in(
        self,
        connection: Connection,
        run: RunInfo,
        obj: WorkflowObject,
        position: int,
        texts: tuple[str, str],
    ) -> None:
        """Move an object that exists into the run, if no worker holds it."""
        before = obj._columns
        _refuse_snapshot(obj)
        if not may("start", obj.status, obj.waits_for):
            raise _busy(obj)
        kept = obj._kept or ("", "")
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
                cursor=None,
                waits_for=None,
                status=int(ObjectStatus.INITIAL),
                seq=sql.OBJECTS.c.seq + 1,
                revision=sql.OBJECTS.c.seq + 1,
                modified=now(),
                **projections({}, ObjectStatus.INITIAL),
            )
        )
        if moved.rowcount != 1:
            raise _as_start_error(self._store.moved(connection, obj.id), obj)
        _enter(obj, run, position)
        seq = before.get("seq", 0) + 1
        event = event_row(obj, EventLine("Accepted"), seq, ObjectStatus.INITIAL)
        event["data"] = texts[0] if texts[0] != kept[0] else None
        event["extra_data"] = texts[1] if texts[1] != kept[1] else None
        sql.INSERT_EVENT(connection, event)
        obj._columns |= {"status": ObjectStatus.INITIAL, "seq": seq, "revision": seq}
        obj._columns["cursor"] = None
        self._write(connection, obj, texts)

    def _write(
        self, connection: Connection, obj: WorkflowObject, texts: tuple[str, str]
    ) -> None:
        sql.WRITE_DATA(
            connection, {"oid": obj.id, "new_data": texts[0], "new_extra": texts[1]}
        )

    def start_over(self, run: RunInfo) -> WorkflowObject | None:
        """Give each object of the run what its snapshot kept, and claim the first.

        :raises IllegalMove: if a worker holds one of them.
        """

        def work(connection: Connection) -> WorkflowObject | None:
            sql.LOCK_RUN(connection, {"uuid": run.uuid})
            busy = connection.execute(sql.MOVING, {"uuid": run.uuid}).first()
            if busy is not None:
                raise IllegalMove(
                    f"The run {run.uuid} is moving: object {busy.id} is in process. "
                    "Wait until it stops, or cancel it.",
                    id_object=busy.id,
                )
            connection.execute(sql.RESTORE, {"run": run.uuid})
            connection.execute(sql.RESTORED, {"run": run.uuid})
            run.extra_data = {}
            sql.WRITE_SHARED(connection, {"run": run.uuid, "shared": "{}"})
            first = self._store.take_next(connection, run, -1)
            settle_run(connection, run.uuid)
            return first

        return self._taken(run, self._store.transactions.joined(work))

    # --- single objects -------------------------------------------------------------

    def save(
        self,
        obj: WorkflowObject,
        status: ObjectStatus | None = None,
        cursor: str | None = None,
    ) -> None:
        """Keep a document, in a new row if it has none.

        :raises IllegalMove: if a worker holds it, or it is not as it was read.
        """
        texts = self._check(obj)
        self._store.transactions.joined(
            lambda connection: self._save(connection, obj, texts, status, cursor)
        )
        obj._kept = texts
        derive(obj, self._store.task_history)

    def _save(
        self,
        connection: Connection,
        obj: WorkflowObject,
        texts: tuple[str, str],
        status: ObjectStatus | None,
        cursor: str | None,
    ) -> None:
        wanted = obj.status if status is None else status
        if wanted == ObjectStatus.RUNNING:
            raise IllegalMove(
                f"Object {obj.id} cannot be saved as RUNNING; start or continue it.",
                id_object=obj.id,
            )
        if obj.id is None:
            self._insert_alone(connection, obj, texts, wanted)
            return
        require("save", obj.id, obj.status, obj.waits_for)
        columns = obj._columns
        seq = columns["seq"] + 1
        values: dict[str, Any] = {
            "seq": seq,
            "revision": seq,
            "status": int(wanted),
            "waits_for": "event" if wanted == ObjectStatus.WAITING else None,
            "id_workflow": obj.id_workflow,
            **describing(obj),
            "modified": now(),
            **projections(obj.extra_data, wanted),
        }
        saved = connection.execute(
            update(sql.OBJECTS)
            .where(
                sql.OBJECTS.c.id == obj.id,
                sql.OBJECTS.c.seq == columns["seq"],
                sql.OBJECTS.c.fence == columns["fence"],
                sql.OBJECTS.c.status == int(obj.status),
            )
            .values(**values)
        )
        if saved.rowcount != 1:
            raise self._store.moved(connection, obj.id)
        self._write(connection, obj, texts)
        if cursor is not None:
            sql.WRITE_CURSOR(connection, {"oid": obj.id, "new_cursor": cursor})
            columns["cursor"] = cursor
        row = event_row(obj, EventLine("Saved"), seq, wanted)
        kept = obj._kept or ("", "")
        row["data"] = texts[0] if texts[0] != kept[0] else None
        row["extra_data"] = texts[1] if texts[1] != kept[1] else None
        sql.INSERT_EVENT(connection, row)
        columns |= {"seq": seq, "revision": seq, "status": wanted}
        columns["waits_for"] = values["waits_for"]
        if obj.id_workflow is not None:
            settle_run(connection, obj.id_workflow)

    def _insert_alone(
        self,
        connection: Connection,
        obj: WorkflowObject,
        texts: tuple[str, str],
        status: ObjectStatus,
    ) -> None:
        waits = "event" if status == ObjectStatus.WAITING else None
        obj._columns |= {"status": status, "waits_for": waits}
        begin(connection)  # or another process may take the same id
        (obj.id,) = _new_ids(connection, 1)
        row = values_of(obj, *texts) | {"seq": 1, "revision": 1}
        sql.INSERT_OBJECT(connection, row)
        event = event_row(obj, EventLine("Created"), 1, status)
        event |= {"data": texts[0], "extra_data": texts[1]}
        sql.INSERT_EVENT(connection, event)
        obj._columns |= {"seq": 1, "revision": 1, "fence": 0, "in_start": 0}

    def delete(self, oid: int) -> WorkflowObject:
        """Delete an object with snapshots, events and log lines; return what it was.

        :raises IllegalMove: if a worker holds it.
        :raises ObjectNotFound: if there is none.
        """

        def work(connection: Connection) -> WorkflowObject:
            row = connection.execute(
                select(*sql.COLUMNS).where(sql.OBJECTS.c.id == oid).with_for_update()
            ).one_or_none()
            if row is None:
                raise ObjectNotFound(f"There is no object {oid}.", id_object=oid)
            obj = self._store.document(row)
            require("delete", oid, obj.status, obj.waits_for)
            ids = select(sql.OBJECTS.c.id).where(
                (sql.OBJECTS.c.id == oid) | (sql.OBJECTS.c.id_parent == oid)
            )
            for table in (sql.EVENTS, sql.LOGS):
                connection.execute(delete(table).where(table.c.id_object.in_(ids)))
            for key in (sql.OBJECTS.c.id_parent, sql.OBJECTS.c.id):
                connection.execute(delete(sql.OBJECTS).where(key == oid))
            if obj.id_workflow is not None:
                settle_run(connection, obj.id_workflow)
            return obj

        return self._store.transactions.joined(work)

    def cancel(self, obj: WorkflowObject) -> None:
        """Cancel an object that sleeps.

        :raises IllegalMove: if it moves or has ended.
        """
        _refuse_snapshot(obj)
        require("cancel", obj.id, obj.status, obj.waits_for)
        obj.remove_action()
        self.save(obj, ObjectStatus.CANCELLED)


def _live_row(
    obj: WorkflowObject, run: RunInfo, position: int, texts: tuple[str, str]
) -> dict[str, Any]:
    _enter(obj, run, position)
    obj._columns |= {"status": ObjectStatus.INITIAL, "seq": 0, "revision": 0}
    obj._columns |= {"fence": 0, "in_start": 0, "attempts": 0}
    return values_of(obj, *texts)


def _enter(obj: WorkflowObject, run: RunInfo, position: int) -> None:
    obj._columns |= {"id_workflow": run.uuid, "position": position, "cursor": None}
    obj._columns |= {"workflow_name": run.name, "waits_for": None}


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


def _new_ids(connection: Connection, count: int) -> list[int]:
    if connection.dialect.name == "postgresql":
        return sorted(sql.NEW_IDS(connection, {"n": count}).scalars())
    last = sql.LAST_ID(connection, {}).scalar() or 0
    return list(range(last + 1, last + 1 + count))


def _refuse_snapshot(obj: WorkflowObject) -> None:
    if obj.id_parent is not None:
        raise IllegalMove(
            f"Object {obj.id} is the snapshot of object {obj.id_parent}, which is the "
            "one that moves; start a new object with its data, or that one again.",
            id_object=obj.id,
            id_parent=obj.id_parent,
        )


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
