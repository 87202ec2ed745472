"""What a JSON Schema asks for, in the words of a form: one shape for each field. Pure.

A schema may refer to itself, so a shape is made when somebody comes to it and not
before. What no field can hold is of the kind ``json``: one area of text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from .flask_wtf import csrf_field
from .texts import _

#: What is not there, where ``None`` is a value.
ABSENT: Any = type("Absent", (), {"__repr__": lambda self: "ABSENT"})()

#: A text that may be longer has an area.
_LONG = 200
#: At most this many references one after another are followed.
_MOST_REFERENCES = 20
_FORMATS = {
    "date": "date",
    "date-time": "datetime",
    "time": "time",
    "email": "email",
    "uri": "url",
    "password": "secret",
    "textarea": "area",
    "file": "file",
}
_SCALARS = {"string", "integer", "number", "boolean"}
#: What a field says for itself, beside what it refers to.
_OWN = ("title", "description", "default", "examples", "format", "deprecated")


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that may be chosen."""

    value: Any
    label: str

    @property
    def token(self) -> str:
        """What a form sends for it: strings and numbers are not to be mixed up."""
        return json.dumps(self.value)


@dataclass(frozen=True, slots=True)
class Part:
    """A field of an object, or one of the objects that it may be."""

    key: str
    schema: Any
    required: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """What a field asks for.

    :param kind: ``text``, ``area``, ``secret``, ``email``, ``url``, ``number``,
        ``date``, ``datetime``, ``time``, ``check``, ``choice``, ``checks``, ``file``,
        ``fixed``, ``group``, ``rows``, ``variants`` or ``json``.
    :param limits: what the schema says of it: ``minimum``, ``maxLength`` …
    :param parts: of a group its fields, of variants the kinds of object.
    :param decides: of variants, the field that says which of them it is.
    :param takes_text: of JSON, whether what is none may be a value as it is typed.
    """

    kind: str
    title: str = ""
    help: str = ""
    examples: tuple[Any, ...] = ()
    default: Any = ABSENT
    nullable: bool = False
    choices: tuple[Choice, ...] = ()
    limits: Mapping[str, Any] | None = None
    whole: bool = False
    exact: bool = False
    parts: tuple[Part, ...] = ()
    item: Any = None
    decides: str = ""
    takes_text: bool = False

    @property
    def is_text(self) -> bool:
        """Whether any text is a value of it, the empty one too."""
        return self.kind in ("text", "area", "secret")

    def limit(self, name: str) -> Any:
        """Return what the schema says of it under that name; ``None`` if nothing."""
        return (self.limits or {}).get(name)


def below(name: str, key: str | int) -> str:
    """Return the name of a field's part: a path, in which no key can pretend a step."""
    safe = quote(str(key), safe="", errors="surrogatepass").replace("~", "%7E")
    return f"{name}/{safe}"


#: What the page's own fields begin with; the token alone does not.
_OURS = ("", "/", "_", "~")


def sent_as(name: str) -> str:
    """Return the name of a field in the page: as the model has it, where it can be."""
    bare = name[1:]
    return name if bare[:1] in _OURS or bare == csrf_field() else bare


def named(sent: str) -> str:
    """Return the name of a field that was sent under this one."""
    return sent if sent[:1] in _OURS or sent == csrf_field() else f"/{sent}"


