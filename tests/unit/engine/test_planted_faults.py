"""The check of ``test_anywhere`` finds faults that are put into the engine.

Without a fault it finds nothing, as ``test_anywhere`` itself shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from unit.engine.corpus import CORPUS
from unit.engine.random_workflows import check

from invenio_workflows.definition import graph, loops, node, patterns, steps
from invenio_workflows.engine import cursor, handle, machine

Plant = Callable[[pytest.MonkeyPatch], None]


def _cursor_drops_memos(patch: pytest.MonkeyPatch) -> None:
    def decode(cls: Any, text: str | None) -> Any:
        fresh = whole(text)
        fresh.frames = [[frame[0], None] for frame in fresh.frames]
        return fresh

    whole = cursor.Cursor.decode
    patch.setattr(cursor.Cursor, "decode", classmethod(decode))


def _cursor_forgets_restarts(patch: pytest.MonkeyPatch) -> None:
    def decode(cls: Any, text: str | None) -> Any:
        fresh = whole(text)
        fresh.restarts = 0
        return fresh

    whole = cursor.Cursor.decode
    patch.setattr(cursor.Cursor, "decode", classmethod(decode))


def _for_is_off_by_one(patch: pytest.MonkeyPatch) -> None:
    """Taken up in a round, it shows the item of the round before."""

    def variables(self: Any, memo: Any) -> Any:
        late = taken_up.pop() if taken_up else 0
        return whole(self, memo and [max(memo[0] - late, 1), *memo[1:]])

    whole, taken_up = loops.FOR.variables, []
    take_up = machine.Machine._take_up

    def again(self: Any, start_point: str) -> Any:
        taken_up[:] = [1]
        return take_up(self, start_point)

    patch.setattr(loops.FOR, "variables", variables)
    patch.setattr(machine.Machine, "_take_up", again)


def _after_is_before(patch: pytest.MonkeyPatch) -> None:
    whole = machine.Machine._set

    def _set(self: Any, place: Any, mode: str) -> None:
        is_task = mode == cursor.AFTER and isinstance(place, node.Leaf)
        whole(self, place, cursor.BEFORE if is_task else mode)

    patch.setattr(machine.Machine, "_set", _set)


def _before_is_after(patch: pytest.MonkeyPatch) -> None:
    _mistaken(patch, cursor.BEFORE, cursor.AFTER)


def _mistaken(patch: pytest.MonkeyPatch, mode: str, other: str) -> None:
    def decode(cls: Any, text: str | None) -> Any:
        fresh = whole(text)
        if fresh.mode == mode:
            fresh.mode = other
        return fresh

    whole = cursor.Cursor.decode
    patch.setattr(cursor.Cursor, "decode", classmethod(decode))


def _a_break_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    _mistaken(patch, cursor.BROKE, cursor.AFTER)


def _a_jump_to_the_end_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    _mistaken(patch, cursor.ENDED, cursor.AFTER)


def _frames_are_shared(patch: pytest.MonkeyPatch) -> None:
    """The memo that a task is shown is the loop's own, and the definition's."""
    patch.setattr(loops, "copied", lambda value: value)
    patch.setattr(loops, "restored", lambda value: value)
    patch.setattr(handle, "copied", lambda value: value)


def _items_are_the_datas_own(patch: pytest.MonkeyPatch) -> None:
    """The items of a loop are kept as they were given, not as JSON."""
    patch.setattr(loops, "plain", lambda value, what: value)
    _frames_are_shared(patch)


def _while_counts_in_itself(patch: pytest.MonkeyPatch) -> None:
    """A loop that remembers its rounds in the node, not in the memo."""

    def round_(self: Any, done: int, eng: Any) -> int:
        self.done = getattr(self, "done", 0) + 1
        return whole(self, self.done - 1, eng)

    whole = loops.Loop.round
    patch.setattr(loops.Loop, "round", round_)


def _try_remembers_nothing(patch: pytest.MonkeyPatch) -> None:
    """A retry that is counted in the node, not in the memo."""

    def caught(self: Any, memo: Any, error: BaseException) -> Any:
        self.tried = getattr(self, "tried", 0) + 1
        return whole(self, {"tried": self.tried - 1}, error)

    whole = patterns.TRY.caught
    patch.setattr(patterns.TRY, "caught", caught)


def _variables_are_not_shown_again(patch: pytest.MonkeyPatch) -> None:
    def _join(self: Any) -> None:
        shown, self._show_variables = self._show_variables, lambda: None
        whole(self)
        self._show_variables = shown

    whole = machine.Machine._join
    patch.setattr(machine.Machine, "_join", _join)


def _a_node_keeps_what_it_returned(patch: pytest.MonkeyPatch) -> None:
    """What flows in a graph is remembered in the process, not in the memo."""

    def noted(self: Any, *arguments: Any) -> Any:
        done = whole(self, *arguments)
        self.last = done.pop("out", None)
        return done

    def next_(self: Any, last: Any, memo: Any, obj: Any, eng: Any) -> Any:
        call = None if last is None else getattr(self.children[last], "call", None)
        if getattr(call, "last", None) is not None:
            memo = {**memo, "out": call.last}
        return next_of(self, last, memo, obj, eng)

    whole, next_of = steps.NodeTask._noted, graph.GRAPH.next
    patch.setattr(steps.NodeTask, "_noted", noted)
    patch.setattr(graph.GRAPH, "next", next_)


def _a_condition_asks_twice(patch: pytest.MonkeyPatch) -> None:
    """An IF that forgets, when taken up, that its branch has begun."""

    def next_(self: Any, last: Any, memo: Any, obj: Any, eng: Any) -> Any:
        seen = self in begun
        begun.add(self)
        return whole(self, last if seen else None, memo, obj, eng)

    whole, begun = patterns.IF.next, set()
    patch.setattr(patterns.IF, "next", next_)


def _choice_goes_on_with_the_next_case(patch: pytest.MonkeyPatch) -> None:
    def next_(self: Any, last: Any, memo: Any, obj: Any, eng: Any) -> Any:
        if last == 0 and not hasattr(self, "chosen"):
            return 1, None
        self.chosen = True
        return whole(self, last, memo, obj, eng)

    whole = patterns.CHOICE.next
    patch.setattr(patterns.CHOICE, "next", next_)


def _what_was_passed_is_run(patch: pytest.MonkeyPatch) -> None:
    _mistaken(patch, cursor.PASSING, cursor.FAILED)


def _an_answer_is_given_twice(patch: pytest.MonkeyPatch) -> None:
    whole, last = machine.encode, list[Any]()

    def encode(definition: Any, place: Any, at: Any, nodes: Any) -> Any:
        last[:] = at.answers or last
        at.answers = list(last)
        return whole(definition, place, at, nodes)

    patch.setattr(machine, "encode", encode)


#: Each with the workflow of the corpus that shows it.
FAULTS: dict[Plant, str] = {
    _cursor_drops_memos: "while",
    _cursor_forgets_restarts: "restarts",
    _for_is_off_by_one: "for",
    _after_is_before: "a list",
    _before_is_after: "jumps",
    _a_break_is_forgotten: "break",
    _a_jump_to_the_end_is_forgotten: "jumps to the end",
    _frames_are_shared: "static for",
    _items_are_the_datas_own: "foreach",
    _while_counts_in_itself: "for",
    _try_remembers_nothing: "try in vain",
    _variables_are_not_shown_again: "for",
    _a_condition_asks_twice: "ifs that stay true",
    _choice_goes_on_with_the_next_case: "choices",
    _what_was_passed_is_run: "choice",
    _a_node_keeps_what_it_returned: "graph",
    _an_answer_is_given_twice: "questions",
}


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__[1:])
def test_a_planted_fault_is_caught(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises(Exception):  # noqa: B017, PT011
        check(CORPUS[FAULTS[plant]])
