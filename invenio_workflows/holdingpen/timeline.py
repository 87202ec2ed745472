"""One timeline of engine and people: events, decisions, comments and log lines."""

from __future__ import annotations

import logging
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from math import inf
from typing import Any

from ..logs import LogLine
from ..proxies import current_workflows
from ..store.audited import Audited
from ..store.queries import HistoryEvent
from .answer_by import passed
from .answered import decided, vote
from .hiding import error_as_seen
from .own_words import waiting_for
from .texts import N_, _
from .tree import visible

#: At most this many entries are on a page.
SIZE = 200
LEVELS = ("all", "info", "warning", "error")
_NUMBERS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
#: Events that a person wants to see when only warnings are asked for.
_WARNINGS = {"TaskRetried", "TaskPostponed", "Cancelled", "Aborted", "LeaseLost"}
_ERRORS = {"Failed"}
#: What the engine says by itself of what a person did has a payload too.
_SAYING = ("Halted", "InputAsked", "Waiting", "TaskPostponed", "TaskRetried")
#: Events that tell what an exception said.
_QUOTING = {"Failed", "TaskRetried", "TaskPostponed"}
#: From here on a line of ``log.exception`` is what the exception said.
_TRACEBACK = "\nTraceback (most recent call last)"
_ANCHOR = re.compile(r"([ecl])(\d{1,18})\Z", re.A)
#: How many entries a repetition may have, and how often it is there before it is
#: folded.
_LONGEST_ROUND, _FEWEST_ROUNDS = 8, 3
#: A time is kept in milliseconds, and that of a line a moment after it is written.
_NEAR = timedelta(milliseconds=5)
_PLACE = re.compile(r"(\d{1,9})\.(\d{1,18})\.(\d{1,18})\Z", re.A)


@dataclass(slots=True)
class Entry:
    """Something that happened.

    :param anchor: by which it can be linked to.
    :param kind: ``engine``, ``person``, ``comment`` or ``log``.
    :param repeats: what came before it and is the same but for its time.
    :param round: of so many entries, this one the last, are these the repeats.
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
    round: int = 1
    #: What is newer of several at one moment: by the numbers of their events.
    order: float = 0

    @property
    def began(self) -> datetime | None:
        """When the task began, if it took long enough to say so."""
        if self.seconds is None or self.seconds < 1:
            return None
        return self.created - timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of it, the newest first; ``older`` is where the next one begins.

    :param is_newest: whether nothing newer is on another page.
    """

    entries: list[Entry]
    older: str | None
    level: str
    is_newest: bool = True


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


def timeline(
    oid: int, level: str, before: Before, at: str = "", told_all: bool = True
) -> Timeline:
    """Return the newest entries of an object, or the newest before a place.

    :param level: one of :data:`LEVELS`: what is less than that is left out.
    :param at: the anchor of an entry; the page has it, whichever page that is.
    :param told_all: whether errors are told, not only their kinds.
    """
    level = level if level in LEVELS else "all"
    found = _read(oid, level, before, told_all)
    if at and at not in {entry.anchor for entry in found[:SIZE]}:
        place = _place_of(oid, at)
        if place is not None:
            before, level = place, "all"
            found = _read(oid, level, before, told_all)
            while len(found) > SIZE and at not in {e.anchor for e in found[:SIZE]}:
                # More than a page of lines has the time of this entry, and is newer.
                before = before.after(found[:SIZE])
                found = _read(oid, level, before, told_all)
    shown = found[:SIZE]
    older = str(before.after(shown)) if len(found) > SIZE else None
    return Timeline(list(_folded(shown)), older, level, before == Before())


def _read(oid: int, level: str, before: Before, told_all: bool) -> list[Entry]:
    """Return one entry more than is on a page, if there are so many."""
    records, most = current_workflows.records, SIZE + 1
    graver = {"warning": _ERRORS | _WARNINGS, "error": _ERRORS}.get(level)
    events = records.events(oid, most, before.event, graver, _SAYING)
    lines = records.lines(oid, most, before.line, _NUMBERS.get(level))
    said = current_workflows.audit.said(oid, most, before.comment)
    told = {event.seq - 1 for event in events if event.kind == "Cancelled"}
    found = merge(
        _with_lines(list(_of_events(events, told_all)), _of_lines(lines, told_all)),
        _of_comments(said, told),
        key=lambda entry: (entry.created, entry.order),
        reverse=True,
    )
    return list(islice(found, most))


def _place_of(oid: int, anchor: str) -> Before | None:
    """Return where the page begins whose first entry has this anchor."""
    found = _ANCHOR.match(anchor)
    if found is None:
        return None
    kind, number = found[1], int(found[2])
    records, audit = current_workflows.records, current_workflows.audit
    when = {"e": records.event_time, "l": records.line_time, "c": audit.time}
    at = when[kind](oid, number)
    if at is None:
        return None
    places = {
        "e": records.last_event(oid, at),
        "l": records.last_line(oid, at),
        "c": audit.last_said(oid, at),
        kind: number,  # of several at one moment it is this one
    }
    return Before(*(place + 1 for place in places.values()))


def _with_lines(events: list[Entry], lines: Iterable[Entry]) -> list[Entry]:
    """Put each line below the event that ended its task, and the older ones below."""
    found: list[Entry] = []
    at = 0
    for line in lines:
        end = _newer(events, at, line)
        line.order = events[end - 1].order - 0.5 if end else inf
        found += [*events[at:end], line]
        at = end
    return found + events[at:]


