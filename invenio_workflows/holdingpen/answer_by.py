"""Until when a record may be answered, and by whom not, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from ..four_eyes import barred
from ..objects import WorkflowObject
from ..states import ObjectStatus
from .display import moment, span
from .permissions import actor
from .refusals import SAID
from .texts import _
from .tree import visible


@dataclass(frozen=True, slots=True)
class AnswerBy:
    """The deadline of what a record asks.

    :param text: until when, and what is done then; HTML.
    """

    is_over: bool
    text: Markup


def answer_by(obj: WorkflowObject) -> AnswerBy | None:
    """Return until when a record may be answered; ``None`` if for ever."""
    deadline = obj.deadline
    if deadline is None or obj.status != ObjectStatus.HALTED:
        return None
    left = (deadline - datetime.now(UTC)).total_seconds()
    plan = obj.extra_data.get("_deadline")
    then = plan.get("then") if isinstance(plan, dict) else None
    times = {"time": _exactly(deadline), "left": _left(deadline, left)}
    if left <= 0 and then is None:
        text = _("Overdue: it was to be answered by {time} ({left}).")
        return AnswerBy(True, Markup(text).format(**times))
    text = _("Answer by {time} ({left}); {then}.")
    words = _then(then, obj.get_action())
    return AnswerBy(left <= 0, Markup(text).format(**times, then=words))


def _exactly(at: datetime) -> Markup:
    """Return a time that is shown exactly, in the reader's zone."""
    text = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    exact = at.astimezone(UTC).isoformat(timespec="seconds")
    return Markup('<time datetime="{}" data-exact>{}</time>').format(exact, text)


def _left(at: datetime, left: float) -> Markup:
    said = _("in {time}") if left > 0 else _("{time} ago")
    exact = at.astimezone(UTC).isoformat(timespec="seconds")
    return Markup('<time datetime="{}">{}</time>').format(
        exact, said.format(time=span(abs(left)))
    )


def chip(deadline: datetime | None) -> tuple[bool, Markup] | None:
    """Return whether a row's deadline is over, and when it is or was."""
    if deadline is None:
        return None
    return deadline <= datetime.now(UTC), moment(deadline)


def _then(then: Any, action: str | None) -> str:
    if then is None:
        return _("then it is overdue")
    if then == "error":
        return _("then it fails")
    if isinstance(then, Mapping):
        value = str(then.get("value") or "")
        known = {
            ("approval", "accept"): _("then it is accepted"),
            ("approval", "reject"): _("then it is rejected"),
        }
        if (str(action), value) in known:
            return known[str(action), value]
        if value:
            return _("then it is answered “{value}”", value=visible(value, 100))
        return _("then the answer is given that was left for it")
    return where(str(then))


def where(then: str) -> str:
    """Return where a record goes on that nobody answered, as part of a sentence."""
    if then.startswith("task:"):
        return _("then it goes on from {name}", name=visible(then[5:], 255))
    words = {
        "continue_next": _("then it goes on with the next task"),
        "restart_task": _("then it asks again"),
        "restart_prev": _("then it goes on with the task before"),
        "restart_first": _("then it begins anew"),
    }
    return words.get(then, visible(then, 255))


def passed(said: Mapping[str, Any]) -> str:
    """Return what was done at a deadline, for the timeline."""
    action, value = str(said.get("action") or ""), str(said.get("value") or "")
    known = {
        ("approval", "accept"): _("nobody answered in time: it was accepted"),
        ("approval", "reject"): _("nobody answered in time: it was rejected"),
        ("error", ""): _("nobody answered in time: it failed"),
    }
    if (action, value) in known:
        return known[action, value]
    if value:
        return _("nobody answered in time: “{value}”", value=visible(value, 100))
    if action.startswith("task:"):
        name = visible(action[5:], 255)
        return _("nobody answered in time: it went on from {name}", name=name)
    return _("nobody answered in time: it went on")


def why_not(obj: WorkflowObject) -> str | None:
    """Return why the person of this request may not decide; ``None``: they may."""
    kind = barred(obj, actor())
    return None if kind is None else SAID[f"own_{kind}"]({})
