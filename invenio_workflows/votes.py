"""Answers that count only when several persons give them: the votes on a question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .actions.voting import Poll
from .decisions import PASSING, Decision
from .errors import IllegalMove
from .objects import WorkflowObject
from .proxies import current_workflows
from .states import ObjectStatus


def poll_on(obj: WorkflowObject) -> Poll | None:
    """Return the votes on what an object asks; ``None`` if one answer is enough.

    :raises ValueError: if what the halt says of the votes cannot be.
    """
    action = current_workflows.actions.get(obj.get_action())
    ask = getattr(action, "poll", None)
    if ask is None:
        return None
    poll: Poll = ask(obj)
    return current_workflows.audit.votes(obj, poll) if poll.needed > 1 else None


def voted(
    obj: WorkflowObject, asked: str, form: Mapping[str, Any], said: Decision
) -> Poll | None:
    """Keep an answer as a vote, if it needs others; ``None`` if it is to be taken now.

    :raises ValueError: with a sentence for the person, if the form is not valid, or
        it is not known who votes.
    :raises IllegalMove: if the object is not as it was seen.
    """
    action = current_workflows.actions[asked]
    ask = getattr(action, "poll", None)
    if ask is None or (empty := ask(obj)).needed == 1:
        return None
    if not said.actor:
        raise ValueError(
            f"{empty.needed} persons must answer alike, so it must be known whose this "
            "answer is."
        )
    choice = action.choice(obj, form, said.actor)
    vote = Decision("vote", said.actor, said.origin, asked, choice.value)
    vote.reason = choice.reason
    vote.form = form if choice.told is None else choice.told
    kept: Poll | None = current_workflows.audit.vote(obj, vote, empty)
    if kept is None:
        said.relied_on = choice.value, empty.others(choice.value)
    return kept


def refuse_to_pass(obj: WorkflowObject, start_point: str) -> None:
    """Raise if one person would go past a question that several must answer.

    :raises IllegalMove: saying so.
    """
    if obj.status != ObjectStatus.HALTED or not start_point.startswith(PASSING):
        return
    try:
        poll = poll_on(obj)
    except ValueError:  # what a program made of the payload; then nobody alone may
        poll = Poll(2)
    if poll is not None:
        raise IllegalMove(
            f"Object {obj.id} asks {poll.needed} persons to answer alike; nobody "
            "passes over that alone. It may start over.",
            code="must_answer_alike",
            needed=poll.needed,
            id_object=obj.id,
            status=obj.status.name,
        )
