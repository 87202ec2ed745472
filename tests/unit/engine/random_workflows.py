"""Workflows out of plain data, and the check that one may be put down anywhere."""

from __future__ import annotations

from itertools import count
from typing import Any

from pydantic import BaseModel
from unit.engine.world import World, in_turns

from invenio_workflows.definition.graph import GRAPH
from invenio_workflows.definition.loops import FOR, FOREACH, SIMPLE_FOR, WHILE
from invenio_workflows.definition.patterns import (
    CHOICE,
    IF,
    IF_ELSE,
    IF_NOT,
    RUN_WF,
    SIMPLE_MERGE,
    TRY,
)
from invenio_workflows.definition.steps import START as BEGIN
from invenio_workflows.definition.steps import Decision, Step

START = {"n": 1, "seen": [], "deep": {"l": [0]}}


def workflow_of(spec: list[Any]) -> Any:
    """Return what makes the class that a list of parts describes."""

    def source() -> Any:
        tasks = [_part(part) for part in spec]
        space = {"workflow": tasks, "max_rounds": 3, "max_restarts": 2}
        return type("tested", (), space)()

    return lambda: source()


def check(spec: list[Any]) -> World:
    """Assert that it makes no difference where the object is put down."""
    source = workflow_of(spec)
    whole = World(source, START).until_done()
    for way in ({"die_after": True}, {"die_inside": True}):
        broken = broken_up(whole, source, **way)
        count = min(len(whole.trace), len(broken.trace))
        if whole.status in ("Finished", "Aborted"):
            assert len(broken.trace) == len(whole.trace), (spec, way)
        assert broken.trace[:count] == whole.trace[:count], (spec, way)
        assert count >= min(len(whole.trace), 20), (spec, way)
        got = broken.data.get("got", []) if isinstance(broken.data, dict) else []
        assert got == sorted(set(got)), "an answer reaches one task, once"
    return whole


def broken_up(whole: World, source: Any, **way: Any) -> World:
    """Run it in pieces, until more has happened than in the whole one.

    Many graphs never end.
    """
    world = World(in_turns(source), START, max_steps=500, **way)
    return world.until_done(most=len(whole.trace) + 1)


def _part(spec: Any) -> Any:
    kind, *rest = spec
    return globals()[f"_{kind}"](*rest)


def _parts(specs: list[Any]) -> list[Any]:
    return [_part(spec) for spec in specs]


def _work(obj: Any, eng: Any, number: int) -> None:
    """Change everything that a task can change, in place where possible."""
    shown = {key: eng.extra_data.get(key) for key in ("i", "j", "_Iterators")}
    weight = sum(map(ord, repr(sorted(shown.items()))))
    if not isinstance(obj.data, dict):
        obj.data = {"n": 0, "seen": [], "deep": {"l": [0]}}
    obj.data["n"] = (obj.data["n"] * 3 + number + weight) % 97
    obj.data["seen"] = [*obj.data["seen"], number][-4:]
    obj.data["deep"]["l"][0] += 1
    for key in ("i", "j"):
        if isinstance(eng.extra_data.get(key), dict):
            eng.extra_data[key]["n"] += 1
    obj.extra_data[f"t{number}"] = weight
    eng.add("count", number)
    eng.extra_data.setdefault("shared", {"l": []})["l"] = obj.data["seen"][:]
    obj.pulse()


def _named(call: Any, name: str) -> Any:
    call.__name__ = name
    return call


def _task(number: int) -> Any:
    return _named(lambda obj, eng: _work(obj, eng, number), f"t{number}")


def _flaky(number: int, times: int) -> Any:
    """A task that fails while fewer than ``times`` retries are remembered."""

    def flaky(obj: Any, eng: Any) -> None:
        _work(obj, eng, number)
        if obj.world.kept["retried"] % 4 < times:
            raise ValueError(f"flaky {number}")

    return _named(flaky, f"f{number}")


class Number(BaseModel):
    number: int


def _question(number: int, times: int) -> Any:
    """A task that asks so many times, and notes what it got."""

    def question(obj: Any, eng: Any) -> None:
        _work(obj, eng, number)
        got = [eng.ask(Number, f"{number}.{at}").number for at in range(times)]
        obj.pulse()
        _note(obj, *got)

    return _named(question, f"q{number}")


def _note(obj: Any, *got: int) -> None:
    if isinstance(obj.data, dict):
        obj.data["got"] = [*obj.data.get("got", []), *got]


def _control(name: str, number: int, *arguments: Any) -> Any:
    def control(obj: Any, eng: Any) -> None:
        _work(obj, eng, number)
        getattr(eng, name)(*arguments)

    return _named(control, f"{name}{number}")


def _condition(modulus: int, name: str = "condition") -> Any:
    def condition(obj: Any, eng: Any) -> Any:
        obj.pulse()
        n = obj.data["n"] if isinstance(obj.data, dict) else 0
        if modulus == 5 and n % 7 == 0:
            raise ValueError("condition")
        return n % modulus

    return _named(condition, name)


def _items(count: int) -> Any:
    def items(obj: Any, eng: Any) -> Any:
        obj.pulse()
        n = obj.data["n"] if isinstance(obj.data, dict) else 0
        return [{"n": n + at, "seen": [], "deep": {"l": [at]}} for at in range(count)]

    return items


