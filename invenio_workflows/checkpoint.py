"""What is kept of an object at once: the words between engine, conductor and store."""

from __future__ import annotations

import logging
import traceback
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from .deadlines import Deadline
from .decisions import Decision
from .encoding import dumps
from .errors import WorkflowDefinitionError
from .logs import LogLine
from .objects import WorkflowObject
from .states import (
    Aborted,
    Awaited,
    Event,
    Failed,
    Finished,
    Halted,
    InputAsked,
    Jumped,
    ObjectStatus,
    Place,
    TaskFinished,
    TaskPostponed,
    TaskRetried,
    Waiting,
)

_logger = logging.getLogger(__name__)


class Changes:
    """What a task changed in the shared ``extra_data``; nothing, mostly."""

    __slots__ = ("adds", "appends", "removed", "values")

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.removed: list[str] = []
        self.adds: list[tuple[str, Any]] = []
        self.appends: list[tuple[str, Any]] = []

    def __bool__(self) -> bool:
        return bool(self.values or self.removed or self.adds or self.appends)

    def apply(self, shared: dict[str, Any]) -> dict[str, Any]:
        """Return ``shared`` with the changes in it."""
        merged = {key: shared[key] for key in shared if key not in self.removed}
        merged.update(self.values)
        for key, number in self.adds:
            merged[key] = merged.get(key, 0) + number
        for key, item in self.appends:
            merged[key] = [*merged.get(key, []), item]
        return merged


@dataclass(slots=True)
class EventLine:
    """One event as it is kept."""

    kind: str
    task: str | None = None
    path: str | None = None
    message: str | None = None
    payload: str | None = None
    seconds: float | None = None
    #: Whose decision it is, if a person's; it is kept in the audit too.
    decision: Decision | None = None


def decided(
    kind: str, decision: Decision | None, message: str | None = None
) -> EventLine:
    """Return an event that may be a person's decision; then it says whose."""
    if decision is None:
        return EventLine(kind, message=message)
    payload = decision.payload
    return EventLine(kind, message=message, payload=payload, decision=decision)


#: An object that was claimed, and its run as it was then.
Taken: TypeAlias = "tuple[WorkflowObject, RunInfo]"


class Claim(Protocol):
    """Claims an object in the transaction in which another one stops."""

    def __call__(self, connection: Any) -> Taken | None:
        """Claim it, if it still waits."""

    def behind(
        self, point: Checkpoint, moved: Callable[[Checkpoint], dict[str, Any]]
    ) -> Taken | None:
        """Keep the object that stops as well, where one statement can do both.

        :param moved: gives the columns of the object that stops.
        :return: ``None`` if that is not possible; then nothing was done.
        """


@dataclass(slots=True)
class Sequel:
    """What came of moving objects, and is yet to be seen to.

    ``woken``: the ids of objects that were queued because of it, to be sent;
    ``freed``: the keys of objects that stopped, others of which may run now;
    ``claimed``: who was claimed in the commit in which the last one stopped.
    """

    woken: list[int] = field(default_factory=list)
    freed: set[str] = field(default_factory=set)
    claimed: Taken | None = None


@dataclass(slots=True)
class RunInfo:
    """A run, as the conductor needs it."""

    uuid: str
    name: str
    id_user: int = 0
    stop_on_halt: bool = False
    stop_on_error: bool = True
    extra_data: dict[str, Any] = field(default_factory=dict)
    priority: int = 0
    #: The id of who starts it, where it is not a number; known in the start only.
    submitter: str | None = None
    #: Whether it is yet to be said that it runs.
    is_new: bool = False
    #: Whether an object of it has branches: more than its objects move the run then.
    forked: bool = False
    #: Some of the objects that come next in a start, as they are kept.
    upcoming: deque[WorkflowObject] = field(default_factory=deque)
    #: The position of the last object, where it is known.
    last: int | None = None
    #: Gives the key under which an object is counted, where the workflow has a limit.
    key_of: Callable[[WorkflowObject], str | None] | None = None
    sequel: Sequel = field(default_factory=Sequel)

    def for_another(self, extra_data: dict[str, Any]) -> RunInfo:
        """Return the run for another object of it, with what they share by now."""
        how = self.id_user, self.stop_on_halt, self.stop_on_error
        return RunInfo(self.uuid, self.name, *how, extra_data, self.priority)


