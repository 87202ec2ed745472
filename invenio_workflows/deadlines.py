"""The deadline of a halt: until when it may be answered, and what is done then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .states import START_POINTS

#: What a halt may lead to that nobody answered, beside a start point and an answer.
ERROR = "error"
#: Seconds: more than 30 years.
_LONGEST = 10**9
_MOST_REMINDERS = 20


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when a halt may be answered, by the database's clock.

    :param seconds: how long after the halt.
    :param until: at this time. Without either only reminders are sent.
    :param then: what is done when nobody answered: the answer that is given then, a
        start point, :data:`ERROR`; ``None``: it is overdue.
    :param remind: how many seconds before the deadline somebody is reminded; without
        a deadline, how many after the halt. In the order of time.
    """

    seconds: float | None = None
    until: datetime | None = None
    then: Any = None
    remind: tuple[float, ...] = ()

    @property
    def plan(self) -> dict[str, Any]:
        """What the object keeps of it: all but the time, which has its column."""
        then = dict(self.then) if isinstance(self.then, Mapping) else self.then
        return {"then": then, "remind": list(self.remind)}

    def at(self, now: datetime) -> datetime | None:
        """Return when it is, of a halt at this moment."""
        if self.seconds is not None:
            return now + timedelta(seconds=self.seconds)
        return self.until


def deadline_of(deadline: Any, on_deadline: Any, remind: Any) -> Deadline | None:
    """Return what a halt was given; ``None`` if it has no deadline and no reminder.

    :raises ValueError: if the arguments do not fit together.
    """
    seconds, until = _time(deadline)
    has_end = seconds is not None or until is not None
    if on_deadline is not None and not has_end:
        raise ValueError("on_deadline says what is done at the deadline; give one.")
    if on_deadline is not None and not isinstance(on_deadline, (str, Mapping)):
        raise ValueError(
            "on_deadline is an answer (a dictionary), 'error', or where to go on, not "
            f"{on_deadline!r}."
        )
    reminders = _reminders(remind, seconds, has_end)
    if not has_end and not reminders:
        return None
    return Deadline(seconds, until, on_deadline, reminders)


def _time(deadline: Any) -> tuple[float | None, datetime | None]:
    if deadline is None:
        return None, None
    if isinstance(deadline, datetime):
        if deadline.tzinfo is None:
            raise ValueError(
                "deadline must have a time zone, such as UTC, if it is a datetime, not "
                f"{deadline!r}."
            )
        return None, deadline
    return _seconds("deadline", deadline), None


def _seconds(name: str, value: Any) -> float:
    given = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise ValueError(
            f"{name} must be a timedelta or a number of seconds, not {value!r}."
        )
    if not 0 < given <= _LONGEST:
        raise ValueError(
            f"{name} must be later than now, by {_LONGEST} seconds at most, not "
            f"{value!r}."
        )
    return float(given)


def _reminders(remind: Any, seconds: float | None, has_end: bool) -> tuple[float, ...]:
    single = isinstance(remind, (int, float, timedelta))
    given = [remind] if single else remind
    if given is None:
        return ()
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        raise ValueError(f"remind must be a list of timedeltas, not {remind!r}.")
    found = sorted({_seconds("remind", each) for each in given}, reverse=has_end)
    if len(found) > _MOST_REMINDERS:
        raise ValueError(f"remind has {len(found)} times; {_MOST_REMINDERS} at most.")
    if has_end and seconds is not None and found and found[0] >= seconds:
        raise ValueError(
            f"A reminder {found[0]:g} seconds before the deadline would come before "
            f"the halt: the deadline is {seconds:g} seconds after it."
        )
    return tuple(found)


def next_look(
    deadline: datetime | None,
    halted: datetime,
    remind: Sequence[float],
    reminded: int,
) -> datetime | None:
    """Return when a halt is to be looked at next: to remind, or at its deadline.

    :param reminded: how many reminders are done.
    """
    if reminded < len(remind):
        pause = timedelta(seconds=remind[reminded])
        return halted + pause if deadline is None else deadline - pause
    return deadline


def missed(deadline: datetime | None, halted: datetime, remind: Sequence[float]) -> int:
    """Return how many reminders are over at the moment of the halt."""
    if deadline is None:
        return 0
    return sum(deadline - timedelta(seconds=each) <= halted for each in remind)


def where_to(then: str, edges: Sequence[str] | None, tasks: Sequence[str]) -> str:
    """Return the start point that ``on_deadline`` means; or :data:`ERROR`.

    :param edges: where the node leads that halts; ``None`` outside of a graph.
    :param tasks: the names of the tasks that are the only ones of their name.
    :raises ValueError: if there is no such place; naming those that there are.
    """
    if then == ERROR or then in START_POINTS:
        return then
    is_edge = edges is not None and then in edges
    name = then if is_edge else then.removeprefix("task:")
    if name in tasks and (is_edge or then.startswith("task:")):
        return f"task:{name}"
    if is_edge:
        raise ValueError(
            f"on_deadline={then!r} is not a single task; name the first in it by "
            "task:<name>."
        )
    to = f" an edge ({', '.join(edges) or 'none'})," if edges is not None else ""
    raise ValueError(
        f"There is no on_deadline={then!r}; use an answer (a dictionary), {ERROR!r},"
        f"{to} task:<name> ({', '.join(tasks)}) or one of {', '.join(START_POINTS)}."
    )
