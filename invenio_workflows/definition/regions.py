"""What lies between a Fork and its Join: branches that no edge enters or leaves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ..errors import WorkflowDefinitionError

Edges: TypeAlias = "dict[str, tuple[str, ...]]"


@dataclass(slots=True)
class Region:
    """A Fork's branches, by their first nodes: the nodes in each, and where they meet.

    The nodes of Forks inside a branch are among them.
    """

    join: str
    branches: dict[str, set[str]]

    @property
    def nodes(self) -> set[str]:
        """All nodes in it; Fork and Join are none of them."""
        return set().union(*self.branches.values())


def regions(
    first: str, edges: Edges, forks: Collection[str], joins: Collection[str]
) -> dict[str, Region]:
    """Return what each Fork of a graph leads to.

    :param edges: those of every node, all of which are reached.
    :raises WorkflowDefinitionError: naming the node that belongs to no branch alone.
    """
    search = _Search(first, edges, forks, joins)
    found = {fork: search.region(fork) for fork in forks}
    ended = {region.join for region in found.values()}
    for join in joins:
        if join not in ended:
            raise WorkflowDefinitionError(
                f"the Join {join} ends no Fork; put a Fork before the branches that "
                "meet there, or make it a Step."
            )
    return found


class _Search:
    """Looks for the regions of one graph."""

    def __init__(
        self,
        first: str,
        edges: Edges,
        forks: Collection[str],
        joins: Collection[str],
    ) -> None:
        self.first, self.edges, self.forks, self.joins = first, edges, forks, joins
        self._found: dict[str, Region] = {}

    def region(self, fork: str) -> Region:
        """Return the region of a Fork."""
        if fork in self._found:
            return self._found[fork]
        self._check_edges(fork)
        ends: dict[str, str] = {}
        outside = _reached({self.first}, self._without(fork))
        branches = {
            begin: self._branch(fork, begin, outside, ends)
            for begin in self.edges[fork]
        }
        if len(ends) > 1:
            places = " and ".join(f"{join} (from {ends[join]})" for join in ends)
            raise WorkflowDefinitionError(
                f"the branches of the Fork {fork} end at {places}; each must lead to "
                "the same Join."
            )
        region = self._found[fork] = Region(next(iter(ends)), branches)
        self._check_alone(fork, region)
        return region

    def _check_edges(self, fork: str) -> None:
        edges = self.edges[fork]
        if len(set(edges)) < 2:
            raise WorkflowDefinitionError(
                f"the Fork {fork} needs at least two edges, one to the first node of "
                f"each branch, and has {len(set(edges)) or 'none'}."
            )
        for edge in edges:
            if edges.count(edge) > 1:
                raise WorkflowDefinitionError(
                    f"the Fork {fork} leads to {edge} twice; give each branch nodes "
                    "of its own."
                )
            if edge in self.joins:
                raise WorkflowDefinitionError(
                    f"the Fork {fork} leads to the Join {edge} at once; a branch "
                    "needs a node."
                )

    def _branch(
        self, fork: str, begin: str, outside: set[str], ends: dict[str, str]
    ) -> set[str]:
        """Return the nodes of a branch, and note at which Joins it ends.

        :param outside: the nodes that are reached without the Fork.
        """
        found, left, out = {begin}, [begin], set()
        where = f"in the branch {begin} of the Fork {fork}"
        if begin in outside:
            raise _crosses(fork, begin, fork)
        while left:
            node = left.pop()
            following = self.edges[node]
            if node in self.forks:
                inner = self.region(node)
                found |= inner.nodes | {inner.join}
                following = self.edges[inner.join]
                node = inner.join
            if not following:
                raise WorkflowDefinitionError(
                    f"{node}, {where}, ends the graph; it must lead to the Join."
                )
            for edge in following:
                if edge in outside and edge in self.joins:
                    raise WorkflowDefinitionError(
                        f"the Join {edge}, to which {node} leads {where}, is reached "
                        "past that Fork too; each Fork has a Join of its own, to which "
                        "only its branches lead."
                    )
                if edge in outside:
                    raise _crosses(node, edge, fork)
                if edge in self.joins:
                    ends.setdefault(edge, node)
                    out.add(node)
                elif edge not in found:
                    found.add(edge)
                    left.append(edge)
        self._check_out(found, out, where)
        return found

    def _check_out(self, nodes: set[str], out: set[str], where: str) -> None:
        """Raise if from a node of a branch no way leads to its Join."""
        back: dict[str, set[str]] = {}
        for node in nodes:
            for edge in self.edges[node]:
                back.setdefault(edge, set()).add(node)
        reaching = _reached(out, back)
        for node in self.edges:
            if node in nodes - reaching:
                raise WorkflowDefinitionError(
                    f"no way leads from {node}, {where}, to a Join; each branch must "
                    "reach one."
                )

    def _check_alone(self, fork: str, region: Region) -> None:
        """Raise if an edge leads from one branch to another, or in, or out."""
        branches = list(region.branches.items())
        for at, (begin, nodes) in enumerate(branches):
            for other, theirs in branches[:at]:
                for node in self.edges:
                    if node in nodes & theirs:
                        raise WorkflowDefinitionError(
                            f"{node} is in the branches {other} and {begin} of the "
                            f"Fork {fork}; branches meet at their Join only."
                        )
        inside = region.nodes
        for node, following in self._without(fork).items():
            for edge in following:
                if node not in inside and (edge in inside or edge == region.join):
                    raise _crosses(node, edge, fork)

    def _without(self, fork: str) -> Edges:
        return {name: self.edges[name] for name in self.edges if name != fork}


def _crosses(node: str, edge: str, fork: str) -> WorkflowDefinitionError:
    return WorkflowDefinitionError(
        f"the edge from {node} to {edge} would lead into or out of the branches of the "
        f"Fork {fork}, where {edge} is reached past the Fork too; only Fork and Join "
        "lead in and out."
    )


def _reached(begin: set[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    found, left = set(begin), list(begin)
    while left:
        fresh = set(edges.get(left.pop(), ())) - found
        found |= fresh
        left += fresh
    return found
