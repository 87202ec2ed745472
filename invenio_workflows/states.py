"""Statuses, events, which event leads where, and what is legal when.

One table answers for everyone: the verbs, the command line and the pages ask
:func:`require` and :func:`may`, never a status of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, Protocol

from .errors import IllegalMove, InputNotValid


class ObjectStatus(IntEnum):
    """Where an object stands. The numbers are stored, the labels are shown."""

    INITIAL = 0
    COMPLETED = 1
    HALTED = INPUT_REQUIRED = 2
    RUNNING = 3
    WAITING = 4
    ERROR = 5
    CANCELLED = 6

    @property
    def label(self) -> str:
        """The status in a person's words."""
        return _LABELS[self]

    @classmethod
    def name_from_version(cls, version: int) -> str | None:
        """Return the label of a status number, ``None`` if there is none."""
        return _LABELS.get(version)


_LABELS: dict[int, str] = {
    ObjectStatus.INITIAL: "New",
    ObjectStatus.COMPLETED: "Done",
    ObjectStatus.HALTED: "Need action",
    ObjectStatus.RUNNING: "In process",
    ObjectStatus.WAITING: "Waiting",
    ObjectStatus.ERROR: "Error",
    ObjectStatus.CANCELLED: "Cancelled",
}

#: The name that the document gives to :class:`ObjectStatus`.
ObjectVersion = ObjectStatus


class WorkflowStatus(IntEnum):
    """Where a run stands."""

    NEW = 0
    RUNNING = 1
    HALTED = 2
    ERROR = 3
    COMPLETED = 4
    CANCELLED = 5


#: Where a run is that does not go on, unless a person restarts it.
ENDED_RUN = frozenset(
    {WorkflowStatus.COMPLETED, WorkflowStatus.ERROR, WorkflowStatus.CANCELLED}
)

#: What a WAITING object may wait for; only ``queue`` is shown as "In process".
WAITS_FOR = ("queue", "timer", "event", "join")


def run_status(
    statuses: Collection[tuple[ObjectStatus, str | None]], began: bool = True
) -> WorkflowStatus:
    """Return the status of a run whose live objects have these statuses.

    :param statuses: of each object the status and what it waits for.
    :param began: whether any object was ever taken up.
    """
    present = {status for status, _ in statuses}
    queued = (ObjectStatus.WAITING, "queue") in statuses
    if ObjectStatus.RUNNING in present or queued:
        return WorkflowStatus.RUNNING if began else WorkflowStatus.NEW
    if ObjectStatus.ERROR in present:
        return WorkflowStatus.ERROR
    if present & {ObjectStatus.HALTED, ObjectStatus.WAITING, ObjectStatus.INITIAL}:
        return WorkflowStatus.HALTED
    if ObjectStatus.CANCELLED in present:
        return WorkflowStatus.CANCELLED
    return WorkflowStatus.COMPLETED


# --- what is legal when ------------------------------------------------------

_ENDED = frozenset({ObjectStatus.COMPLETED, ObjectStatus.CANCELLED})
_ASLEEP = frozenset({ObjectStatus.HALTED, ObjectStatus.WAITING, ObjectStatus.ERROR})
_STILL = _ASLEEP | _ENDED | {ObjectStatus.INITIAL}

#: Which operation is legal in which status. A queued object is as if RUNNING.
ALLOWED: Mapping[str, frozenset[ObjectStatus]] = {
    "start": _STILL,
    "continue_next": _ASLEEP,
    "restart_task": _ASLEEP | _ENDED,
    "restart_prev": _ASLEEP | _ENDED,
    "restart_first": _ASLEEP | _ENDED,
    "task": _ASLEEP,
    "resume": _ASLEEP | {ObjectStatus.INITIAL},
    "resolve": frozenset({ObjectStatus.HALTED}),
    "cancel": _ASLEEP | {ObjectStatus.INITIAL, ObjectStatus.RUNNING},
    "save": _STILL,
    "edit": _ASLEEP | {ObjectStatus.INITIAL},
    "delete": _STILL,
}

#: What a person who is refused is told of, instead.
_OFFERED = ALLOWED.keys() - {"start", "task", "resume", "save", "edit"}

#: The action that asks for values; without them the object does not go on.
INPUT = "input"

START_POINTS = ("continue_next", "restart_task", "restart_prev", "restart_first")


def check_start_point(start_point: str) -> str:
    """Return ``start_point`` if there is such a one.

    :raises ValueError: naming those that there are.
    """
    if isinstance(start_point, str):
        known = start_point in START_POINTS
        if known or (start_point.startswith("task:") and len(start_point) > 5):
            return start_point
    raise InputNotValid(
        f"There is no start point {start_point!r}; use one of "
        f"{', '.join(START_POINTS)} or task:<name>.",
        code="no_start_point",
    )


def operation(start_point: str) -> str:
    """Return the operation of :data:`ALLOWED` that a start point is."""
    return "task" if start_point.startswith("task:") else start_point


def may(
    name: str,
    status: ObjectStatus,
    waits_for: str | None = None,
    action: str | None = None,
) -> bool:
    """Say whether the operation is legal for an object that asks for this action."""
    if name == "continue_next" and action == INPUT and status == ObjectStatus.HALTED:
        return False
    return (waits_for != "queue" or name == "cancel") and status in ALLOWED[name]


