"""What differs between two values, field by field, and who set what last.

Values are as :mod:`.encoding` keeps them: dictionaries, lists, and anything else is
one field. Nothing is read or written here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

#: Keys of dictionaries and indexes of lists, from the outside in.
Path: TypeAlias = tuple[Any, ...]

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


class _Nothing:
    """Stands where one of the two values is not there."""

    def __repr__(self) -> str:
        return "nothing"


NOTHING = _Nothing()


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs; a list or dictionary that is new is one field."""

    path: Path
    before: Any
    after: Any

    @property
    def kind(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        if self.before is NOTHING:
            return ADDED
        return REMOVED if self.after is NOTHING else CHANGED

    @property
    def where(self) -> str:
        """The path as a person reads it."""
        return written(self.path)


def written(path: Path) -> str:
    """Return a path as a person reads it: ``authors[0].name``."""
    said = ""
    for key in path:
        if isinstance(key, int):
            said += f"[{key}]"
        else:
            said += f".{key}" if said else str(key)
    return said or "all"


def same(before: Any, after: Any) -> bool:
    """Say whether two values are kept as the same: 1, 1.0 and True are not."""
    if type(before) is not type(after):
        return False
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(
            same(value, after[key]) for key, value in before.items()
        )
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(map(same, before, after))
    return bool(before == after) or (before != before and after != after)


def difference(before: Any, after: Any) -> list[Change]:
    """Return the fields that differ, in the order in which they stand."""
    return list(_differing(before, after, ()))


def _differing(before: Any, after: Any, path: Path) -> Iterator[Change]:
    if same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            old, new = before.get(key, NOTHING), after.get(key, NOTHING)
            yield from _differing(old, new, (*path, key))
    elif type(before) is type(after) and isinstance(before, list):
        yield from _in_lists(before, after, path)
    else:
        yield Change(path, before, after)


def _in_lists(before: list[Any], after: list[Any], path: Path) -> Iterator[Change]:
    """Leave out what both begin and end with; compare the middle one by one."""
    head, old, new = middle(before, after)
    for at in range(max(old, new)):
        index = head + at
        left = before[index] if at < old else NOTHING
        right = after[index] if at < new else NOTHING
        yield from _differing(left, right, (*path, index))


def middle(before: Sequence[Any], after: Sequence[Any]) -> tuple[int, int, int]:
    """Return where two lists begin to differ, and for how many items of each."""
    shorter = min(len(before), len(after))
    head = 0
    while head < shorter and same(before[head], after[head]):
        head += 1
    tail = 0
    while tail < shorter - head and same(before[-1 - tail], after[-1 - tail]):
        tail += 1
    return head, len(before) - head - tail, len(after) - head - tail


# --- who set what last ----------------------------------------------------------------

#: Beside a value: who set it last, as one word for the whole of it, or for each part.
Blame: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a document, and which change set it last."""

    path: Path
    value: Any
    by: Any

    @property
    def where(self) -> str:
        """The path as a person reads it."""
        return written(self.path)


class _Each(dict[Any, Any]):
    """Who set each part of a dictionary or list, by key or index."""


def blamed(before: Any, after: Any, blame: Blame, by: Any) -> Blame:
    """Return who set each part of ``after`` last, if ``by`` made it of ``before``.

    :param blame: the same of ``before``.
    """
    if same(before, after):
        return blame
    if not after:  # emptied: that is one field
        return by
    if isinstance(before, dict) and isinstance(after, dict):
        return _Each(
            (key, blamed(before.get(key, NOTHING), value, _of(blame, key), by))
            for key, value in after.items()
        )
    if isinstance(before, list) and isinstance(after, list):
        return _blamed_list(before, after, blame, by)
    return by


def _blamed_list(before: list[Any], after: list[Any], blame: Blame, by: Any) -> Blame:
    head, old, new = middle(before, after)
    found = _Each()
    for index, value in enumerate(after):
        if index < head:
            found[index] = _of(blame, index)
        elif index >= head + new:  # moved by what came or went before it
            found[index] = _of(blame, index - new + old)
        else:
            left = before[index] if index < head + old else NOTHING
            found[index] = blamed(left, value, _of(blame, index), by)
    return found


def _of(blame: Blame, key: Any) -> Blame:
    return blame.get(key) if isinstance(blame, _Each) else blame


def fields(value: Any, blame: Blame, path: Path = ()) -> Iterator[Field]:
    """Yield the fields of a value with who set them; what has no parts is one field."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from fields(part, _of(blame, key), (*path, key))
    elif isinstance(value, list) and value:
        for index, part in enumerate(value):
            yield from fields(part, _of(blame, index), (*path, index))
    else:
        yield Field(path, value, blame)


# --- what not everybody sees ----------------------------------------------------------


def without(value: Any, hidden: Sequence[Sequence[str]]) -> Any:
    """Return a copy of ``value`` without the fields at these key paths.

    A list on the way is gone through: the path goes on in each of its items. It may
    name one by its number, or all of them by ``*``.
    """
    if not hidden:
        return value
    if isinstance(value, (list, tuple)):
        return _items_without(value, hidden)
    if not isinstance(value, Mapping):
        return value
    kept = {}
    for key, part in value.items():
        below = [path[1:] for path in hidden if path and str(key) == path[0]]
        if [] in map(list, below):
            continue
        kept[key] = without(part, below)
    return kept


def _items_without(value: Sequence[Any], hidden: Sequence[Sequence[str]]) -> list[Any]:
    kept = []
    for number, item in enumerate(value):
        own = [path[1:] for path in hidden if path and path[0] in ("*", str(number))]
        if [] not in map(list, own):
            kept.append(without(item, [*hidden, *own]))
    return kept


def without_anywhere(
    value: Any, hidden: Sequence[Sequence[str]], below: Sequence[Sequence[str]] = ()
) -> Any:
    """Return a copy of ``value`` without the fields at these paths, at any depth.

    For what was made of a document: there a part of it may be anywhere. A key that is
    a whole path, as ``a.b``, goes too.

    :param below: what of the paths is left to go, on the way down one of them.
    """
    if not hidden:
        return value
    if isinstance(value, (list, tuple)):
        kept = []
        for number, item in enumerate(value):
            own = [path[1:] for path in below if path[0] in ("*", str(number))]
            if () not in own:
                kept.append(without_anywhere(item, hidden, [*below, *own]))
        return kept
    if not isinstance(value, Mapping):
        return value
    whole = {".".join(key for key in path if key != "*") for path in hidden}
    found = {}
    for key, part in value.items():
        left = [path[1:] for path in (*hidden, *below) if path[:1] == (str(key),)]
        if () not in left and str(key) not in whole:
            found[key] = without_anywhere(part, hidden, left)
    return found


def key_paths(names: Any) -> tuple[tuple[str, ...], ...]:
    """Return ``hidden_fields`` as paths: each a list of keys, or ``a.b`` in a text.

    A text alone is one path: its letters are none.
    """
    if isinstance(names, str):
        names = (names,)
    return tuple(
        tuple(name.split(".")) if isinstance(name, str) else tuple(map(str, name))
        for name in names or ()
    )