def _newer(events: list[Entry], at: int, line: Entry) -> int:
    """Return how far the events, from one of them on, are newer than a line.

    Within some milliseconds the clocks do not say; then the task does: the end of
    another one was before, and so was all that is older.
    """
    own, newer, least, before = None, at, timedelta.max, False
    for place in range(at, len(events)):
        apart = events[place].created - line.created
        if apart < -_NEAR:
            break
        if apart <= _NEAR and line.task and events[place].task not in ("", line.task):
            before = True
        if apart > _NEAR or (own is None and apart > timedelta() and not before):
            newer = place + 1
        near = apart <= _NEAR and events[place].task == line.task
        if near and (own is None or timedelta() <= apart < least):
            own, least = place + 1, apart
    return own or newer


def _of_events(events: Iterable[HistoryEvent], told_all: bool) -> Iterator[Entry]:
    for event in events:
        said = event.payload if isinstance(event.payload, dict) else {}
        person = event.kind in ("Resolved", "Edited") or "actor" in said
        person = person and event.kind != "DeadlinePassed"
        yield Entry(
            anchor=f"e{event.seq}",
            kind="person" if person else "engine",
            created=event.created,
            what=_what(event, said),
            who=visible(said.get("actor") or "", 200) if person else "",
            text=_text(event, said, person, told_all),
            task=visible(event.task, 255),
            level=event.kind,
            seconds=event.seconds,
            seq=event.seq,
            order=event.seq,
            changes_data="data" in event.changed,
        )


def _text(
    event: HistoryEvent, said: dict[str, Any], person: bool, told_all: bool
) -> str:
    if person or event.kind == "DeadlinePassed":
        return visible(said.get("reason") or "", 10_000)
    if event.kind in _QUOTING:
        return visible(error_as_seen(event.message, told_all), 10_000)
    if event.kind in ("Started", "Queued"):
        return ""
    return visible(waiting_for(event.message or ""), 10_000)


def _of_lines(lines: Iterable[tuple[int, LogLine]], told_all: bool) -> Iterator[Entry]:
    for number, line in lines:
        said = line.message if told_all else line.message.partition(_TRACEBACK)[0]
        yield Entry(
            anchor=f"l{number}",
            kind="log",
            created=line.created,
            what=logging.getLevelName(line.level).lower(),
            text=visible(said, 10_000),
            task=visible(line.task, 255),
            level=logging.getLevelName(line.level),
        )


def _of_comments(rows: Iterable[Audited], told: Container[int]) -> Iterator[Entry]:
    """Yield what no event tells: comments, votes, and that one is to be cancelled.

    :param told: revisions on which a person's decision is an event.
    """
    for row in rows:
        asked = row.verb == "cancel" and row.revision not in told
        if row.verb == "cancel" and not asked:
            continue
        what = _("asked to cancel it") if asked else _("commented")
        if row.verb == "vote":
            what = _("voted: {what}", what=vote(row.action, row.value))
        yield Entry(
            anchor=f"c{row.id}",
            kind="comment",
            created=row.created,
            what=what,
            who=visible(row.actor or "", 200),
            text=visible(row.reason or "", 10_000),
            order=row.revision + 0.5,
        )


def _folded(entries: list[Entry]) -> Iterator[Entry]:
    """Put together what is repeated: one entry, or a round of several, again."""
    marks = [_mark(entry) for entry in entries]
    at = 0
    while at < len(entries):
        length, times = _rounds(marks, at)
        end = at + length * times
        shown = entries[at : at + length]
        shown[-1].repeats = entries[at + length : end]
        shown[-1].round = length
        yield from shown
        at = end


def _rounds(marks: list[Any], at: int) -> tuple[int, int]:
    """Return how long the round is that begins there, and how often it is there."""
    for length in range(1, _LONGEST_ROUND + 1):
        first, times = marks[at : at + length], 1
        while first == marks[at + length * times : at + length * (times + 1)]:
            times += 1
        if times >= (2 if length == 1 else _FEWEST_ROUNDS):
            return length, times
    return 1, 1


def _mark(entry: Entry) -> tuple[Any, ...]:
    if entry.kind == "comment":
        return (entry.anchor,)
    return entry.kind, entry.what, entry.task, entry.text, entry.who, entry.level


#: Events in words.
_WORDS = {
    "Accepted": N_("accepted"),
    "Created": N_("created"),
    "Saved": N_("saved"),
    "Edited": N_("edited the data"),
    "Resolved": N_("decided"),
    "DeadlinePassed": N_("nobody answered in time: it went on"),
    "Started": N_("went on"),
    "Queued": N_("was queued"),
    "Restored": N_("began anew"),
    "TaskFinished": N_("finished"),
    "TaskRetried": N_("failed and is tried again"),
    "TaskPostponed": N_("failed and is tried again later"),
    "TaskSkipped": N_("was passed over"),
    "Jumped": N_("jumped"),
    "Halted": N_("halted"),
    "InputAsked": N_("asked for input"),
    "Waiting": N_("waits"),
    "Failed": N_("failed"),
    "Finished": N_("done"),
    "Aborted": N_("was aborted"),
    "Cancelled": N_("was cancelled"),
    "GivenBack": N_("was given back by its worker"),
    "TakenOver": N_("was taken over from a lost worker"),
    "Mapped": N_("was moved to another task, because the code changed"),
    "Branched": N_("was split into branches"),
}


def word_of(kind: str) -> str:
    """Return what an event of a kind is called, as part of a sentence."""
    return _(_WORDS[kind]) if kind in _WORDS else kind


def _what(event: HistoryEvent, said: dict[str, Any]) -> str:
    if event.kind == "DeadlinePassed":
        return passed(said)
    if event.kind == "Resolved":
        return decided(said.get("action"), said.get("value"))
    if event.kind == "Started" and event.seq <= 2 and event.message == "continue_next":
        return _("began")
    what = word_of(event.kind)
    if event.kind in ("Started", "Queued") and event.message:
        return f"{what}: {start_point(event.message)}"
    return what


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
