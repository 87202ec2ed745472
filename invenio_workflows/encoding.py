"""JSON that gives back what it was given.

Beyond what JSON holds, tuples, sets, bytes, datetimes, dates, decimals, UUIDs
and dictionaries with keys that are no strings survive: each is written as a
dictionary of one key that begins with ``$``. A dictionary of the user's that
looks like one is written as ``$map`` and so comes back as it was.
"""

from __future__ import annotations

import base64
import json
import marshal
import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from itertools import repeat
from typing import Any
from uuid import UUID

from .errors import DataNotSerializable

_ATOMS = frozenset({str, int, bool, type(None)})
_encode = json.JSONEncoder(
    separators=(",", ":"), allow_nan=False, check_circular=False
).encode

#: Data that nest deeper are refused: nothing that is done with them later, a copy, a
#: difference or a page, is then too deep for the interpreter.
DEEPEST = 200

_TAGS: dict[str, Callable[[Any], Any]] = {
    "$tuple": lambda items: tuple(restored(item) for item in items),
    "$set": lambda items: {restored(item) for item in items},
    "$map": lambda pairs: {restored(k): restored(v) for k, v in pairs},
    "$bytes": base64.b64decode,
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$decimal": Decimal,
    "$uuid": UUID,
}


def dumps(value: Any, what: str = "data", deepest: int = DEEPEST) -> str:
    """Return ``value`` as JSON.

    :param what: what the value is, for the error; ``data of object 17``.
    :param deepest: how deep it may nest.
    :raises DataNotSerializable: naming the key path and the type.
    """
    try:
        if _is_plain(value, deepest):
            return _encode(value)
        _descend(value, deepest)
        return _encode(_tagged(value, what))
    except RecursionError:
        raise DataNotSerializable(
            f"{what} is nested too deeply or holds itself; JSON cannot keep that."
        ) from None
    except ValueError:
        # The encoder does not say where the NaN is.
        return _encode(_tagged(value, what))


def is_text(value: Any, longest: int) -> bool:
    """Say whether a column can hold this: text with no NUL, nor half a surrogate."""
    if not isinstance(value, str) or not 0 < len(value) <= longest or "\0" in value:
        return False
    return value.encode(errors="replace").decode() == value


def loads(text: str) -> Any:
    """Return the value that :func:`dumps` wrote."""
    value = json.loads(text)
    return restored(value) if '{"$' in text else value


def plain(value: Any, what: str) -> Any:
    """Return ``value`` made of what JSON holds: a copy, for :func:`restored`.

    :raises DataNotSerializable: naming the key path and the type.
    """
    return json.loads(dumps(value, what))


def dumps_plain(value: Any) -> str:
    """Return as JSON what is made of what JSON holds, without a look at its parts."""
    return _encode(value)


class Writer:
    """Writes a dictionary as JSON again and again, and anew only what changed in it.

    Most tasks change few fields of a record. The interpreter's own form of a field,
    which is made ten times faster than JSON, differs where the value or a type in it
    does, so it says what is as it was; nothing is ever read back from that form. A
    buffer that takes the place of the same bytes is kept as they are.
    """

    def __init__(self) -> None:
        #: The fields of the value before: keys, forms and texts; and its whole text.
        self._last: tuple[list[str], list[bytes], list[str], str] = [], [], [], "{}"

    def dumps(self, value: Any) -> str:
        """Return what :func:`dumps` returns. Several threads may do so at once.

        :raises DataNotSerializable: naming the key path and the type.
        """
        if type(value) is not dict:
            return dumps(value)
        try:
            forms = list(map(marshal.dumps, value.values(), repeat(2)))
            return self._by_field(value, list(value), forms)
        except DataNotSerializable:
            raise
        except ValueError:  # nothing stands for it: a date, say, or a key of numbers
            return dumps(value)

    def _by_field(
        self, value: dict[str, Any], keys: list[str], forms: list[bytes]
    ) -> str:
        old_keys, old_forms, old_texts, text = self._last
        if keys != old_keys:
            forms_of = dict(zip(old_keys, old_forms, strict=True))
            texts_of = dict(zip(old_keys, old_texts, strict=True))
            old_forms = [forms_of.get(key, b"") for key in keys]
            old_texts = [texts_of.get(key, "") for key in keys]
        elif forms == old_forms:
            return text
        texts = [
            text if form == old else _field(key, value[key])
            for key, form, old, text in zip(
                keys, forms, old_forms, old_texts, strict=True
            )
        ]
        if len(texts) == 1 and texts[0].startswith('"$'):
            raise ValueError
        text = "{" + ",".join(texts) + "}"
        self._last = keys, forms, texts, text
        return text


