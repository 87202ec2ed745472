"""The four-eyes principle: nobody decides on what is their own."""

from __future__ import annotations

from typing import Any

from .actions.core import four_eyes
from .decisions import LONGEST_ACTOR, PASSING
from .errors import OwnSubmission
from .objects import WorkflowObject
from .proxies import current_workflows
from .states import ObjectStatus

#: Why somebody may not decide: it is their own, or nobody knows whose it is.
SUBMITTED, EDITED, UNKNOWN = "submitted", "edited", "unknown"


def refuse_own(obj: WorkflowObject, actor: Any) -> None:
    """Raise if this person may not decide what a halted object asks.

    Neither may somebody unknown. Nobody is excepted but those whom
    WORKFLOWS_FOUR_EYES_EXCEPT names.

    :raises OwnSubmission: saying why.
    """
    kind = barred(obj, actor)
    if kind is None:
        return
    if kind == UNKNOWN:
        told = "may not be decided by its submitter, so it must be known who decides."
    else:
        told = f"was {kind} by {actor}: somebody else must decide."
    raise OwnSubmission(
        f"Object {obj.id} {told}",
        code=f"own_{kind}",
        id_object=obj.id,
        reason=kind,
    )


def refuse_to_pass(obj: WorkflowObject, start_point: str, actor: Any) -> None:
    """Raise if a person would go past a question that only others may answer.

    :raises OwnSubmission: saying why.
    """
    if start_point.startswith(PASSING):
        refuse_own(obj, actor)


def barred(obj: WorkflowObject, actor: Any) -> str | None:
    """Return why a person may not decide what an object asks.

    :return: :data:`SUBMITTED`, :data:`EDITED` or :data:`UNKNOWN`; ``None``: they may.
    """
    action = obj.get_action()
    if obj.status != ObjectStatus.HALTED or action is None:
        return None
    rule = _rule(obj, action)
    if not rule:
        return None
    who = "" if actor is None else str(actor)[:LONGEST_ACTOR]
    if not who:
        return UNKNOWN
    if who in map(str, current_workflows.settings.four_eyes_except):
        return None
    if "submitter" in rule and who in _submitters(obj):
        return SUBMITTED
    if "editors" in rule and who in current_workflows.audit.editors(obj.id):
        return EDITED
    return None


def _rule(obj: WorkflowObject, action: str) -> tuple[str, ...]:
    known = current_workflows.actions.get(action)
    try:
        return four_eyes(known, obj.extra_data.get("_payload"))
    except ValueError:  # what a program made of the payload; then as strict as can be
        return four_eyes(None, {"four_eyes": ("submitter", "editors")})


def _submitters(obj: WorkflowObject) -> set[str]:
    """Return who submitted an object: its owner, and who started its run.

    A branch was submitted with what it is a branch of.
    """
    numbers = {obj.id_user}
    if obj.id_workflow is not None:
        numbers.add(current_workflows.store.run_info(obj.id_workflow).id_user)
    found = {str(each) for each in numbers if each}
    origin: WorkflowObject | None = obj
    while origin is not None:
        found |= current_workflows.audit.submitters(origin.id)
        above = origin.id_fork
        origin = None if above is None else current_workflows.queries.query().get(above)
    return found
