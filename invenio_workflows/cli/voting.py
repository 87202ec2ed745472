"""What the terminal says of votes."""

from __future__ import annotations

from ..objects import WorkflowObject
from ..states import may
from ..votes import poll_on


def votes(obj: WorkflowObject) -> str:
    """Return who voted for what, and how many votes are missing.

    ``""`` if one answer is enough.
    """
    if not obj.get_action() or not may("resolve", obj.status, obj.waits_for):
        return ""
    try:
        poll = poll_on(obj)
    except ValueError as error:  # what its task said of them cannot be
        return str(error)
    if poll is None:
        return ""
    told = ", ".join(f"{vote.actor} {vote.value}" for vote in poll.votes)
    lack = "lacks" if poll.lacking == 1 else "lack"
    return f"{told or 'none'}; of {poll.needed} alike {poll.lacking} {lack}"
