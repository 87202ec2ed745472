"""Which graphs have branches that no edge enters or leaves: told in two ways."""

from __future__ import annotations

from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st
from properties import examples

from invenio_workflows.definition.regions import _reached, regions
from invenio_workflows.errors import WorkflowDefinitionError

FORKS, JOINS = {"F", "G", "H"}, {"J", "K", "L"}
Graph = dict[str, tuple[str, ...]]


def stacks(first: str, edges: Graph) -> dict[str, Any] | None:
    """Return in which branches each node stands; ``None`` if that is not one answer.

    Every way is walked with the stack of branches that are open on it: a Fork opens
    one, a Join closes it.
    """
    stands: dict[str, Any] = {}
    closes: dict[str, str] = {}
    opens: dict[str, str] = {}
    left: list[tuple[str, Any]] = [(first, ())]
    while left:
        node, stack = left.pop()
        if node in JOINS:
            if not stack:
                return None
            fork = stack[-1][0]
            if closes.setdefault(fork, node) != node or opens.get(node, fork) != fork:
                return None
            opens[node], stack = fork, stack[:-1]
        if node in stands:
            if stands[node] != stack:
                return None
            continue
        stands[node] = stack
        following = edges[node]
        if node in FORKS:
            alone = len(set(following)) == len(following) > 1
            if not alone or set(following) & JOINS:
                return None
            left += [(each, (*stack, (node, each))) for each in following]
        elif stack and not following:
            return None
        else:
            left += [(each, stack) for each in following]
    for node, stack in stands.items():
        if stack and closes.get(stack[-1][0]) not in _reached({node}, edges):
            return None
    return stands


def compared(edges: Graph) -> dict[str, Any] | None:
    """Assert that both say the same; return what they say."""
    reached = _reached({"a"}, edges)
    edges = {node: edges[node] for node in edges if node in reached}
    forks, joins = [[*filter(kind.__contains__, edges)] for kind in (FORKS, JOINS)]
    stands = stacks("a", edges)
    try:
        found = regions("a", edges, forks, joins)
    except WorkflowDefinitionError as error:
        assert stands is None, (edges, error.message)
        assert any(node in error.message for node in edges)
        return None
    assert stands is not None, edges
    for fork, region in found.items():
        for begin, nodes in region.branches.items():
            assert nodes == {
                node for node, stack in stands.items() if (fork, begin) in stack
            }
    return stands


nodes = st.sampled_from([*"abcdefFGJK"])


@given(st.dictionaries(nodes, st.lists(nodes, max_size=3), min_size=4))
@examples(300)
def test_what_is_refused_of_any_graph(drawn: dict[str, list[str]]) -> None:
    edges = {node: tuple(drawn.get(node, ())) for node in "abcdefFGJK"}
    event("sound" if compared(edges) else "refused")


#: Graphs that are sound; one or two edges are then changed.
SOUND: list[Graph] = [
    {
        **{"a": ("F",), "F": ("b", "c"), "b": ("d",), "d": ("b", "J"), "c": ("J",)},
        **{"J": ("e",), "e": ("a", "f"), "f": ()},
    },
    {
        **{"a": ("F",), "F": ("G", "c"), "G": ("b", "d"), "b": ("K",), "d": ("K",)},
        **{"K": ("e",), "e": ("G", "J"), "c": ("f",), "f": ("c", "J"), "J": ()},
    },
    {
        **{"a": ("F", "G"), "F": ("b", "c"), "b": ("J",), "c": ("J",), "J": ("f",)},
        **{"G": ("d", "e"), "d": ("K",), "e": ("K",), "K": ("f",), "f": ()},
    },
    {
        **{"a": ("F",), "F": ("G", "H"), "G": ("b", "c"), "b": ("K",), "c": ("K",)},
        **{"K": ("J",), "H": ("d", "e"), "d": ("L",), "e": ("e", "L"), "L": ("J",)},
        **{"J": ("F", "f"), "f": ()},
    },
]


@given(st.sampled_from(SOUND), st.data())
@examples(400)
def test_what_is_refused_of_a_graph_with_an_edge_changed(
    graph: Graph, data: st.DataObject
) -> None:
    edges = dict(graph)
    for _ in range(data.draw(st.integers(1, 2))):
        node = data.draw(st.sampled_from([*edges]))
        following = [*edges[node]]
        at = data.draw(st.integers(0, len(following)))
        other = data.draw(st.sampled_from([*edges, ""]))
        following[at : at + data.draw(st.integers(0, 1))] = [other] if other else []
        edges[node] = tuple(following)
    event("sound" if compared(edges) else "refused")


def test_they_are_sound_as_they_are() -> None:
    for graph in SOUND:
        assert compared(graph)
