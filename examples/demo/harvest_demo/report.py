"""What a run did, as text for a terminal."""

from __future__ import annotations

import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, select

from .app import DATABASE
from .models import Record, Seen, db

LONGEST = 50
"""Rows of a table that are printed; the others are counted."""


def report(run: Any, uri: str | None) -> Iterator[str]:
    """Yield the lines: published, waiting and why, known, failed, what to do now."""
    width = shutil.get_terminal_size((100, 24)).columns
    yield from _published(str(run.uuid), width)
    yield from _waiting(width)
    yield from _known(run)
    yield from _failed(run)
    yield from _next(uri)


def _published(uuid: str, width: int) -> Iterator[str]:
    of_run = Record.id_workflow == uuid
    count = _count(Record, of_run)
    yield _headline("Published by this run", count)
    if not count:
        return
    yield click.style(f"{'score':>5}  {'identifier':<{ID}}  title", dim=True)
    rows = select(Record).where(of_run).order_by(Record.identifier).limit(LONGEST)
    for row in db.session.scalars(rows):
        title = _fit(row.title, width - ID - 9)
        yield f"{row.score:>5}  {_short(row.identifier):<{ID}}  {title}"
    yield from _more(count)


def _waiting(width: int) -> Iterator[str]:
    waits = Seen.outcome == "waiting"
    count = _count(Seen, waits)
    yield _headline("Waiting for a person", count)
    if not count:
        return
    yield click.style(f"{'object':>6}  {'identifier':<{ID}}  title, and why", dim=True)
    rows = select(Seen).where(waits).order_by(Seen.id_object).limit(LONGEST)
    for row in db.session.scalars(rows):
        title = _fit(row.title, width - ID - 10)
        yield f"{row.id_object:>6}  {_short(row.identifier):<{ID}}  {title}"
        gap = " " * (ID + 10)
        for line in textwrap.wrap(row.reason, max(width, 60) - len(gap)):
            yield gap + click.style(line, fg="yellow")
    yield from _more(count)


def _known(run: Any) -> Iterator[str]:
    """Each task that ended a known record counted it in what the run shares."""
    why = {
        key.removeprefix("known: "): count
        for key, count in run.extra_data.items()
        if key.startswith("known: ")
    }
    yield _headline("Known already, nothing done", sum(why.values()))
    for reason, count in sorted(why.items()):
        yield f"{count:>6}  {reason}"


def _failed(run: Any) -> Iterator[str]:
    failed = list(run.error_objects)
    if not failed:
        return
    yield _headline("Failed", len(failed))
    for obj in failed[:LONGEST]:
        title, _traceback = obj.get_error_message()
        yield f"{obj.id:>6}  {title}"
    yield from _more(len(failed))


def _next(uri: str | None) -> Iterator[str]:
    first = select(Seen).where(Seen.outcome == "waiting").order_by(Seen.id_object)
    row = db.session.scalars(first.limit(1)).first()
    yield ""
    if row is None:
        yield "Nothing waits. Other records: give a file, see --help."
        return
    workflows = f"{_flask(uri)} --app harvest_demo.app workflows"
    yield f"To decide about {_short(row.identifier)}, look at it and say yes or no:"
    yield f"  {workflows} object {row.id_object}"
    yield f"  {workflows} resolve {row.id_object} --accept"
    yield f"  {workflows} resolve {row.id_object} --reject --reason '…'"


def _flask(uri: str | None) -> str:
    """How the `flask` of this environment is called from where the caller stands."""
    ours = Path(sys.executable).parent / "flask"
    found = shutil.which("flask")
    if found and Path(found) == ours:
        command = "flask"
    elif ours.is_relative_to(Path.cwd()):
        command = shlex.quote(str(ours.relative_to(Path.cwd())))
    else:
        command = shlex.quote(str(ours))
    return f"{DATABASE}={shlex.quote(uri)} {command}" if uri else command


ID = 12


def _short(identifier: str) -> str:
    return identifier.removeprefix("oai:arXiv.org:")


def _fit(text: str, room: int) -> str:
    room = max(room, 20)
    return text if len(text) <= room else text[: room - 1].rstrip() + "…"


def _headline(text: str, count: int) -> str:
    return "\n" + click.style(f"{text}: {count}", bold=True)


def _more(count: int) -> Iterator[str]:
    if count > LONGEST:
        yield f"        … and {count - LONGEST} more"


def _count(table: Any, condition: Any) -> int:
    counted = select(func.count()).select_from(table).where(condition)
    return db.session.scalar(counted) or 0
