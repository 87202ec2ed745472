"""N of M: which vote decides."""

from __future__ import annotations

from invenio_workflows.actions import Poll, Vote
from invenio_workflows.actions.voting import in_a_word


def votes(**given: str) -> list[Vote]:
    return [Vote(actor, value) for actor, value in given.items()]


def test_one_person_has_one_vote_the_last() -> None:
    poll = Poll(2).with_votes([*votes(ann="a", bob="a"), *votes(ann="b")])
    assert [(vote.actor, vote.value) for vote in poll.votes] == [
        ("bob", "a"),
        ("ann", "b"),
    ]
    mine = poll.of("ann")
    assert mine is not None and mine.value == "b"
    assert poll.of("cy") is None and poll.of(None) is None


def test_the_vote_decides_that_makes_enough_alike() -> None:
    poll = Poll(3).with_votes(votes(ann="a", bob="a", cy="b"))
    assert poll.decides("a", "dan")
    assert not poll.decides("b", "dan")
    assert not poll.decides("a", "bob")  # who has voted so already
    assert poll.decides("a", "cy")  # who changes it
    assert poll.lacking == 1


def test_a_veto_decides_alone() -> None:
    poll = Poll(3, ("no",))
    assert poll.decides("no", "ann") and not poll.decides("yes", "ann")
    assert poll.lacking == 3


def test_one_vote_is_no_vote() -> None:
    assert Poll().decides("anything", "ann")


def test_equal_answers_have_one_word() -> None:
    assert in_a_word({"b": 1, "a": [2]}) == in_a_word({"a": [2], "b": 1})
    assert in_a_word(1) != in_a_word("1")
    long = {"text": "x" * 500}
    assert in_a_word(long) == in_a_word(dict(long)) and len(in_a_word(long)) < 255
    assert in_a_word(long) != in_a_word({"text": "x" * 501})
