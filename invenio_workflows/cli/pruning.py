"""``prune``: runs that ended long ago are deleted."""

from __future__ import annotations

import sys
from typing import Any

import click
from flask.cli import with_appcontext

from ..proxies import current_workflows
from ..states import ObjectStatus
from ..store.prune import ENDED, Pruned
from .arguments import Duration, Status, as_json, command
from .running import objects
from .text import say, say_json


def _unmoving(
    ctx: click.Context, param: click.Parameter, value: tuple[ObjectStatus, ...]
) -> tuple[ObjectStatus, ...]:
    if ObjectStatus.RUNNING in value:
        raise click.BadParameter("what runs is never deleted.", ctx, param)
    return value or ENDED


@click.command("prune")
@click.option(
    "--older-than",
    metavar="DURATION",
    type=Duration(),
    required=True,
    help="For how long nothing of the run has changed: a number with s, m, h, d or w, "
    "such as 12h, 90d or 2w.",
)
@click.option(
    *("--status", "statuses"),
    type=Status(),
    multiple=True,
    callback=_unmoving,
    help="The status that every object of the run has; may be given again. Without "
    "it: completed or cancelled.",
)
@click.option("--dry-run", is_flag=True, help="Say how many there are; delete nothing.")
@click.option(
    "--batch",
    type=click.IntRange(1, 10_000),
    default=1000,
    show_default=True,
    help="Delete at most this many objects in one transaction.",
)
@as_json
@with_appcontext
def prune(
    older_than: int,
    statuses: tuple[ObjectStatus, ...],
    dry_run: bool,
    batch: int,
    as_json: bool,
) -> None:
    """Delete runs that ended long ago, for good.

    Their objects, history and log are deleted with them. A run goes as a whole, when
    all of its objects have one of the statuses. What moves, or will move by itself,
    is never deleted, nor is an object without a run. Drafts that nobody touched for a
    month are deleted too, and files for which no answer came.
    """
    pruner = current_workflows.pruner
    found: Pruned = pruner.count(older_than, statuses)
    gone = found
    if not dry_run and found.runs:
        gone = _deleted(pruner.prune(older_than, statuses, batch), found.objects)
    if not dry_run:
        current_workflows.drafts.sweep()
        current_workflows.files.sweep()
    if as_json:
        told = {"runs": gone.runs, "objects": gone.objects, "dry_run": dry_run}
        say_json(told)
    elif not found.runs:
        say("No run matches.")
    else:
        say(f"{_runs(gone)} {'would be deleted' if dry_run else 'deleted'}.")


def _deleted(batches: Any, expected: int) -> Pruned:
    """Delete batch by batch, and show on a terminal how far it is."""
    runs = number = 0
    bar: Any = click.progressbar(
        length=expected,
        label=f"Deleting {objects(expected)}",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    )
    try:
        with bar:
            for batch in batches:
                runs += batch.runs
                number += batch.objects
                bar.update(batch.objects)
    except KeyboardInterrupt:
        done = _runs(Pruned(runs, number))
        raise click.ClickException(
            f"Interrupted: {done} deleted. To go on: {command('prune', '…')}"
        ) from None
    return Pruned(runs, number)


def _runs(pruned: Pruned) -> str:
    word = "run" if pruned.runs == 1 else "runs"
    return f"{pruned.runs:,} {word} with {objects(pruned.objects)}"
