"""The write side of single objects: saved, cancelled and deleted ones.

Each is one transaction, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, delete, select, update

from ..checkpoint import EventLine, decided
from ..decisions import Decision
from ..errors import IllegalMove, ObjectNotFound, WorkflowNotFound
from ..objects import WorkflowObject
from ..states import ObjectStatus, require
from . import statements as sql
from .audit import keep, keep_event, keep_submitters
from .drafts import DRAFTS
from .due import forget_place
from .files import FILES, PARTS
from .forks import (
    branches_below,
    cancel_branches,
    join,
    lock_origin,
    refuse_branch,
)
from .ids import new_ids
from .kinds import now
from .rows import (
    derive,
    describing,
    event_row,
    place_of,
    projections,
    stands_at,
    values_of,
)
from .runs import settle_run
from .shown import keep_shown
from .sql import SQLStore
from .standing_at import write_cursor

#: Encodes a document, or says what cannot be kept of it.
Check = Callable[[WorkflowObject], tuple[str, str]]


class Keeper:
    """Keeps what is changed in a document outside of a task."""

    def __init__(self, store: SQLStore, check: Check) -> None:
        self._store = store
        self._check = check

    def save(
        self,
        obj: WorkflowObject,
        status: ObjectStatus | None = None,
        cursor: str | None = None,
        event: EventLine | None = None,
    ) -> None:
        """Keep a document, in a new row if it has none.

        :param event: what happened to it, if more than that it was saved.
        :raises IllegalMove: if a worker holds it, or it is not as it was read.
        """
        texts = self._check(obj)
        self._store.transactions.joined(
            lambda connection: self._save(
                connection, obj, texts, status, cursor, event or EventLine("Saved")
            )
        )
        obj.kept = texts
        derive(obj, self._store.task_history)

    def _save(
        self,
        connection: Connection,
        obj: WorkflowObject,
        texts: tuple[str, str],
        status: ObjectStatus | None,
        cursor: str | None,
        event: EventLine,
    ) -> None:
        wanted = _wanted(obj, status)
        obj.columns["workflow_name"] = _name_of_run(connection, obj.id_workflow)
        if obj.id is None:
            self._insert_alone(connection, obj, texts, wanted)
            self._show(connection, obj, texts)
            _read_times(connection, obj)
            return
        if wanted != ObjectStatus.CANCELLED:
            require("save", obj.id, obj.status, obj.waits_for)
        columns, seq = obj.columns, obj.columns["seq"] + 1
        values: dict[str, Any] = {
            "seq": seq,
            "revision": seq,
            "status": int(wanted),
            **_standing(obj, wanted),
            "id_workflow": obj.id_workflow,
            "workflow": obj.workflow_name,
            **describing(obj),
            "modified": now(),
            **projections(obj.extra_data, wanted),
        }
        lock_origin(connection, obj)
        self._update(connection, obj, values)
        if obj.waits_for == "join" and wanted != ObjectStatus.WAITING:
            cancel_branches(connection, obj.id)
        write_data(connection, obj, texts)
        _put_down(connection, columns, values)
        self._show(connection, obj, texts)
        if cursor is not None:
            path, event.task = place_of(cursor)
            event.path = "/".join(map(str, path))
            write_cursor(connection, obj.id, cursor)
            columns["cursor"] = cursor
        keep_event(connection, obj, event, seq, wanted, texts)
        columns |= {"seq": seq, "revision": seq, "status": wanted}
        _read_times(connection, obj)
        store = self._store
        join(connection, obj, wanted, store.owner, store.lease_seconds)
        if obj.id_workflow is not None:
            settle_run(connection, obj.id_workflow)

    def _show(
        self,
        connection: Connection,
        obj: WorkflowObject,
        texts: tuple[str, str],
    ) -> None:
        """Keep what lists show of a document, unless it is a snapshot."""
        if obj.id_parent is not None:
            return
        shown = self._store.showing.of(obj, texts)
        if shown is not None:
            keep_shown(connection, [(obj.id, shown)])

    def _update(
        self, connection: Connection, obj: WorkflowObject, values: dict[str, Any]
    ) -> None:
        objects, columns = sql.OBJECTS.c, obj.columns
        saved = connection.execute(
            update(sql.OBJECTS)
            .where(
                objects.id == obj.id,
                objects.seq == columns["seq"],
                objects.fence == columns["fence"],
                objects.status == int(obj.status),
            )
            .values(**values)
        )
        if saved.rowcount != 1:
            raise self._store.moved(connection, obj.id, columns["revision"])

    def _insert_alone(
        self,
        connection: Connection,
        obj: WorkflowObject,
        texts: tuple[str, str],
        status: ObjectStatus,
    ) -> None:
        waits = "event" if status == ObjectStatus.WAITING else None
        obj.columns |= {"status": status, "waits_for": waits}
        (obj.id,) = new_ids(connection, 1)
        row = values_of(obj, *texts) | {"seq": 1, "revision": 1}
        sql.INSERT_OBJECT(connection, row)
        keep_submitters(connection, [obj], None)
        event = event_row(obj, EventLine("Created"), 1, status)
        event |= {"data": texts[0], "extra_data": texts[1]}
        sql.INSERT_EVENT(connection, event)
        obj.columns |= {"seq": 1, "revision": 1, "fence": 0, "in_start": 0}

    def delete(
        self,
        oid: int,
        decision: Decision | None = None,
        revision: int | None = None,
    ) -> WorkflowObject:
        """Delete an object with snapshots, events and log lines; return what it was.

        What people decided stays.

        :param revision: the one that was seen; if it is another, nothing is done.
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
            refuse_branch(obj)
            if revision is not None and obj.revision != revision:
                raise self._store.moved(connection, oid, revision)
            if decision is not None:
                keep(connection, obj, decision)
            below = list(branches_below(connection, oid))
            ids = select(sql.OBJECTS.c.id).where(
                sql.OBJECTS.c.id.in_([oid, *below]) | (sql.OBJECTS.c.id_parent == oid)
            )
            for table in (sql.EVENTS, sql.LOGS, PARTS, FILES, DRAFTS):
                connection.execute(delete(table).where(table.c.id_object.in_(ids)))
            for key, gone in (("id_parent", [oid]), ("id", [oid, *below])):
                connection.execute(
                    delete(sql.OBJECTS).where(sql.OBJECTS.c[key].in_(gone))
                )
            if obj.id_workflow is not None:
                settle_run(connection, obj.id_workflow)
            return obj

        return self._store.transactions.joined(work)

    def cancel(self, obj: WorkflowObject, decision: Decision | None = None) -> bool:
        """Cancel an object that sleeps or is queued; ask the worker of one that runs.

        :return: whether it is cancelled already.
        :raises IllegalMove: if it has ended, or moved meanwhile.
        """
        refuse_snapshot(obj)
        require("cancel", obj.id, obj.status, obj.waits_for)
        if obj.status == ObjectStatus.RUNNING:
            self._store.transactions.joined(
                lambda on: self._ask_to_cancel(on, obj, decision)
            )
            return False
        obj.remove_action()
        self.save(obj, ObjectStatus.CANCELLED, event=decided("Cancelled", decision))
        return True

    def _ask_to_cancel(
        self, connection: Connection, obj: WorkflowObject, decision: Decision | None
    ) -> None:
        objects = sql.OBJECTS.c
        asked = connection.execute(
            update(sql.OBJECTS)
            .where(
                objects.id == obj.id,
                objects.fence == obj.columns["fence"],
                objects.status == int(ObjectStatus.RUNNING),
            )
            .values(wanted="cancel")
        )
        if asked.rowcount != 1:
            raise self._store.moved(connection, obj.id, obj.revision)
        if decision is not None:
            keep(connection, obj, decision)


