"""The language of the search box: ``doi:10.1103/… is:halted owner:me "quoted" -minus``.

Pure: a text comes in, what it asks for goes out, and nothing is ever raised. What
cannot be understood is told by a :class:`Fault`, and left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from ..groups import Group

#: Words for the groups of a list, as ``is:`` knows them.
IS = {
    "halted": Group.NEED_ACTION,
    "need_action": Group.NEED_ACTION,
    "failed": Group.FAILED,
    "error": Group.FAILED,
    "running": Group.IN_PROCESS,
    "queued": Group.IN_PROCESS,
    "in_process": Group.IN_PROCESS,
    "waiting": Group.WAITING,
    "done": Group.DONE,
    "new": Group.NEW,
}
#: And for those of a group whose deadline is over.
OVERDUE = "overdue"
#: Written before an identifier; it says what it is, and is not searched for.
IDENTIFIERS = ("ark", "arxiv", "doi", "hdl", "id", "isbn", "issn", "orcid", "pmid")
#: These are a part of the identifier itself, and searched for with it.
SCHEMES = ("info", "oai", "swh", "urn")
KEYS = ("is", "workflow", "action", "type", "owner", "older", "newer")
UNITS = {"h": 1 / 24, "d": 1, "w": 7, "m": 30, "y": 365}

MOST_CHARACTERS = 1000
MOST_TERMS = 20
#: More days than any record is old.
MOST_DAYS = 365 * 1000

_TOKEN = re.compile(
    r"""(?P<minus>-)?
        (?:(?P<key>[^\W\d]\w*):(?!//)(?=\S))?
        (?:"(?P<quoted>[^"]*)"?|(?P<bare>[^\s"]+))""",
    re.VERBOSE,
)
_AGE = re.compile(r"(\d{1,6})([a-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fault:
    """What was not understood: a sentence for ``gettext``, and what goes into it."""

    message: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """A word or phrase that is searched for, or that must not be there."""

    text: str
    phrase: bool = False
    negative: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the text with a key, to be shown and taken away by itself."""

    key: str
    text: str
    start: int
    end: int
    understood: bool = True


@dataclass(slots=True)
class Query:
    """What a text asks for. Each list holds what would do; a minus holds what not."""

    said: list[Said] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    not_groups: list[Group] = field(default_factory=list)
    workflows: list[str] = field(default_factory=list)
    not_workflows: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    #: Whether only those are wanted whose deadline is over.
    overdue: bool = False
    older: timedelta | None = None
    newer: timedelta | None = None
    faults: list[Fault] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)


def _(message: str) -> str:
    """Mark a sentence for the catalogues; it is translated when it is shown."""
    return message


def parse(text: str) -> Query:
    """Return what the text asks for."""
    query = Query()
    if len(text) > MOST_CHARACTERS:
        _fault(query, _("Only the first {n} characters count."), n=str(MOST_CHARACTERS))
        text = text[:MOST_CHARACTERS]
    for found in _TOKEN.finditer(text):
        key = (found["key"] or "").lower()
        if key and key not in (*IDENTIFIERS, *SCHEMES):
            part = Part(key, found.group(), *found.span())
            clear = _filter(query, part, _value(found), bool(found["minus"]))
            query.parts.append(replace(part, understood=clear))
        else:
            _search(query, found)
    if len(query.said) > MOST_TERMS:
        _fault(query, _("Only the first {n} words count."), n=str(MOST_TERMS))
        del query.said[MOST_TERMS:]
    return query


def without(text: str, part: Part) -> str:
    """Return the text without one of its parts."""
    return " ".join((text[: part.start] + " " + text[part.end :]).split())


def without_key(text: str, key: str) -> str:
    """Return the text without the parts that have this key."""
    for part in reversed(parse(text).parts):
        if part.key == key:
            text = text[: part.start] + " " + text[part.end :]
    return " ".join(text.split())


def free_text(text: str, parts: list[Part]) -> str:
    """Return the text without any of its parts."""
    for part in reversed(parts):
        text = text[: part.start] + " " + text[part.end :]
    return " ".join(text.split())


