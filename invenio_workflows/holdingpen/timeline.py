"""One timeline of engine and people: events, decisions, comments and log lines."""

from __future__ import annotations

import logging
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from typing import Any

from ..logs import LogLine
from ..proxies import current_workflows
from ..store.audit import Audited
from ..store.queries import HistoryEvent
from .texts import _
from .tree import visible

#: So many entries are on a page.
SIZE = 200
LEVELS = ("all", "info", "warning", "error")
_NUMBERS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
#: Events that a person wants to see when only warnings are asked for.
_WARNINGS = {"TaskRetried", "TaskPostponed", "Cancelled", "Aborted", "LeaseLost"}
_ERRORS = {"Failed"}
_PLACE = re.compile(r"(\d{1,9})\.(\d{1,18})\.(\d{1,18})\Z", re.A)


@dataclass(slots=True)
class Entry:
    """Something that happened.

    :param anchor: by which it can be linked to.
    :param kind: ``engine``, ``person``, ``comment`` or ``log``.
    :param repeats: what came after it and is the same but for its time.
    """

    anchor: str
    kind: str
    created: datetime
    what: str
    who: str = ""
    text: str = ""
    task: str = ""
    level: str = ""
    seconds: float | None = None
    seq: int | None = None
    changes_data: bool = False
    repeats: list[Entry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of it, the newest first; ``older`` is where the next one begins."""

    entries: list[Entry]
    older: str | None
    level: str


@dataclass(frozen=True, slots=True)
class Before:
    """Where a page begins: only what is older than these numbers is on it."""

    event: int = 999_999_999
    line: int = 10**18 - 1
    comment: int = 10**18 - 1

    @classmethod
    def read(cls, text: str) -> Before:
        """Read it from an address; what is none begins at the newest."""
        found = _PLACE.match(text)
        return cls(*map(int, found.groups())) if found else cls()

    def after(self, entries: Iterable[Entry]) -> Before:
        """Return where the page after these entries begins."""
        places = {"e": self.event, "l": self.line, "c": self.comment}
        for entry in entries:
            kind, number = entry.anchor[0], int(entry.anchor[1:])
            places[kind] = min(places[kind], number)
        return Before(*places.values())

    def __str__(self) -> str:
        return f"{self.event}.{self.line}.{self.comment}"


def timeline(oid: int, level: str, before: Before) -> Timeline:
    """Return the newest entries of an object, or the newest before a place.

    :param level: one of :data:`LEVELS`: what is less than that is left out.
    """
    level = level if level in LEVELS else "all"
    records, most = current_workflows.records, SIZE + 1
    events = records.events(oid, most, before.event)
    lines = records.lines(oid, most, before.line, _NUMBERS.get(level))
    said = current_workflows.audit.of(oid)[::-1]
    told = {event.seq - 1 for event in events if event.kind == "Cancelled"}
    found = list(
        merge(
            _of_events(events),
            _of_lines(lines),
            _of_comments((r for r in said if r.id < before.comment), told),
            key=lambda entry: entry.created,
            reverse=True,
        )
    )
    shown = found[:SIZE]
    older = str(before.after(shown)) if len(found) > SIZE else None
    kept = [entry for entry in shown if _is_as_grave(entry, level)]
    return Timeline(list(_folded(kept)), older, level)


def _is_as_grave(entry: Entry, level: str) -> bool:
    if level in ("all", "info") or entry.kind in ("person", "comment"):
        return True
    if entry.kind == "log":
        return True  # asked for by its level already
    graver = _ERRORS if level == "error" else _ERRORS | _WARNINGS
    return entry.level in graver


def _of_events(events: Iterable[HistoryEvent]) -> Iterator[Entry]:
    for event in events:
        said = event.payload if isinstance(event.payload, dict) else {}
        person = event.kind in ("Resolved", "Edited") or "actor" in said
        yield Entry(
            anchor=f"e{event.seq}",
            kind="person" if person else "engine",
            created=event.created,
            what=_what(event, said),
            who=visible(said.get("actor") or "", 200) if person else "",
            text=_text(event, said, person),
            task=visible(event.task, 255),
            level=event.kind,
            seconds=event.seconds,
            seq=event.seq,
            changes_data="data" in event.changed,
        )


def _text(event: HistoryEvent, said: dict[str, Any], person: bool) -> str:
    if person:
        return visible(said.get("reason") or "", 10_000)
    return "" if event.kind in ("Started", "Queued") else visible(event.message, 10_000)


def _of_lines(lines: Iterable[tuple[int, LogLine]]) -> Iterator[Entry]:
    for number, line in lines:
        yield Entry(
            anchor=f"l{number}",
            kind="log",
            created=line.created,
            what=logging.getLevelName(line.level).lower(),
            text=visible(line.message, 10_000),
            task=visible(line.task, 255),
            level=logging.getLevelName(line.level),
        )


def _of_comments(rows: Iterable[Audited], told: Container[int]) -> Iterator[Entry]:
    """Yield what no event tells: comments, and that a running one is to be cancelled.

    :param told: revisions on which a person's decision is an event.
    """
    for row in rows:
        asked = row.verb == "cancel" and row.revision not in told
        if row.verb != "comment" and not asked:
            continue
        yield Entry(
            anchor=f"c{row.id}",
            kind="comment",
            created=row.created,
            what=_("asked to cancel it") if asked else _("commented"),
            who=visible(row.actor or "", 200),
            text=visible(row.reason or "", 10_000),
        )


def _folded(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Put together what is repeated, one right after the other."""
    last: Entry | None = None
    for entry in entries:
        if last is not None and _mark(last) == _mark(entry) and entry.kind != "comment":
            last.repeats.append(entry)
            continue
        if last is not None:
            yield last
        last = entry
    if last is not None:
        yield last


def _mark(entry: Entry) -> tuple[str, ...]:
    return entry.kind, entry.what, entry.task, entry.text, entry.who, entry.level


def _what(event: HistoryEvent, said: dict[str, Any]) -> str:
    if event.kind == "Resolved":
        return decided(said.get("action"), said.get("value"))
    words = {
        "Accepted": _("accepted"),
        "Created": _("created"),
        "Saved": _("saved"),
        "Edited": _("edited the data"),
        "Started": _("went on"),
        "Queued": _("was queued"),
        "Restored": _("began anew"),
        "TaskFinished": _("finished"),
        "TaskRetried": _("failed and is tried again"),
        "TaskPostponed": _("failed and is tried again later"),
        "TaskSkipped": _("was passed over"),
        "Jumped": _("jumped"),
        "Halted": _("halted"),
        "Waiting": _("waits"),
        "Failed": _("failed"),
        "Finished": _("done"),
        "Aborted": _("was aborted"),
        "Cancelled": _("was cancelled"),
        "GivenBack": _("was given back by its worker"),
        "TakenOver": _("was taken over from a lost worker"),
        "Branched": _("was split into branches"),
    }
    what = words.get(event.kind, event.kind)
    if event.kind in ("Started", "Queued") and event.message:
        return f"{what}: {start_point(event.message)}"
    return what


def decided(action: Any, value: Any) -> str:
    """Return what a person answered, in words."""
    known = {
        ("approval", "accept"): _("accepted it"),
        ("approval", "reject"): _("rejected it"),
    }
    plain = _("answered {action}: {value}", action=action, value=value)
    return known.get((str(action), str(value))) or visible(plain, 300)


def start_point(name: str) -> str:
    """Return a start point by its effect."""
    words = {
        "continue_next": _("with the next task"),
        "restart_task": _("with the same task"),
        "restart_prev": _("with the task before"),
        "restart_first": _("from the beginning"),
        "resume": _("where it stopped"),
    }
    if name.startswith("task:"):
        return _("from task {name}", name=visible(name[5:], 255))
    return words.get(name, visible(name, 255))


def duration(seconds: float) -> str:
    """Return how long something took, in as few digits as say it."""
    if seconds < 0.001:
        return _("under 1 ms")
    if seconds < 1:
        return _("{n} ms", n=round(seconds * 1000))
    if seconds < 100:
        return _("{n} s", n=f"{seconds:.1f}")
    minutes, rest = divmod(round(seconds), 60)
    return _("{m} min {n} s", m=minutes, n=rest)
