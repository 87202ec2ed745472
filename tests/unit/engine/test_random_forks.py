"""Random graphs with forks, cycles and halts come to what plain Python says.

Wherever an object or a branch is put down, by whom it is taken up, and in which order.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from properties import examples
from unit.engine.random_forks import CORPUS, KINDS, check

from invenio_workflows.definition import flow, forks, graph, joining
from invenio_workflows.engine import cursor, machine, outside

steps = st.tuples(st.just("step"), st.sampled_from(KINDS))


def _parts(part: Any) -> Any:
    few = st.lists(part, min_size=1, max_size=3)
    return st.one_of(
        st.tuples(st.just("loop"), st.integers(1, 3), few),
        st.tuples(st.just("choose"), few, few),
        st.tuples(st.just("fork"), st.lists(few, min_size=2, max_size=3)),
    )


bodies = st.lists(st.recursive(steps, _parts, max_leaves=9), min_size=1, max_size=3)


@given(bodies, st.data())
@examples(60, suppress_health_check=list(HealthCheck))
def test_forks_may_be_put_down_anywhere(body: Any, data: st.DataObject) -> None:
    check(body, lambda able: data.draw(st.sampled_from(able)))


def in_some_order(seed: int = 0) -> Any:
    return random.Random(seed).choice


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", CORPUS)
def test_each_of_the_corpus_may_be_put_down_anywhere(name: str, seed: int) -> None:
    assert len(check(CORPUS[name], in_some_order(seed)).branches) > 1


# --- faults that are planted, and found -----------------------------------------------

Plant = Callable[[pytest.MonkeyPatch], None]


def _a_branch_is_given_the_data(patch: pytest.MonkeyPatch) -> None:
    """The first node of a branch is not given what the Fork was given."""

    def split(self: Any, index: int, memo: Any) -> Any:
        for at, notes in whole(self, index, memo):
            yield at, {**notes, "in": []}

    whole = graph.GRAPH.split
    patch.setattr(graph.GRAPH, "split", split)


def _a_join_is_given_what_the_fork_was(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(forks.JoinTask, "begin", begin_without(forks.JoinTask.begin))


def begin_without(whole: Any) -> Any:
    def begin(self: Any, step: Any, obj: Any, eng: Any, memo: Any) -> Any:
        whole(self, step, obj, eng, memo)
        return memo

    return begin


def _what_the_last_returned_is_what_it_was_given(patch: pytest.MonkeyPatch) -> None:
    def last(memo: Any, obj: Any) -> Any:
        return whole({**memo, "out": None}, obj)

    whole = forks._last
    patch.setattr(forks, "_last", last)


def _branches_are_called_by_their_number(patch: pytest.MonkeyPatch) -> None:
    """By where a branch stands now, not by where it began."""

    def begun(text: Any) -> Any:
        memo, inner = whole(text)
        frames = cursor.Cursor.decode(text).frames
        at = [frame[0] for frame in frames if cursor._is_branch(frame)][-1]
        return {**memo, "name": f"branch {at}"}, inner

    whole = cursor.end_of_branch
    patch.setattr(outside, "end_of_branch", begun)


def _a_branch_runs_past_its_join(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(machine, "in_branch", lambda memo: False)


def _a_branch_forgets_the_memo_around_it(patch: pytest.MonkeyPatch) -> None:
    def notes(self: Any, eng: Any) -> list[Any]:
        return []

    patch.setattr(graph.BRANCH, "_given", notes)
    patch.setattr(
        graph.BRANCH,
        "begins_at",
        lambda self, memo: (self.names.index(self.first), flow.first(self.first, [])),
    )


def _a_fork_makes_its_branches_twice(patch: pytest.MonkeyPatch) -> None:
    """Woken, the object begins the branches again, once."""

    def next_(self: Any, last: Any, memo: Any, obj: Any, eng: Any) -> Any:
        if memo and memo.get("forked") and memo["at"] not in again:
            again.add(memo["at"])
            memo = {key: memo[key] for key in memo if key != "forked"}
        return whole(self, last, memo, obj, eng)

    whole, again = graph.GRAPH.next, set()
    patch.setattr(graph.GRAPH, "next", next_)


def _what_a_node_returned_last_is_lost(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(joining, "is_returned", lambda result: False)


def _a_join_remembers_what_it_was_given(patch: pytest.MonkeyPatch) -> None:
    """It keeps that in itself, where the next object finds it."""

    def begin(self: Any, step: Any, obj: Any, eng: Any, memo: Any) -> Any:
        self.known = getattr(self, "known", None) or whole(self, step, obj, eng, memo)
        whole(self, step, obj, eng, memo)
        return {**memo, "in": self.known["in"]}

    whole = forks.JoinTask.begin
    patch.setattr(forks.JoinTask, "begin", begin)


FAULTS: list[Plant] = [
    _a_join_remembers_what_it_was_given,
    _a_branch_is_given_the_data,
    _a_join_is_given_what_the_fork_was,
    _what_the_last_returned_is_what_it_was_given,
    _branches_are_called_by_their_number,
    _a_branch_runs_past_its_join,
    _a_branch_forgets_the_memo_around_it,
    _a_fork_makes_its_branches_twice,
    _what_a_node_returned_last_is_lost,
]


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__[1:])
def test_a_planted_fault_is_found(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises(Exception):  # noqa: B017, PT011
        for body in CORPUS.values():
            check(body, in_some_order())
