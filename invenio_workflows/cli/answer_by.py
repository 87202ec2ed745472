"""Until when an object may be answered, and what was done when nobody did, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..objects import WorkflowObject
from .text import ago, moment


def by_when(deadline: datetime | None) -> str:
    """Return a deadline in the words of a list; nothing for none."""
    if deadline is None:
        return ""
    over = "overdue since" if deadline <= datetime.now(UTC) else "answer by"
    return f"{over} {moment(deadline, seconds=False)}"


def answer_by(obj: WorkflowObject) -> str:
    """Return until when an object may be answered, and what is then; else nothing."""
    deadline = obj.deadline
    if deadline is None:
        return ""
    left = (deadline - datetime.now(UTC)).total_seconds()
    when = f"in {ago(left)}" if left > 0 else f"{ago(-left)} ago"
    plan = obj.extra_data.get("_deadline")
    then = plan.get("then") if isinstance(plan, Mapping) else None
    return f"{moment(deadline, seconds=False)} UTC ({when}); then {_then(then)}"


def _then(then: Any) -> str:
    if then is None:
        return "it is overdue"
    if then == "error":
        return "it is ERROR"
    if isinstance(then, Mapping):
        return f"it is answered {then.get('value') or dict(then)}"
    return f"it goes on: {then}"


def left_behind(said: Mapping[str, Any]) -> str:
    """Return what was done at a deadline, of what its event keeps."""
    what = str(said.get("action") or "")
    value = f": {said['value']}" if said.get("value") else ""
    why = f": {said['reason']}" if said.get("reason") else ""
    return f"nobody answered in time; {what}{value}{why}"
