"""What is told of a definition to those who do not have it: no value is in it.

A value that stands in a definition, such as what a task's closure holds or the default
of a field, may be a secret, so it is told by nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from .node import Leaf
from .workflow import Definition

#: What of a JSON Schema holds values that code has made.
_VALUES = {"default", "examples"}


@dataclass(frozen=True, slots=True)
class Facts:
    """A definition, as it is kept for those who do not have it."""

    name: str
    #: Where it is written, as ``module:qualname``; empty for a bare list.
    module: str
    title: str
    description: str
    #: The JSON Schema of what each step asks of a person, by the step's name.
    schema: dict[str, Any]
    fingerprint: str


def facts_of(definition: Definition) -> Facts:
    """Return what is told of a definition."""
    return Facts(
        definition.name,
        storable(whereabouts(definition.source)),
        storable(definition.title),
        storable(definition.doc),
        {leaf.name: asked for leaf in definition.leaves if (asked := _asked(leaf))},
        definition.fingerprint,
    )


def whereabouts(source: Any) -> str:
    """Return where a definition is written, as ``module:qualname``."""
    if isinstance(source, ModuleType):
        return source.__name__
    if isinstance(source, (list, tuple, dict)):
        return ""
    kind = source if hasattr(source, "__qualname__") else type(source)
    return f"{kind.__module__}:{kind.__qualname__}"


def modules_of(definition: Definition) -> list[str]:
    """Return the modules in which a definition and its tasks are written.

    And their bases, where these are of the same package.
    """
    found = [*_homes(definition.source)]
    for leaf in definition.leaves:
        for each in _written(leaf.call):
            found += _homes(each)
    return sorted({*found} - {"", "builtins"})


def _homes(thing: Any) -> list[str]:
    if isinstance(thing, ModuleType):
        return [thing.__name__]
    if not isinstance(thing, type):
        own = getattr(thing, "__module__", None) or type(thing).__module__
        return [str(own)]
    top = thing.__module__.partition(".")[0]
    homes = [each.__module__ for each in thing.__mro__]
    return [each for each in homes if each.partition(".")[0] == top]


def _written(call: Any) -> Iterator[Any]:
    """Yield what a user wrote of a task: what is called, and what that wraps."""
    seen: list[Any] = []
    while call is not None and not any(call is each for each in seen):
        seen.append(call)
        yield call
        yield getattr(call, "kind", None)
        call = getattr(call, "__wrapped__", None) or getattr(call, "func", None)


def _asked(leaf: Leaf) -> Any:
    """Return the JSON Schema of what a step asks of a person, if it asks anything."""
    schema = getattr(getattr(leaf.call, "kind", None), "UserInputSchema", None)
    describe = getattr(schema, "model_json_schema", None)
    if not callable(describe):
        return None
    try:
        found = describe()
    except Exception:  # of a class of the user's
        return None
    return _without_values(found) if found.get("properties") else None


def _without_values(schema: Any, names: bool = False) -> Any:
    """Return a schema without its values.

    :param names: whether the keys are names of fields, of which none is left out.
    """
    if isinstance(schema, list):
        return [_without_values(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_values(each, not names and key in ("properties", "$defs"))
        for key, each in schema.items()
        if names or key not in _VALUES
    }


def storable(value: str) -> str:
    """Return a text that every database can hold."""
    return value.replace("\0", "").encode("utf-8", "replace").decode()
