"""A form as it is drawn: the fields of a JSON Schema, filled in. Pure and bounded.

A value that does not fit its field, a list that is too long and what is nested too
deep are shown as one area with JSON, so that nothing is lost of what is given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from .form_shape import ABSENT, Choice, Part, Schema, Shape, below, sent_as
from .form_words import hints
from .texts import _
from .tree import visible

#: The most fields that a form has; what would be more is JSON. Each is up to two parts
#: of what is sent, of which Werkzeug takes a thousand.
MOST_FIELDS = 400
#: The most rows that a list has.
MOST_ROWS = 100
#: Deeper than this is JSON.
DEEPEST = 8
#: A row of such a field counts for nothing while it is empty.
_LINES = ("number", "date", "datetime", "time", "email", "url", "choice", "json")
#: With so many choices they stand beside each other; with more they are a menu.
MOST_RADIOS = 5


class Unread(str):
    """What somebody typed that could not be read, to be shown as it is."""

    __slots__ = ()


@dataclass(slots=True)
class Option:
    """A choice as it is drawn."""

    token: str
    label: str
    chosen: bool


@dataclass(slots=True)
class Field:
    """A field as it is drawn.

    :param kind: of the shape's; ``radio`` or ``select`` for a choice, ``line`` for a
        value that the browser's own field could not hold.
    :param name: under which it is sent.
    :param id: of its element; other elements of it have the id and a word.
    :param is_open: whether a group that may be left out is there.
    :param faults: what is wrong with it, in sentences.
    """

    kind: str
    name: str
    id: str
    title: str = ""
    help: str = ""
    hints: list[str] = field(default_factory=list)
    required: bool = False
    nullable: bool = False
    is_item: bool = False
    is_open: bool = True
    can_add: bool = True
    text: str = ""
    value: Any = None
    whole: bool = False
    limits: dict[str, Any] = field(default_factory=dict)
    options: list[Option] = field(default_factory=list)
    parts: list[Field] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    tags: dict[str, list[str]] = field(default_factory=dict)
    shape: Shape | None = None
    autofocus: bool = False

    @property
    def sent_as(self) -> str:
        """Its name in the page."""
        return sent_as(self.name)

    @property
    def described(self) -> str:
        """The ids of what is said of it."""
        said = [("help", self.help or self.hints), ("fault", self.faults)]
        return " ".join(f"{self.id}-{word}" for word, text in said if text)

    def all(self) -> Iterator[Field]:
        """Yield it and every field below it, in their order."""
        yield self
        for part in self.parts:
            yield from part.all()


def fields(schema: Schema, data: Any = ABSENT) -> Field:
    """Return the fields of a schema, filled in.

    :param data: what they hold; a field that it lacks holds its default.
    """
    return _Drawing(schema).field(Part("", schema.root, True), "", data, 0)


class _Drawing:
    """Counts what it draws."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._left = MOST_FIELDS
        self._numbers = count(1)

    def field(self, part: Part, name: str, given: Any, depth: int) -> Field:
        """Return a field with what is below it."""
        shape = self._schema.shape(part.schema, part.key)
        if given is ABSENT:
            given = shape.default
        made = Field(
            shape.kind,
            name,
            f"f{next(self._numbers)}",
            title=visible(shape.title, 200),
            help=visible(shape.help, 2000),
            hints=hints(shape),
            required=part.required and not shape.nullable and shape.kind != "check",
            nullable=shape.nullable,
            shape=shape,
        )
        if not self._fits(shape, given, depth):
            return _as_json(made, shape, given)
        draw = getattr(self, f"_{shape.kind}", self._line)
        draw(made, shape, given, depth)
        return made

    def _fits(self, shape: Shape, given: Any, depth: int) -> bool:
        if shape.kind == "json" or isinstance(given, Unread):
            return False
        if shape.kind in ("group", "rows", "variants") and depth >= DEEPEST:
            return False
        empty = given is ABSENT or given is None
        if shape.kind == "group":
            fits = empty or (isinstance(given, dict) and self._knows(shape, given))
            return fits and len(shape.parts) <= self._left
        if shape.kind == "rows":
            return empty or (isinstance(given, list) and self._has_room(shape, given))
        if shape.kind == "checks":
            values = [each.value for each in shape.choices]
            return empty or (isinstance(given, list) and _all_in(given, values))
        if shape.kind == "variants":
            return empty or self._has_room_for(self._which(shape, given))
        return empty or not isinstance(given, (dict, list)) or shape.kind == "file"

    def _knows(self, shape: Shape, given: dict[Any, Any]) -> bool:
        return set(given) <= {part.key for part in shape.parts}

    def _which(self, shape: Shape, given: Any) -> Part | None:
        if not isinstance(given, Variant):
            return self._schema.variant(shape, given)
        return next((part for part in shape.parts if part.key == given.key), None)

    def _has_room_for(self, part: Part | None) -> bool:
        if part is None:
            return False
        return len(self._schema.shape(part.schema).parts) <= self._left

    def _has_room(self, shape: Shape, given: list[Any]) -> bool:
        inner = self._schema.shape(shape.item)
        each = 1 + len(inner.parts if inner.kind == "group" else ())
        return len(given) <= MOST_ROWS and len(given) * each <= self._left

    # --- each kind --------------------------------------------------------------------

    def _line(self, made: Field, shape: Shape, given: Any, depth: int) -> None:
        made.text = "" if given is ABSENT or given is None else _text(given)
        if made.kind == "secret":
            made.text = ""
        made.whole = shape.whole
        if made.kind == "text" and "\n" in made.text:
            made.kind = "area"

    def _number(self, made: Field, shape: Shape, given: Any, depth: int) -> None:
        for ours, theirs in (
            ("minimum", "min"),
            ("maximum", "max"),
            ("multipleOf", "step"),
        ):
            if (value := shape.limit(ours)) is not None:
                made.limits[theirs] = json.dumps(value)
        made.limits.setdefault("step", "1" if shape.whole else "any")
        self._date(made, shape, given, depth)

    def _date(self, made: Field, shape: Shape, given: Any, depth: int) -> None:
        self._line(made, shape, given, depth)
        if made.text and not _HOLDS[made.kind].match(made.text):
            made.kind = "line"

    _datetime = _time = _date

    def _check(self, made: Field, shape: Shape, given: Any, depth: int) -> None:
        made.value = given is True

    def _choice(self, made: Field, shape: Shape, given: Any, depth: int) -> None:
        few = len(shape.choices) <= MOST_RADIOS
        made.kind = "radio" if few else "select"
        offered = list(shape.choices)
        none = given is ABSENT or given is None
        if shape.nullable:
            offered.append(Choice(None, _("No answer")))
        made.options = [
            Option(
                each.token,
                visible(each.label, 300),
                none if each.value is None else _same(each.value, given),
            )
            for each in offered
        ]
        if not few and not shape.nullable:
            chosen = any(each.chosen for each in made.options)
            made.options.insert(0, Option("", _("Choose one"), not chosen))

    def _checks(self, made: Field, shape: Shape, given: Any, depth: int) -> None:
        chosen = given if isinstance(given, list) else []
        made.options = [
            Option(
                each.token,
                visible(each.label, 300),
                any(_same(each.value, one) for one in chosen),
            )
            for each in shape.choices
        ]

    def _fixed(self, made: Field, shape: Shape, given: Any, depth: int) -> None:
        made.text = shape.choices[0].label

    def _file(self, made: Field, shape: Shape, given: Any, depth: int) -> None:
        made.value = given if isinstance(given, dict) else None

    def _group(self, made: Field, shape: Shape, given: Any, depth: int) -> None:
        made.is_open = not shape.nullable or isinstance(given, dict)
        if not made.is_open:
            return
        inner = given if isinstance(given, dict) else {}
        made.parts = self._parts(shape, made.name, inner, depth)

    def _parts(
        self, shape: Shape, name: str, given: Mapping[str, Any], depth: int
    ) -> list[Field]:
        self._left -= len(shape.parts)
        return [
            self.field(
                part, below(name, part.key), given.get(part.key, ABSENT), depth + 1
            )
            for part in shape.parts
        ]

    def _rows(self, made: Field, shape: Shape, given: Any, depth: int) -> None:
        rows = given if isinstance(given, list) else self._first_rows(shape, given)
        made.is_open = given is not None and given is not ABSENT or not shape.nullable
        most = shape.limit("maxItems")
        most = most if isinstance(most, int) else MOST_ROWS
        made.can_add = len(rows) < min(most, MOST_ROWS)
        self._left -= len(rows)
        for n, row in enumerate(rows):
            part = Part("", shape.item, True)
            each = self.field(part, below(made.name, n), row, depth + 1)
            each.is_item = True
            each.title = f"{made.title} {n + 1}"
            made.parts.append(each)

    def _first_rows(self, shape: Shape, given: Any) -> list[Any]:
        """Return the empty rows of a list that nobody has begun."""
        if given is not ABSENT:
            return []
        least = shape.limit("minItems")
        needed = least if isinstance(least, int) else 0
        inner = self._schema.shape(shape.item)
        if not needed and (inner.kind in _LINES or inner.is_text):
            needed = 1
        rows = [ABSENT] * min(needed, MOST_ROWS)
        return rows if self._has_room(shape, rows) else []

    def _variants(self, made: Field, shape: Shape, given: Any, depth: int) -> None:
        chosen = self._which(shape, given)
        for part in shape.parts:
            made.tags[part.key] = self._schema.variant_tags(shape, part)
        made.options = [
            Option(
                part.key,
                visible(self._schema.variant_title(part), 200),
                part == chosen,
            )
            for part in shape.parts
        ]
        if chosen is None:
            none = _("No answer") if shape.nullable else _("Choose one")
            made.options.insert(0, Option("", none, True))
            return
        if shape.nullable:
            made.options.insert(0, Option("", _("No answer"), False))
        inner = self._schema.shape(chosen.schema, chosen.key)
        value = given if isinstance(given, dict) else {}
        # Which of them it is says the menu already.
        shown = [each for each in inner.parts if not self._decides(shape, each)]
        inner = replace(inner, parts=tuple(shown))
        made.parts = self._parts(inner, made.name, value, depth)

    def _decides(self, shape: Shape, part: Part) -> bool:
        is_named = bool(shape.decides) and part.key == shape.decides
        return is_named and self._schema.shape(part.schema).kind == "fixed"