def _put_down(
    connection: Connection, columns: dict[str, Any], values: dict[str, Any]
) -> None:
    """Let the document say what it waits for now, and until when."""
    for name in ("waits_for", "deadline"):
        if name == "deadline" and columns.get(name) and not values.get(name, True):
            forget_place(connection, columns["id"])
        columns[name] = values.get(name, columns.get(name))


def _standing(obj: WorkflowObject, wanted: ObjectStatus) -> dict[str, Any]:
    """Return the columns that say where it stands, and what it waits for."""
    values: dict[str, Any] = {"stands_at": stands_at(obj.cursor)}
    if wanted != obj.status:
        values["stands_since"] = now()
    if wanted == obj.status == ObjectStatus.WAITING:  # it goes on waiting
        return values
    if wanted == obj.status == ObjectStatus.HALTED and "_deadline" in obj.extra_data:
        return values
    waits_for = "event" if wanted == ObjectStatus.WAITING else None
    awaited = {"waits_for": waits_for, "wake_at": None, "event_name": None}
    return values | awaited | {"deadline": None}


def write_data(
    connection: Connection, obj: WorkflowObject, texts: tuple[str, str]
) -> None:
    """Write data and extra_data as they were encoded."""
    sql.WRITE_DATA(
        connection, {"oid": obj.id, "new_data": texts[0], "new_extra": texts[1]}
    )


def refuse_snapshot(obj: WorkflowObject) -> None:
    """Raise if the object is a copy, which nothing moves."""
    if obj.id_parent is not None:
        raise IllegalMove(
            f"Object {obj.id} is the snapshot of object {obj.id_parent}, which is the "
            "one that moves; start a new object with its data, or that one again.",
            code="snapshot",
            id_object=obj.id,
            id_parent=obj.id_parent,
        )


def _read_times(connection: Connection, obj: WorkflowObject) -> None:
    """Let the document know the database's times."""
    times = select(sql.OBJECTS.c.created, sql.OBJECTS.c.modified)
    row = connection.execute(times.where(sql.OBJECTS.c.id == obj.id)).one()
    obj.columns |= {"created": row.created, "modified": row.modified}


def _name_of_run(connection: Connection, uuid: str | None) -> str:
    """Return the name of the workflow that the run is of; ``""`` for no run."""
    if uuid is None:
        return ""
    names = select(sql.RUNS.c.name).where(sql.RUNS.c.uuid == uuid)
    name: str | None = connection.execute(names).scalar_one_or_none()
    if name is None:
        raise WorkflowNotFound(f"There is no run {uuid!r}.", uuid=uuid)
    return name


def _wanted(obj: WorkflowObject, status: ObjectStatus | None) -> ObjectStatus:
    wanted = obj.status if status is None else status
    if wanted == ObjectStatus.RUNNING:
        raise IllegalMove(
            f"Object {obj.id} cannot be saved as RUNNING; start or continue it.",
            id_object=obj.id,
        )
    return wanted
