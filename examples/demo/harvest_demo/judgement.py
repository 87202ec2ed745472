"""How good a record looks, and what only a person can decide. Pure and plain.

The score is a sum of `SIGNS`, each with its reason, so that whoever asks why
gets an answer. A record with `ENOUGH` points and without a concern is published.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .normal import bad_dates

Record = dict[str, Any]

ENOUGH = 3
FIELD = "cs."
"""The site collects computer science: categories that begin like this."""

PUBLISHED = re.compile(
    r"\b(accepted|to appear|published|presented|proceedings|appeared)\b", re.I
)
TELLING = [
    (re.compile(r"\b(withdrawn|retracted)\b", re.I), "Seems to be withdrawn"),
    (re.compile(r"\btext overlap\b", re.I), "Overlaps with another text"),
    (re.compile(r"\bsupersedes?\b", re.I), "Replaces another text"),
    (re.compile(r"\b(thesis|dissertation)\b", re.I), "Is a thesis, not an article"),
]


def score(record: Record) -> tuple[int, list[str]]:
    """Return the sum of the points, and what they were given for."""
    given = [
        (points, why) for sign in SIGNS for points, why in [sign(record)] if points
    ]
    return sum(points for points, _ in given), [f"{p} for {why}" for p, why in given]


def concerns(record: Record, points: int, reasons: list[str]) -> list[str]:
    """Return what keeps the record from being published without a person."""
    found = [
        f"Its {key} is no date: {record[key]}."
        if record.get(key)
        else f"It has no {key}."
        for key in bad_dates(record)
    ]
    found += [f"It has no {key}." for key in ("title", "authors") if not record[key]]
    comments = record.get("comments") or ""
    found += [
        f"{said}: “{comments}”." for sign, said in TELLING if sign.search(comments)
    ]
    if points < ENOUGH:
        found.append(
            f"Its score is {points} of the {ENOUGH} needed "
            f"({', '.join(reasons) or 'nothing speaks for it'})."
        )
    return found


def _category(record: Record) -> tuple[int, str]:
    categories = record["categories"]
    if categories and categories[0].startswith(FIELD):
        return 2, f"the primary category {categories[0]}"
    listed = [name for name in categories if name.startswith(FIELD)]
    if listed:
        return 1, f"a cross-listing in {listed[0]}"
    return 0, ""


def _authors(record: Record) -> tuple[int, str]:
    count = len(record["authors"])
    if not count:
        return 0, ""
    return 1, "one author" if count == 1 else f"{count} authors"


def _doi(record: Record) -> tuple[int, str]:
    return (2, "a DOI") if record["doi"] else (0, "")


def _journal(record: Record) -> tuple[int, str]:
    return (1, "a journal reference") if record["journal_ref"] else (0, "")


def _venue(record: Record) -> tuple[int, str]:
    said = PUBLISHED.search(record["comments"] or "")
    return (1, f"the comment “{said.group()}”") if said else (0, "")


SIGNS: list[Callable[[Record], tuple[int, str]]] = [
    _category,
    _authors,
    _doi,
    _journal,
    _venue,
]
