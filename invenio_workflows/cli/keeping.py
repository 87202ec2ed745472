"""``init`` and ``doctor``: what an operator does."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from ..proxies import current_workflows
from ..store.health import address
from ..store.migrations import upgrade
from .arguments import as_json
from .checks import checks
from .findings import Check
from .text import say, say_json

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command("init")
@as_json
@with_appcontext
def init(as_json: bool) -> None:
    """Make the tables, or bring them to this release; any number of times."""
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
    "what it left is deleted.",
)
@as_json
@with_appcontext
def doctor(travels: bool, as_json: bool) -> None:
    """Look whether all is well, and say what to do where it is not."""
    found: list[Check] = list(checks(travels))
    well = all(check.state != "fail" for check in found)
    if as_json:
        say_json({"ok": well, "checks": [check.told() for check in found]})
    else:
        width = max(len(check.id) for check in found)
        for check in found:
            state = click.style(f"{check.state:<4}", fg=_COLOURS[check.state])
            say(f"{state}  {check.id:<{width}}  {check.text}")
            if check.do:
                say(f"{'':{width + 8}}{check.do}")
    if not well:
        raise click.exceptions.Exit(1)
