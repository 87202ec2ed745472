"""Rows to documents and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from ..checkpoint import Checkpoint, EventLine, RunInfo
from ..decisions import who_submits
from ..encoding import loads
from ..errors import WorkflowAPIError
from ..extra_data import TaskHistory
from ..logs import LogLine
from ..objects import WorkflowObject
from ..states import Awaited, ObjectStatus
from .told_with_it import SAID

_DESCRIBING = (
    "id id_workflow id_parent id_fork branch position waits_for data_type uri id_user "
    "created modified revision cursor seq fence in_start attempts lease_owner "
    "lease_until start_point queue rank tries wake_at wanted concurrency_key "
    "deadline reminded"
).split()

#: The columns of which a document is made.
OF_DOCUMENT = (*_DESCRIBING, "status", "workflow", "data", "extra_data")
#: The columns of which what is known of a run is made.
OF_RUN = "uuid name id_user stop_on_halt stop_on_error extra_data priority".split()

#: PostgreSQL: so many events are written in the statement that moves their object.
TOLD_WITH_IT = 3

#: The names of the parameters of each of these.
_SAID = [[f"{name}_{n}" for name in SAID] for n in range(TOLD_WITH_IT)]

Reader = Callable[[int], list[dict[str, Any]]]


def fill(obj: WorkflowObject, row: Row[Any], history: Reader) -> WorkflowObject:
    """Make the document what the row says."""
    values = row._mapping
    columns = {name: values[name] for name in _DESCRIBING}
    columns["status"] = ObjectStatus(values["status"])
    columns["workflow_name"] = values["workflow"]
    obj.columns = columns
    data, extra_data = values["data"], values["extra_data"]
    obj.kept = (data, extra_data)
    obj.data = loads(data)
    obj.extra_data = loads(extra_data)
    derive(obj, history)
    return obj


def derive(obj: WorkflowObject, history: Reader) -> None:
    """Give ``extra_data`` the keys that are made from the cursor and the events."""
    extra, oid = obj.extra_data, obj.id
    counter, name = place_of(obj.cursor)
    extra["_task_counter"] = counter
    extra["_last_task_name"] = name
    extra["_task_history"] = TaskHistory(lambda: history(oid))


def place_of(cursor: str | None) -> tuple[Any, str]:
    """Return position and task name of a cursor; ``({}, "")`` at the start."""
    if cursor is None:
        return {}, ""
    kept = json.loads(cursor)
    frames = kept["frames"]
    if kept["mode"] == "asking":
        frames = frames[:-1]
    return [frame[0] for frame in frames], kept["place"][0]


def stands_at(cursor: str | None) -> str | None:
    """Return what is kept of a cursor where an object sleeps: definition and path.

    By it those are found that sleep at one place, and those of another definition.
    """
    if cursor is None:
        return None
    path, _ = place_of(cursor)
    return f"{json.loads(cursor)['definition']}:{'/'.join(map(str, path))}"[:255]


#: What is inserted of an object that no worker holds.
_FREE = {"fence": 0, "in_start": 0, "lease_owner": None, "lease": None}


def values_of(obj: WorkflowObject, data: str, extra_data: str) -> dict[str, Any]:
    """Return the parameters that insert the document as a row without a lease."""
    extra = obj.extra_data
    return {
        "id": obj.id,
        "id_workflow": obj.id_workflow,
        "id_parent": obj.id_parent,
        "position": obj.position or 0,
        "status": int(obj.status),
        "data": data,
        "extra_data": extra_data,
        "cursor": obj.cursor,
        "revision": 0,
        "seq": 0,
        "workflow": obj.workflow_name or "",
        "concurrency_key": obj.columns.get("concurrency_key"),
        **_FREE,
        **describing(obj),
        **projections(extra, obj.status),
    }


def projections(extra: dict[str, Any], status: ObjectStatus) -> dict[str, Any]:
    """Return the columns that repeat, for lists, what ``extra_data`` says."""
    asked = status in (ObjectStatus.HALTED, ObjectStatus.WAITING)
    error = extra.get("_error_msg") if status == ObjectStatus.ERROR else None
    title = error[0] if isinstance(error, (tuple, list)) and error else error
    return {
        "action": _line(extra.get("_action"), 100) if asked else None,
        "message": _line(extra.get("_message"), 10_000) if asked else None,
        "error": _line(title, 10_000),
    }


def _line(value: Any, limit: int) -> str | None:
    return storable(str(value)[:limit]) if value else None


def storable(text: str | None) -> str | None:
    """Return the text without what a database cannot hold: NUL, half a surrogate."""
    if not text or (text.isascii() and "\0" not in text):
        return text
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def describing(obj: WorkflowObject) -> dict[str, Any]:
    """Return the columns that the caller gave the object, as long as they may be."""
    return {
        "data_type": _line(obj.data_type, 150) or "",
        "uri": _line(obj.uri, 500) or "",
        "id_user": obj.id_user if type(obj.id_user) is int else _user_of(obj),
    }


def _user_of(obj: WorkflowObject) -> int:
    """Return the number of an object's user; 0 for one whose id is not a number."""
    try:
        return who_submits(obj.id_user)[0]
    except ValueError as error:
        raise WorkflowAPIError(str(error)) from None


