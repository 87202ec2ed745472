"""What a form says beside its fields, in the reader's language. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from .form_shape import Shape, shortly
from .texts import _, ngettext
from .tree import visible


def hints(shape: Shape) -> list[str]:
    """Return in sentences what a field takes."""
    found = [*_bounds(shape), *_lengths(shape)]
    if shape.limit("format") == "duration":
        found.append(_("A length of time: 01:30:00, or P2DT3H for two days and 3 h."))
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
    kind, message = str(error.get("type", "")), str(error.get("msg", ""))
    say = _SAID.get(kind)
    said = say(shape or Shape("text"), message) if say is not None else ""
    return said or visible(_plain(message), 1000)


def _plain(message: str) -> str:
    """Return a validator's own sentence without what pydantic puts before it."""
    for before in ("Value error, ", "Assertion failed, "):
        message = message.removeprefix(before)
    return message


_Says = Callable[[Shape, str], str]


def _always(say: Callable[[], str]) -> _Says:
    return lambda shape, message: say()


def _with(say: Callable[[Any], str], *names: str) -> _Says:
    """Say it with a limit, from the field or the error; nothing if neither has it."""

    def said(shape: Shape, message: str) -> str:
        found = None
        for name in names:
            found = shape.limit(name) if found is None else found
        if found is None and (told := _LIMIT.search(message)):
            found = told["all"] or told["n"]
        if found is None:
            return ""
        found = shortly(found)
        return say(found if isinstance(found, (str, int)) else json.dumps(found))

    return said


#: A limit of which the schema knows nothing, such as that of a date, or of what the
#: schema has another one: 1 or more is what is more than 0. The model's words have it.
_LIMIT = re.compile(
    r"(?:greater than|less than|equal to|multiple of) (?P<all>-?\d.*)\Z"
    r"|(?:more than|at least|at most) (?P<n>\d+)"
)


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


def _too_few_of(shape: Shape, message: str) -> str:
    """Of what is secret the model counts items; they are letters."""
    is_list = shape.kind in ("rows", "checks", "json")
    return _with(_too_few if is_list else _too_short, "minItems", "minLength")(
        shape, message
    )


def _too_many_of(shape: Shape, message: str) -> str:
    is_list = shape.kind in ("rows", "checks", "json")
    return _with(_too_many if is_list else _too_long, "maxItems", "maxLength")(
        shape, message
    )


def _missing(shape: Shape, message: str) -> str:
    if shape.kind in ("choice", "variants"):
        return _("Choose one.")
    if shape.kind == "file":
        return _("Choose a file.")
    return _("This is needed.")


def _no_pattern(shape: Shape, message: str) -> str:
    pattern = shape.limit("pattern")
    return _("This is not of the form {pattern}.", pattern=pattern) if pattern else ""


def _no_address(shape: Shape, message: str) -> str:
    """Say what a field for an address says, and no validator of the site's own."""
    ours = message.startswith("value is not a valid email address")
    return _("This is not an e-mail address.") if ours else ""


def _no_scheme(shape: Shape, message: str) -> str:
    begins = " / ".join(f"{each}:" for each in re.findall(r"'([\w+.-]+)'", message))
    return _("An address that begins with {begins} is needed.", begins=begins)


def _not_so(shape: Shape, message: str) -> str:
    """Say what the schema alone says of a type or a format."""
    if shape.kind == "number":
        return _no_whole(shape, message) if shape.whole else _no_number(shape, message)
    say = _BY_KIND.get(shape.kind)
    return say(shape, message) if say is not None else ""


