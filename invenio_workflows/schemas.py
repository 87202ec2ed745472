"""What a person is asked for: a pydantic model, and the JSON Schema that it gives.

A model is known by where it lies, ``module:qualname``. What is given to it is
checked whole: by its own validators, and a key that it does not know is refused.
"""

from __future__ import annotations

import importlib
import json
import logging
import math
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from pydantic import AliasChoices, AliasPath, BaseModel, RootModel, ValidationError

from .encoding import copied
from .errors import InputNotValid, WorkflowDefinitionError

_logger = logging.getLogger(__name__)

#: A class whose instances are valid answers.
Schema: TypeAlias = type[BaseModel]
#: One thing that is wrong with an answer: ``loc``, ``msg`` and ``type``.
Fault: TypeAlias = dict[str, Any]

#: At most this many models that are local to a function are kept in mind.
_MOST = 500
#: A secret of fewer letters is a part of many words.
_SHORT = 4
#: Errors whose sentences have the model's limits in them, and nothing of the input.
_QUOTES_NOTHING = frozenset(
    "missing extra_forbidden too_short too_long string_too_short string_too_long "
    "bytes_too_short bytes_too_long string_type bytes_type int_parsing int_type "
    "date_type".split()
)
#: Half of a character of UTF-16, which no text has.
_HALF = re.compile("[\ud800-\udfff]")
_known: dict[tuple[str, str], Schema] = {}
_lock = threading.Lock()
_schemas: WeakKeyDictionary[Schema, dict[str, Any]] = WeakKeyDictionary()


def is_schema(value: Any) -> bool:
    """Say whether this is a model whose answers are objects."""
    return (
        isinstance(value, type)
        and issubclass(value, BaseModel)
        and not issubclass(value, RootModel)
    )


def check_schema(value: Any, what: str) -> Schema:
    """Return the model, if a person can be asked by it.

    :param what: what it is, for the error.
    :raises WorkflowDefinitionError: saying why not.
    """
    if not is_schema(value):
        raise WorkflowDefinitionError(
            f"{what} is a subclass of pydantic.BaseModel, not {value!r}."
        )
    try:
        json_schema(value)
    except Exception as error:
        line = str(error).strip().partition("\n")[0]
        raise WorkflowDefinitionError(
            f"{what} cannot be shown as JSON Schema, so no person can be asked: {line}"
        ) from error
    return remember(value)


def json_schema(model: Schema) -> dict[str, Any]:
    """Return the JSON Schema of a model; it allows no key that the model ignores."""
    found = _schemas.get(model)
    if found is None:
        found = model.model_json_schema()
        for each in (found, *found.get("$defs", {}).values()):
            if "properties" in each:
                each.setdefault("additionalProperties", False)
        found = _schemas[model] = json.loads(json.dumps(found, default=_limit))
    schema: dict[str, Any] = copied(found)
    return schema


def _limit(value: Any) -> str:
    """Return as text the limit of a date, which pydantic 2.7 leaves as it is.

    :raises TypeError: if it is no limit of a date.
    """
    if isinstance(value, (date, time, timedelta)):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON.")


def address_of(model: Schema) -> str:
    """Return where a model lies: ``module:qualname``."""
    return f"{model.__module__}:{model.__qualname__}"


def remember(model: Schema) -> Schema:
    """Keep a model in mind that cannot be imported by its name, or not always."""
    key = address_of(model), _mark(json_schema(model))
    with _lock:
        _known.pop(key, None)
        _known[key] = model
        while len(_known) > _MOST:
            del _known[next(iter(_known))]
    return model


def _mark(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, sort_keys=True, default=str)


def find(address: str, schema: Mapping[str, Any]) -> Schema | None:
    """Return the model that lies there: imported, else one that was asked with here.

    :param schema: its JSON Schema, by which two of one name are told apart.
    """
    module, _, name = address.partition(":")
    if "<locals>" not in name and module != "__main__":
        found = _imported(module, name)
        if is_schema(found):
            model: Schema = found
            return model
    with _lock:
        return _known.get((address, _mark(schema)))


def _imported(module: str, name: str) -> Any:
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return None
    except Exception:
        _logger.exception("The module %s cannot be imported.", module)
        return None
    return found


