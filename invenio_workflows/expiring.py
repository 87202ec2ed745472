"""What a worker does with a halt when its time comes: remind, answer, or go on.

Whatever it decides is one commit with the object's way into the queue, under the same
guard as a person's answer: of two at once one wins.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from . import signals
from .calls import Call
from .checkpoint import EventLine, decided
from .deadlines import ERROR, next_look
from .decisions import DEADLINE, Decision
from .engine.cursor import answered
from .errors import ActionNotFound, IllegalMove, WorkflowDefinitionError
from .halts import known_action
from .logs import about
from .moving import queue_up
from .objects import WorkflowObject
from .proxies import current_workflows
from .sending import send
from .states import ObjectStatus, check_start_point
from .store.due import Due
from .store.rows import storable

_logger = logging.getLogger(__name__)

#: How many halts one sweep looks at: each may call code of an action, or of a receiver.
_BATCH = 100


def expire() -> int:
    """Do what is to be done with the halts whose time has come; return how many."""
    found = current_workflows.due.take(_BATCH)
    for what in found:
        try:
            _look(what)
        except IllegalMove:  # somebody answered meanwhile
            continue
        except (ActionNotFound, WorkflowDefinitionError) as error:
            told = "The deadline of object %s waits for a worker that knows it: %s"
            _logger.warning(told, what.oid, error, extra=about(oid=what.oid))
    return len(found)


def _look(what: Due) -> None:
    obj: WorkflowObject | None = current_workflows.queries.query().get(what.oid)
    if (
        obj is None
        or obj.columns["fence"] != what.fence
        or obj.status != ObjectStatus.HALTED
        or "_deadline" not in obj.extra_data
    ):
        return
    plan = obj.extra_data["_deadline"]
    if not what.passed:
        _remind(what, obj, plan["remind"])
        return
    then = plan["then"]
    if then is None:
        _tell(what, obj, then)
        current_workflows.due.overdue(what)
        return
    calls = _answered(obj, then) if isinstance(then, Mapping) else _gone_on(obj, then)
    send(calls)
    _tell(what, obj, then)


def _remind(what: Due, obj: WorkflowObject, times: list[float]) -> None:
    told = {"number": what.reminded + 1, "of": len(times), "deadline": what.deadline}
    signals.send(signals.reminder, obj, halt=what.name, **told)
    look = next_look(what.deadline, what.halted, times, what.reminded + 1)
    current_workflows.due.reminded(what, look)


def _tell(what: Due, obj: WorkflowObject, then: Any) -> None:
    told = {"halt": what.name, "deadline": what.deadline, "then": then}
    signals.send(signals.deadline_passed, obj, **told)


def _answered(obj: WorkflowObject, answer: Mapping[str, Any]) -> list[Call]:
    """Give the answer of a halt that nobody answered; return what is to be sent."""
    asked = obj.get_action() or ""
    value = str(answer.get("value") or asked)
    said = _said(obj, "resolve", action=asked, value=value, form=dict(answer))
    said.reason = str(answer.get("reason") or "")
    action = known_action(asked)
    obj.decision = said
    try:
        resolution = getattr(action, "expire", _Plain(action))(obj, answer)
        if obj.decision is None:  # the action moved it itself
            return []
        start_point = resolution.start_point
        if start_point is not None:
            check_start_point(start_point)
    except IllegalMove:
        raise
    except Exception as error:
        _logger.exception(
            "%s refused the answer that the deadline gives %r.", asked, obj
        )
        return _refused(obj.id, error)
    finally:
        obj.decision = None
    said.value, said.reason = resolution.value, resolution.reason or said.reason
    if resolution.told is not None:
        said.form = resolution.told
    event = _event(said, said.value)
    if start_point is not None:
        given, cursor = resolution.answer, None
        if given is not None:
            cursor = answered(obj.cursor, given)
        return queue_up(obj, start_point, event, {}, cursor=cursor)
    obj.forget_deadline()
    current_workflows.save(obj, event=event)
    return []


class _Plain:
    """An action that is not of our class, and knows no deadlines."""

    def __init__(self, action: Any) -> None:
        self._action = action

    def __call__(self, obj: WorkflowObject, answer: Mapping[str, Any]) -> Any:
        return self._action.resolve(obj, answer, None)


def _gone_on(obj: WorkflowObject, then: str) -> list[Call]:
    """Let an object go on elsewhere, or become ERROR; return what is to be sent."""
    if then == ERROR:
        return _failed(obj, f"Nobody answered by the deadline, {_when(obj)}.")
    said = _said(obj, "continue", action=then)
    return queue_up(obj, then, _event(said, then), {})


def _refused(oid: int, error: Exception) -> list[Call]:
    """Let an object become ERROR whose action refused the answer of the deadline."""
    obj: WorkflowObject | None = current_workflows.queries.query().get(oid)
    if obj is None:
        return []
    told = f"{type(error).__name__}: {error}"
    return _failed(obj, f"The answer at the deadline, {_when(obj)}, is refused: {told}")


def _failed(obj: WorkflowObject, sentence: str) -> list[Call]:
    said = _said(obj, "continue", action=ERROR, reason=sentence)
    begin = storable(f"{ERROR}:{sentence}"[:255])
    return queue_up(obj, "restart_task", _event(said, ERROR), {}, begin=begin)


def _said(obj: WorkflowObject, verb: str, **what: Any) -> Decision:
    return Decision(verb, None, DEADLINE, **what)


def _event(said: Decision, message: str) -> EventLine:
    return decided("DeadlinePassed", said, message)


def _when(obj: WorkflowObject) -> str:
    when = obj.deadline
    return "" if when is None else f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