class Variant(dict[str, Any]):
    """An object of which it is known which of the variants it is meant to be."""

    def __init__(self, key: str, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.key = key


def _as_json(made: Field, shape: Shape, given: Any) -> Field:
    made.kind = "json"
    if isinstance(given, Unread):
        made.text = str(given)
    elif given is ABSENT or (given is None and (shape.nullable or not shape.default)):
        made.text = ""
    elif shape.takes_text and _is_bare(given):
        made.text = given
    else:
        made.text = json.dumps(given, ensure_ascii=False, indent=2)
    if not shape.takes_text:
        said = _("Written as JSON: a text in quotes, a list in [ ], fields in { }.")
        made.hints = [*made.hints, said]
    return made


def is_json(text: str) -> bool:
    """Say whether a text is JSON, or cannot easily be told from it."""
    try:
        json.loads(text)
    except ValueError:
        return False
    except RecursionError:
        pass
    return True


def _is_bare(value: Any) -> bool:
    """Say whether a text is not JSON, so that it need not stand in quotes."""
    is_text = isinstance(value, str) and value != "" and value.strip() == value
    return is_text and "\r" not in value and not is_json(value)


_NUMBER = re.compile(r"-?(\d+(\.\d+)?|\.\d+)([eE][-+]?\d+)?\Z", re.A)
_DAY, _HOUR = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d(:\d\d(\.\d{1,3})?)?"
#: What the browser's own fields can hold; anything else is shown in a line of text.
_HOLDS = {
    "number": _NUMBER,
    "date": re.compile(rf"{_DAY}\Z", re.A),
    "time": re.compile(rf"{_HOUR}\Z", re.A),
    "datetime": re.compile(rf"{_DAY}T{_HOUR}\Z", re.A),
}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _all_in(given: Sequence[Any], values: Sequence[Any]) -> bool:
    distinct = {
        json.dumps(each) for each in given if not isinstance(each, (dict, list))
    }
    return len(distinct) == len(given) and all(
        any(_same(value, each) for value in values) for each in given
    )
