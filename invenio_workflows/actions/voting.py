"""Answers of several persons: how many must be alike, and what they said so far."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

#: Answers of at most this many letters are compared as they are, longer ones by a
#: digest.
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Choice:
    """What one person votes for.

    :param value: votes of one value are alike; people read it.
    :param reason: why, in the person's words.
    :param told: the answer as it is kept in the audit; ``None``: as it came.
    """

    value: str
    reason: str = ""
    told: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """What a person has voted for, last."""

    actor: str
    value: str
    reason: str = ""
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """What is to be voted on, and the votes so far: the last one of each person.

    :param needed: how many persons must give the same answer; 1: there is no vote.
    :param veto: answers of which one is enough.
    """

    needed: int = 1
    veto: tuple[str, ...] = ()
    votes: tuple[Vote, ...] = ()

    def with_votes(self, votes: Iterable[Vote]) -> Poll:
        """Return the same with these votes, the oldest first; of each person one."""
        last: dict[str, Vote] = {}
        for vote in votes:
            last.pop(vote.actor, None)
            last[vote.actor] = vote
        return replace(self, votes=tuple(last.values()))

    def of(self, actor: Any) -> Vote | None:
        """Return what a person has voted for."""
        mine = (vote for vote in self.votes if vote.actor == str(actor))
        return None if actor is None else next(mine, None)

    def alike(self, value: str, actor: Any) -> int:
        """Return how many other persons gave that answer."""
        return sum(
            vote.value == value and vote.actor != str(actor) for vote in self.votes
        )

    def others(self, value: str) -> int:
        """Return how many others must have given an answer for it to decide."""
        return 0 if value in self.veto else self.needed - 1

    def decides(self, value: str, actor: Any) -> bool:
        """Say whether an answer decides, if this person gives it now."""
        return self.alike(value, actor) >= self.others(value)

    @property
    def lacking(self) -> int:
        """How many votes the answer with the most of them still needs; 1 at least."""
        most = max((self.alike(vote.value, None) for vote in self.votes), default=0)
        return max(self.needed - most, 1)


def poll(needed: Any, veto: Any) -> Poll:
    """Return a poll without votes, as a task or a site says it.

    :raises ValueError: if that is no number of persons, or no list of answers.
    """
    if not isinstance(needed, int) or isinstance(needed, bool) or needed < 1:
        raise ValueError(
            f"votes is a number of persons that is at least 1, not {needed!r}."
        )
    if isinstance(veto, (str, bytes)) or not isinstance(veto, (list, tuple)):
        raise ValueError(f"veto is a list of answers, not {veto!r}.")
    return Poll(needed, tuple(map(str, veto)))


def in_a_word(answer: Any) -> str:
    """Return an answer as a text that is the same for equal answers, and short.

    :param answer: what JSON holds.
    """
    text = json.dumps(answer, sort_keys=True, ensure_ascii=False, default=str)
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… ({_digest(text)})"


def sealed(answer: Any, question: str) -> str:
    """Return the same for an answer that nobody may read.

    :param question: what tells this question from others: alike answers to others
        have other words.
    """
    text = json.dumps([question, answer], sort_keys=True, default=str)
    return f"given ({_digest(text)[:24]})"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