def _field(key: Any, item: Any) -> str:
    if type(key) is not str:
        raise ValueError
    return f"{_encode(key)}:{dumps(item, f'data.{key}', DEEPEST - 1)}"


def copied(value: Any) -> Any:
    """Return ``value`` with containers of its own, all the way down.

    What is no container is shared: unlike ``deepcopy`` this takes anything.
    """
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is dict:
        return {
            key: item if type(item) in _ATOMS else copied(item)
            for key, item in value.items()
        }
    if kind is list:
        return [item if type(item) in _ATOMS else copied(item) for item in value]
    if kind is tuple:
        return tuple(copied(item) for item in value)
    return set(value) if kind is set else value


def _is_plain(value: Any, deep: int) -> bool:
    """Say whether the C encoder alone writes ``value`` without loss.

    :raises RecursionError: if it nests deeper than that.
    """
    kind = type(value)
    if kind in _ATOMS or kind is float:
        return True
    if deep <= 0:
        raise RecursionError
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                return False
            if type(item) not in _ATOMS and not _is_plain(item, deep - 1):
                return False
        return not (len(value) == 1 and next(iter(value)).startswith("$"))
    if kind is list:
        for item in value:
            if type(item) not in _ATOMS and not _is_plain(item, deep - 1):
                return False
        return True
    return False


def _descend(value: Any, deep: int) -> None:
    """Raise a RecursionError if a value nests deeper than that."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return
    if deep <= 0:
        raise RecursionError
    for item in value:
        _descend(item, deep - 1)


def _tagged(value: Any, path: str) -> Any:
    """Return ``value`` made of what JSON holds, or say what it cannot hold."""
    if value is None or isinstance(value, (str, bool, int)):
        return _unwrapped(value, path)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise DataNotSerializable(
                f"{path} is {value!r}, a number that JSON cannot keep; "
                "use None or a string.",
                path=path,
                type="float",
            )
        return float(value)
    if isinstance(value, dict):
        return _tagged_dict(value, path)
    if isinstance(value, (list, tuple)):
        items = [_tagged(item, f"{path}[{i}]") for i, item in enumerate(value)]
        return items if isinstance(value, list) else {"$tuple": items}
    return _tagged_other(value, path)


def _unwrapped(value: Any, path: str) -> Any:
    """Return the plain value of a subclass of it, such as a member of an enum."""
    if isinstance(value, str):
        return str.__str__(value)
    if value is None or isinstance(value, bool):
        return value
    try:
        int.__repr__(value)  # Python refuses to write down what is too long
    except ValueError:
        raise DataNotSerializable(
            f"{path} is a number of {value.bit_length()} bits, which is too long to be "
            "kept as JSON; use a string.",
            path=path,
            type="int",
        ) from None
    return int.__index__(value)


def _tagged_dict(value: dict[Any, Any], path: str) -> Any:
    plain = all(type(key) is str for key in value)
    if plain and not (len(value) == 1 and next(iter(value)).startswith("$")):
        return {key: _tagged(item, f"{path}.{key}") for key, item in value.items()}
    return {
        "$map": [
            [_tagged(key, f"key {key!r} of {path}"), _tagged(item, f"{path}[{key!r}]")]
            for key, item in value.items()
        ]
    }


def _tagged_other(value: Any, path: str) -> Any:
    if type(value) is set:
        return {"$set": [_tagged(item, f"{path}{{}}") for item in _ordered(value)]}
    if type(value) is bytes:
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, UUID):
        return {"$uuid": str(value)}
    kind = type(value)
    raise DataNotSerializable(
        f"{path} is a {kind.__module__}.{kind.__qualname__}, which cannot be kept as "
        "JSON; keep an id, a string or a dictionary of it instead.",
        path=path,
        type=f"{kind.__module__}.{kind.__qualname__}",
    )


def _ordered(value: set[Any]) -> list[Any]:
    """Return a set's items in an order that does not depend on the process."""
    return sorted(value, key=lambda item: (type(item).__name__, repr(item)))


def restored(value: Any) -> Any:
    """Return the value, a copy, of which :func:`plain` made this."""
    if type(value) is list:
        return [restored(item) for item in value]
    if type(value) is dict:
        if len(value) == 1:
            key, item = next(iter(value.items()))
            if key in _TAGS:
                return _TAGS[key](item)
        return {key: restored(item) for key, item in value.items()}
    return value
