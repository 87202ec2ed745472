"""What of a list is in the text of its statements, and what they are given; pure.

A statement is made for a shape, which many lists have, and kept. Times, words and
places are no part of the shape: with them it is asked.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from .list_rows import AGES
from .list_words import asked, avoided, looked_up, sought
from .wanted import Key, Term, Wanted

#: Stands for any, where it matters only that there is one.
_TIME, _NUMBER, _TEXT = datetime(1970, 1, 1, tzinfo=UTC), "0", "text"


def shape(wanted: Wanted) -> Wanted:
    """Return a list that has the same statements, whatever they are given."""
    return replace(
        wanted,
        visible=(),
        since=wanted.since and _TIME,
        until=wanted.until and _TIME,
        span=None,
        terms=tuple(map(_shape, wanted.terms)),
        limit=0,
        after=None,
    )


def _shape(term: Term) -> Term:
    is_number = number_of(term) is not None
    words = (_NUMBER,) if is_number else (_TEXT,) * len(term.words)
    return replace(term, words=words, text=term.text and _TEXT)


def shape_of(key: Key | None) -> Key | None:
    """Return a key that leads the same way, from wherever it is."""
    if key is None:
        return None
    return Key(None, min(key.id, 0), key.backwards, key.without)


def given(wanted: Wanted, dialect: str) -> dict[str, Any]:
    """Return what the statements of a list are given."""
    positive = [term for term in wanted.terms if not term.negative]
    found: dict[str, Any] = {"since": wanted.since, "until": wanted.until}
    if positive:
        found |= sought(positive, dialect, "terms")
        found["asked"] = asked(positive, dialect)
        found["looked_up"] = looked_up(positive, dialect)
    if len(positive) == 1:
        found |= {"number": number_of(positive[0]), "uri": positive[0].text}
    negative = [term for term in wanted.terms if term.negative]
    return found | avoided(negative, dialect) if negative else found


def given_place(key: Key | None) -> dict[str, Any]:
    """Return what is given of a key."""
    return {} if key is None else {"place": key.value, "oid": key.id}


def given_tally(wanted: Wanted) -> dict[str, Any]:
    """Return what is given to tell owners and ages: since when a row is of an age."""
    now, lasting = datetime.now(UTC), list(AGES.values())[:-1]
    ages = {f"age_{place}": now - most for place, most in enumerate(lasting)}
    return {"told_since": wanted.since, "told_until": wanted.until, **ages}


def number_of(term: Term) -> int | None:
    """Return the number of an object that was searched for."""
    word = term.words[0] if len(term.words) == 1 else ""
    if word.isascii() and word.isdigit() and int(word) < 2**63:
        return int(word)
    return None
