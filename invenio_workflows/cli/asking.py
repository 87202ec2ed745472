"""What an object asks for, field by field, as a terminal shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..actions.input_form import Asked
from .text import clean


def fields_of(asked: Asked) -> Iterator[str]:
    """Yield a line for each field that is asked for."""
    schema = asked.schema
    required = schema.get("required", ())
    for name, given in schema.get("properties", {}).items():
        known = _followed(given, schema)
        facts = [_kind(known, schema)]
        if name in required:
            facts.append("required")
        elif known.get("default") is not None:
            facts.append(f"{_value(known['default'])} if it is left out")
        facts += [f"{said} {known[word]}" for word, said in _BOUNDS if word in known]
        told = known.get("description")
        yield clean(f"{name}: {', '.join(facts)}" + (f". {told}" if told else ""))


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


_BOUNDS = (
    ("minimum", "from"),
    ("exclusiveMinimum", "more than"),
    ("maximum", "to"),
    ("exclusiveMaximum", "less than"),
    ("minLength", "letters at least:"),
    ("maxLength", "letters at most:"),
)


def _followed(schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with what it refers to."""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return {**root.get("$defs", {}).get(name, {}), **schema}


def _kind(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return " or ".join(_kind(_followed(each, root), root) for each in options)
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return "one of " + ", ".join(map(_value, values))
    if schema.get("writeOnly"):
        return "secret"
    kind = str(schema.get("format") or schema.get("type") or "any value")
    if kind == "array":
        return "list of " + _kind(_followed(schema.get("items", {}), root), root)
    return kind


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
