"""What a list is to show, and what it shows: the words of lists, pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from ..groups import Group
from ..states import ObjectStatus

#: Sorts that need no key of their own: column, and whether from large to small.
SORTS = {
    "updated": ("modified", True),
    "least_updated": ("modified", False),
    "newest": ("id", True),
    "oldest": ("id", False),
}
MOST_ROWS = 500
#: Of a halt that says nothing of its own.
NO_RULES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Term:
    """One thing searched for: a word, or words that follow each other.

    :param words: as :func:`..folding.words` cuts them.
    :param phrase: whether they must follow each other; else each may be anywhere.
    :param prefix: whether the last word may go on.
    :param negative: whether it must not be there.
    :param text: what was typed: a whole ``uri`` or the number of an object is found
        by it too, when it is the only thing searched for.
    """

    words: tuple[str, ...]
    phrase: bool = False
    prefix: bool = True
    negative: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is to show.

    :param workflows: those that this person may see and asked for; none: nothing.
    :param visible: all that this person may see, for counting the workflows that were
        not asked for; none given: ``workflows``.
    :param overdue: only those whose deadline is over.
    :param since: changed then or later; ``until``: before.
    :param span: the same two without the age that was chosen, for counting the others;
        none given: no age was.
    :param sort: one of :data:`SORTS`, or a sort key; with ``-`` before it from large
        to small.
    :param after: a key that a page gave.
    """

    workflows: tuple[str, ...]
    visible: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    actions: tuple[str, ...] = ()
    data_types: tuple[str, ...] = ()
    owners: tuple[int, ...] = ()
    overdue: bool = False
    since: datetime | None = None
    until: datetime | None = None
    span: tuple[datetime | None, datetime | None] | None = None
    terms: tuple[Term, ...] = ()
    sort: str = "updated"
    limit: int = 25
    after: str | None = None


class Row(NamedTuple):
    """All that a list needs of an object.

    ``title`` and ``description`` are ``markupsafe.Markup`` where the workflow made
    HTML; ``None`` where it has no such function, or the function failed.
    """

    id: int
    title: str | None
    description: str | None
    status: ObjectStatus
    waits_for: str | None
    group: Group
    workflow: str
    action: str | None
    message: str | None
    error: str | None
    data_type: str
    uri: str
    id_user: int
    created: datetime
    modified: datetime
    revision: int
    id_fork: int | None
    deadline: datetime | None = None
    #: What the halt itself says of who may answer it, and how: ``four_eyes``, ``votes``
    #: and ``needs_reason``.
    rules: Mapping[str, Any] = NO_RULES


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and the keys of the pages around them.

    ``complete`` is false when a fixed number of rows was passed without filling the
    page: ``next`` searches further.
    """

    rows: list[Row]
    next: str | None = None
    previous: str | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Count:
    """How many. Not ``exact``: so many and more, or of the newest only."""

    number: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Key:
    """Where a page begins: after this place of the list, or before it."""

    value: Any
    id: int
    backwards: bool = False
    #: Whether it is among the objects that have no such sort key, at the end.
    without: bool = False


def write_key(sort: str, key: Key) -> str:
    """Return a key as an address holds it."""
    value = key.value
    if isinstance(value, datetime):
        value = value.isoformat()
    parts = [sort, value, key.id, int(key.backwards), int(key.without)]
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_key(sort: str, text: str) -> Key:
    """Return the key that an address holds.

    :raises ValueError: if no page of a list with this sort gave it.
    """
    try:
        padded = text + "=" * (-len(text) % 4)
        parts = json.loads(base64.b64decode(padded, b"-_", validate=True))
        of, value, oid, backwards, without = parts
        if of != sort or type(oid) is not int or not 0 <= oid < 2**63:
            raise ValueError
        if SORTS.get(sort, ("",))[0] == "modified":
            value = datetime.fromisoformat(value)
            if value.tzinfo is None:
                raise ValueError
            value = value.astimezone(UTC)
        elif not (value is None or isinstance(value, str)) or "\0" in (value or ""):
            raise ValueError
        elif value:
            value.encode()  # half a surrogate is no text
        if sort not in SORTS and value is None and not without:
            raise ValueError
        return Key(value, oid, bool(backwards), bool(without))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise ValueError(
            "This is not a key of a page of this list; begin at its first page."
        ) from None
