"""Events from outside, and the objects that wait for them.

Who goes to sleep and who sends take the same lock, so that neither can miss the
other: what is sent meets the sleeper, or is kept and met when it goes to sleep.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, func, insert, literal, select, update

from ..checkpoint import Checkpoint, EventLine
from ..encoding import dumps, loads
from ..states import ENDED_RUN, Awaited, ObjectStatus
from . import statements as sql
from .forks import enough
from .kinds import later, now
from .models import KeptEvent
from .runs import settle_run
from .transactions import begin

_KEPT: Any = KeptEvent.__table__
_OBJECTS = sql.OBJECTS.c


def meet(connection: Connection, point: Checkpoint) -> None:
    """Let an object that is to wait for an event have it, if it came before."""
    what = point.awaited
    if what is None:
        return
    if what.needs is not None and not point.branches:
        _rejoin(connection, point, what.needs)
    if what.run is not None:
        _join(connection, point, what.run)
    if what.event is None:
        return
    key = str(point.obj.id) if what.key is None else what.key
    _lock(connection, what.event, key)
    kept = connection.execute(
        select(_KEPT.c.id, _KEPT.c.payload)
        .where(_KEPT.c.name == what.event, _KEPT.c.key == key)
        .order_by(_KEPT.c.id)
        .limit(1)
    ).one_or_none()
    if kept is None:
        return
    connection.execute(delete(_KEPT).where(_KEPT.c.id == kept.id))
    _put(point.obj.extra_data, what.event, kept.payload)
    point.extra_data = point.obj.encoded()[1]
    point.events = [*point.events, received(what.event, kept.payload)]
    point.waits_for, point.start_point = "queue", "continue_next"
    point.awaited = Awaited(0.0)


def _rejoin(connection: Connection, point: Checkpoint, needs: int) -> None:
    """Let an object wait on for its branches, whose ends need its lock."""
    begin(connection)
    mine = select(_OBJECTS.id).where(_OBJECTS.id == point.obj.id)
    connection.execute(mine.with_for_update())
    if enough(connection, point.obj.id, needs):
        point.waits_for, point.awaited = "queue", Awaited(0.0)


def _join(connection: Connection, point: Checkpoint, uuid: str) -> None:
    """Let an object wait for a run, whose lock says that it has not ended yet."""
    begin(connection)
    runs = sql.RUNS.c
    status = connection.execute(
        select(runs.status).where(runs.uuid == uuid).with_for_update()
    ).scalar_one_or_none()
    if status is None or status in ENDED_RUN:
        point.waits_for, point.awaited = "queue", Awaited(0.0)
        return
    connection.execute(update(sql.RUNS).where(runs.uuid == uuid).values(awaited=1))


def deliver(
    connection: Connection, name: str, key: str, payload: Any, lease_seconds: int
) -> list[tuple[str, int]]:
    """Wake all that wait for an event, or keep it; return their queues and ids."""
    _lock(connection, name, key)
    rows = connection.execute(
        select(*sql.COLUMNS)
        .where(
            _OBJECTS.waits_for == "event",
            _OBJECTS.event_name == name,
            _OBJECTS.event_key == key,
        )
        .order_by(_OBJECTS.id)
        .with_for_update()
    ).all()
    for row in rows:
        _wake(connection, row, name, payload, lease_seconds)
    for uuid in sorted({row.id_workflow for row in rows}):
        settle_run(connection, uuid)
    if not rows:
        values = {"name": name, "key": key, "payload": payload, "created": now()}
        connection.execute(insert(_KEPT).values(**values))
    return [(row.queue, row.id) for row in rows]


def forget(connection: Connection, seconds: int, limit: int) -> int:
    """Delete events that nobody came for in so many seconds; return their number."""
    old = (
        select(_KEPT.c.id)
        .where(_KEPT.c.created < later(literal(-seconds)))
        .order_by(_KEPT.c.created)
        .limit(limit)
    )
    return connection.execute(delete(_KEPT).where(_KEPT.c.id.in_(old))).rowcount


def received(name: str, payload: Any) -> EventLine:
    """Return the line in an object's history."""
    return EventLine(
        "EventReceived", message=name, payload=dumps(payload, "the event's payload")
    )


def _wake(
    connection: Connection, row: Any, name: str, payload: Any, lease_seconds: int
) -> None:
    extra = loads(row.extra_data)
    _put(extra, name, payload)
    seq = row.seq + 1
    connection.execute(
        update(sql.OBJECTS)
        .where(_OBJECTS.id == row.id)
        .values(
            extra_data=extra,
            waits_for="queue",
            start_point="continue_next",
            event_name=None,
            event_key=None,
            wake_at=later(literal(lease_seconds)),
            sends=1,
            seq=seq,
            revision=seq,
            modified=now(),
        )
    )
    line = received(name, payload)
    connection.execute(
        insert(sql.EVENTS).values(
            id_object=row.id,
            id_workflow=row.id_workflow,
            seq=seq,
            kind=line.kind,
            message=line.message,
            payload=payload,
            extra_data=extra,
            status=int(ObjectStatus.WAITING),
            created=now(),
        )
    )


def _put(extra: dict[str, Any], name: str, payload: Any) -> None:
    events = extra.get("_events")
    extra["_events"] = {**(events if isinstance(events, dict) else {}), name: payload}


def _lock(connection: Connection, name: str, key: str) -> None:
    if connection.dialect.name == "postgresql":
        number = func.hashtextextended(f"{name}\x1f{key}", 0)
        connection.execute(select(func.pg_advisory_xact_lock(number)))
    else:
        begin(connection)
