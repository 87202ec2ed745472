"""A clock that a test sets forward: for timers, reminders and deadlines in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from . import signals
from .checkpoint import Checkpoint, halt_id
from .deadlines import ERROR, missed, next_look
from .engine.cursor import answered
from .errors import DeadlinePassed, WaitTimeout, WorkflowsError
from .halts import known_action
from .objects import WorkflowObject


class TooLate(Exception):
    """A deadline had passed at the halt; the task's error is ``original``."""

    def __init__(self, original: Exception) -> None:
        self.original = original
        super().__init__(str(original))


@dataclass(slots=True)
class Waiting:
    """An object that goes to sleep until a time, as it was then."""

    obj: WorkflowObject
    seq: int
    since: datetime
    #: Of a timer, or of an event that is no longer waited for.
    wakes: datetime | None = None
    remind: tuple[float, ...] = ()
    reminded: int = 0
    #: Whether there is nothing more to do about it.
    is_over: bool = False

    @property
    def next(self) -> datetime | None:
        """When something is to be done about it; ``None`` if that is never."""
        if self.is_over or self.obj.columns["seq"] != self.seq:
            return None
        if self.wakes is not None:
            return self.wakes
        look = self.obj.deadline, self.since, self.remind, self.reminded
        return next_look(*look)

    @property
    def reminds(self) -> bool:
        """Whether what is next is a reminder."""
        return self.wakes is None and self.reminded < len(self.remind)


@dataclass(slots=True)
class Clock:
    """What time it is for a run in memory, and who sleeps until when."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    asleep: list[Waiting] = field(default_factory=list)

    def put_down(self, point: Checkpoint) -> None:
        """Set the deadline of what a checkpoint asks.

        :raises TooLate: if it has passed already.
        """
        if point.deadline is None:
            return
        point.due = point.deadline.at(self.now)
        if point.due is not None and point.due <= self.now:
            told = f"The deadline {point.due.isoformat()} has passed."
            raise TooLate(ValueError(told))

    def remember(self, point: Checkpoint) -> None:
        """Remember what a checkpoint that is kept waits for."""
        seq, what = point.obj.columns["seq"], point.awaited
        if point.deadline is not None:
            remind = point.deadline.remind
            over = missed(point.due, self.now, remind)
            halt = Waiting(point.obj, seq, self.now, None, remind, over)
            self.asleep.append(halt)
        elif what is not None and what.seconds is not None:
            wakes = self.now + timedelta(seconds=what.seconds)
            self.asleep.append(Waiting(point.obj, seq, self.now, wakes))
        elif what is not None and what.until is not None:
            self.asleep.append(Waiting(point.obj, seq, self.now, what.until))

    def first(self, until: datetime) -> Waiting | None:
        """Return who is due first, until then; the clock is set to that time."""
        times = [(each.next, each) for each in self.asleep]
        due = [(at, each) for at, each in times if at is not None and at <= until]
        if not due:
            self.now = until
            return None
        at, found = min(due, key=lambda each: each[0])
        self.now = max(self.now, at)
        return found


#: Lets an object go on from a start point, or end with an error.
Go = Callable[[WorkflowObject, str, WorkflowsError | None], Any]


def come(due: Waiting, go: Go) -> None:
    """Do what is to be done about an object whose time has come."""
    if due.wakes is not None:
        due.is_over = True
        begin = due.obj.columns["start_point"] or "continue_next"
        go(due.obj, begin, WaitTimeout() if begin == ERROR else None)
        return
    obj, told = due.obj, {"halt": halt_id(due.obj.id, due.seq)}
    if due.reminds:
        due.reminded += 1
        which: Any = {"number": due.reminded, "of": len(due.remind)}
        signals.send(signals.reminder, obj, deadline=obj.deadline, **told, **which)
        return
    due.is_over = True
    then, deadline = obj.extra_data["_deadline"]["then"], obj.deadline
    begin = then if isinstance(then, str) else "continue_next"
    if isinstance(then, Mapping):
        resolution = known_action(str(obj.get_action())).expire(obj, then)
        begin = resolution.start_point
        if resolution.answer is not None:
            obj.cursor = answered(obj.cursor, resolution.answer)
    if then is not None and begin is not None:
        go(obj, begin, DeadlinePassed() if then == ERROR else None)
    signals.send(signals.deadline_passed, obj, deadline=deadline, then=then, **told)
