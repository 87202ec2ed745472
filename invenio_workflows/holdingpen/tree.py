"""A value as a tree that can be folded: bounded, whatever it holds. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

#: At most this many fields of a value are shown.
MOST_FIELDS = 3000
#: At most this many letters of a text are shown.
MOST_LETTERS = 2000
#: Deeper than this a value is one text.
DEEPEST = 30
#: A list or dictionary with more parts is folded at first.
_OPEN = 30

#: Letters that turn around what follows them: shown by their number.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: What has no picture of its own, but tabs and line ends.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINK = re.compile(r"https?://[^\s<>\"']{1,2000}\Z")


@dataclass(slots=True)
class Branch:
    """A field of the tree: a value, or the fields below it.

    :param kind: ``dict``, ``list``, or what the value is: ``text``, ``number`` …
    :param left_out: how many letters of the text, or parts, are not shown.
    """

    key: str
    kind: str
    path: str = ""
    text: str = ""
    count: int = 0
    left_out: int = 0
    is_open: bool = True
    link: str | None = None
    parts: list[Branch] = field(default_factory=list)


class _Budget:
    def __init__(self, fields: int) -> None:
        self.left = fields

    def take(self) -> bool:
        self.left -= 1
        return self.left >= 0


def tree(value: Any, fields: int = MOST_FIELDS) -> Branch:
    """Return a value as a tree of at most so many fields."""
    return _branch("", value, "", 0, _Budget(fields))


def _branch(key: str, value: Any, path: str, depth: int, budget: _Budget) -> Branch:
    if depth < DEEPEST and isinstance(value, dict):
        items = [(str(name), part) for name, part in value.items()]
        return _folded(Branch(key, "dict", path), items, depth, budget)
    if depth < DEEPEST and isinstance(value, (list, tuple, set, frozenset)):
        numbered = [(str(at), part) for at, part in enumerate(value)]
        return _folded(Branch(key, "list", path), numbered, depth, budget)
    return _leaf(key, value, path)


def _folded(
    branch: Branch, items: list[tuple[str, Any]], depth: int, budget: _Budget
) -> Branch:
    branch.count = len(items)
    branch.is_open = depth < 2 and len(items) <= _OPEN
    for name, part in items:
        if not budget.take():
            branch.left_out = len(items) - len(branch.parts)
            break
        if branch.kind == "list":
            path = f"{branch.path}[{name}]"
        else:
            path = f"{branch.path}.{name}" if branch.path else name
        shown = visible(name, 200)
        branch.parts.append(_branch(shown, part, path[:500], depth + 1, budget))
    return branch


def _leaf(key: str, value: Any, path: str) -> Branch:
    if isinstance(value, str):
        link = value if _LINK.match(value) else None
        text = visible(value, MOST_LETTERS)
        left_out = max(len(value) - MOST_LETTERS, 0)
        return Branch(key, "text", path, text, left_out=left_out, link=link)
    if value is None or isinstance(value, bool):
        words = {None: "null", True: "true", False: "false"}
        return Branch(key, "word", path, words[value])
    kind = "number" if isinstance(value, (int, float)) else "other"
    try:
        text = repr(value) if kind == "number" else str(value)
    except (ValueError, RecursionError):
        text = "…"
    left_out = max(len(text) - MOST_LETTERS, 0)
    return Branch(key, kind, path, visible(text, MOST_LETTERS), left_out=left_out)


def visible(text: Any, most: int) -> str:
    """Return a text in which every letter shows: no control, nothing that turns."""
    cut = str(text)[:most]
    cut = _CONTROL.sub(lambda found: _picture(found.group()), cut)
    cut = _TURNING.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", cut)
    return cut.encode(errors="replace").decode()


def _picture(letter: str) -> str:
    """Return the picture of a control character."""
    number = ord(letter)
    return chr(0x2400 + number) if number < 0x20 else "\N{REPLACEMENT CHARACTER}"


def leaves(branch: Branch) -> Iterator[Branch]:
    """Yield the values of a tree."""
    if branch.kind not in ("dict", "list"):
        yield branch
    for part in branch.parts:
        yield from leaves(part)
