"""``init`` and ``doctor``: what an operator does."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from ..proxies import current_workflows
from ..store.health import address
from ..store.migrations import upgrade
from .arguments import as_json
from .checks import checks
from .findings import CHECKS, Check, is_check, without
from .text import say, say_json

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": "blue"}


@click.command("init")
@as_json
@with_appcontext
def init(as_json: bool) -> None:
    """Make the tables, or upgrade them to this release.

    It may be run any number of times.
    """
    engine = current_workflows.database.engine
    before, after = upgrade(engine)
    where = address(engine)
    if as_json:
        say_json({"database": where, "before": before, "after": after})
    elif before is None:
        say(f"The tables are made in {where} (revision {after}).")
    elif before == after:
        say(f"The tables in {where} are there already (revision {after}).")
    else:
        say(f"The tables in {where} are upgraded from revision {before} to {after}.")


@click.command("doctor")
@click.option(
    *("--round-trip", "travels"),
    is_flag=True,
    help="Have a worker run a tiny workflow, and wait for it, 10 seconds at most; "
    "what it leaves is deleted.",
)
@click.option(
    "--skip",
    metavar="ID",
    multiple=True,
    help="Leave out this check; may be given again. WORKFLOWS_DOCTOR_SKIP leaves it "
    "out for good, with the reason.",
)
@as_json
@with_appcontext
def doctor(travels: bool, skip: tuple[str, ...], as_json: bool) -> None:
    """Check whether all is well, and say what to do if not."""
    if unknown := [each for each in skip if not is_check(each)]:
        raise click.UsageError(
            f"There is no check {', '.join(unknown)}; there are {', '.join(CHECKS)}."
        )
    reasons = {
        **current_workflows.settings.doctor_skip,
        **dict.fromkeys(skip, "by --skip"),
    }
    found: list[Check] = list(without(checks(travels), reasons))
    well = all(check.state != "fail" for check in found)
    if as_json:
        say_json({"ok": well, "checks": [check.told() for check in found]})
    else:
        width = max(len(check.id) for check in found)
        for check in found:
            state = click.style(f"{check.state:<4}", fg=_COLOURS[check.state])
            say(f"{state}  {check.id:<{width}}  {check.text}")
            if below := check.do or check.reason and f"Left out: {check.reason}":
                say(f"{'':{width + 8}}{below}")
    if not well:
        raise click.exceptions.Exit(1)
