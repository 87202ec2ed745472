"""One way to write each thing: pure functions on the plain dict of a record."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Any

DATES = ("datestamp", "created", "updated")


def normal(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record with spaces, identifiers and dates written in one way.

    What LaTeX means (`\\"o`, `$l_1$`) is left as it is. A date that is none is left
    too: `bad_dates` names it, and a person looks at it.
    """
    tidy = {key: _tidy(value) for key, value in record.items()}
    tidy["doi"] = _doi(tidy.get("doi"))
    for key in DATES:
        tidy[key] = _day(tidy.get(key))
    return tidy


def bad_dates(record: dict[str, Any]) -> list[str]:
    """Return the names of the dates that are missing where needed, or are none."""
    return [
        key
        for key in DATES
        if not _is_date(record.get(key)) and (record.get(key) or key == "datestamp")
    ]


def folded(title: str | None) -> str:
    """Return what two spellings of one title have in common: letters and digits."""
    plain = unicodedata.normalize("NFKD", title or "").casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def _tidy(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(unicodedata.normalize("NFC", value).split()) or None
    if isinstance(value, list):
        return [tidy for each in value if (tidy := _tidy(each))]
    return value


def _doi(text: str | None) -> str | None:
    """The first of the DOIs that arXiv may list, without what stands before it."""
    found = re.search(r"10\.\d{4,}[^\s/]*/\S+", text or "")
    return found.group().rstrip(".,;").lower() if found else None


def _day(text: str | None) -> str | None:
    """`2015-01-16T08:00:00Z` and `2015-01-16` are the same day."""
    day = (text or "").partition("T")[0]
    return day if _is_date(day) else text


def _is_date(text: Any) -> bool:
    try:
        date.fromisoformat(text)
    except (TypeError, ValueError):
        return False
    return True
