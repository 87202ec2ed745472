"""Checks an answer by its JSON Schema alone, where its model is out of reach."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from .errors import InputNotValid
from .schemas import Fault, refuse_other_than_object


def check_json(schema: Mapping[str, Any], data: Any) -> None:
    """Raise unless the answer is what the schema says.

    What the library says quotes the value, which may be a secret; so it is said anew.

    :raises InputNotValid: with everything that is wrong with it.
    """
    refuse_other_than_object(data)
    validator = Draft202012Validator(
        schema, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    faults: list[Fault] = []
    try:
        for error in validator.iter_errors(data):
            faults += (each for each in _faults(error) if each not in faults)
    except re.error:
        pass  # a pattern of pydantic's that Python does not know; the model asks it
    if faults:
        raise InputNotValid(errors=faults)


def _faults(error: ValidationError) -> Iterator[Fault]:
    loc, word, wanted = (
        list(error.absolute_path),
        error.validator,
        error.validator_value,
    )
    if word == "required":
        missing = [key for key in wanted if key not in error.instance]
        for key in missing:
            yield _fault([*loc, key], "This field is required", "missing")
    elif word == "additionalProperties":
        known = error.schema.get("properties", {})
        for key in error.instance:
            if key not in known:
                yield _fault([*loc, key], "There is no such field", "extra_forbidden")
    elif word == "type":
        yield _fault(loc, f"The value should be of the type {wanted}", "type")
    elif word in ("anyOf", "oneOf"):
        yield _fault(loc, "The value is none of what is possible here", str(word))
    else:
        yield _fault(loc, f"The value does not fit {word}: {wanted}", str(word))


def _fault(loc: list[Any], message: str, kind: str) -> Fault:
    return {"loc": loc, "msg": message, "type": kind}
