"""Graphs with forks, cycles and halts out of plain data, and what they must come to.

A body is a list of parts: ``("step", kind)``, ``("loop", rounds, body)``, whose last
node leads back; ``("choose", body, body)`` and ``("fork", [body, …])``. What a body
comes to is told a second time by plain Python, without graph, cursor or branch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from zlib import crc32

from unit.engine.workers import Workers

from invenio_workflows.definition.forks import Fork, Join
from invenio_workflows.definition.graph import GRAPH
from invenio_workflows.definition.patterns import RUN_WF
from invenio_workflows.definition.steps import START, Decision, Step
from invenio_workflows.encoding import dumps
from invenio_workflows.states import ObjectStatus
from invenio_workflows.testing import Result, run

#: What a step does: return something, or nothing; be a function, a list; halt before
#: or in a decision.
KINDS = ["hash", "none", "function", "list", "halt", "ask"]


def weight(value: Any, name: str, times: int) -> int:
    return crc32(f"{dumps(value, 'value')} {name} {times}".encode()) % 1000


def seen(data: dict[str, Any], name: str) -> int:
    """Count a node in a key of its own."""
    data[name] = data.get(name, 0) + 1
    return int(data[name])


# --- as a graph -----------------------------------------------------------------------


class Made:
    """A graph in the making: each part is given the node that follows it."""

    def __init__(self, body: Any, turn: int = 0) -> None:
        self.numbers = count()
        self.graph: dict[Any, Any] = {}
        end = self.add(node("end", "hash"), [])
        first = self.body(body, end)
        nodes = [*self.graph.items()]
        turn %= len(nodes)
        self.made = {START: [first], **dict([*nodes[turn:], *nodes[:turn]])}

    def add(self, part: Any, edges: list[str]) -> str:
        self.graph[part] = edges
        return str(getattr(part, "comment", None) or name_of(part))

    def body(self, parts: Any, following: str) -> str:
        """Return the first node of a body; its nodes are numbered in their order."""
        numbered = [(part, next(self.numbers)) for part in parts]
        for part, number in reversed(numbered):
            following = getattr(self, part[0])(f"n{number}", following, *part[1:])
        return following

    def step(self, name: str, following: str, kind: str) -> str:
        return self.add(node(name, kind), [following])

    def loop(self, name: str, following: str, rounds: int, body: Any) -> str:
        first = self.body(body, name)
        self.add(node(name, "round", rounds), [first, following])
        return first

    def choose(self, name: str, following: str, *bodies: Any) -> str:
        edges = [self.body(each, following) for each in bodies]
        return self.add(node(name, "choose"), edges)

    def fork(self, name: str, following: str, bodies: Any) -> str:
        join = self.add(Join(name=f"{name} join"), [following])
        edges = [self.body(each, join) for each in bodies]
        return self.add(Fork(name), edges)


def name_of(part: Any) -> str:
    return str(getattr(part, "task_name", None) or part.__name__)


def node(name: str, kind: str, rounds: int = 0) -> Any:
    """Return a node; each counts itself in a key of its own."""

    def execute(self: Any, _input: Any) -> Any:
        times = seen(self.obj.data, name)
        if kind in ("halt", "ask"):
            self.eng.halt(name)
        return None if kind == "none" else {"w": weight(_input, name, times)}

    def transition(self: Any, _input: Any) -> Any:
        if kind == "round":
            return 0 if self.obj.data[name] % rounds else 1
        return self.obj.data[name] % 2

    def function(obj: Any, eng: Any) -> Any:
        return [seen(obj.data, name)]

    if kind == "function":
        function.__name__ = name
        return function
    if kind == "list":
        function.__name__ = f"in {name}"
        return RUN_WF([function], comment=name)
    if kind in ("round", "choose"):
        methods = {"execute": execute, "transition": transition}
        return type(name, (Decision,), methods)
    return type(name, (Step,), {"execute": execute})


# --- as plain Python ------------------------------------------------------------------


class Told:
    """What a body comes to."""

    def __init__(self, body: Any) -> None:
        self.numbers = count()
        self.data: dict[str, Any] = {}
        #: What each node returned last.
        self.returned: dict[str, Any] = {"begin": {"begins": True}}
        #: How many branches are made.
        self.branches = 0
        plan = self.plan(body)
        given = self.walk(plan, self.data, {"begins": True})
        self.leave("end", "hash", self.data, given)
        seen(self.data, "after")

    def plan(self, parts: Any) -> Any:
        """Number the parts as the graph does."""
        numbered = [(part, f"n{next(self.numbers)}") for part in parts]
        planned: list[Any] = []
        for (kind, *rest), name in reversed(numbered):
            if kind == "loop":
                rest = [rest[0], self.plan(rest[1])]
            elif kind == "choose":
                rest = [[self.plan(each) for each in rest]]
            elif kind == "fork":
                rest = [[self.plan(each) for each in rest[0]]]
            planned.insert(0, (kind, name, *rest))
        return planned

    def walk(self, plan: Any, data: dict[str, Any], given: Any) -> Any:
        for kind, name, *rest in plan:
            given = getattr(self, f"walk_{kind}")(name, data, given, *rest)
        return given

    def walk_step(self, name: str, data: Any, given: Any, kind: str) -> Any:
        return self.leave(name, kind, data, given)

    def walk_loop(
        self, name: str, data: Any, given: Any, rounds: int, plan: Any
    ) -> Any:
        while True:
            given = self.walk(plan, data, given)
            given = self.leave(name, "round", data, given)
            if data[name] % rounds == 0:
                return given

    def walk_choose(self, name: str, data: Any, given: Any, plans: Any) -> Any:
        given = self.leave(name, "choose", data, given)
        return self.walk(plans[data[name] % 2], data, given)

    def walk_fork(self, name: str, data: Any, given: Any, plans: Any) -> Any:
        before, joined = copy.deepcopy(data), {}
        self.branches += len(plans)
        for plan in plans:
            mine = copy.deepcopy(before)
            joined[first_of(plan)] = self.walk(plan, mine, copy.deepcopy(given))
            data.update({k: mine[k] for k in mine if mine[k] != before.get(k)})
        return joined

    def leave(self, name: str, kind: str, data: Any, given: Any) -> Any:
        times = seen(data, name)
        if kind in ("halt", "ask", "list"):
            return given
        if kind == "none":
            return None
        made = [times] if kind == "function" else {"w": weight(given, name, times)}
        self.returned[name] = made
        return made


def first_of(plan: Any) -> str:
    kind, name, *rest = plan[0]
    return first_of(rest[1]) if kind == "loop" else str(name)


# --- compared -------------------------------------------------------------------------


def tasks_of(body: Any, turn: int = 0) -> list[Any]:
    def begin(obj: Any, eng: Any) -> Any:
        return {"begins": True}

    made = Made(body, turn).made
    first = made.pop(START)

    def after(obj: Any, eng: Any) -> None:
        seen(obj.data, "after")

    return [GRAPH({START: [begin], begin: first, **made}), after]


def turned(body: Any) -> Callable[[], list[Any]]:
    """Return what makes the tasks, with the nodes in another order each time."""
    turns = count()
    return lambda: tasks_of(body, next(turns))


def final(result: Result) -> tuple[Any, ...]:
    """Return the data, what the nodes returned, and how many branches there are."""
    results = result.obj.get_tasks_results()
    assert all(len(each) == 1 for each in results.values())
    returned = {name: each[0]["result"] for name, each in results.items()}
    return ordered(result.obj.data), ordered(returned), len(result.branches)


def told(body: Any) -> tuple[Any, ...]:
    model = Told(body)
    return ordered(model.data), ordered(model.returned), model.branches


def ordered(data: Any) -> tuple[Any, ...]:
    return tuple(sorted(data.items()))


def check(body: Any, choose: Callable[[list[Any]], Any]) -> Result:
    """Assert that a graph comes to what plain Python says, wherever it is put down."""
    expected = told(body)
    whole = run(tasks_of(body), {})
    while halted := [o for o in everybody(whole) if o.status == ObjectStatus.HALTED]:
        whole.go_on(obj=choose(halted))
    assert final(whole) == expected, body
    ways, made = [whole], tasks_of(body)
    # Each with the nodes in another order; then all with the same nodes, which are to
    # remember nothing.
    for make in (turned(body), lambda: made):
        workers = Workers(make)
        workers.go(choose)
        assert final(workers.result) == expected, body
        ways.append(workers.result)
    for result in ways:
        ended = {obj.status for obj in everybody(result)}
        assert ended == {ObjectStatus.COMPLETED}, body
    return whole


def everybody(result: Result) -> Iterator[Any]:
    yield from (*result.objects, *result.branches)


#: Bodies in which each fault of ``test_random_forks`` shows.
CORPUS: dict[str, Any] = {
    "fork": [("step", "hash"), ("fork", [[("step", "hash")], [("step", "halt")]])],
    "nested": [
        ("fork", [[("fork", [[("step", "hash")], [("step", "none")]])]] * 2),
        ("step", "hash"),
    ],
    "begins with a list": [
        ("step", "hash"),
        ("fork", [[("step", "list"), ("step", "hash")]] * 2),
    ],
    "cycles": [
        (
            "loop",
            2,
            [
                (
                    "fork",
                    [
                        [("loop", 3, [("step", "halt"), ("step", "hash")])],
                        [("step", "list"), ("step", "function")],
                        [("choose", [("step", "hash")], [("step", "ask")])],
                    ],
                ),
                ("step", "hash"),
            ],
        ),
        ("fork", [[("step", "list")], [("step", "halt")]]),
    ],
}