@dataclass(slots=True)
class Branch:
    """A branch of an object, and what its document was when it began."""

    number: int
    obj: WorkflowObject
    data: Any
    extra_data: dict[str, Any]


@dataclass(slots=True)
class Checkpoint:
    """What one commit keeps: the object as it is now, and what led there.

    ``data`` and ``extra_data`` are JSON, ``None`` where they did not change;
    ``take_next``: in the same commit the next object of the run is claimed.
    """

    run: RunInfo
    obj: WorkflowObject
    events: Sequence[EventLine]
    status: ObjectStatus
    cursor: str | None
    data: str | None
    extra_data: str | None
    waits_for: str | None = None
    #: What the task changed in the shared ``extra_data``.
    changes: Changes | None = None
    lines: Sequence[LogLine] = ()
    take_next: bool = False
    #: The later objects of the run are not to be started.
    ends_run: bool = False
    #: Where a worker is to begin that takes the object from its queue, or wakes it.
    start_point: str | None = None
    #: The queue in which it is put, at once or when it is woken.
    queue: str = ""
    #: What it waits for, if it goes on by itself.
    awaited: Awaited | None = None
    #: Until when what it asks may be answered; and when that is, set by the store.
    deadline: Deadline | None = None
    due: datetime | None = None
    #: How often the task that it stands at has failed.
    tries: int = 0
    #: The branches that are made with this, not saved yet.
    branches: Sequence[WorkflowObject] = ()
    #: Whether who keeps this moves what comes of it itself: its branches, and the
    #: object to which a branch belongs when it is the last.
    drives: bool = False
    #: The ids of branches that are held with this, and have not begun.
    unbegun: Collection[int] = ()
    #: Set by the store: the object that goes on because enough of its branches are
    #: done; claimed if who keeps this drives it, else queued.
    joined: WorkflowObject | None = None
    #: Claims who is moved next, in the same transaction; and who that is.
    follow: Claim | None = None
    followed: Taken | None = None
    #: Whether listeners are to be told that a person is asked.
    announces: bool = False
    #: Set by the store: what the run's objects share after the changes.
    shared: dict[str, Any] | None = None
    #: Whether the object stops moving here.
    leaves: bool = field(init=False)

    def __post_init__(self) -> None:
        self.leaves = self.status is not ObjectStatus.RUNNING

    @property
    def key(self) -> str | None:
        """The key under which an object that waits is counted when it goes on."""
        try:
            return None if self.run.key_of is None else self.run.key_of(self.obj)
        except WorkflowDefinitionError as error:
            _logger.warning("%s It keeps the key that it had.", error)
            kept: str | None = self.obj.columns.get("concurrency_key")
            return kept

    @property
    def rules(self) -> str | None:
        """What the halt itself says of who may answer it, and how: JSON, for lists."""
        payload = self.obj.extra_data.get("_payload")
        if self.status != ObjectStatus.HALTED or not isinstance(payload, dict):
            return None
        rules: dict[str, Any] = {"four_eyes": True} if payload.get("four_eyes") else {}
        if isinstance(votes := payload.get("votes"), int):
            rules["votes"] = votes
        if isinstance(reasons := payload.get("needs_reason"), (list, tuple)):
            rules["needs_reason"] = [str(each)[:100] for each in reasons[:10]]
        return dumps(rules) if rules else None

    @property
    def waits(self) -> bool:
        """Whether the object goes on by itself: from a queue, or when that comes."""
        return self.waits_for == "queue" or self.awaited is not None

    @property
    def forks(self) -> bool:
        """Whether branches of the object are made with this."""
        return self.awaited is not None and self.awaited.forks

    @property
    def halt(self) -> str:
        """The id of the halt that this was, once it is kept."""
        return halt_id(self.obj.id, self.obj.columns["seq"])

    @property
    def keeps_start(self) -> bool:
        """Whether who takes it again goes on with those that follow it in a start."""
        what = self.awaited
        joins = self.drives and what is not None and what.needs is not None
        waits = joins or self.waits_for == "queue"
        return waits and bool(self.obj.columns["in_start"])

    def cancel(self) -> None:
        """Let the object end here: somebody asked for it while it ran."""
        self.status, self.waits_for, self.awaited = ObjectStatus.CANCELLED, None, None
        self.leaves = True
        self.deadline = None
        self.events = [*self.events, EventLine("Cancelled")]
        self.take_next = bool(self.obj.columns.get("in_start"))

    def sleep(self, event: Event, queue: str) -> None:
        """Say what an object that waits is woken by, and where it goes on then.

        :param queue: the queue in which it is put then.
        """
        if isinstance(event, TaskPostponed):
            self.waits_for, self.start_point = "timer", "resume"
            self.awaited, self.tries = Awaited(event.seconds), event.failures
        elif isinstance(event, Waiting):
            self.awaited = what = event.what
            self.waits_for = what.waits_for if what is not None else "event"
            self.start_point = "continue_next" if what is None else what.then
        elif isinstance(event, Halted):
            self.deadline = event.deadline
        self.queue = queue

    def give_back(self, queue: str) -> None:
        """Let another worker go on from here: this one is to stop."""
        self.status, self.waits_for = ObjectStatus.WAITING, "queue"
        self.leaves = True
        self.start_point, self.queue = "resume", queue
        self.events = [*self.events, EventLine("GivenBack")]

    def settle(self) -> None:
        """Let the document say what is kept of it now."""
        obj, columns = self.obj, self.obj.columns
        data, extra_data = obj.kept or ("", "")
        obj.kept = (
            data if self.data is None else self.data,
            extra_data if self.extra_data is None else self.extra_data,
        )
        columns["seq"] += len(self.events)
        if self.leaves or self.data is not None or self.extra_data is not None:
            columns["revision"] = columns["seq"]
        columns["cursor"] = self.cursor
        columns["attempts"] = 0
        if self.leaves:
            if columns.get("concurrency_key") is not None:
                self.run.sequel.freed.add(columns["concurrency_key"])
            columns |= {"status": self.status, "waits_for": self.waits_for}
            columns |= {"lease_owner": None, "lease_until": None}
            columns["deadline"] = self.due
            if not self.keeps_start:
                columns["in_start"] = 0


