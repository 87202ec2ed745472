"""What a person is shown: text without tricks, times, numbers, and words for groups."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from ..groups import Group
from .texts import N_, _, language, ngettext

#: Letters that change the direction of what follows; a title may not.
_TURNS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: These are in words of some languages.
_JOINERS = "\u200c\u200d"
_SPACES = re.compile(r"\s+")
#: A thousand's mark of each language that has one of its own.
_MARKS = {"fr": "\N{NARROW NO-BREAK SPACE}"}


def plain(text: Any, most: int = 300) -> str:
    """Return a text as one line: no control characters, no turns, not endless."""
    line = str(text if text is not None else "")[: most * 4]
    if not (line.isprintable() and "  " not in line):
        line = _TURNS.sub("", line)
        line = "".join(c if c.isprintable() or c in _JOINERS else " " for c in line)
        line = _SPACES.sub(" ", line)
    line = line.strip()
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def html(value: Any, most: int = 2000) -> str | Markup:
    """Return what a hook gave: HTML if it says so, else a text that is escaped."""
    return value if isinstance(value, Markup) else plain(value, most)


def number(n: int) -> str:
    """Return a number as it is read: 1,234."""
    return f"{n:,}".replace(",", _MARKS.get(language(), ","))


def moment(at: datetime | None) -> Markup:
    """Return a time for the reader's zone; without JavaScript it is UTC."""
    if at is None:
        return Markup("")
    at = at.astimezone(UTC)
    text = at.strftime("%Y-%m-%d %H:%M")
    exact = at.isoformat(timespec="seconds")
    return Markup(
        f'<time datetime="{exact}" title="{text}:{at.second:02} UTC">{text} UTC</time>'
    )


def span(seconds: float) -> str:
    """Return how long that is, in words."""
    minutes = int(seconds // 60)
    if minutes < 120:
        return ngettext("{n} minute", "{n} minutes", minutes)
    hours = minutes // 60
    if hours < 48:
        return ngettext("{n} hour", "{n} hours", hours)
    return ngettext("{n} day", "{n} days", hours // 24)


def lasting(seconds: float) -> str:
    """Return how long that is, in words, where it may be but a moment."""
    return span(seconds) if seconds >= 60 else _("less than a minute")


def group_label(group: Group | None) -> str:
    """Return what a group is called."""
    return _(_GROUPS[group])


_GROUPS = {
    None: N_("All"),
    Group.NEED_ACTION: N_("Need action"),
    Group.FAILED: N_("Failed"),
    Group.IN_PROCESS: N_("In process"),
    Group.WAITING: N_("Waiting"),
    Group.DONE: N_("Done"),
    Group.NEW: N_("New"),
}
