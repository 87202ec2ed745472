"""Fork and Join are checked when a graph is registered; each error names the node."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import BaseModel

from invenio_workflows import START, Decision, Fork, Join, Step, task
from invenio_workflows.cli.drawing import dot, outline, tree
from invenio_workflows.definition import compile_workflow
from invenio_workflows.definition.graph import GRAPH
from invenio_workflows.errors import WorkflowDefinitionError


class Node(Step):
    def execute(self, _input: Any) -> Any:
        return _input


def node(name: str) -> Any:
    return type(name, (Node,), {})


def decision(name: str) -> Any:
    return type(name, (Decision,), {"transition": lambda self, _input: 0})


A, B, C, D, E = map(node, "ABCDE")
Choose, Other = decision("Choose"), decision("Other")
F, J = Fork("F"), Join(name="J")
G, K = Fork("G"), Join(name="K")


class Busy(Fork):
    def execute(self, _input: Any) -> Any:
        """Refused."""


class Asking(Fork):
    class UserInputSchema(BaseModel):
        refused: int


async def later(obj: Any, branches: Any) -> None: ...


def with_join(join: Any) -> Any:
    return {START: [F], F: [A, B], A: [join], B: [join]}


WRONG: list[tuple[Any, str]] = [
    ({START: [F], F: [A], A: [J]}, "the Fork F needs at least two edges, .*and has 1"),
    ({START: [F]}, "F needs at least two edges, .*and has none"),
    ({START: [F], F: [A, A], A: [J]}, "F needs at least two edges"),
    ({START: [F], F: [A, B, A], A: [J], B: [J]}, "the Fork F leads to A twice"),
    ({START: [F], F: [A, J], A: [J]}, "the Fork F leads to the Join J at once"),
    ({START: [A], A: [J]}, "the Join J ends no Fork"),
    ({START: [F], F: [A, B], A: [J]}, "B, in the branch B of the Fork F, ends the"),
    (
        {START: [F], F: [A, B], A: [J], B: [K]},
        r"of the Fork F end at J \(from A\) and K \(from B\)",
    ),
    (
        {START: [F], F: [Choose, B], Choose: [J, K], B: [J]},
        r"of the Fork F end at J \(from Choose\) and K",
    ),
    (
        {START: [F], F: [A, B], A: [C], C: [A], B: [J]},
        "no way leads from A, in the branch A of the Fork F, to a Join",
    ),
    (
        {START: [F], F: [Choose, B], Choose: [J, C], C: [C], B: [J]},
        "no way leads from C, in the branch Choose of the Fork F",
    ),
    (
        {START: [F], F: [A, B], A: [C], B: [C], C: [J]},
        "C is in the branches A and B of the Fork F",
    ),
    (
        {START: [Choose], Choose: [F, A], F: [A, B], A: [J], B: [J]},
        "the edge from F to A would lead into or out of the branches of the Fork F",
    ),
    (
        {START: [Choose], Choose: [F, C], F: [A, B], A: [C], C: [J], B: [J]},
        "the edge from A to C would lead into or out",
    ),
    (
        {START: [C], C: [F], F: [Choose, B], Choose: [J, C], B: [J]},
        "the edge from Choose to C would lead into or out",
    ),
    (
        {START: [F], F: [Choose, B], Choose: [J, "F"], B: [J]},
        "the edge from Choose to F would",
    ),
    (
        {START: [F], F: [A, B], A: [J], B: [J], J: [A]},
        "the edge from J to A would lead into or out",
    ),
    (
        {START: [Choose], Choose: [F, J], F: [A, B], A: [J], B: [J]},
        "the Join J, to which . leads in the branch . of the Fork F, is reached past",
    ),
    (
        {START: [F], F: [A, B], A: [J], B: [J], J: [C], C: ["J"]},
        "the edge from C to J would lead into or out",
    ),
    (
        {START: [F], F: [G, E], G: [A, B], A: [J], B: [J], E: [J]},
        "the Join J, to which . leads in the branch . of the Fork G, is reached past",
    ),
    (
        {START: [F], F: [G, E], G: [A, B], A: [K], B: [J], E: [J], K: [J]},
        "the Join J, to which B leads in the branch B of the Fork G, is reached past",
    ),
    (
        {START: [Asking], Asking: [A, B], A: [J], B: [J]},
        "the Fork Asking has a UserInputSchema",
    ),
    ({START: [Busy], Busy: [A, B], A: [J], B: [J]}, "the Fork Busy has an execute"),
    (with_join(Join(3)), "join of the Join Join is 'all', 'any' or a number.*to 2"),
    (with_join(Join("some", name="S")), "join of the Join S is .*not 'some'"),
    (with_join(Join(True)), "not True"),
    (with_join(Join(merge=later)), "merge of the Join Join is the coroutine"),
    (
        {START: [F], F: [A, B], A: [Join()], B: [Join()]},
        "two nodes of the graph are called Join",
    ),
    (
        {START: [F], F: [A, B], A: [J], B: [J], J: [C, D]},
        "J has 2 edges, to C, D, and is not a Decision",
    ),
]


@pytest.mark.parametrize(("graph", "words"), WRONG, ids=lambda x: str(x)[:40])
def test_branches_that_are_none_are_refused(graph: Any, words: str) -> None:
    with pytest.raises(WorkflowDefinitionError) as told:
        compile_workflow("tested", graph)
    assert re.search(words, str(told.value)), told.value


RIGHT: dict[str, Any] = {
    "plain": {START: [A], A: [F], F: [B, C], B: [J], C: [J], J: [D]},
    "at both ends": {START: [F], F: [A, B], A: [J], B: [J]},
    "a cycle inside": {
        **{START: [F], F: [A, B], A: [Choose], Choose: [A, J], B: [J]},
        J: [C],
    },
    "a merge inside": {
        **{START: [F], F: [Choose, B], Choose: [C, D], C: [E], D: [E], E: [J]},
        B: [J],
    },
    "a cycle around": {
        **{START: [A], A: [F], F: [B, C], B: [J], C: [J], J: [Choose]},
        Choose: [A, D],
    },
    "round and round": {START: [F], F: [A, B], A: [J], B: [J], J: [F]},
    "nested": {
        **{START: [F], F: [G, E], G: [A, B], A: [K], B: [K], K: [J], E: [J]},
        J: [C],
    },
    "nested in a cycle": {
        **{START: [F], F: [G, E], G: [A, B], A: [K], B: [K], K: [Choose], E: [J]},
        Choose: ["G", J],
    },
    "one behind the other": {
        **{START: [F], F: [A, B], A: [J], B: [J], J: [G], G: [C, D], C: [K]},
        D: [K],
    },
    "one or the other": {
        **{START: [Choose], Choose: [F, G], F: [A, B], A: [J], B: [J], J: [E]},
        **{G: [C, D], C: [K], D: [K], K: [E]},
    },
    "classes": {START: [Fork], Fork: [A, B], A: [Join], B: [Join], Join: [C]},
}


@pytest.mark.parametrize("graph", RIGHT.values(), ids=RIGHT)
def test_branches_that_are_some_are_taken(graph: Any) -> None:
    definition = compile_workflow("tested", graph)
    nodes = [node for node in graph if node is not START]
    assert len(definition.leaves) >= len(nodes)
    names = [leaf.name for leaf in definition.leaves]
    assert len(set(names)) == len(names), "each stands in one place"


def test_a_class_of_its_own_says_how_it_joins() -> None:
    @task("meet")
    class Any_(Join):
        """When the first is done."""

        join = "any"

    definition = compile_workflow("w", with_join(Any_))
    [leaf] = [leaf for leaf in definition.leaves if leaf.name == "meet"]
    assert leaf.call.needs == 1  # type: ignore[attr-defined]
    assert leaf.description == "When the first is done."


def test_the_order_of_branches_and_their_places_change_the_fingerprint() -> None:
    def fingerprint(graph: Any) -> str:
        return compile_workflow("w", graph).fingerprint

    one = {START: [F], F: [A, B], A: [J], B: [J]}
    other = {START: [F], F: [B, A], A: [J], B: [J]}
    assert fingerprint(one) == fingerprint(dict(one)) != fingerprint(other)


def test_a_terminal_draws_what_lies_between_fork_and_join() -> None:
    definition = compile_workflow("w", RIGHT["nested in a cycle"])
    assert list(tree(definition)) == [
        "└─ GRAPH, begins with F",
        "   ├─ F                  → G & E",
        "   ├─ branch G of F",
        "   │  ├─ G               → A & B",
        "   │  ├─ branch A of G",
        "   │  │  └─ A            → K",
        "   │  ├─ branch B of G",
        "   │  │  └─ B            → K",
        "   │  ├─ K               join all  → Choose",
        "   │  └─ Choose          → G | J",
        "   ├─ branch E of F",
        "   │  └─ E               → J",
        "   └─ J                  join all  → the end",
    ]
    drawn = [line.strip() for line in dot(definition)]
    assert 't0_0 [label="F", shape=trapezium];' in drawn
    assert 't0_3 [label="J", shape=invtrapezium];' in drawn
    labels = dict(re.findall(r'^(t\w+) \[label="(\w)', "\n".join(drawn), re.M))
    edges = [re.match(r"(\w+) -> (\w+)", line) for line in drawn]
    lines = [
        (labels.get(e[1], e[1]), labels.get(e[2], e[2])) for e in edges if e is not None
    ]
    assert lines == [
        *[("start", "F"), ("F", "G"), ("F", "E"), ("G", "A"), ("G", "B"), ("A", "K")],
        *[("B", "K"), ("K", "C"), ("C", "G"), ("C", "J"), ("E", "J"), ("J", "end")],
    ]


def test_json_has_the_branches() -> None:
    [graph] = outline(compile_workflow("w", RIGHT["plain"]))["workflow"]
    listed = graph["branches"][0]["workflow"]
    assert [each.get("task", each.get("label")) for each in listed] == [
        *["A", "F", "branch B of F", "branch C of F", "J", "D"]
    ]
    assert listed[1]["leads_to"] == ["B", "C"]
    assert listed[2]["branches"][0]["workflow"][0]["leads_to"] == ["J"]


def test_a_graph_yields_the_nodes_in_its_branches_too() -> None:
    graph = GRAPH(RIGHT["nested"])
    assert [name for name, _ in graph.nodes()] == [*"FGABKEJC"]
