"""``definitions sync``, ``check``, ``list``: what is known to be there, since when."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from ..proxies import current_workflows
from ..sourcecode import Source, forget_compiled, sources
from ..states import ObjectStatus
from ..store.definitions import Known, Synced
from ..store.list_counts import read_counts
from ..upgrading import refused_orphan
from .arguments import as_json, command, looks_every
from .children import argv, done
from .old_code import sentences
from .text import clean, moment, say, say_json, table

_ENDED = (ObjectStatus.COMPLETED, ObjectStatus.CANCELLED)

Row = dict[str, Any]


@click.command("sync")
@click.option(
    "--watch",
    is_flag=True,
    help="Go on, and do it again when the files of the definitions have changed.",
)
@looks_every
@as_json
@with_appcontext
def sync(watch: bool, interval: float, as_json: bool) -> None:
    """Record which definitions there are, and which are gone.

    Only this command marks a definition as removed: run it where all of the site's
    code is installed, after each deployment. A module that cannot be imported is
    named, its definitions stay as they are, and the exit code is 1.
    """
    if watch:
        _watch(interval, as_json)
        return
    catalogue = current_workflows.catalogue
    broken = [each.name for each in catalogue.broken if each.name]
    modules = [each.module for each in catalogue.broken if each.module]
    synced = current_workflows.known.sync(catalogue.facts(), broken, modules)
    told = {**_told(synced), "broken": [str(each) for each in catalogue.broken]}
    told["old_code"] = sentences(catalogue.code())
    if as_json:
        say_json(told)
    else:
        _say(told)
    if catalogue.broken:
        raise click.exceptions.Exit(1)


@click.command("check")
@as_json
@with_appcontext
def check(as_json: bool) -> None:
    """Load the application and all definitions; name what is broken.

    With WORKFLOWS_REFUSE_ORPHANS also an object that could not go on with this code.
    """
    broken = [str(each) for each in current_workflows.catalogue.broken]
    names = list(current_workflows.workflows)
    orphan = None if broken else refused_orphan()
    well = not (broken or orphan)
    if as_json:
        told = {"ok": well, "definitions": names, "broken": broken, "orphan": orphan}
        say_json(told)
    for line in [] if as_json else broken:
        say(f"Broken: {clean(line)}", err=True)
    if orphan and not as_json:
        again = command("upgrade-check")
        say(f"Orphaned: {clean(orphan)} To see all of them: {again}", err=True)
    if well and not as_json:
        say(f"{_are(len(names))} well.")
    if not well:
        raise click.exceptions.Exit(1)


@click.command("list")
@as_json
@with_appcontext
def known(as_json: bool) -> None:
    """List the definitions that are known here, or once were.

    A worker may know some that this process does not. ID is what
    order_workflow_execution() takes, too; LIVING counts the objects that have not
    ended.
    """
    rows = _rows()
    if as_json:
        for row in rows:
            say_json(row)
        return
    if not rows:
        say("No definition is known: name a package in WORKFLOWS_PACKAGES.")
        return
    told = [
        (
            row["id"] or "—",
            row["name"],
            row["state"],
            f"{row['living']:,}",
            moment(row["first_seen"], seconds=False) or "never",
            moment(row["last_seen"], seconds=False) or "never",
        )
        for row in rows
    ]
    times = ("FIRST SEEN (UTC)", "LAST SEEN (UTC)")
    headers = ("ID", "NAME", "STATE", "LIVING", *times)
    for line in table(headers, told, whole=("ID", "LIVING", *times)):
        say(line)
    if any(row["id"] is None for row in rows):
        say(
            f"What was never seen is not in the table: {command('definitions', 'sync')}"
        )


def _are(number: int) -> str:
    return "1 definition is" if number == 1 else f"{number:,} definitions are"


# --- what is written ------------------------------------------------------------------


def _told(synced: Synced) -> Row:
    return {
        "created": synced.created,
        "updated": synced.updated,
        "removed": synced.removed,
        "returned": synced.returned,
    }


def _say(told: Row) -> None:
    words = ("created", "updated", "removed")
    say(", ".join(f"{word} {len(told[word])}" for word in words))
    for word in words:
        for name in told[word]:
            again = ", as it is there again" if name in told["returned"] else ""
            say(f"  {word}  {clean(name)}{again}")
    for line in told["old_code"]:
        say(line)
    for line in told["broken"]:
        say(f"Broken: {clean(line)}", err=True)


# --- whoever watches ------------------------------------------------------------------


def _watch(interval: float, as_json: bool) -> None:
    """Have it done by a process of its own whenever a file has changed.

    This one keeps nothing that the next would have to clean up.
    """
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    again = argv("definitions", "sync", "--json")
    if not as_json:
        say(f"Watching, every {interval:g} seconds. Ctrl-C or SIGTERM stops it.")
    seen: dict[str, Source] = {}
    while True:
        found = _files()
        if found != seen:
            forget_compiled(
                each.path for name, each in found.items() if seen.get(name) != each
            )
            _report(*done(again), as_json=as_json)
            seen = found
        if told.wait(interval):
            return


def _files() -> dict[str, Source]:
    """Return the files of the definitions, and of what makes the application."""
    files: dict[str, Source] = current_workflows.catalogue.files()
    return {**files, **sources([current_app.import_name])}


def _report(synced: Row | None, why: str, as_json: bool) -> None:
    if synced is None:
        synced = {"created": [], "updated": [], "removed": [], "returned": []}
        synced |= {"old_code": [], "broken": [why]}
    if as_json:
        say_json(synced)
        return
    _say(synced)


# --- what is known --------------------------------------------------------------------


def _rows() -> list[Row]:
    there = {each.name: each for each in current_workflows.known.all()}
    living = _living()
    here = {*current_workflows.workflows}
    return [
        _row(name, there.get(name), name in here, living[name])
        for name in sorted(there.keys() | here)
    ]


def _living() -> Counter[str]:
    """Return how many objects of each workflow have not ended, from the counters."""
    found: Counter[str] = Counter()
    for each in read_counts(current_workflows.store.transactions):
        if each.status not in _ENDED:
            found[each.workflow] += each.number
    return found


def _row(name: str, known: Known | None, is_here: bool, living: int) -> Row:
    fields = ("id", "module", "title", "description", "schema", "fingerprint")
    row: Row = {field: getattr(known, field, None) for field in fields}
    row |= {
        "first_seen": getattr(known, "first_seen", None),
        "last_seen": getattr(known, "last_seen", None),
        "removed": getattr(known, "removed", None),
        "here": is_here,
        "living": living,
    }
    return {"id": row.pop("id"), "name": name, "state": _state(known, is_here), **row}


def _state(known: Known | None, is_here: bool) -> str:
    """Return where a definition is, in a word or two."""
    removed = known.removed if known is not None else None
    if is_here:
        return "here" if removed is None else "here, removed elsewhere"
    if removed is not None:
        return f"removed since {moment(removed, seconds=False)}"
    return "elsewhere"