_no_whole = _always(lambda: _("This is not a whole number."))
_no_number = _always(lambda: _("This is not a number."))
_no_date = _always(lambda: _("This is not a date; write it like 2026-01-31."))
_no_moment = _always(lambda: _("This is not a date with a time: 2026-01-31T14:30."))
_no_time = _always(lambda: _("This is not a time; write it like 14:30."))
_no_choice = _always(lambda: _("This is none of the choices."))
_no_text = _always(lambda: _("This is not a text."))
_no_list = _always(lambda: _("This is not a list."))
_no_object = _always(lambda: _("Fields with their values are needed here: { }."))
_no_url = _always(lambda: _("This is not a web address."))
_no_duration = _always(lambda: _("This is not a duration; write it like 01:30:00."))
_past = _always(lambda: _("This must be in the past."))
_future = _always(lambda: _("This must be in the future."))
_least = _with(lambda n: _("This must be {n} or more.", n=n), "minimum")
_most = _with(lambda n: _("This must be {n} or less.", n=n), "maximum")
_above = _with(lambda n: _("This must be more than {n}.", n=n), "exclusiveMinimum")
_under = _with(lambda n: _("This must be less than {n}.", n=n), "exclusiveMaximum")
_no_multiple = _with(lambda n: _("This must be a multiple of {n}.", n=n), "multipleOf")
_too_long_a_text, _too_short_a_text = (
    _with(_too_long, "maxLength"),
    _with(_too_short, "minLength"),
)
_places = _with(
    lambda n: ngettext(
        "At most {n} digit after the point.",
        "At most {n} digits after the point.",
        int(n),
    )
)
_digits = _with(lambda n: ngettext("At most {n} digit.", "At most {n} digits.", int(n)))
_whole_digits = _with(
    lambda n: ngettext(
        "At most {n} digit before the point.",
        "At most {n} digits before the point.",
        int(n),
    )
)

_BY_KIND: dict[str, _Says] = {
    **{"date": _no_date, "datetime": _no_moment, "time": _no_time, "url": _no_url},
    **{"check": _no_choice, "choice": _no_choice, "rows": _no_list},
    **{"group": _no_object, "text": _no_text, "area": _no_text},
    "email": _always(lambda: _("This is not an e-mail address.")),
}

#: What is said of each kind of error, and what kinds of pydantic's errors, and words of
#: a JSON Schema, that is.
_KINDS: tuple[tuple[_Says, str], ...] = (
    (_missing, "missing required"),
    (_always(lambda: _("There is no such field.")), "extra_forbidden"),
    (_no_text, "string_type"),
    (_no_pattern, "string_pattern_mismatch pattern"),
    (_too_long_a_text, "string_too_long bytes_too_long maxLength"),
    (_too_short_a_text, "string_too_short bytes_too_short minLength"),
    (_too_many_of, "too_long maxItems"),
    (_too_few_of, "too_short minItems"),
    (_above, "greater_than exclusiveMinimum"),
    (_least, "greater_than_equal minimum"),
    (_under, "less_than exclusiveMaximum"),
    (_most, "less_than_equal maximum"),
    (_no_multiple, "multiple_of multipleOf"),
    (_no_whole, "int_type int_parsing int_from_float int_parsing_size"),
    (_no_number, "float_type float_parsing decimal_type decimal_parsing"),
    (_no_number, "finite_number"),
    (_places, "decimal_max_places"),
    (_digits, "decimal_max_digits"),
    (_whole_digits, "decimal_whole_digits"),
    (_no_date, "date_type date_parsing date_from_datetime_parsing"),
    (_no_date, "date_from_datetime_inexact"),
    (_no_moment, "datetime_type datetime_parsing datetime_object_invalid"),
    (_no_moment, "datetime_from_date_parsing"),
    (_no_time, "time_type time_parsing"),
    (_no_duration, "time_delta_type time_delta_parsing"),
    (_past, "date_past datetime_past"),
    (_future, "date_future datetime_future"),
    (
        _always(lambda: _("Say the time zone too: 2026-01-31T14:30+01:00.")),
        "timezone_aware",
    ),
    (_always(lambda: _("Leave the time zone out.")), "timezone_naive"),
    (_no_choice, "bool_type bool_parsing enum literal_error union_tag_invalid const"),
    (_always(lambda: _("Choose one.")), "union_tag_not_found"),
    (_always(lambda: _("This is none of what may stand here.")), "anyOf oneOf"),
    (_no_list, "list_type set_type tuple_type frozen_set_type"),
    (_no_object, "model_type model_attributes_type dict_type dataclass_type"),
    (_no_url, "url_parsing url_type"),
    (_no_scheme, "url_scheme"),
    (_always(lambda: _("This is not a UUID.")), "uuid_parsing uuid_type uuid_version"),
    (_no_address, "value_error"),
    (_not_so, "type format"),
    (
        _always(lambda: _("This file is not there; choose it again.")),
        "file_unknown",
    ),
)
_SAID: dict[str, _Says] = {kind: say for say, kinds in _KINDS for kind in kinds.split()}
