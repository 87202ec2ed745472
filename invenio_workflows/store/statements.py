"""Every hot statement. Parameters are plain numbers and strings."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    Text,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)

from ..states import ObjectStatus as S
from ..states import WorkflowStatus as R
from .alone import ChangeAlone
from .kinds import Encoded, earlier, later, now
from .models import EventRow, LogRow, ObjectRow, Workflow
from .prepared import Change, Prepared

OBJECTS: Any = ObjectRow.__table__
RUNS: Any = Workflow.__table__
EVENTS: Any = EventRow.__table__
LOGS: Any = LogRow.__table__


def _n(number: int) -> Any:
    """A number that is part of the text."""
    return literal_column(str(int(number)))


def _p(name: str, column: Any = None) -> Any:
    return bindparam(name, type_=None if column is None else column.type)


INSERT_RUN = Change(
    insert(RUNS).values(
        uuid=_p("uuid"),
        name=_p("name"),
        status=_p("status"),
        extra_data=_p("extra_data", RUNS.c.extra_data),
        id_user=_p("id_user"),
        stop_on_halt=_p("stop_on_halt"),
        stop_on_error=_p("stop_on_error"),
        priority=_p("priority"),
        created=now(),
        modified=now(),
    )
)

OBJECT_COLUMNS = (
    "id id_workflow id_parent position status data extra_data cursor revision seq "
    "workflow data_type uri id_user action message error concurrency_key "
    "fence in_start lease_owner"
).split()

#: A live row or a snapshot; without ``lease``, seconds, one that no worker holds.
INSERT_OBJECT = Change(
    insert(OBJECTS).values(
        **{name: _p(name, OBJECTS.c[name]) for name in OBJECT_COLUMNS},
        attempts=_n(0),
        lease_until=later(_p("lease", OBJECTS.c.position)),
        created=now(),
        modified=now(),
    )
)

EVENT_COLUMNS = (
    "id_workflow seq kind task path status data extra_data message payload seconds"
).split()

INSERT_EVENT = Change(
    insert(EVENTS).values(
        **{name: _p(name, EVENTS.c[name]) for name in ("id_object", *EVENT_COLUMNS)},
        created=now(),
    )
)

_LINE = {
    name: _p(name, LOGS.c[name])
    for name in "id_object id_workflow level task message".split()
}
INSERT_LINE = Change(insert(LOGS).values(**_LINE, created=later(_p("later"))))

_ended = select(EVENTS.c.created).where(
    EVENTS.c.id_object == _p("oid", EVENTS.c.id_object), EVENTS.c.seq == _p("seq")
)
#: A line of a task is older than the event that ended it, whenever it is written.
INSERT_TASK_LINE = Change(
    insert(LOGS).values(
        **_LINE, created=earlier(later(_p("later")), _ended.scalar_subquery())
    )
)

#: The object that this worker holds. Plainly put, PostgreSQL goes through the index of
#: those that run, in which are all that have run since it was cleaned.
MINE = (
    OBJECTS.c.id == _p("oid", OBJECTS.c.id),
    OBJECTS.c.fence == _p("held", OBJECTS.c.fence),
    OBJECTS.c.status + _n(0) == _n(S.RUNNING),
)

#: One object, if it stands as it was seen.
AS_SEEN = (
    OBJECTS.c.id == _p("oid", OBJECTS.c.id),
    OBJECTS.c.status == _p("seen", OBJECTS.c.status),
    OBJECTS.c.seq == _p("seen_seq", OBJECTS.c.seq),
    OBJECTS.c.fence == _p("seen_fence", OBJECTS.c.fence),
)

#: What the worker that holds the object is to do, if it holds it.
WANTED = Prepared(select(OBJECTS.c.wanted).where(*MINE))


_WAITING = (
    "start_point queue rank tries in_start event_name event_key concurrency_key needs"
).split()


def moving(
    data: bool, extra_data: bool, leaves: bool, waits: bool, asked: bool, due: bool
) -> Any:
    """Return what moves an object that this worker holds; see :func:`advance`."""
    values: dict[str, Any] = {
        "cursor": _p("cursor", OBJECTS.c.cursor),
        "seq": _p("seq", OBJECTS.c.seq),
        "revision": _p("revision", OBJECTS.c.revision),
        "attempts": _n(0),
    }
    if not waits:
        # How it was to begin has been done.
        values |= {"tries": _n(0), "start_point": null()}
    if data:
        values["data"] = _p("data", OBJECTS.c.data)
    if extra_data:
        values["extra_data"] = _p("extra_data", OBJECTS.c.extra_data)
    if leaves:
        for name in ("status", "waits_for", "action", "message", "error", "stands_at"):
            values[name] = _p(name, OBJECTS.c[name])
        values["stands_since"] = now()
        values |= {"lease_owner": null(), "lease_until": null()}
        values |= {"modified": now(), "progress": null()}
        values["announce_at"] = later(_p("announce", OBJECTS.c.position))
        if not waits:
            values["in_start"] = _n(0)
        else:
            for name in _WAITING:
                values[name] = _p(name, OBJECTS.c[name])
            until = _p("until", OBJECTS.c.wake_at)
            delay = later(_p("delay", EVENTS.c.seconds))
            values |= {"wake_at": func.coalesce(until, delay), "sends": _n(0)}
        if due:
            for name in ("deadline", "wake_at", "reminded", "rules"):
                values[name] = _p(name, OBJECTS.c[name])
    else:
        values["lease_until"] = later(_p("lease", OBJECTS.c.position))
    free = () if asked else (OBJECTS.c.wanted.is_(None),)
    return update(OBJECTS).where(*MINE, *free).values(values)


@cache
def advance(
    data: bool, extra_data: bool, leaves: bool, waits: bool, asked: bool, due: bool
) -> Change:
    """Return the checkpoint of an object that this worker holds.

    :param data: whether the data changed; so ``extra_data``.
    :param leaves: whether the object stops here and gives the lease back.
    :param waits: whether it then goes on by itself, from a queue or at its time.
    :param asked: whether it stops because it was asked to.
    :param due: whether it asks something until a deadline, with reminders, or by rules
        of its own.
    """
    return Change(moving(data, extra_data, leaves, waits, asked, due))


#: What is written of an object that a worker takes.
TAKEN = {
    "status": _n(S.RUNNING),
    "waits_for": null(),
    "wake_at": null(),
    "deadline": null(),
    "rules": null(),
    "wanted": null(),
    "progress": null(),
    "fence": OBJECTS.c.fence + _n(1),
    "seq": OBJECTS.c.seq + _n(1),
    "revision": OBJECTS.c.seq + _n(1),
    "lease_owner": _p("owner", OBJECTS.c.lease_owner),
    "lease_until": later(_p("lease", OBJECTS.c.position)),
    "action": null(),
    "message": null(),
    "error": null(),
    "modified": now(),
}


def as_text(column: Any) -> Any:
    """Return a column of JSON as the text that it is; another as itself."""
    if isinstance(column.type, Encoded):
        return cast(column, Text).label(column.name)
    return column


#: What is read of an object.
COLUMNS = tuple(as_text(column) for column in OBJECTS.c)

#: An object of a synchronous start that never ran, if it is as it was seen.
HOLDING = (
    update(OBJECTS)
    .where(
        OBJECTS.c.id == _p("oid", OBJECTS.c.id),
        OBJECTS.c.status == _n(S.INITIAL),
        OBJECTS.c.seq == _p("seen_seq", OBJECTS.c.seq),
        OBJECTS.c.fence == _p("seen_fence", OBJECTS.c.fence),
    )
    .values(**TAKEN, start_point=null(), in_start=_n(1), attempts=_n(0))
)
HOLD = Change(HOLDING)

#: That object is taken, unless a queue has it.
TAKE = Change(
    update(OBJECTS)
    .where(
        *AS_SEEN,
        or_(
            OBJECTS.c.waits_for.is_(None),
            OBJECTS.c.waits_for != literal_column("'queue'"),
        ),
    )
    .values(
        **TAKEN,
        start_point=_p("start_point", OBJECTS.c.start_point),
        in_start=_p("in_start", OBJECTS.c.in_start),
        attempts=_p("attempts", OBJECTS.c.attempts),
        concurrency_key=_p("new_key", OBJECTS.c.concurrency_key),
        data=_p("new_data", OBJECTS.c.data),
        extra_data=_p("new_extra_data", OBJECTS.c.extra_data),
    )
)

#: The queued objects of a run that never ran are not to be run any more.
LEAVE_OUT = Change(
    update(OBJECTS)
    .where(
        OBJECTS.c.id_workflow == _p("uuid", OBJECTS.c.id_workflow),
        OBJECTS.c.waits_for == literal_column("'queue'"),
        OBJECTS.c.cursor.is_(None),
        OBJECTS.c.start_point.is_(None),
    )
    .values(status=_n(S.INITIAL), waits_for=null(), wake_at=null(), modified=now())
)

_live = OBJECTS.alias("live")


TOP = (_live.c.id_parent.is_(None), _live.c.id_fork.is_(None))


def _any(*statuses: int) -> Any:
    return _some(_live.c.id_parent.is_(None), _live.c.status.in_(map(_n, statuses)))


def _some(*conditions: Any) -> Any:
    mine = _live.c.id_workflow == _p("uuid", RUNS.c.uuid)
    return select(_live.c.id).where(mine, *conditions).exists()


#: Each has an index of the few rows for which it holds.
_running = _some(_live.c.status == _n(S.RUNNING))
_queued = _some(_live.c.waits_for == literal_column("'queue'"))

STILL_MOVING = Prepared(select(or_(_running, _queued)))


#: The status of a run from that of its live objects; the rule of states.run_status.
SETTLE_RUN = Prepared(
    update(RUNS)
    .where(RUNS.c.uuid == _p("uuid"))
    .values(
        status=case(
            (or_(_running, _queued), _n(R.RUNNING)),
            (_any(S.ERROR), _n(R.ERROR)),
            (_any(S.HALTED, S.WAITING, S.INITIAL), _n(R.HALTED)),
            # A branch that others made needless is none of the run's business.
            (_some(*TOP, _live.c.status == _n(S.CANCELLED)), _n(R.CANCELLED)),
            else_=_n(R.COMPLETED),
        ),
        modified=now(),
    )
    .returning(RUNS.c.status, RUNS.c.awaited)
)

RUN = select(RUNS).where(RUNS.c.uuid == _p("uuid"))

RUN_STATUS = Prepared(select(RUNS.c.status).where(RUNS.c.uuid == _p("uuid")))

LOCK_RUN = Prepared(
    select(RUNS.c.uuid).where(RUNS.c.uuid == _p("uuid")).with_for_update()
)

READ_SHARED = Prepared(
    select(cast(RUNS.c.extra_data, Text))
    .where(RUNS.c.uuid == _p("uuid"))
    .with_for_update()
)

WRITE_SHARED = Change(
    update(RUNS)
    .where(RUNS.c.uuid == _p("run"))
    .values(extra_data=_p("shared", RUNS.c.extra_data), modified=now())
)

WRITE_DATA = Change(
    update(OBJECTS)
    .where(OBJECTS.c.id == _p("oid", OBJECTS.c.id))
    .values(
        data=_p("new_data", OBJECTS.c.data),
        extra_data=_p("new_extra", OBJECTS.c.extra_data),
    )
)

#: Listeners were told that an object asks, if it has not been taken since.
ANNOUNCED = ChangeAlone(
    update(OBJECTS)
    .where(
        OBJECTS.c.id == _p("oid", OBJECTS.c.id),
        OBJECTS.c.fence == _p("held", OBJECTS.c.fence),
    )
    .values(announce_at=null())
)
