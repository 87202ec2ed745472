"""What the nodes of a graph hand on: notes in the graph's memo, which is JSON.

``at``: the node that the object stands at; ``in``: of each node that was reached the
node before it, and behind that what it was given, nothing for the object's data;
``out``: what the node returned; ``given``: what a person gave to a decision; ``to``:
the edge that it chose; ``again``: how often a node was reached, beyond the first time;
``forked``: the branches of a Fork are made; ``names``: what nodes were called when they
were made, and are called since.

A branch has notes of its own, in the memo of the graph around it: ``branch``, which is
true; ``of``: the Fork; ``name``: the name of the branch; ``in``: what its first node is
given, in a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..encoding import dumps_plain, plain, restored
from .node import Memo

#: What the node at work leaves.
_DONE = {"out", "to", "given", "forked"}
#: What holds the name of a node.
_NAMES = ("at", "to", "of", "name")
#: What is left where the object goes on.
_STAYS = ("in", "again", "names")
_ATOMS = (str, bool, type(None))


class _Came(dict[str, list[Any]]):
    """What is under ``in``: never changed once it is made, so it is written once.

    The next one, which has a node more, is written by adding that: what flowed is not
    written again at each node behind.
    """

    #: It as JSON, if that was needed yet.
    text: str | None = None


#: The name of a node as JSON.
_quoted = lru_cache(maxsize=1024)(dumps_plain)


def reached(memo: Memo, name: str, ceiling: int) -> Memo:
    """Return the memo with the object at the next node, given what this one gives.

    :raises OverflowError: if it was there as often as the ceiling allows.
    """
    known: dict[str, list[Any]] = memo["in"]
    came, handed = _Came(known), handed_on(memo)
    came[name] = [memo["at"], *handed]
    if type(known) is _Came and known.text is not None and name not in known:
        value = f",{_value(handed[0])}" if handed else ""
        node = f"{_quoted(name)}:[{_quoted(memo['at'])}{value}]"
        came.text = f"{known.text[:-1]},{node}}}"
    fresh: dict[str, Any] = {"at": name, "in": came}
    if name in known:
        again = memo.get("again", {})
        again = {**again, name: again.get(name, 0) + 1}
        if again[name] >= ceiling:
            raise OverflowError
        fresh["again"] = again
    elif "again" in memo:
        fresh["again"] = memo["again"]
    if "names" in memo:
        fresh["names"] = memo["names"]
    return fresh


def first(name: str, given: list[Any]) -> Memo:
    """Return the memo with the object at the first node.

    :param given: what that is given, in a list; nothing in it for the object's data.
    """
    return {"at": name, "in": _Came({name: [None, *given]})}


def stands_at(memo: Memo, name: str) -> Memo:
    """Return the memo with the object at a node that is to be run, however it came.

    One that was never reached is given what the one before it handed on.
    """
    if memo["at"] == name and memo.keys().isdisjoint(_DONE):
        return memo
    fresh = {key: memo[key] for key in _STAYS if key in memo}
    if name not in memo["in"]:
        fresh["in"] = {**memo["in"], name: [memo["at"], *handed_on(memo)]}
    return {"at": name, **fresh}


def as_json(memo: Memo) -> str:
    """Return the memo of a graph, or of a branch, as JSON."""
    came = memo.get("in")
    if type(came) is not _Came:
        return dumps_plain(memo)
    if came.text is None:
        came.text = dumps_plain(came)
    if len(memo) == 3 and "out" in memo:
        out = _value(memo["out"][0])
        return f'{{"at":{_quoted(memo["at"])},"in":{came.text},"out":[{out}]}}'
    rest = dumps_plain({key: memo[key] for key in memo if key != "in"})
    return f'{{"in":{came.text},{rest[1:]}'


def _value(value: Any) -> str:
    return "null" if value is None else dumps_plain(value)


def undone(memo: Memo) -> Memo:
    """Return the memo without what the node at work left in it."""
    if not memo or not memo.keys() & _DONE:
        return memo
    return {key: memo[key] for key in memo if key not in _DONE}


def before(memo: Memo, name: str) -> str | None:
    """Return the node from which this one was reached; ``None`` for the first."""
    came: str | None = ((memo or {}).get("in", {}).get(name) or [None])[0]
    return came


def renamed(memo: Memo, names: Mapping[str, str]) -> Memo:
    """Return the memo of a graph, or of a branch, with other names of nodes.

    One whose branches are made keeps them for the Join: those that have ended still
    say what they were called.
    """

    def now(each: Any) -> Any:
        return names.get(each, each)

    fresh = {**memo, **{key: now(memo[key]) for key in _NAMES if key in memo}}
    if memo.get("branch"):
        return fresh
    fresh["in"] = {now(k): [now(v[0]), *v[1:]] for k, v in memo["in"].items()}
    if "again" in memo:
        fresh["again"] = {now(k): v for k, v in memo["again"].items()}
    if "forked" in memo or "names" in memo:
        older = {old: now(new) for old, new in memo.get("names", {}).items()}
        fresh["names"] = {**names, **older}
    return fresh


def given(memo: Memo, name: str, obj: Any) -> Any:
    """Return what a node is given: a copy, or the object's data itself."""
    entry = memo["in"].get(name, [None])
    return restored(entry[1]) if len(entry) > 1 else obj.data


def handed_on(memo: Memo) -> list[Any]:
    """Return what the node gives: what it returned, else what it was given."""
    out: list[Any] | None = memo.get("out")
    return memo["in"].get(memo["at"], [None])[1:] if out is None else out


def kept(value: Any, what: str) -> Any:
    """Return a value as it is kept, made of what JSON holds.

    :raises DataNotSerializable: if it cannot be.
    """
    return value if type(value) in _ATOMS else plain(value, what)