def _list(parts: Any) -> Any:
    return _parts(parts)


def _if(modulus: int, parts: Any) -> Any:
    return IF(_condition(modulus), _parts(parts))


def _if_not(modulus: int, parts: Any) -> Any:
    return IF_NOT(_condition(modulus), _parts(parts))


def _if_else(modulus: int, parts: Any, others: Any) -> Any:
    return IF_ELSE(_condition(modulus), _parts(parts), _parts(others))


def _choice(first: Any, second: Any) -> Any:
    return CHOICE(_condition(3), (0, *_parts(first)), (1, *_parts(second)))


def _while(modulus: int, parts: Any) -> Any:
    return WHILE(_condition(modulus), _parts(parts))


def _for(count: int, name: str, order: str, parts: Any) -> Any:
    return FOR(_items(count), name, _parts(parts), order=order)


def _for_static(count: int, name: str, parts: Any) -> Any:
    return FOR([{"n": at} for at in range(count)], name, _parts(parts))


def _for_set(count: int, parts: Any) -> Any:
    def setter(obj: Any, eng: Any, item: Any) -> None:
        obj.extra_data["item"] = item
        obj.pulse()

    return FOR(_items(count), setter, _parts(parts))


def _foreach(count: int, parts: Any) -> Any:
    return FOREACH(_items(count), "saved", _parts(parts), "ASC")


def _simple_for(end: int, parts: Any) -> Any:
    return SIMPLE_FOR(0, end, 1, "v", _parts(parts))


def _try(retry: int, parts: Any, after: Any) -> Any:
    otherwise = _parts(after) if after else Exception
    return TRY(_parts(parts), retry=retry, onfailure=otherwise)


def _merge(first: Any, second: Any, last: Any) -> Any:
    return SIMPLE_MERGE(_parts(first), _parts(second), _parts(last))


def _run_wf(parts: Any) -> Any:
    return RUN_WF(_parts(parts))


def turned(nodes: Any) -> Any:
    """Return what makes a class with a graph, in another order each time."""
    turns = count()

    def source() -> Any:
        tasks = [_task(1), _graph(nodes, next(turns)), _task(2)]
        return type("tested", (), {"workflow": tasks, "max_restarts": 2})()

    return lambda: source()


def _graph(nodes: Any, turn: int = 0) -> Any:
    """Return a graph of nodes ``(kind, edges, part)``; an edge is a number."""
    left, reached = [0], {}
    while left:
        at = left.pop()
        kind, edges, part = nodes[at]
        edges = [edge % len(nodes) for edge in edges]
        if kind in _DECIDING:
            edges = edges or [at]
        else:
            edges = edges[:1]
        reached[at] = _node(kind, at, part), [f"n{edge}" for edge in edges]
        left += {edge for edge in edges if edge not in reached} - set(left)
    turn %= len(reached)
    listed = [*reached.values()]
    return GRAPH({BEGIN: ["n0"], **dict([*listed[turn:], *listed[:turn]])})


_DECIDING = ("choose", "think", "ask", "doubt", "wonder")


def _node(kind: str, at: int, part: Any) -> Any:
    if kind == "list":
        return RUN_WF(_parts(part), comment=f"n{at}")
    if kind == "function":
        return _named(lambda obj, eng: _work(obj, eng, at) or [at], f"n{at}")
    base = Decision if kind in _DECIDING else Step
    methods = {"execute": _execute(kind, at), "transition": _transition(kind)}
    if base is Step:
        del methods["transition"]
    elif kind == "choose":
        del methods["execute"]
    if kind in ("input", "wonder"):
        methods["UserInputSchema"] = Number
    return type(f"n{at}", (base,), methods)


def _execute(kind: str, at: int) -> Any:
    def execute(self: Any, _input: Any, external_input: Any) -> Any:
        assert (external_input != {}) is (kind in ("input", "wonder"))
        _note(self.obj, *external_input.values())
        if isinstance(_input, dict) and "n" in _input and _input is not self.obj.data:
            _input["n"] += 1  # its own
        _work(self.obj, self.eng, at)
        self.obj.data["given"] = str(_input)[:40]
        if kind in ("halt", "ask", "wonder"):
            self.eng.halt()
        if kind == "again" and self.obj.data["n"] % 2:
            self.eng.restart_from(f"task:n{at}")
        if kind == "back" and self.obj.data["n"] % 2:
            self.eng.restart_from("restart_prev")
        if kind == "leave" and self.obj.data["n"] % 2:
            self.eng.break_current_loop()
        if kind == "fail" and self.obj.data["n"] % 2:
            raise ValueError("node")
        if kind == "none":
            return None
        return {"n": at, "of": str(_input)[-9:]}

    return execute


def _transition(kind: str) -> Any:
    def transition(self: Any, _input: Any, external_input: Any, **more: Any) -> Any:
        assert (external_input != {}) is (kind == "wonder")
        self.obj.pulse()
        n = self.obj.data["n"] if isinstance(self.obj.data, dict) else 0
        if kind == "doubt":
            return n % 5 - 1
        edges = self.eng.get_current_place().leads_to if self.eng._task else ["", ""]
        return n % len(edges)

    return transition
