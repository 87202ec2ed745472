"""What an object asks for, field by field, as a terminal shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..actions.input_form import Asked
from .text import clean


def fields_of(asked: Asked) -> Iterator[str]:
    """Yield a line for each field that is asked for; below it those inside of it."""
    yield from _fields(asked.schema, asked.schema, 0)


def _fields(
    schema: Mapping[str, Any], root: Mapping[str, Any], depth: int
) -> Iterator[str]:
    required = schema.get("required", ())
    for name, given in schema.get("properties", {}).items():
        known = _followed(given, root)
        facts = [_kind(known, root)]
        if name in required:
            facts.append("required")
        elif known.get("default") is not None:
            facts.append(f"{_value(known['default'])} if it is left out")
        else:
            facts.append("may be left out")
        facts += _bounds(known, root)
        told = known.get("description")
        line = f"{name}: {', '.join(facts)}" + (f". {told}" if told else "")
        yield "  " * depth + clean(line)
        if depth < _DEEPEST:
            yield from _inside(known, root, depth + 1)


def _inside(
    schema: Mapping[str, Any], root: Mapping[str, Any], depth: int
) -> Iterator[str]:
    """Yield the fields of the objects that a value is, or holds."""
    found = [
        each
        for each in _options(schema, root)
        if each.get("properties") and each.get("format") != "file"
    ]
    for each in found:
        if len(found) > 1:
            yield "  " * depth + clean(f"{each.get('title') or 'an object'}:")
        yield from _fields(each, root, depth + (len(found) > 1))


def _options(
    schema: Mapping[str, Any], root: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Yield what a value may be, and what its items, or its values, may be."""
    options = schema.get("anyOf") or schema.get("oneOf") or [schema]
    for option in options:
        each = _followed(option, root)
        yield each
        for word in ("items", "additionalProperties"):
            inner = each.get(word)
            if isinstance(inner, Mapping):
                inner = _followed(inner, root)
                choices = inner.get("anyOf") or inner.get("oneOf") or [inner]
                yield from (_followed(choice, root) for choice in choices)


def errors_of(errors: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each thing that is wrong with an answer."""
    for error in errors:
        where = ".".join(map(str, error["loc"]))
        yield clean(f"{where}: {error['msg']}" if where else error["msg"])


def as_json(asked: Asked | None) -> dict[str, Any] | None:
    """Return what is asked for programs."""
    if asked is None:
        return None
    return {
        "question": asked.question,
        "name": asked.name,
        "halt": asked.halt,
        "schema": asked.schema,
        "errors": asked.errors,
    }


#: How deep fields of fields are shown.
_DEEPEST = 4
_BOUNDS = (
    ("minimum", "from"),
    ("exclusiveMinimum", "more than"),
    ("maximum", "to"),
    ("exclusiveMaximum", "less than"),
    ("minLength", "letters at least:"),
    ("maxLength", "letters at most:"),
    ("multipleOf", "a multiple of"),
    ("minItems", "items at least:"),
    ("maxItems", "items at most:"),
    ("pattern", "of the form"),
)


def _bounds(schema: Mapping[str, Any], root: Mapping[str, Any]) -> list[str]:
    options = schema.get("anyOf") or schema.get("oneOf") or [schema]
    known = [_followed(each, root) for each in options]
    return [
        f"{said} {_value(each[word])}"
        for each in known
        for word, said in _BOUNDS
        if word in each
    ]


def _followed(schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with what it refers to."""
    inner = schema.get("allOf")
    if isinstance(inner, list) and len(inner) == 1:  # as pydantic writes it before 2.9
        schema = {**inner[0], **schema}
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return {**root.get("$defs", {}).get(name, {}), **schema}


def _kind(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    options = schema.get("anyOf") or schema.get("oneOf")
    if options and all(_followed(each, root).get("title") for each in options):
        titles = (str(_followed(each, root)["title"]) for each in options)
        return f"an object, one of {', '.join(titles)}"
    if options:
        return " or ".join(_kind(_followed(each, root), root) for each in options)
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return "one of " + ", ".join(map(_value, values))
    if schema.get("writeOnly"):
        return "secret"
    kind = str(schema.get("format") or schema.get("type") or "any value")
    if schema.get("format") == "file":
        return "a file (an object, as api.add_file() gives it)"
    if kind == "object" and not schema.get("properties"):
        values = schema.get("additionalProperties")
        inner = _followed(values, root) if isinstance(values, Mapping) else {}
        return f"object of any names, each {_kind(inner, root)}"
    if kind == "array":
        return "list of " + _kind(_followed(schema.get("items", {}), root), root)
    return kind


def _value(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)