def require(
    name: str,
    oid: int | None,
    status: ObjectStatus,
    waits_for: str | None = None,
    action: str | None = None,
) -> None:
    """Raise unless the operation is legal for an object in this status.

    :raises IllegalMove: saying what the status is and what would be legal.
    """
    if may(name, status, waits_for, action):
        return
    told = {
        "id_object": oid,
        "status": status.name,
        "waits_for": waits_for,
        "operation": name,
    }
    if may(name, status, waits_for):
        raise IllegalMove(
            f"Object {oid} asks for input: use provide_input(), or restart it.",
            code="needs_input",
            **told,
        )
    label = "Queued" if waits_for == "queue" else status.label
    legal = sorted(key for key in _OFFERED if may(key, status, waits_for))
    raise IllegalMove(
        f"Object {oid} is {status.name} ({label}), where {name} is not possible; "
        + (
            "wait until it stops, or cancel it."
            if legal == ["cancel"]
            else f"possible: {', '.join(legal)}."
        ),
        code="not_now",
        **told,
    )


class Place(Protocol):
    """A task of a definition, or a pattern whose condition is asked."""

    name: str
    #: The indexes from the outermost list to here.
    path: tuple[int, ...]

    @property
    def address(self) -> str:
        """The path as one word, such as ``0/2/1``."""

    @property
    def label(self) -> str:
        """What a person reads."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """What a WAITING object waits for: its time, an event, or the end of a run.

    :param seconds: until it is woken, by the database's clock.
    :param until: when it is woken.
    :param then: where it goes on when nothing came in time: a start point, or
        ``error``.
    :param needs: how many of its branches must be done.
    :param forks: whether they are made with this.
    """

    seconds: float | None = None
    until: datetime | None = None
    event: str | None = None
    key: str | None = None
    run: str | None = None
    then: str = "continue_next"
    needs: int | None = None
    forks: bool = False

    @property
    def waits_for(self) -> str:
        """What the object is shown to wait for."""
        if self.run is not None or self.needs is not None:
            return "join"
        return "timer" if self.event is None else "event"


# --- events ------------------------------------------------------------------


@dataclass(slots=True)
class Event:
    """Something that happened to an object."""


@dataclass(slots=True)
class Started(Event):
    """The object was taken up, at this start point."""

    start_point: str


@dataclass(slots=True)
class TaskFinished(Event):
    """A task returned. ``more``: the next event follows without any code between."""

    task: Place
    more: bool = False


@dataclass(slots=True)
class TaskRetried(Event):
    """A task raised, was undone, and will be tried again."""

    task: Place
    error: BaseException


@dataclass(slots=True)
class TaskSkipped(Event):
    """A task that had failed was passed over."""

    task: Place


@dataclass(slots=True)
class Jumped(Event):
    """A task returned by asking to go on elsewhere: a jump, a break, a restart."""

    task: Place
    to: str


@dataclass(slots=True)
class Halted(Event):
    """A task asked for a person."""

    task: Place
    message: str = ""
    action: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    #: Until when it may be answered, a :class:`.deadlines.Deadline`.
    deadline: Any = None


@dataclass(slots=True)
class InputAsked(Halted):
    """A task asked for input; it is undone, and runs again when that is there."""


@dataclass(slots=True)
class Waiting(Event):
    """A task asked to be woken from outside."""

    task: Place
    message: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)
    #: What it waits for; ``None`` for a person.
    what: Awaited | None = None


@dataclass(slots=True)
class TaskPostponed(Event):
    """A task raised, was undone, and will be tried again after ``seconds``."""

    task: Place
    error: BaseException
    failures: int
    seconds: float


@dataclass(slots=True)
class Failed(Event):
    """A task, or the condition of a pattern, raised."""

    task: Place | None
    error: BaseException


@dataclass(slots=True)
class Finished(Event):
    """The object is done: at the end of the list, or for the reason given.

    ``run_ends``: the later objects of the run are not to be started.
    """

    reason: str = ""
    task: Place | None = None
    run_ends: bool = False


@dataclass(slots=True)
class Aborted(Event):
    """A task asked to undo what it did and to cancel the object and the run."""

    task: Place
    message: str = ""


#: The only place that says which event leads to which status.
LEADS_TO: Mapping[type[Event], ObjectStatus] = {
    Started: ObjectStatus.RUNNING,
    TaskFinished: ObjectStatus.RUNNING,
    TaskRetried: ObjectStatus.RUNNING,
    TaskSkipped: ObjectStatus.RUNNING,
    Jumped: ObjectStatus.RUNNING,
    Halted: ObjectStatus.HALTED,
    InputAsked: ObjectStatus.HALTED,
    Waiting: ObjectStatus.WAITING,
    TaskPostponed: ObjectStatus.WAITING,
    Failed: ObjectStatus.ERROR,
    Finished: ObjectStatus.COMPLETED,
    Aborted: ObjectStatus.CANCELLED,
}
#: What the task did before these is undone.
UNDOES = (Failed, TaskRetried, TaskPostponed, InputAsked, Aborted)
