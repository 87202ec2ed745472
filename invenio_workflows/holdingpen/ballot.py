"""The votes on what a record asks: who voted for what, and how many are missing."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from ..objects import WorkflowObject
from ..proxies import current_workflows
from ..votes import poll_on
from .answered import vote as voted
from .permissions import actor
from .texts import _
from .tree import visible

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ballot:
    """The votes on what a record asks, as a person reads them.

    :param votes: who, what, why and when, the oldest first; whether it is one's own.
    :param needed: how many must be alike, and how many of them are missing.
    :param vetoes: of which answers one is enough, in a sentence each.
    """

    votes: list[tuple[str, str, str, datetime | None, bool]]
    needed: int
    lacking: int
    vetoes: list[str]

    @property
    def mine(self) -> bool:
        """Whether the person has voted."""
        return any(vote[-1] for vote in self.votes)


def ballot_of(obj: WorkflowObject) -> Ballot | None:
    """Return the votes on what a record asks; ``None`` if one answer is enough."""
    try:
        poll = poll_on(obj)
    except ValueError as error:  # what its task said of the votes cannot be
        _logger.warning("The votes on %r cannot be shown: %s", obj, error)
        return None
    if poll is None:
        return None
    asked, me = obj.get_action(), actor()
    votes = [
        (
            visible(vote.actor, 200),
            voted(asked, vote.value),
            visible(vote.reason, 2000),
            vote.created,
            me is not None and vote.actor == str(me),
        )
        for vote in poll.votes
    ]
    vetoes = [_alone(asked, value) for value in poll.veto]
    return Ballot(votes, poll.needed, poll.lacking, vetoes)


def _alone(asked: str | None, value: str) -> str:
    known = {
        ("approval", "accept"): _("One is enough to accept."),
        ("approval", "reject"): _("One is enough to reject."),
    }
    plain = _("One is enough for {answer}.", answer=value)
    return known.get((str(asked), value)) or visible(plain, 300)


def votes_lacking(oid: int, revision: int) -> int:
    """Return how many votes are missing on what a record asks; 0 if it asks no more."""
    obj: WorkflowObject | None = current_workflows.queries.query().get(oid)
    if obj is None or obj.revision != revision:
        return 0
    ballot = ballot_of(obj)
    return 0 if ballot is None else ballot.lacking
