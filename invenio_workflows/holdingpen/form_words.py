"""What a form says beside its fields, in the reader's language. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from .form_shape import Shape, shortly
from .texts import _, ngettext
from .tree import visible

#: How pydantic says that something is beyond a limit.
_BOUND = re.compile(r"Input should be (greater|less) than (or equal to )?(.+)")


def hints(shape: Shape) -> list[str]:
    """Return in sentences what a field takes."""
    found = [*_bounds(shape), *_lengths(shape)]
    if shape.kind == "text" and shape.examples:
        said = ", ".join(visible(each, 100) for each in shape.examples)
        found.append(_("For example: {examples}", examples=said))
    return found


def _bounds(shape: Shape) -> list[str]:
    least, most = shape.limit("minimum"), shape.limit("maximum")
    above, under = shape.limit("exclusiveMinimum"), shape.limit("exclusiveMaximum")
    said = []
    if least is not None and most is not None:
        said.append(_("From {least} to {most}.", least=least, most=most))
    elif least is not None:
        said.append(_("{least} or more.", least=least))
    elif most is not None:
        said.append(_("{most} or less.", most=most))
    if above is not None:
        said.append(_("More than {least}.", least=above))
    if under is not None:
        said.append(_("Less than {most}.", most=under))
    if (step := shape.limit("multipleOf")) is not None:
        said.append(_("A multiple of {step}.", step=step))
    return said


def _lengths(shape: Shape) -> list[str]:
    said = []
    least, most = _whole(shape, "minLength"), _whole(shape, "maxLength")
    if least > 1:
        said.append(ngettext("At least {n} letter.", "At least {n} letters.", least))
    if most:
        said.append(ngettext("At most {n} letter.", "At most {n} letters.", most))
    least, most = _whole(shape, "minItems"), _whole(shape, "maxItems")
    if least:
        said.append(ngettext("At least {n} of them.", "At least {n} of them.", least))
    if most:
        said.append(ngettext("At most {n} of them.", "At most {n} of them.", most))
    return said


def _whole(shape: Shape, name: str) -> int:
    value = shape.limit(name)
    return value if isinstance(value, int) else 0


def worded(error: Mapping[str, Any], shape: Shape | None) -> str:
    """Return what is wrong with an answer; as the model says it, if it is not common.

    :param shape: of the field, which knows the limits.
    """
    kind = str(error.get("type", ""))
    limits = shape or Shape("text")
    say = _SAID.get(kind)
    said = say(limits, _context(error)) if say is not None else ""
    return said or visible(_plain(str(error.get("msg", ""))), 1000)


def _context(error: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limit that pydantic names: JSON Schema has none for a date or time."""
    found = _BOUND.match(str(error.get("msg", "")))
    if found is None:
        return {}
    beyond, or_equal, limit = found.groups()
    return {f"{beyond[0]}{'e' if or_equal else 't'}": limit}


def _plain(message: str) -> str:
    """Return a validator's own sentence without what pydantic puts before it."""
    for before in ("Value error, ", "Assertion failed, "):
        message = message.removeprefix(before)
    return message


_Says = Callable[[Shape, Mapping[str, Any]], str]


def _is_said(limit: Any) -> bool:
    return limit is not None


def _always(say: Callable[[], str]) -> _Says:
    return lambda shape, context: say()


def _with(say: Callable[[Any], str], word: str, *names: str) -> _Says:
    """Say it with a limit, of the field or the error; nothing if neither has it."""

    def said(shape: Shape, context: Mapping[str, Any]) -> str:
        found = next(filter(_is_said, map(shape.limit, names)), context.get(word))
        if found is None:
            return ""
        found = shortly(found)
        return say(found if isinstance(found, (str, int)) else json.dumps(found))

    return said


def _too_long(most: Any) -> str:
    return ngettext(
        "This is too long: at most {n} letter.",
        "This is too long: at most {n} letters.",
        int(most),
    )


