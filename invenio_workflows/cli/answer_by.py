"""Until when an object may be answered, and what was done when nobody did, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ..actions.input_form import asked_of
from ..objects import WorkflowObject
from ..schemas import masked
from ..states import ObjectStatus
from .text import ago, moment, plain


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
    return f"{moment(deadline, seconds=False)} UTC ({when}); then {_then(then, obj)}"


def reminders(obj: WorkflowObject) -> str:
    """Return when somebody is reminded of what an object asks; else nothing."""
    plan = obj.extra_data.get("_deadline")
    left = plan.get("remind") if isinstance(plan, Mapping) else None
    if not left or obj.status != ObjectStatus.HALTED:
        return ""
    if obj.deadline is None:
        return ", ".join(f"{ago(each)} after it asked" for each in left)
    times = [obj.deadline - timedelta(seconds=each) for each in left]
    return ", ".join(f"{moment(each, seconds=False)} UTC" for each in times)


def plan_of(obj: WorkflowObject) -> dict[str, Any]:
    """Return until when, and what then, for programs; secrets left out."""
    plan = obj.extra_data.get("_deadline") or {}
    then, asks = plan.get("then"), asked_of(obj)
    if isinstance(then, Mapping) and asks is not None:
        then = masked(asks.schema, dict(then))
    remind = plan.get("remind") or []
    return {"deadline": obj.deadline, "then": then, "remind": remind}


def _then(then: Any, obj: WorkflowObject) -> str:
    if then is None:
        return "it is overdue"
    if then == "error":
        return "it is ERROR"
    if isinstance(then, Mapping):
        asks = asked_of(obj)
        told = dict(then) if asks is None else masked(asks.schema, dict(then))
        return f"it is answered {told.get('value') or json.dumps(plain(told))}"
    return f"it goes on: {then}"


def left_behind(said: Mapping[str, Any]) -> str:
    """Return what was done at a deadline, of what its event keeps."""
    what = str(said.get("action") or "")
    value = f": {said['value']}" if said.get("value") else ""
    why = f": {said['reason']}" if said.get("reason") else ""
    return f"nobody answered in time; {what}{value}{why}"
