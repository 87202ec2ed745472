"""What a form that was sent says: the data, and what of it could not be read. Pure.

A text becomes a number, or what else its field asks for, where it can; where it cannot,
it is left as it is, for the model to refuse. Names are never taken apart: of each field
that the schema has, its name is looked up.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from .form_fields import DEEPEST, MOST_ROWS, Unread, Variant, is_json
from .form_shape import ABSENT, Part, Schema, Shape, below
from .own_words import json_fault
from .texts import _

#: What is asked of a file: the reference of what was sent under a name, or of the file
#: with an id, if this record has it. It raises a ValueError that says what is wrong.
Found = Callable[[str, str], Any]

_WHOLE = re.compile(r"[+-]?\d{1,300}\Z", re.A)
_LONGEST_NUMBER = 400


class Sent(Protocol):
    """What was sent; Werkzeug's ``request.form`` is one."""

    def get(self, key: str) -> str | None:
        """Return the first value."""

    def getlist(self, key: str) -> list[str]:
        """Return all values."""


@dataclass(slots=True)
class Reading:
    """What a form says.

    :param errors: what could not be read, like pydantic's.
    :param rows: of a list, by its name, which rows its items were.
    """

    data: Any = ABSENT
    errors: list[dict[str, Any]] = field(default_factory=list)
    rows: dict[str, list[int]] = field(default_factory=dict)


def read(schema: Schema, sent: Sent, found: Found, as_typed: bool = False) -> Reading:
    """Read a form.

    :param as_typed: keep it as it was typed, to be shown again: what is empty too.
    """
    reader = _Reader(schema, sent, found, as_typed)
    reader.told.data = reader.field(Part("", schema.root, True), "", (), 0)
    return reader.told