# --- answers -------------------------------------------------------------------------


def validated(model: Schema, data: Any) -> BaseModel:
    """Return what the model makes of an answer.

    :raises InputNotValid: with everything that is wrong with it; nothing in it
        quotes what was given in secret.
    """
    refuse_other_than_object(data)
    made, faults = _made(model, data)
    strangers = list(_strangers(made, data, []) if made else _unknown(model, data, []))
    known = [fault["loc"] for fault in faults]
    faults += [
        {"loc": loc, "msg": "There is no such field", "type": "extra_forbidden"}
        for loc in strangers
        if loc not in known
    ]
    faults += _unkept(made, [])
    if made is None or faults:
        raise InputNotValid(errors=faults)
    return made


def refuse_other_than_object(data: Any) -> None:
    """Raise unless the answer is a dictionary whose keys are texts.

    :raises InputNotValid: saying so.
    """
    if isinstance(data, Mapping) and all(isinstance(key, str) for key in data):
        return
    message = f"An input is an object of fields and values, not {type(data).__name__}."
    fault = {"loc": [], "msg": message, "type": "dict_type"}
    raise InputNotValid(message, errors=[fault])


def _made(model: Schema, data: Mapping[str, Any]) -> tuple[BaseModel | None, list[Any]]:
    """Return the instance, or ``None`` and what is wrong; never with its input."""
    try:
        return _read(model, data), []
    except ValidationError as error:
        found = error.errors(
            include_url=False, include_context=False, include_input=False
        )
    except Exception as error:
        # What it says may quote the input, and is not written down.
        kind = type(error).__name__
        _logger.error("A validator of %s raised %s.", address_of(model), kind)
        message = f"The input could not be checked ({kind})"
        return None, [{"loc": [], "msg": message, "type": "not_checked"}]
    secrets = secrets_of(json_schema(model), data)
    return None, [
        {
            "loc": list(each["loc"]),
            "msg": _said(each["type"], each["msg"], secrets),
            "type": each["type"],
        }
        for each in found
    ]


def _read(model: Schema, data: Mapping[str, Any]) -> BaseModel:
    """Validate as JSON where it is JSON: a strict model takes a date as text then."""
    try:
        text = json.dumps(data, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError):  # a date, say, or half of a character
        return model.model_validate(data)
    return model.model_validate_json(text)


def _said(kind: str, text: str, secrets: Sequence[str]) -> str:
    """Return what is wrong, in a validator's own words and without what is secret.

    A short secret may be a part of any word: masked there, it would be told by what
    is left. So it is masked where it stands by itself, and pydantic's own sentences,
    which quote nothing, are left as they are.
    """
    if kind in _QUOTES_NOTHING:
        return text
    text = text.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    for secret in secrets:
        if len(secret) < _SHORT:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
        else:
            text = text.replace(secret, MASK)
    return text


def _keys(model: Schema) -> dict[str, str]:
    """Return the keys that a model takes, and the field that each is for."""
    by_name = any(
        model.model_config.get(each)
        for each in ("populate_by_name", "validate_by_name")
    )
    keys: dict[str, str] = {}
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
        for each in choices:
            if isinstance(each, AliasPath):
                keys[str(each.path[0])] = name
            elif each is not None:
                keys[each] = name
        if alias is None or by_name:
            keys[name] = name
    return keys


def _unknown(
    model: Schema, data: Mapping[str, Any], loc: list[Any]
) -> Iterator[list[Any]]:
    if model.model_config.get("extra") == "allow":
        return
    keys = _keys(model)
    yield from ([*loc, key] for key in data if key not in keys)


def _strangers(value: Any, data: Any, loc: list[Any]) -> Iterator[list[Any]]:
    """Yield where the answer has keys of which nothing is left in what was made."""
    if isinstance(value, RootModel):
        yield from _strangers(value.root, data, loc)
    elif isinstance(value, BaseModel) and isinstance(data, Mapping):
        model = type(value)
        yield from _unknown(model, data, loc)
        for key, name in _keys(model).items():
            if key in data:
                yield from _strangers(getattr(value, name), data[key], [*loc, key])
    elif isinstance(value, (list, tuple)) and isinstance(data, (list, tuple)):
        for index, (one, given) in enumerate(zip(value, data, strict=False)):
            yield from _strangers(one, given, [*loc, index])
    elif isinstance(data, Mapping):
        yield from _strange_keys(value, data, loc)