def halt_id(oid: int, seq: int) -> str:
    """Return the id of a halt: the object, and which event of it the halt is."""
    return f"{oid}-{seq}"


def told(error: BaseException) -> tuple[str, str]:
    """Return the error in a line, and with its whole traceback."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:
        lines = ["it does not say what, for its __str__ fails"]
    kind = type(error).__name__
    title = f"{kind}: {lines[0]}" if lines else kind
    return title, "".join(traceback.format_exception(error))


def event_line(event: Event, seconds: float) -> EventLine:
    """Return an event as it is kept."""
    place: Place | None = getattr(event, "task", None)
    line = EventLine(type(event).__name__)
    if place is not None:
        line.task = place.name[:255]
        line.path = place.address
        line.seconds = seconds
    if isinstance(event, TaskFinished):
        return line
    if isinstance(event, (Halted, Waiting)):
        line.message = event.message
        payload: dict[str, Any] = dict(event.payload)
        if isinstance(event, Halted) and event.action:
            payload["action"] = event.action
        if isinstance(event, InputAsked):
            payload.pop("schema", None)  # it is in what the event changed
        line.payload = dumps(payload, "the halt's payload") if payload else None
    elif isinstance(event, (Failed, TaskRetried)):
        line.message = told(event.error)[0]
    elif isinstance(event, TaskPostponed):
        line.message = f"{told(event.error)[0]}; again in {event.seconds:g} s"
    elif isinstance(event, Jumped):
        line.message = f"to {event.to}"
    elif isinstance(event, Finished):
        line.message = event.reason or None
    elif isinstance(event, Aborted):
        line.message = event.message or None
    return line
