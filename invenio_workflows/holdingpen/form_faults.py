"""Where in a form it is wrong: errors of a model, each put at its field. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .form_fields import Field
from .form_shape import below
from .form_words import worded

#: At most this many errors are told.
_MOST = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """A line of the summary: which field, and what is wrong with it."""

    id: str
    title: str
    said: str


def put_faults(
    top: Field,
    errors: Sequence[Mapping[str, Any]],
    rows: Mapping[str, Sequence[int]] | None = None,
) -> list[Fault]:
    """Say at each field what is wrong with it, and return a summary in their order.

    The first wrong field is to have the focus.

    :param rows: of a list, by its name, which rows its items were.
    """
    for error in errors[:_MOST]:
        _put(top, error, rows or {})
    faults: list[Fault] = []
    for each, titles in _placed(top, ()):
        said = " ".join(each.faults)
        if said:
            each.autofocus = not faults and each is not top
            faults.append(Fault(each.id, " › ".join(titles), said))
    return faults


def _placed(
    place: Field, titles: tuple[str, ...]
) -> Iterator[tuple[Field, tuple[str, ...]]]:
    """Yield every field with what it and those around it are called."""
    yield place, titles or (place.title,)
    for part in place.parts:
        # An item is called after its list.
        around = titles[:-1] if part.is_item else titles
        yield from _placed(part, (*around, part.title))


def _put(
    top: Field, error: Mapping[str, Any], rows: Mapping[str, Sequence[int]]
) -> None:
    place, left = top, [step for step in error.get("loc") or ()]
    while left:
        if place.kind == "variants" and left[0] in _variants(place):
            if left.pop(0) not in _chosen(place):
                return  # it is no such object, so nobody asked for its fields
            continue
        found = _part(place, left[0], rows)
        if found is None:
            break
        place = found
        left.pop(0)
    said = worded(error, place.shape)
    if left and place.kind != "json":
        left = [step for step in left if isinstance(step, str) and "[" not in step]
    if left and error.get("type") in ("extra_forbidden", "missing", "json"):
        said = f"{'.'.join(map(str, left))}: {said}"
    if said not in place.faults:
        place.faults.append(said)


def _part(place: Field, step: Any, rows: Mapping[str, Sequence[int]]) -> Field | None:
    if place.kind == "rows":
        numbers = rows.get(place.name)
        if not isinstance(step, int) or step < 0:
            return None
        if numbers is not None and step < len(numbers):
            step = numbers[step]
    name = below(place.name, step)
    return next((part for part in place.parts if part.name == name), None)


def _variants(place: Field) -> list[str]:
    """Return the words by which a model says which of the variants it means."""
    return [word for option in place.options for word in _words(place, option.token)]


def _chosen(place: Field) -> list[str]:
    chosen = (option.token for option in place.options if option.chosen)
    return [word for token in chosen for word in _words(place, token)]


def _words(place: Field, token: str) -> list[str]:
    return [token, *place.tags.get(token, ())] if token else []
