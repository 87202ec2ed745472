"""``init``, ``doctor`` and ``recover``: what an operator does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from flask.cli import with_appcontext

from .. import api
from ..proxies import current_workflows
from ..states import ObjectStatus
from ..store.health import address
from ..store.migrations import upgrade
from .arguments import as_json, command
from .checks import Check, checks
from .running import objects
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
@as_json
@with_appcontext
def doctor(as_json: bool) -> None:
    """Look whether all is well, and say what to do where it is not."""
    found: list[Check] = list(checks())
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


@click.command("recover")
@as_json
@with_appcontext
def recover(as_json: bool) -> None:
    """Take up again what dead workers left, each from its last checkpoint."""
    taken, failed, held = 0, 0, 0
    for found in api.recover():
        taken += found.outcome is not None
        held += found.outcome is None
        failed += found.outcome == ObjectStatus.ERROR
        if as_json:
            say_json(_recovered(found))
        else:
            say(_told(found))
    if not as_json:
        for line in _summary(taken, held):
            say(line)
    if failed:
        look = command("objects", "--status", "error")
        raise click.ClickException(f"{objects(failed)} failed; to look at them: {look}")


def _recovered(found: api.Recovered) -> dict[str, Any]:
    return {
        "id": found.id,
        "owner": found.owner,
        "taken_over": found.outcome is not None,
        "status": "RUNNING" if found.outcome is None else found.outcome.name,
        "seconds_left": None if found.outcome is not None else round(found.seconds, 1),
    }


def _told(found: api.Recovered) -> str:
    worker = _worker(found.owner)
    if found.outcome is not None:
        return (
            f"Object {found.id}, left by {worker}, was taken over: it is "
            f"{found.outcome.label} ({found.outcome.name}) now."
        )
    lease = f"its lease ends in {found.seconds:.0f} seconds"
    if not found.seconds:
        lease = "its lease is over, but the worker lives"
    return f"Object {found.id} is held by {worker}: {lease}."


def _worker(owner: str) -> str:
    """Return host and process of who holds a lease, without what else it says."""
    place, pid, *_ = [*owner.rsplit(":", 3), ""]
    host = place.partition("/")[0]
    return f"process {pid} on {host}" if pid else "a worker without a name"


def _summary(taken: int, held: int) -> Iterator[str]:
    if not taken and not held:
        yield "Nothing to recover: no object is in process."
    if taken:
        yield f"{objects(taken)} taken over."
    if held:
        yield f"{objects(held)} left alone; run this again when the leases are over."