class Schema:
    """A JSON Schema with what it refers to inside of itself."""

    def __init__(self, root: Any) -> None:
        self.root = root

    def shape(self, schema: Any, key: str = "") -> Shape:
        """Return what a schema in it asks for.

        :param key: the name of the field, from which its title is made if it has none.
        """
        seen, was_named = self.resolved(schema)
        title = seen.get("title")
        if (was_named and key) or not isinstance(title, str):
            own = schema.get("title") if isinstance(schema, dict) else None
            title = own if isinstance(own, str) else _title(key)
        told, examples = seen.get("description"), seen.get("examples")
        found = self._shape(seen)
        return replace(
            found,
            title=title,
            help=told if isinstance(told, str) else "",
            examples=tuple(examples[:3]) if isinstance(examples, list) else (),
            default=seen.get("default", ABSENT),
        )

    def resolved(self, schema: Any) -> tuple[dict[str, Any], bool]:
        """Return a schema with what it refers to, and whether it referred to any."""
        own: dict[str, Any] = {}
        was_named = False
        for _time in range(_MOST_REFERENCES):
            if not isinstance(schema, dict):
                break
            schema = {**schema, **own}
            inner = schema.get("allOf")
            if isinstance(inner, list) and len(inner) == 1:
                target = inner[0]
            elif isinstance(schema.get("$ref"), str):
                target = self._at(schema["$ref"])
            else:
                return schema, was_named
            was_named = True
            own = {name: schema[name] for name in _OWN if name in schema}
            schema = target
        return {}, was_named

    def variant(self, shape: Shape, value: Any) -> Part | None:
        """Return which of the variants an object is."""
        if not isinstance(value, dict):
            return None
        if shape.decides:
            said = value.get(shape.decides, ABSENT)
            for part in shape.parts:
                if self._const(part, shape.decides) == said and said is not ABSENT:
                    return part
        for part in shape.parts:
            inner, _named = self.resolved(part.schema)
            names = inner.get("properties")
            needed = _required(inner)
            if isinstance(names, dict) and needed <= set(value) <= set(names):
                fixed = (self._const(part, name) for name in value)
                if all(
                    const is ABSENT or const == value[name]
                    for name, const in zip(value, fixed, strict=True)
                ):
                    return part
        return None

    def _const(self, part: Part, key: str) -> Any:
        names = self.resolved(part.schema)[0].get("properties")
        inner = names.get(key) if isinstance(names, dict) else None
        return self.resolved(inner)[0].get("const", ABSENT) if inner else ABSENT

    def _at(self, reference: str) -> Any:
        place: Any = self.root
        if not reference.startswith("#"):
            return None
        for step in reference[1:].split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            place = place.get(key) if isinstance(place, dict) else None
        return place

    def _shape(self, schema: dict[str, Any]) -> Shape:
        for word in ("anyOf", "oneOf"):
            if isinstance(schema.get(word), list) and schema[word]:
                return self._of_options(schema, schema[word])
        if schema.get("format") == "file":
            return Shape("file")
        if "const" in schema:
            return Shape("fixed", choices=_choices([schema["const"]]))
        if isinstance(schema.get("enum"), list):
            return _of_enum(schema["enum"])
        kind = schema.get("type")
        if schema.get("writeOnly") and kind in ("integer", "number"):
            return _of_string({**schema, "format": "password"})
        if isinstance(kind, list):
            left = [each for each in kind if each != "null"]
            if len(left) != 1:
                return Shape("json")
            found = self._shape({**schema, "type": left[0]})
            return _nullable(found) if len(left) < len(kind) else found
        made = {
            "string": _of_string,
            "integer": _of_number,
            "number": _of_number,
            "boolean": lambda schema: Shape("check"),
            "null": lambda schema: Shape("fixed", choices=_choices([None])),
            "object": _of_object,
            "array": self._of_array,
        }.get(kind if isinstance(kind, str) else "")
        return made(schema) if made else Shape("json")

    def _of_array(self, schema: dict[str, Any]) -> Shape:
        item = schema.get("items")
        if not isinstance(item, dict) or "prefixItems" in schema:
            return Shape("json")
        inner = self.shape(item)
        limits = _limits(schema, "minItems", "maxItems")
        if schema.get("uniqueItems") and inner.kind == "choice" and not inner.nullable:
            return Shape("checks", choices=inner.choices, limits=limits)
        return Shape("rows", item=item, limits=limits)

    def _of_options(self, schema: dict[str, Any], options: list[Any]) -> Shape:
        seen = [(each, *self.resolved(each)) for each in options]
        left = [(each, inner) for each, inner, _n in seen if not _is_null(inner)]
        is_nullable = len(left) < len(seen)
        if not left:
            return Shape("fixed", choices=_choices([None]))
        if len(left) == 1:
            inner = {**left[0][1]}
            inner.update({k: schema[k] for k in ("format",) if k in schema})
            found = self._shape(inner)
        else:
            found = self._of_several(schema, left)
        return _nullable(found) if is_nullable else found

    def _of_several(self, schema: dict[str, Any], left: list[Any]) -> Shape:
        inner = [each for _own, each in left]
        if all("const" in each and _is_scalar(each["const"]) for each in inner):
            found = [Choice(each["const"], _label(each)) for each in inner]
            return Shape("choice", choices=tuple(found))
        kinds = {str(each.get("type")) for each in inner}
        if kinds == {"integer", "number"}:
            return _of_number(next(each for each in inner if each["type"] == "number"))
        if kinds == {"number", "string"} and _is_decimal(inner):
            number = next(each for each in inner if each["type"] == "number")
            return replace(_of_number(number), exact=True)
        if kinds == {"object"} and all("properties" in each for each in inner):
            return self._of_variants(schema, left)
        plain = all(set(each) <= {"type", "title", "description"} for each in inner)
        if kinds == {"string"} and plain:
            return Shape("text")
        return Shape("json", takes_text="string" in kinds and kinds <= _SCALARS)

    def _of_variants(self, schema: dict[str, Any], left: list[Any]) -> Shape:
        decides = schema.get("discriminator")
        field = decides.get("propertyName") if isinstance(decides, dict) else ""
        parts = []
        for n, (own, inner) in enumerate(left):
            name = str(own.get("$ref", "")).rpartition("/")[2]
            parts.append(Part(name or str(inner.get("title") or n), own))
        named = {part.key for part in parts}
        if len(named) < len(parts):
            return Shape("json")
        decides_by = field if isinstance(field, str) else ""
        return Shape("variants", parts=tuple(parts), decides=decides_by)

    def variant_tags(self, shape: Shape, part: Part) -> list[str]:
        """Return what a model calls a variant in its errors, beside its key."""
        title = self.resolved(part.schema)[0].get("title")
        tags = [title, self._const(part, shape.decides) if shape.decides else None]
        return [each for each in tags if isinstance(each, str)]

    def variant_title(self, part: Part) -> str:
        """Return what a variant is called."""
        title = self.resolved(part.schema)[0].get("title")
        return title if isinstance(title, str) else _title(part.key)