def _unkept(value: Any, loc: list[Any]) -> Iterator[Fault]:
    """Yield where something was given that JSON cannot say, though Python can."""
    if isinstance(value, float) and not math.isfinite(value):
        message = "Input should be a finite number"
        yield {"loc": loc, "msg": message, "type": "finite_number"}
    if isinstance(value, str) and _HALF.search(value):
        message = "Input should be a valid string, not one with half of a character"
        yield {"loc": loc, "msg": message, "type": "string_unicode"}
    inside: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, BaseModel):
        known, given = type(value).model_fields, value.model_fields_set
        inside = (
            (field.alias or name, getattr(value, name))
            for name, field in known.items()
            if name in given
        )
    elif isinstance(value, Mapping):
        inside = value.items()
    elif isinstance(value, (list, tuple)):
        inside = enumerate(value)
    for key, one in inside:
        yield from _unkept(one, [*loc, key])


def _strange_keys(
    value: Any, data: Mapping[Any, Any], loc: list[Any]
) -> Iterator[list[Any]]:
    """Do it for a dictionary, typed or not, and for a dataclass."""
    held: dict[str, Any] = {}
    if is_dataclass(value):
        held = {each.name: getattr(value, each.name) for each in fields(value)}
    elif isinstance(value, Mapping):
        if len(value) == len(data):  # whatever became of the keys
            pairs = zip(value.values(), data.items(), strict=True)
            for one, (key, given) in pairs:
                yield from _strangers(one, given, [*loc, key])
            return
        held = {str(key): one for key, one in value.items()}
    else:
        return
    for key, given in data.items():
        if str(key) in held:
            yield from _strangers(held[str(key)], given, [*loc, key])
        else:
            yield [*loc, key]


# --- what nobody is to read ----------------------------------------------------------

#: Stands for what was given in secret.
MASK = "**********"


def masked(schema: Mapping[str, Any], data: Any) -> Any:
    """Return an answer as it may be written down: without what is secret in it."""
    return _masked([schema], data, schema, [])


def secrets_of(schema: Mapping[str, Any], data: Any) -> list[str]:
    """Return what was given in secret, the longest first."""
    found: list[str] = []
    _masked([schema], data, schema, found)
    return sorted(filter(None, found), key=len, reverse=True)


def _masked(
    schemas: Sequence[Any], data: Any, root: Mapping[str, Any], found: list[str]
) -> Any:
    options = list(options_of(schemas, root))
    if any(each.get("writeOnly") or _is_password(each) for each in options):
        if data is not None:
            found.append(str(data))
        return data if data is None else MASK
    if isinstance(data, Mapping):
        return {
            key: _masked(_below(options, key), value, root, found)
            for key, value in data.items()
        }
    if isinstance(data, (list, tuple)):
        items = [each["items"] for each in options if "items" in each]
        items += [one for each in options for one in each.get("prefixItems", ())]
        return [_masked(items, value, root, found) for value in data]
    return data


def _is_password(schema: Mapping[str, Any]) -> bool:
    return schema.get("format") == "password"


def _below(options: Sequence[Any], key: Any) -> list[Any]:
    below = [each.get("properties", {}).get(key) for each in options]
    below += [each.get("additionalProperties") for each in options]
    return [each for each in below if isinstance(each, Mapping)]


def options_of(schemas: Sequence[Any], root: Mapping[str, Any]) -> Iterator[Any]:
    """Yield all that a value may be, references followed."""
    left, seen = list(schemas), set()
    while left:
        schema = left.pop()
        if not isinstance(schema, Mapping) or id(schema) in seen:
            continue
        seen.add(id(schema))
        yield schema
        for word in ("anyOf", "oneOf", "allOf"):
            left += schema.get(word, ())
        reference = schema.get("$ref")
        if isinstance(reference, str):
            left.append(root.get("$defs", {}).get(reference.rpartition("/")[2]))