def path_of(text: str | None) -> list[int]:
    """Return the position that an event row keeps."""
    return [int(index) for index in text.split("/")] if text else []


def event_row(
    obj: WorkflowObject, event: EventLine, seq: int, status: ObjectStatus
) -> dict[str, Any]:
    columns = obj.columns
    return {
        "id_object": columns["id"],
        "id_workflow": columns.get("id_workflow"),
        "seq": seq,
        "kind": event.kind,
        "task": event.task,
        "path": event.path,
        "status": int(status),
        "data": None,
        "extra_data": None,
        "message": storable(event.message),
        "payload": event.payload,
        "seconds": event.seconds,
    }


def as_seen(obj: WorkflowObject) -> dict[str, Any]:
    """Return the parameters by which a row must be as the document says."""
    return {
        "oid": obj.id,
        "seen": int(obj.status),
        "seen_seq": obj.columns["seq"],
        "seen_fence": obj.columns["fence"],
    }


def changed_row(
    obj: WorkflowObject,
    event: EventLine,
    seq: int,
    status: ObjectStatus,
    texts: tuple[str, str],
) -> dict[str, Any]:
    """Return the row of an event, with those of the texts that are not kept yet."""
    row, kept = event_row(obj, event, seq, status), obj.kept or ("", "")
    row["data"] = texts[0] if texts[0] != kept[0] else None
    row["extra_data"] = texts[1] if texts[1] != kept[1] else None
    return row


def event_rows(point: Checkpoint) -> list[dict[str, Any]]:
    """Return the rows of a checkpoint; the first event carries what changed."""
    first = point.obj.columns["seq"] + 1
    rows = [
        event_row(point.obj, event, seq, ObjectStatus.RUNNING)
        for seq, event in enumerate(point.events, first)
    ]
    rows[0] |= {"data": point.data, "extra_data": point.extra_data}
    rows[-1]["status"] = int(point.status)
    return rows


def said(events: Sequence[EventLine]) -> dict[str, Any]:
    """Return the parameters of events that are told by what moves their object."""
    found: dict[str, Any] = {}
    for names, event in zip(_SAID, events, strict=False):
        message = event.message
        if message is not None:
            message = storable(message)
        what = event.kind, event.task, event.path, message, event.payload, event.seconds
        found.update(zip(names, what, strict=True))
    return found


def started_row(obj: WorkflowObject) -> dict[str, Any]:
    """Return the event row of an object that is about to be claimed in a start."""
    event = EventLine("Started", message="continue_next")
    return event_row(obj, event, obj.columns["seq"] + 1, ObjectStatus.RUNNING)


def log_line(row: Any) -> LogLine:
    """Return the line that a row keeps."""
    return LogLine(
        row.level,
        row.message,
        row.task or "",
        row.created,
        row.id_object,
        row.id_workflow,
    )


def line_row(line: LogLine) -> dict[str, Any]:
    """Return the parameters of a log line; its time is said as how long that is ago."""
    age = (datetime.now(UTC) - line.created).total_seconds()
    return {
        "later": -round(max(age, 0.0), 3),
        "id_object": line.id_object,
        "id_workflow": line.id_workflow,
        "level": line.level,
        "task": line.task or None,
        "message": storable(line.message),
    }


def task_lines(point: Checkpoint) -> list[dict[str, Any]]:
    """Return the parameters of the lines of a task; its end is the first event."""
    of = {"oid": point.obj.id, "seq": point.obj.columns["seq"] + 1}
    return [line_row(line) | of for line in point.lines]


def is_one_statement(point: Checkpoint) -> bool:
    """Say whether a checkpoint writes nothing but the object and its events."""
    more = point.leaves or point.take_next or point.lines or point.changes
    return not more and len(point.events) <= TOLD_WITH_IT


def waiting(point: Checkpoint) -> dict[str, Any]:
    """Return the parameters of an object that goes on by itself."""
    what = point.awaited or Awaited(0.0)
    key = what.key if what.key is not None else str(point.obj.id)
    return {
        "start_point": point.start_point,
        "queue": point.queue,
        "rank": -point.run.priority,
        "tries": point.tries,
        "in_start": int(point.keeps_start),
        "delay": what.seconds,
        "until": None if what.until is None else utc(what.until),
        "event_name": what.event,
        "event_key": what.run if what.event is None else key,
        "needs": what.needs,
        "concurrency_key": point.key,
    }


def utc(when: datetime) -> str:
    """Return a time as SQLite keeps it; PostgreSQL is to be told that it is UTC."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def run_of(row: Any, prefix: str = "") -> RunInfo:
    """Return the run that a row keeps.

    :param prefix: what its columns' names begin with.
    """
    values = {name: row._mapping[prefix + name] for name in OF_RUN}
    for name in ("stop_on_halt", "stop_on_error"):
        values[name] = bool(values[name])
    return RunInfo(**values)
