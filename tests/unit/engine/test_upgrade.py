"""What another definition means for an object that sleeps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.engine.world import World, compiled, tell

from invenio_workflows import START, Decision, Fork, Join, Step
from invenio_workflows.definition import task
from invenio_workflows.definition.loops import FOR
from invenio_workflows.definition.parallel import PARALLEL
from invenio_workflows.definition.patterns import IF
from invenio_workflows.engine.mapping import mapped
from invenio_workflows.engine.proposing import Orphan, Proposal, proposal
from invenio_workflows.engine.upgrade import Meaning, meaning
from invenio_workflows.errors import DefinitionChanged
from invenio_workflows.testing import run

A, B, C, D = map(tell, ["a", "b", "c", "d"])


def halt(obj: Any, eng: Any) -> None:
    obj.data = [*(obj.data or []), "halt"]
    eng.halt()


def named(name: str) -> Any:
    """The task that halts, under another name."""

    @task(name)
    def stop(obj: Any, eng: Any) -> None:
        halt(obj, eng)

    return stop


def yes(obj: Any, eng: Any) -> bool:
    return True


def asleep(before: Any, rounds: int = 1) -> World:
    world = World(lambda: before)
    for _ in range(rounds):
        world.process()
    assert world.status == "Halted"
    return world


@pytest.mark.parametrize(
    ("after", "what", "path"),
    [
        ([A, halt, B], Meaning.SAME, (1,)),
        ([A, halt, C, D], Meaning.SAME, (1,)),
        ([C, A, halt], Meaning.MOVED, (2,)),
        ([A, [C, halt], B], Meaning.MOVED, (1, 1)),
        ([A, IF(yes, halt), B], Meaning.MOVED, (1, 0, 0)),
        ([A, B], Meaning.ORPHANED, None),
        ([A, named("stop"), B], Meaning.ORPHANED, None),
        ([A, FOR([1], "n", halt), B], Meaning.ORPHANED, None),
    ],
)
def test_an_object_stays_is_moved_or_orphaned(after: Any, what: Any, path: Any) -> None:
    world = asleep([A, halt, B])
    verdict = meaning(compiled(lambda: after), world.cursor)
    assert (verdict.meaning, verdict.task) == (what, "halt")
    assert (verdict.place.path if verdict.place else None) == path
    assert bool(verdict.why) == (what == Meaning.ORPHANED)


def test_one_that_has_not_begun_is_where_it_was() -> None:
    assert meaning(compiled(lambda: [B]), None).meaning == Meaning.SAME


@given(st.data())
def test_it_says_what_happens_when_the_object_goes_on(data: Any) -> None:
    pool = st.sampled_from([A, B, C, halt, [D], [halt], IF(yes, [C, halt])])
    before = [*data.draw(st.lists(pool, max_size=3)), halt]
    after = data.draw(st.lists(pool, min_size=1, max_size=5))
    world = asleep(before)
    verdict = meaning(compiled(lambda: after), world.cursor)
    world.source = lambda: after
    if verdict.meaning == Meaning.ORPHANED:
        with pytest.raises(DefinitionChanged):
            world.process()
    else:
        world.process()


def test_an_object_that_is_mapped_goes_on_as_if_its_task_had_kept_its_name() -> None:
    new = compiled(lambda: [C, [named("stop"), D], B])
    world = asleep([A, halt, B])
    world.cursor, place = mapped(new, world.cursor or "", {"halt": "stop"})
    assert place.name == "stop"
    assert meaning(new, world.cursor).meaning == Meaning.SAME
    world.source = lambda: [C, [named("stop"), D], B]
    assert world.process().data == ["a", "halt", "d", "b"]


def test_in_a_loop_it_keeps_its_round() -> None:
    world = asleep([FOR([1, 2, 3], "n", [halt, B])], rounds=2)
    after = [FOR([1, 2, 3], "n", [named("stop"), B])]
    definition = compiled(lambda: after)
    world.cursor, _ = mapped(definition, world.cursor or "", {"halt": "stop"})
    world.source = lambda: after
    assert world.until_done().data == ["halt", "b", "halt", "b", "halt", "b"]


def test_it_is_mapped_to_no_task_that_it_could_not_stand_at() -> None:
    text = asleep([A, halt, B]).cursor or ""
    for after, said in (
        ([A, B], "has no tasks 'stop'"),
        ([named("stop"), named("stop")], "has 2 tasks 'stop'"),
        ([FOR([1], "n", named("stop"))], "has not entered"),
    ):
        with pytest.raises(DefinitionChanged, match=said):
            mapped(compiled(lambda after=after: after), text, {"halt": "stop"})


class Ask(Step):
    def execute(self, _input: Any = None, *args: Any, **kwargs: Any) -> Any:
        self.eng.halt()
        return "unseen"


class Question(Ask):
    pass


class Pick(Decision):
    def transition(self, _input: Any = None, *args: Any, **kwargs: Any) -> str:
        return "b"


def test_a_node_of_a_graph_is_mapped_with_what_it_was_given() -> None:
    def first(obj: Any, eng: Any) -> Any:
        return {"given": 1}

    def last(obj: Any, eng: Any) -> Any:
        obj.data = eng._frames[-1][1]["in"]

    world = asleep({START: [first], first: [Ask], Ask: [last]})
    after = {START: [first], first: [Question], Question: [last]}
    definition = compiled(lambda: after)
    assert meaning(definition, world.cursor).meaning == Meaning.ORPHANED
    world.cursor, _ = mapped(definition, world.cursor or "", {"Ask": "Question"})
    world.source = lambda: after
    assert world.process().data == {
        "first": [None],
        "Question": ["first", {"given": 1}],
        "last": ["Question", {"given": 1}],
    }


def test_an_edge_that_was_chosen_and_is_gone_is_told() -> None:
    world = World(lambda: {START: [Pick], Pick: [A, B]}, die_after=True)
    while "Pick" not in world.names:
        world.process()
    here = compiled(lambda: {START: [Pick], Pick: [A, B]})
    assert meaning(here, world.cursor).meaning == Meaning.SAME
    verdict = meaning(compiled(lambda: {START: [Pick], Pick: [A, C]}), world.cursor)
    assert verdict.meaning == Meaning.ORPHANED and "chose 'b'" in verdict.why


# --- proposals ------------------------------------------------------------------------


def proposed(after: Any, before: Any = None, passed: Any = ("a", "halt")) -> Any:
    text = asleep(before or [A, halt, B]).cursor or ""
    found = proposal(compiled(lambda: after), Orphan(text, "halt", passed))
    return found and (found.to, found.reasons)


def test_the_same_function_under_another_name_is_proposed() -> None:
    other = task("ask_somebody")(lambda obj, eng: None)
    other.__qualname__ = halt.__qualname__
    assert proposed([C, B, other]) == (
        "ask_somebody",
        ["it is the same function under another name"],
    )


def test_a_name_that_is_alike_at_the_same_place_is_proposed() -> None:
    said = proposed([A, named("halt_it"), B])
    assert said == (
        "halt_it",
        [
            "its name is like halt",
            "it comes after a, as halt did",
            "it stands where halt stood",
        ],
    )


def test_what_it_has_passed_or_cannot_stand_at_is_never_proposed() -> None:
    assert proposed([A, B]) is None
    known = ("halt_it", "a", "halt")
    assert proposed([A, named("halt_it"), B], passed=known) is None
    assert proposed([A, FOR([1], "n", named("halts")), B]) is None


def test_where_two_are_as_likely_none_is_proposed() -> None:
    assert proposed([C, [A, named("halt_1")], [A, named("halt_2")]]) is None
    assert proposed([C, [A, named("halt_1")], [B, named("halt_2")]]) is not None


def test_something_quite_different_is_not_proposed() -> None:
    assert proposed([C, named("publish"), D]) is None


# --- patterns, loops and branches -----------------------------------------------------


def failing(obj: Any, eng: Any) -> bool:
    raise ValueError("Nobody knows.")


def cursor_of(before: Any, *tasks: str) -> str:
    """Where an object stands that fails, or that died behind these tasks."""
    world = World(lambda: before, die_after=bool(tasks))
    world.process()
    while tasks and tuple(world.names) != tasks:
        world.process()
    return world.cursor or ""


def lost(after: Any, text: str) -> str:
    verdict = meaning(compiled(lambda: after), text)
    assert verdict.meaning == Meaning.ORPHANED
    return verdict.lost


def test_a_pattern_that_failed_is_mapped_to_the_one_of_the_same_condition() -> None:
    text = cursor_of([A, IF(failing, [B]), C])
    after = [A, IF(failing, [B, D]), IF(yes, [C])]
    assert lost(after, text) == "IF"
    definition = compiled(lambda: after)
    found = proposal(definition, Orphan(text, "IF", ("a",)))
    assert found is not None and found.to == "1"
    assert found.reasons == ["it has the same condition, with other tasks in it"]
    for word in ("1", "IF(failing)"):
        cursor, place = mapped(definition, text, {"IF": word})
        assert place.path == (1,)
        assert meaning(definition, cursor).meaning == Meaning.SAME
    for word, said in {"IF": "1, 2", "a": "another kind", "9": "no tasks '9'"}.items():
        with pytest.raises(DefinitionChanged, match=said):
            mapped(definition, text, {"IF": word})


def test_a_pattern_is_no_other_kind_of_pattern() -> None:
    text = cursor_of([A, IF(failing, [B]), C])
    with pytest.raises(DefinitionChanged, match="another kind"):
        mapped(compiled(lambda: [A, [B], C]), text, {"IF": "1"})


def test_a_loop_of_another_variable_is_mapped_by_a_person_alone() -> None:
    world = asleep([FOR([1, 2, 3], "n", [halt, B])], rounds=2)
    after = [FOR([1, 2, 3], "m", [halt, B])]
    text = world.cursor or ""
    assert lost(after, text) == "FOR"
    definition = compiled(lambda: after)
    assert proposal(definition, Orphan(text, "FOR", ("halt", "b"))) is None
    world.cursor, _ = mapped(definition, text, {"FOR": "0"})
    world.source = lambda: after
    assert world.until_done().data == ["halt", "b", "halt", "b", "halt", "b"]


def test_an_edge_that_was_chosen_is_mapped_to_the_one_of_another_name() -> None:
    text = cursor_of({START: [Pick], Pick: [A, B]}, "Pick")
    after = {START: [Pick], Pick: [A, C]}
    assert lost(after, text) == "b"
    definition = compiled(lambda: after)
    cursor, _ = mapped(definition, text, {"b": "c"})
    assert meaning(definition, cursor).meaning == Meaning.SAME
    with pytest.raises(DefinitionChanged, match="'Pick' was chosen, and Pick does not"):
        mapped(definition, text, {"b": "Pick"})


def first(obj: Any, eng: Any) -> Any:
    return {"given": 1}


def forked(split: str = "split", one: Any = A, asks: Any = halt, **more: Any) -> Any:
    """Two branches, of which one asks."""
    fork, meet = Fork(split), Join(name=more.get("meet", "meet"))
    return {
        START: [first],
        first: [fork],
        fork: [one, B],
        one: [asks],
        asks: [meet],
        B: [meet],
        meet: [D],
    }


def branches(graph: Any) -> tuple[str, str]:
    """Where the object is that waits for its branches, and the branch that asks."""
    result = run(graph, [])
    asks = next(each for each in result.branches if each.status == 2)
    return result.obj.cursor, asks.cursor


def named_as(name: str, done: Any) -> Any:
    @task(name)
    def other(obj: Any, eng: Any) -> Any:
        return done(obj, eng)

    return other


def test_a_fork_of_another_name_is_known_by_its_branches() -> None:
    waits, asks = branches(forked())
    after = forked("parts")
    definition = compiled(lambda: after)
    assert lost(after, waits) == lost(after, asks) == "split"
    found = proposal(definition, Orphan(asks, "split", ("a", "halt")))
    assert found == Proposal("parts", ["it leads to a, as split did"])
    found = proposal(definition, Orphan(waits, "split", ("first", "split")))
    assert found is not None and found.to == "parts"
    assert found.reasons[:2] == [
        "it is a Fork, as split was",
        "it comes after first, as split did",
    ]
    for text in (waits, asks):
        cursor, _ = mapped(definition, text, {"split": "parts"})
        assert meaning(definition, cursor).meaning == Meaning.SAME


def test_the_first_node_of_a_branch_may_be_called_otherwise() -> None:
    _, text = branches(forked(one=halt, asks=A))
    after = forked(one=named_as("halts", halt), asks=A)
    definition = compiled(lambda: after)
    found = proposal(definition, Orphan(text, "halt", ("halt",)))
    assert found is not None and found.to == "halts"
    assert "a branch begins with it, as with halt" in found.reasons
    cursor, place = mapped(definition, text, {"halt": "halts"})
    assert place.name == "halts" and '"name":"halts"' in cursor


@pytest.mark.parametrize(
    ("word", "said"),
    {
        "b": "a branch keeps to its own",
        "d": "a branch keeps to its own",
        "meet": "a branch keeps to its own",
        "split": "a branch keeps to its own",
    }.items(),
)
def test_a_branch_is_mapped_to_nothing_outside_of_it(word: str, said: str) -> None:
    _, text = branches(forked())
    definition = compiled(lambda: forked(asks=named("stop")))
    with pytest.raises(DefinitionChanged, match=said):
        mapped(definition, text, {"halt": word})


@pytest.mark.parametrize("word", ["first", "d", "meet"])
def test_who_waits_for_branches_is_mapped_to_no_other_kind_of_node(word: str) -> None:
    waits, _ = branches(forked())
    definition = compiled(lambda: forked("parts"))
    with pytest.raises(DefinitionChanged, match="another kind of node"):
        mapped(definition, waits, {"split": word})


def test_who_is_in_a_list_is_mapped_to_no_fork_and_no_join() -> None:
    world = asleep({START: [first], first: [halt]})
    definition = compiled(lambda: forked())
    for word in ("split", "meet"):
        with pytest.raises(DefinitionChanged, match="another kind of node"):
            mapped(definition, world.cursor or "", {"halt": word})


def test_a_branch_of_a_list_is_mapped_within_it() -> None:
    result = run([PARALLEL([A, halt], [B])], [])
    text = next(each for each in result.branches if each.status == 2).cursor
    after = compiled(lambda: [PARALLEL([A, named("stop")], [B, D])])
    assert mapped(after, text, {"halt": "stop"})[1].path == (0, 1, 1)
    for word in ("d", "0/0", "0/3"):
        with pytest.raises(DefinitionChanged):
            mapped(after, text, {"halt": word})