def quoted(value: str) -> str:
    """Return a value as it is written after a key."""
    plain = value.replace('"', "")
    return plain if re.fullmatch(r"[^\s\"]+", plain) else f'"{plain}"'


def without_number(query: Query) -> None:
    """Say that nothing is found of who asks for what is theirs, and has no number."""
    _fault(
        query,
        _("Owners are kept as numbers, and your id is none: “me” finds nothing."),
    )


def is_owner(value: str) -> bool:
    """Say whether a value of the filter ``owner`` is one."""
    if not (value.isascii() and value.isdigit() and len(value) < 11):
        return value == "me"
    return int(value) < 2**31


def _value(found: re.Match[str]) -> str:
    return str(found["quoted"] if found["quoted"] is not None else found["bare"])


def _search(query: Query, found: re.Match[str]) -> None:
    text = _value(found)
    if not any(letter.isalnum() for letter in text):
        if text.strip("-*") and found["quoted"] is None:
            _fault(query, _("“{text}” has neither letters nor digits."), text=text)
        return
    phrase = found["quoted"] is not None or bool(found["key"])
    if (found["key"] or "").lower() in SCHEMES:
        text = f"{found['key']}:{text}"
    query.said.append(Said(text, phrase, bool(found["minus"])))


def _filter(query: Query, part: Part, value: str, negative: bool) -> bool:
    if part.key not in _FILTERS:
        _fault(
            query,
            _("There is no filter “{key}:”. Use {known}, or put it in quotes."),
            key=part.key,
            known=", ".join(f"{key}:" for key in KEYS),
        )
        return False
    if negative and part.key not in ("is", "workflow"):
        _fault(
            query, _("“-{key}:” is not possible; only what is wanted."), key=part.key
        )
        return False
    return _FILTERS[part.key](query, value.strip(), negative)


def _is(query: Query, value: str, negative: bool) -> bool:
    if value.lower() == OVERDUE and not negative:
        query.overdue = True
        query.groups.append(Group.NEED_ACTION)
        return True
    group = IS.get(value.lower().replace("-", "_"))
    if group is None:
        known = ", ".join(f"is:{word}" for word in _shown())
        _fault(
            query,
            _("A record is never “{value}”. Use {known}."),
            value=value,
            known=known,
        )
        return False
    (query.not_groups if negative else query.groups).append(group)
    return True


def _shown() -> Iterator[str]:
    seen = set()
    for word, group in IS.items():
        if group not in seen:
            seen.add(group)
            yield word
    yield OVERDUE


def _workflow(query: Query, value: str, negative: bool) -> bool:
    (query.not_workflows if negative else query.workflows).append(value)
    return True


def _action(query: Query, value: str, negative: bool) -> bool:
    query.actions.append(value)
    return True


def _type(query: Query, value: str, negative: bool) -> bool:
    query.types.append(value)
    return True


def _owner(query: Query, value: str, negative: bool) -> bool:
    if not is_owner(value.lower()):
        _fault(query, _("An owner is “me”, or a number, not “{value}”."), value=value)
        return False
    query.owners.append(value.lower())
    return True


def _older(query: Query, value: str, negative: bool) -> bool:
    age = _age(query, value)
    if age is not None:
        query.older = max(age, query.older or age)
    return age is not None


def _newer(query: Query, value: str, negative: bool) -> bool:
    age = _age(query, value)
    if age is not None:
        query.newer = min(age, query.newer or age)
    return age is not None


_FILTERS: dict[str, Callable[[Query, str, bool], bool]] = {
    "is": _is,
    "workflow": _workflow,
    "action": _action,
    "type": _type,
    "owner": _owner,
    "older": _older,
    "newer": _newer,
}


def _age(query: Query, value: str) -> timedelta | None:
    found = _AGE.fullmatch(value)
    if not (found and found[1].isascii() and found[2].lower() in UNITS):
        _fault(
            query,
            _("“{value}” is not an age. Write 12h, 3d, 2w, 6m or 1y."),
            value=value,
        )
        return None
    days = int(found[1]) * UNITS[found[2].lower()]
    return timedelta(days=min(days, MOST_DAYS))


def _fault(query: Query, message: str, **values: Any) -> None:
    query.faults.append(Fault(message, values))