def _too_short(least: Any) -> str:
    return ngettext(
        "This is too short: at least {n} letter.",
        "This is too short: at least {n} letters.",
        int(least),
    )


def _too_many(most: Any) -> str:
    return ngettext(
        "There are too many: at most {n}.",
        "There are too many: at most {n}.",
        int(most),
    )


def _too_few(least: Any) -> str:
    return ngettext(
        "There are too few: at least {n}.",
        "There are too few: at least {n}.",
        int(least),
    )


def _missing(shape: Shape, context: Mapping[str, Any]) -> str:
    if shape.kind in ("choice", "variants"):
        return _("Choose one.")
    if shape.kind == "file":
        return _("Choose a file.")
    return _("This is needed.")


_no_whole = _always(lambda: _("This is no whole number."))
_no_number = _always(lambda: _("This is no number."))
_no_date = _always(lambda: _("This is no date; write it like 2026-01-31."))
_no_moment = _always(lambda: _("This is no date with a time: 2026-01-31T14:30."))
_no_time = _always(lambda: _("This is no time; write it like 14:30."))
_no_choice = _always(lambda: _("This is none of the choices."))
_no_text = _always(lambda: _("This is no text."))
_no_list = _always(lambda: _("This is no list."))

#: What is said of the common kinds of pydantic's errors.
_SAID: dict[str, _Says] = {
    "missing": _missing,
    "extra_forbidden": _always(lambda: _("There is no such field.")),
    "string_type": _no_text,
    "string_too_long": _with(_too_long, "max_length", "maxLength"),
    "string_too_short": _with(_too_short, "min_length", "minLength"),
    "too_long": _with(_too_many, "max_length", "maxItems"),
    "too_short": _with(_too_few, "min_length", "minItems"),
    "greater_than": _with(
        lambda n: _("This must be more than {n}.", n=n), "gt", "exclusiveMinimum"
    ),
    "greater_than_equal": _with(
        lambda n: _("This must be {n} or more.", n=n), "ge", "minimum"
    ),
    "less_than": _with(
        lambda n: _("This must be less than {n}.", n=n), "lt", "exclusiveMaximum"
    ),
    "less_than_equal": _with(
        lambda n: _("This must be {n} or less.", n=n), "le", "maximum"
    ),
    "string_pattern_mismatch": _with(
        lambda n: _("This is not written as it must be: {n}", n=n), "pattern", "pattern"
    ),
    "multiple_of": _with(
        lambda n: _("This must be a multiple of {n}.", n=n), "multiple_of", "multipleOf"
    ),
    **dict.fromkeys(
        ("int_type", "int_parsing", "int_from_float", "int_parsing_size"), _no_whole
    ),
    **dict.fromkeys(
        ("float_type", "float_parsing", "decimal_type", "decimal_parsing"), _no_number
    ),
    "finite_number": _no_number,
    **dict.fromkeys(
        (
            *("date_type", "date_parsing", "date_from_datetime_parsing"),
            "date_from_datetime_inexact",
        ),
        _no_date,
    ),
    **dict.fromkeys(
        (
            *("datetime_type", "datetime_parsing", "datetime_object_invalid"),
            "datetime_from_date_parsing",
        ),
        _no_moment,
    ),
    **dict.fromkeys(("time_type", "time_parsing"), _no_time),
    "timezone_aware": _always(
        lambda: _("Say the time zone too: 2026-01-31T14:30+01:00.")
    ),
    "bool_type": _no_choice,
    "bool_parsing": _no_choice,
    "enum": _no_choice,
    "literal_error": _no_choice,
    "union_tag_invalid": _no_choice,
    "union_tag_not_found": _always(lambda: _("Choose one.")),
    "list_type": _no_list,
    "set_type": _no_list,
    "url_parsing": _always(lambda: _("This is no address of the web.")),
    "uuid_parsing": _always(lambda: _("This is no UUID.")),
    "file_unknown": _always(lambda: _("This file is not there; choose it again.")),
}
