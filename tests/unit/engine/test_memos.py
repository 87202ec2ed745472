"""What is kept with the place of an object: values of users come back as they were."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from unit.engine.world import World, tell

from invenio_workflows import START, Decision, Step
from invenio_workflows.definition import task
from invenio_workflows.definition.forks import Fork, Join
from invenio_workflows.definition.loops import FOR, FOREACH, SIMPLE_FOR
from invenio_workflows.engine import Cursor
from invenio_workflows.store.rows import place_of
from invenio_workflows.testing import run

#: What JSON has no word for, and what looks like our words for that.
VALUES = [
    (1, (2, [3])),
    {"day": date(2026, 11, 21), "price": Decimal("1.10")},
    {"$set": [1]},
    [{"$tuple": 1}, {1: b"\0"}],
    {"a": {date(2026, 1, 1)}},
    10**40,
    "\ud800 \0",
    -0.0,
]


def note(obj: Any, value: Any) -> None:
    obj.extra_data["noted"] = [*obj.extra_data.get("noted", ()), repr(value)]


def in_a_graph(value: Any) -> Any:
    def give(obj: Any, eng: Any) -> Any:
        return value

    class Hands(Step):
        def execute(self, _input: Any) -> Any:
            note(self.obj, _input)
            return _input

    class Chooses(Decision):
        def transition(self, _input: Any, result: Any = None, **_: Any) -> Any:
            note(self.obj, result)
            return 0

    last = type("Last", (Hands,), {})
    return {START: [give], give: [Hands], Hands: [Chooses], Chooses: [last]}


def _noted(obj: Any, eng: Any) -> None:
    note(obj, eng.extra_data["item"])


def _data(obj: Any, eng: Any) -> None:
    note(obj, obj.data)


def in_a_for(value: Any) -> Any:
    items = [value, value]
    return [FOR(lambda obj, eng: items, "item", [tell("a"), _noted])]


def in_a_foreach(value: Any) -> Any:
    """The data is what it was before the loop, behind it."""

    def take(obj: Any, eng: Any) -> None:
        obj.data = value

    loop = FOREACH(lambda obj, eng: [value], "item", [_data], "ASC")
    return [take, loop, _data]


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("shape", [in_a_graph, in_a_for, in_a_foreach])
def test_a_value_comes_back_as_it_was_wherever_it_is_put_down(
    shape: Callable[[Any], Any], value: Any
) -> None:
    source = lambda: shape(value)  # noqa: E731
    whole = World(source, []).until_done()
    broken = World(source, [], die_after=True, max_steps=500).until_done()
    assert whole.status == broken.status == "Finished"
    for world in (whole, broken):
        noted = json.loads(world.kept["extra"])["noted"]
        assert set(noted) == {repr(value)} and len(noted) >= 2


def test_old_loops_count_in_what_json_does_not_hold() -> None:
    def count(obj: Any, eng: Any) -> None:
        obj.data = [*obj.data, eng.extra_data["_Iterators"]["n"]]

    tenth = Decimal("0.1")
    loop = SIMPLE_FOR(Decimal(0), Decimal("0.2"), tenth, "n", [count])
    world = World(lambda: [loop], [], die_after=True).until_done()
    assert world.data == [Decimal(0), tenth, 2 * tenth]


def test_a_join_hands_on_what_json_does_not_hold() -> None:
    day = date(2026, 11, 21)

    def days(obj: Any, eng: Any) -> Any:
        return (day,)

    def idle(obj: Any, eng: Any) -> None:
        obj.extra_data["idle"] = True

    @task(name="$datetime")
    def odd(obj: Any, eng: Any) -> Any:
        return {"$date": day}

    class Ends(Step):
        def execute(self, _input: Any) -> None:
            self.obj.data = _input

    fork, join = Fork(), Join()
    graph = {
        START: [fork],
        fork: [days, idle, odd],
        **{branch: [join] for branch in (days, idle, odd)},
        join: [Ends],
    }
    result = run(graph, {"a": {1, 2}})
    given = {"days": (day,), "idle": None, "$datetime": {"$date": day}}
    assert result.data == given


def test_a_node_may_be_called_like_a_word_of_ours() -> None:
    @task(name="$datetime")
    def odd(obj: Any, eng: Any) -> Any:
        eng.halt("look")

    result = run({START: [odd], odd: [tell("a")]}, [])
    assert place_of(result.obj.cursor)[1] == "$datetime"
    assert Cursor.decode(result.obj.cursor).task_name == "$datetime"
    assert result.go_on("continue_next").data == ["a"]


@pytest.mark.parametrize("value", [None, 7, {"ä": [None, '"']}, []], ids=repr)
def test_what_is_written_of_a_graph_is_its_memo(value: Any) -> None:
    """It is put together from what was written before; that must be the same."""

    @task('the "fir\\st" é')
    def first(obj: Any, eng: Any) -> Any:
        return value

    class Round(Decision):
        def transition(self, _input: Any) -> Any:
            self.obj.data += 1
            return "second" if self.obj.data < 3 else "halts"

    def second(obj: Any, eng: Any) -> Any:
        return value

    def halts(obj: Any, eng: Any) -> None:
        eng.halt()

    class Checked(World):
        def keep(self, event: Any, machine: Any, *more: Any) -> None:
            super().keep(event, machine, *more)
            if self.cursor is not None and machine._frames:
                memo = json.loads(self.cursor)["frames"][-1][1]
                assert memo == machine._frames[-1][1]

    nodes = {START: [first], first: [Round], Round: [second, halts], second: [Round]}
    once, often = (Checked(lambda: nodes, 0, die_after=dies) for dies in (False, True))
    once.process()
    while often.status != "Halted":
        often.process("resume")
    assert once.status == "Halted" and once.cursor == often.cursor
    assert json.loads(once.cursor or "")["frames"][-1][1]["again"]["Round"] == 2