class _Reader:
    def __init__(
        self, schema: Schema, sent: Sent, found: Found, as_typed: bool
    ) -> None:
        self._schema, self._sent, self._found = schema, sent, found
        self._as_typed = as_typed
        self.told = Reading()

    def field(self, part: Part, name: str, loc: tuple[Any, ...], depth: int) -> Any:
        """Return what a field and those below it say."""
        shape = self._schema.shape(part.schema, part.key)
        text = self._sent.get(f"{name}~json")
        if text is not None:
            return self._json(shape, part, _lines(text), loc)
        if depth > DEEPEST:
            return ABSENT
        if shape.kind in ("group", "rows", "variants"):
            branch = getattr(self, f"_{shape.kind}")
            return branch(shape, name, loc, depth)
        if shape.kind == "file":
            return self._file(shape, name, loc)
        if shape.kind in ("check", "checks", "fixed"):
            return getattr(self, f"_{shape.kind}")(shape, name)
        # Drafts know a secret by its name, and do not keep it.
        is_secret = shape.kind == "secret"
        text = self._sent.get(f"{name}~secret" if is_secret else name)
        if text is None or shape.kind == "json":
            return ABSENT
        text = _lines(text)
        if self._as_typed and shape.kind != "choice":
            return text
        if not (text if shape.is_text else text.strip()):
            return _empty(shape, part)
        return _value(shape, text)

    # --- what has parts ---------------------------------------------------------------

    def _group(self, shape: Shape, name: str, loc: tuple[Any, ...], depth: int) -> Any:
        is_open = self._sent.get(f"{name}~open")
        if shape.nullable and is_open != "1":
            return ABSENT if is_open is None else None
        return self._parts(shape, name, loc, depth)

    def _parts(
        self, shape: Shape, name: str, loc: tuple[Any, ...], depth: int
    ) -> dict[str, Any]:
        found = {
            part.key: self.field(
                part, below(name, part.key), (*loc, part.key), depth + 1
            )
            for part in shape.parts
        }
        return {key: value for key, value in found.items() if value is not ABSENT}

    def _rows(self, shape: Shape, name: str, loc: tuple[Any, ...], depth: int) -> Any:
        text = self._sent.get(f"{name}~rows")
        if text is None:
            return ABSENT
        if text == "" and shape.nullable:
            return None
        is_number = text.isascii() and text.isdigit() and len(text) < 5
        many = min(int(text), MOST_ROWS) if is_number else 0
        part = Part("", shape.item, True)
        found: list[Any] = []
        numbers: list[int] = []
        for n in range(many):
            value = self.field(part, below(name, n), (*loc, len(found)), depth + 1)
            if value is not ABSENT or self._as_typed:
                found.append(value)
                numbers.append(n)
        self.told.rows[name] = numbers
        return found

    def _variants(
        self, shape: Shape, name: str, loc: tuple[Any, ...], depth: int
    ) -> Any:
        chosen = self._sent.get(f"{name}~which")
        part = next((each for each in shape.parts if each.key == chosen), None)
        if part is None:
            return None if shape.nullable and chosen == "" else ABSENT
        inner = self._schema.shape(part.schema, part.key)
        values = self._parts(inner, name, loc, depth)
        return Variant(part.key, values) if self._as_typed else values

    # --- what has no parts ------------------------------------------------------------

    def _check(self, shape: Shape, name: str) -> Any:
        said = self._sent.getlist(name)
        return "1" in said if said else ABSENT

    def _checks(self, shape: Shape, name: str) -> Any:
        said = self._sent.getlist(name)
        if not said:
            return ABSENT
        known = {each.token: each.value for each in shape.choices}
        return [known.get(each, each) for each in dict.fromkeys(said) if each]

    def _fixed(self, shape: Shape, name: str) -> Any:
        return shape.choices[0].value

    def _file(self, shape: Shape, name: str, loc: tuple[Any, ...]) -> Any:
        kept = self._sent.get(name)
        if kept is None:
            return ABSENT
        if self._sent.get(f"{name}~gone") == "1":
            kept = ""
        reference = None
        try:
            reference = self._found(f"{name}~file", kept)
        except ValueError as error:
            self.told.errors.append({"loc": loc, "msg": str(error), "type": "file"})
        if reference is not None:
            return reference
        return None if shape.nullable else ABSENT

    def _json(self, shape: Shape, part: Part, text: str, loc: tuple[Any, ...]) -> Any:
        if self._as_typed:
            return Unread(text)
        if not text.strip():
            if shape.default is None or shape.nullable:
                return None
            return ABSENT
        if shape.takes_text and not is_json(text):
            return text
        try:
            return json.loads(text, parse_constant=_no_number)
        except json.JSONDecodeError as error:
            said = _(
                "This is not JSON: line {line}, column {column}: {what}.",
                line=error.lineno,
                column=error.colno,
                what=json_fault(error.msg),
            )
        except RecursionError:
            said = _("This is nested too deep.")
        except ValueError as error:
            said = str(error)
        self.told.errors.append({"loc": loc, "msg": said, "type": "json"})
        return text


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _no_number(name: str) -> Any:
    raise ValueError(_("{name} is not a number in JSON.", name=name))


def _empty(shape: Shape, part: Part) -> Any:
    """Return what an empty field means."""
    if shape.nullable:
        return None
    if part.required or shape.default is ABSENT or shape.kind == "choice":
        return ABSENT
    return ""


def _value(shape: Shape, text: str) -> Any:
    if shape.kind == "choice":
        known = {each.token: each.value for each in shape.choices}
        return None if shape.nullable and text == "null" else known.get(text, text)
    if shape.kind == "number":
        return _number(shape, text.strip())
    return text if shape.is_text else text.strip()


def _number(shape: Shape, text: str) -> Any:
    """Return the number that a text is; the text, where it is none."""
    if len(text) > _LONGEST_NUMBER or shape.exact:
        return text
    if _WHOLE.match(text):
        return int(text)
    try:
        value = float(text)
    except ValueError:
        return text
    is_plain = math.isfinite(value) and "_" not in text
    return value if is_plain and not shape.whole else text
