"""``reindex``: what lists keep is made anew; and what ``doctor`` says of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click
from flask.cli import with_appcontext

from ..errors import WorkflowDefinitionError
from ..proxies import current_workflows
from .arguments import as_json, command
from .findings import Check
from .running import objects
from .text import clean, say, say_json


@click.command("reindex")
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="Also those that are not old.")
@as_json
@with_appcontext
def reindex(name: str | None, everything: bool, as_json: bool) -> None:
    """Renew titles, search words and sort keys that are old.

    They are old when the code of the workflow's get_title, get_description,
    get_search_text, get_sort_data or hidden_fields has changed, and after the upgrade
    that began to keep them. It may be interrupted and run again, while workers work.
    Without NAME: of all workflows; then the counters of the lists are counted too.
    """
    reindexer = current_workflows.reindexer
    if name is not None and name not in (known := reindexer.workflows()):
        if name not in current_workflows.workflows:
            there = ", ".join(known) or "no objects of any"
            raise WorkflowDefinitionError(
                f"There is no workflow {name!r}; there are {there}."
            )
    done = {}
    for each in [name] if name is not None else reindexer.workflows():
        number = _redone(each, everything)
        if number:
            done[each] = number
    wrong = reindexer.recount() if name is None else 0
    if as_json:
        say_json({"objects": done, "counters": wrong})
        return
    for each, number in done.items():
        say(f"{clean(each) or '(no workflow)'}: {objects(number)} renewed.")
    if wrong:
        say(f"{wrong:,} wrong {'counter' if wrong == 1 else 'counters'} corrected.")
    if not done and not wrong:
        say("Nothing is old.")


def _redone(name: str, everything: bool) -> int:
    done = 0
    bar: Any = click.progressbar(
        length=current_workflows.reindexer.number(name, everything),
        label=f"Reading {clean(name)}",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    )
    try:
        with bar:
            for number in current_workflows.reindexer.run(name, everything):
                done += number
                bar.update(number)
    except KeyboardInterrupt:
        raise click.ClickException(
            f"Interrupted: {objects(done)} renewed. To go on: {command('reindex')}"
        ) from None
    return done


def lists() -> Iterator[Check]:
    """Yield whether what lists keep is of this code, and whether they count right."""
    reindexer = current_workflows.reindexer
    old = reindexer.all_old()
    if old:
        named = ", ".join(f"{name} ({objects(n)})" for name, n in old.items())
        yield Check(
            "lists.titles",
            "warn",
            f"Lists show what other code made: {clean(named)}",
            f"Run {command('reindex')}",
        )
    else:
        yield Check("lists.titles", "ok", "lists show what this code makes")
    missing = reindexer.missing()
    if missing:
        yield Check(
            "lists.counters",
            "fail",
            f"The database has lost what keeps the lists: {clean(', '.join(missing))}",
            f"Restore it from a backup, or make it as the migration did; then run "
            f"{command('reindex')}",
        )
        return
    wrong = reindexer.wrong_counts()
    yield Check(
        "lists.counters",
        "warn" if wrong else "ok",
        f"{wrong:,} counters of the lists are wrong" if wrong else "counters are right",
        f"Run {command('reindex')}" if wrong else "",
    )
