"""What branches come to: how many are done, and what they made of the object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..checkpoint import Branch
from ..encoding import dumps
from ..errors import WaitProcessing, WorkflowDefinitionError, WorkflowError
from ..extra_data import DERIVED
from ..states import Awaited, ObjectStatus
from .steps import is_returned

#: What an object says of its own stop is no branch's to hand over.
_OWN = DERIVED | {"_action", "_message", "_payload", "_error_msg"}
#: Of these the last branch that set one is right.
_LAST = frozenset({"_events", "_status_message"})
_GONE: Any = object()


def needs_of(join: Any, number: int, who: str) -> int:
    """Return how many of so many branches must be done.

    :param join: ``"all"``, ``"any"`` or a number.
    :raises WorkflowDefinitionError: if it is none of these.
    """
    words = {"all": number, "any": 1}
    named: Any = words.get(join) if isinstance(join, str) else join
    whole = isinstance(named, int) and not isinstance(named, bool)
    if not whole or not 1 <= named <= number:
        raise WorkflowDefinitionError(
            f"join of {who} is 'all', 'any' or a number from 1 to {number}, not "
            f"{join!r}."
        )
    return int(named)


def split(number: int, needs: int) -> WaitProcessing:
    """Return the wish of an object that waits for branches, which it makes."""
    message = f"{number} branches; {needs} must be done."
    return WaitProcessing(message, Awaited(needs=needs, forks=True))


def done_of(branches: Sequence[Branch], needs: int) -> list[Branch]:
    """Return the branches that are done, if these are enough.

    :raises WaitProcessing: if more may be.
    :raises WorkflowError: if too many were cancelled.
    """
    # As many as were made; the definition may have got another one since.
    needed = min(needs, len(branches))
    done = [b for b in branches if b.obj.status == ObjectStatus.COMPLETED]
    lost = [b for b in branches if b.obj.status == ObjectStatus.CANCELLED]
    if len(done) >= needed:
        return done
    if len(branches) - len(lost) >= needed:
        message = f"{len(done)} of {needed} branches are done."
        raise WaitProcessing(message, Awaited(needs=needed, then="restart_task"))
    raise WorkflowError(
        f"{needed} of {len(branches)} branches must be done, and {len(lost)} "
        "were cancelled. restart_prev begins the branches again; continue_next "
        "goes on without them."
    )


class _Different(Exception):
    """Two branches made different things of one."""


def put_together(obj: Any, done: Sequence[Branch], merge: Any, who: str) -> None:
    """Put what the branches changed into the object.

    :param merge: does it instead, if given: ``f(obj, objects of the branches)``.
    :param who: where they meet, for the error.
    :raises WorkflowError: if two made different things of one key; naming it.
    """
    if merge is not None:
        merge(obj, [branch.obj for branch in done])
        return
    try:
        states = [(b.number, b.data, b.obj.data) for b in done]
        obj.data = _joined("data", obj.data, states)
        extra = [(b.number, b.extra_data, b.obj.extra_data) for b in done]
        for key, values in _changes(extra).items():
            if key not in _OWN:
                _take(obj.extra_data, "extra_data", key, values, extra)
    except _Different as error:
        raise WorkflowError(
            f"The branches {error} Give {who} a merge=f(obj, branches) that says "
            "which is right."
        ) from None


def _joined(what: str, now: Any, states: list[tuple[int, Any, Any]]) -> Any:
    """Return data with what the branches made of it.

    :param states: of each branch its number, and the data before and after.
    """
    if all(isinstance(state, dict) for _, *both in states for state in (now, *both)):
        for key, values in _changes(states).items():
            _take(now, what, key, values, states)
        return now
    changed = [(n, new) for n, old, new in states if not _same(old, new)]
    return _one(what, changed) if changed else now


def _changes(states: list[tuple[int, Any, Any]]) -> dict[Any, list[tuple[int, Any]]]:
    """Return for each key that a branch changed who made what of it."""
    found: dict[Any, list[tuple[int, Any]]] = {}
    for number, before, after in states:
        for key in dict.fromkeys((*before, *after)):
            old, new = before.get(key, _GONE), after.get(key, _GONE)
            if not _same(old, new):
                found.setdefault(key, []).append((number, new))
    return found


def _take(
    into: dict[Any, Any],
    what: str,
    key: Any,
    values: list[tuple[int, Any]],
    states: list[tuple[int, Any, Any]],
) -> None:
    if what == "extra_data" and key == "_tasks_results":
        into[key] = _results(into.get(key) or {}, states)
        return
    last = what == "extra_data" and key in _LAST
    value = values[-1][1] if last else _one(f"{what}[{key!r}]", values)
    if value is _GONE:
        into.pop(key, None)
    else:
        into[key] = value


def _results(
    now: dict[str, list[Any]], states: list[tuple[int, Any, Any]]
) -> dict[str, list[Any]]:
    """Return the results of tasks, those of the branches behind the others.

    Of what a node of a graph returned the last is the only one.
    """
    found = {name: list(results) for name, results in now.items()}
    for _, before, after in states:
        known, made = (each.get("_tasks_results") or {} for each in (before, after))
        for name in dict.fromkeys((*known, *made)):
            returned, kept = _parted(found.get(name, ()))
            was, old = _parted(known.get(name, ()))
            now_is, new = _parted(made.get(name, ()))
            returned = returned if now_is == was else now_is
            if listed := [*returned, *kept, *new[len(old) :]]:
                found[name] = listed
            else:
                found.pop(name, None)
    return found


def _parted(results: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Return what a node returned, and what tasks gave as results by themselves."""
    returned = [each for each in results if is_returned(each)]
    return returned, [each for each in results if not is_returned(each)]


def _one(what: str, values: list[tuple[int, Any]]) -> Any:
    first, value = values[0]
    for number, other in values[1:]:
        if not _same(value, other):
            raise _Different(f"{first} and {number} made different things of {what}.")
    return value


def _same(one: Any, other: Any) -> bool:
    if one is _GONE or other is _GONE:
        return one is other
    return dumps(one, "a branch") == dumps(other, "a branch")