def _nullable(shape: Shape) -> Shape:
    if shape.kind == "check":
        both = (Choice(True, _("Yes")), Choice(False, _("No")))
        return Shape("choice", nullable=True, choices=both)
    if shape.kind == "fixed" and shape.choices[0].value is not None:
        return Shape("choice", nullable=True, choices=shape.choices)
    return replace(shape, nullable=True)


def _of_enum(values: list[Any]) -> Shape:
    if not values or not all(_is_scalar(each) for each in values):
        return Shape("json")
    left = [each for each in values if each is not None]
    if not left:
        return Shape("fixed", choices=_choices([None]))
    found = Shape("choice", choices=_choices(left))
    return replace(found, nullable=True) if len(left) < len(values) else found


def _of_string(schema: dict[str, Any]) -> Shape:
    limits = _limits(schema, "minLength", "maxLength", "pattern", "format")
    kind = _FORMATS.get(str(schema.get("format")), "text")
    if schema.get("writeOnly"):  # also what is not a string, as it is typed
        kind = "secret"
    longest = limits.get("maxLength")
    if kind == "text" and isinstance(longest, int) and longest > _LONG:
        kind = "area"
    return Shape(kind, limits=limits)


def _of_number(schema: dict[str, Any]) -> Shape:
    names = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
    limits = {
        name: value
        for name, value in _limits(schema, *names).items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    whole = schema.get("type") == "integer"
    if whole:
        for name, other, step in (
            ("exclusiveMinimum", "minimum", 1),
            ("exclusiveMaximum", "maximum", -1),
        ):
            if isinstance(limits.get(name), int):
                limits.setdefault(other, limits.pop(name) + step)
    return Shape("number", limits=limits, whole=whole)


def _of_object(schema: dict[str, Any]) -> Shape:
    names = schema.get("properties")
    if not isinstance(names, dict) or not names:
        return Shape("json")
    needed = _required(schema)
    parts = (Part(str(key), each, key in needed) for key, each in names.items())
    return Shape("group", parts=tuple(parts))


def _required(schema: dict[str, Any]) -> set[str]:
    named = schema.get("required")
    return {str(each) for each in named} if isinstance(named, list) else set()


def _limits(schema: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: shortly(schema[name]) for name in names if name in schema}


def shortly(value: Any) -> Any:
    """Return a whole number without the ``.0`` that some versions of pydantic give."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_null(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "null" or schema.get("const", ABSENT) is None


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))


def _is_decimal(options: list[dict[str, Any]]) -> bool:
    """Say whether it is what a decimal number is: a number, or its digits."""
    text = next(each for each in options if each["type"] == "string")
    return len(options) == 2 and set(text) <= {"type", "pattern"}


def _choices(values: list[Any]) -> tuple[Choice, ...]:
    distinct = {json.dumps(each): each for each in values}
    return tuple(Choice(each, _label({"const": each})) for each in distinct.values())


def _label(schema: dict[str, Any]) -> str:
    title, value = schema.get("title"), schema["const"]
    if isinstance(title, str) and title:
        return title
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return value if isinstance(value, str) else json.dumps(value)


def _title(key: str) -> str:
    return key.replace("_", " ").strip().capitalize() or key
