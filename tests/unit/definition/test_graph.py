"""A graph is checked when it is registered; each error names the node."""

from __future__ import annotations

import re
from typing import Any

import pytest

from invenio_workflows import START, Decision, Step, WorkflowBase
from invenio_workflows.definition import compile_workflow, task
from invenio_workflows.errors import WorkflowDefinitionError
from invenio_workflows.patterns import GRAPH, IF, RUN_WF


class A(Step):
    def execute(self, _input: Any = None, *args: Any, **kwargs: Any) -> Any:
        return _input


class B(A):
    """Another one."""


class Choose(Decision):
    def transition(self, _input: Any = None, *args: Any, **kwargs: Any) -> int:
        return 0


class Empty(Step):
    """No execute."""


class Undecided(Decision):
    """No transition."""


class Wanting(A):
    def __init__(self, to: str) -> None:
        self.to = to


class Slow(Step):
    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Refused."""


class Plain:
    """No step."""


def check(obj: Any, eng: Any) -> None: ...


def other() -> Any:
    def check(obj: Any, eng: Any) -> None: ...

    return check


def refused(graph: Any) -> str:
    source = type("tested", (), {"graph": graph})
    with pytest.raises(WorkflowDefinitionError) as told:
        compile_workflow("tested", source)
    return str(told.value)


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        ({}, "START has 0 edges"),
        ({A: [B]}, "START has 0 edges"),
        ({START: []}, "START has 0 edges"),
        ({START: [A, B]}, "START has 2 edges"),
        ({START: [A], A: ["Nobody"]}, "A leads to 'Nobody'.*there are A"),
        ({START: ["Nobody"]}, "START leads to 'Nobody'"),
        ({START: [A], A: [START]}, "A leads to START"),
        ({START: [A], B: [A]}, "START to B"),
        ({START: [A], A: [B, check]}, "A has 2 edges, to B, check"),
        ({START: [check], check: [A, B]}, "check has 2 edges, to A, B"),
        ({START: [A], A: [Choose]}, "decision Choose has no edges"),
        ({START: [A], A: B}, "edges of A are a list"),
        ({START: [A], A: [check], check: [other()]}, "two nodes.*called check"),
        ({START: [Wanting("a")], "A": [B]}, "'A' is a name"),
        ({START: [Wanting]}, "Wanting is a class that needs arguments"),
        ({START: [Empty]}, "Empty has no execute"),
        ({START: [Undecided], Undecided: [A]}, "Undecided has no transition"),
        ({START: [Slow]}, "execute of the node Slow.*coroutine"),
        ({START: [Plain]}, "Plain.*is the class Plain"),
        ({START: [3]}, "the node 3.*cannot be called"),
        ({START: [A], (): [A]}, "empty tuple"),
    ],
    ids=lambda value: value if isinstance(value, str) else "graph",
)
def test_what_cannot_be_a_graph_is_refused(graph: Any, words: str) -> None:
    message = refused(graph)
    assert message.startswith("Workflow 'tested': ")
    assert re.search(words, message), message


def test_a_graph_and_a_list_in_one_class_are_refused() -> None:
    source = type("tested", (), {"graph": {START: [A]}, "workflow": [check]})
    with pytest.raises(WorkflowDefinitionError, match="a `graph` and a `workflow`"):
        compile_workflow("tested", source)


def test_neither_graph_nor_list_is_refused() -> None:
    with pytest.raises(WorkflowDefinitionError, match="no `workflow` and no `graph`"):
        compile_workflow("tested", Plain)


def names(source: Any) -> list[str]:
    return [leaf.name for leaf in compile_workflow("tested", source).leaves]


@pytest.mark.parametrize("word", ["graph", "DIGRAPH"])
def test_a_class_has_a_graph_by_either_word(word: str) -> None:
    source = type("tested", (WorkflowBase,), {word: {START: [A], A: [B]}})
    assert names(source) == ["A", "B"]


def test_a_step_may_be_in_several_graphs() -> None:
    one = compile_workflow("one", {START: [A], A: [B]})
    other = compile_workflow("other", {START: [B], B: [A]})
    assert [leaf.leads_to for leaf in one.leaves] == [("B",), ()]
    assert {leaf.name: leaf.leads_to for leaf in other.leaves} == {
        "A": (),
        "B": ("A",),
    }


def test_a_class_that_was_loaded_again_is_the_same_node() -> None:
    again = type("A", (Step,), {"execute": A.execute, "__module__": A.__module__})
    assert names({START: [A], again: [B]}) == ["A", "B"]


def test_an_edge_may_name_its_node() -> None:
    definition = compile_workflow("tested", {START: ["A"], A: ["B"], B: ["A"]})
    assert [leaf.leads_to for leaf in definition.leaves] == [("B",), ("A",)]


def test_a_task_says_of_itself_in_a_graph_what_it_says_in_a_list() -> None:
    @task("tidy", description="Tidy up")
    def clean(obj: Any, eng: Any) -> None:
        """Makes it clean."""

    [leaf] = compile_workflow("tested", {START: [clean]}).leaves
    assert (leaf.name, leaf.description, leaf.doc) == (
        "tidy",
        "Tidy up",
        "Makes it clean.",
    )
    [leaf] = compile_workflow("tested", {START: [B]}).leaves
    assert (leaf.name, leaf.description) == ("B", "Another one.")
    assert compile_workflow("tested", {START: [A]}).leaves[0].doc == ""


def test_graphs_stand_in_lists_and_lists_in_graphs() -> None:
    inner = RUN_WF([check, IF(lambda obj, eng: True, [other()])], comment="inner")
    with pytest.raises(
        WorkflowDefinitionError, match="item 0 is the step B.*in a list"
    ):
        GRAPH({START: [(B, check)]})
    graph = GRAPH({START: [A], A: ["inner"], inner: [(check, other())]})
    assert names([check, graph, task("last")(other())]) == [
        *["check", "A", "check", "check", "check", "check", "last"]
    ]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (A, r"the step A, which stands in a graph.*GRAPH\(\{START: \[A\]\}\)"),
        (A(), "the step A"),
        ({START: [A]}, r"a graph as a dictionary.*GRAPH\(\{START"),
    ],
)
def test_a_list_says_how_a_graph_or_a_step_stands_in_it(part: Any, words: str) -> None:
    with pytest.raises(WorkflowDefinitionError, match=f"item 1 is {words}"):
        names([check, part])


def test_an_edge_that_changes_changes_the_fingerprint() -> None:
    def fingerprint(graph: Any) -> str:
        return compile_workflow("tested", graph).fingerprint

    one = {START: [A], A: [Choose], Choose: [B, A]}
    other = {START: [A], A: [Choose], Choose: [A, B]}
    assert fingerprint(one) == fingerprint(dict(one)) != fingerprint(other)
