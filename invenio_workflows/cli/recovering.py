"""``recover``: what dead workers left, what is due, and what nobody picked up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import click
from flask.cli import with_appcontext

from .. import api
from ..errors import DatabaseUnavailable
from ..jobs import sweep
from ..proxies import current_workflows
from ..states import ObjectStatus
from .arguments import as_json, command
from .running import objects
from .text import clean, say, say_json


@dataclass(slots=True)
class Found:
    """How many objects were found, and what became of them."""

    taken: int = 0
    failed: int = 0
    held: int = 0
    queued: int = 0
    woken: int = 0
    sent: int = 0


@click.command("recover")
@click.option(
    "--watch",
    "watches",
    is_flag=True,
    help="Do it every WORKFLOWS_SWEEP_SECONDS, until SIGTERM or Ctrl-C.",
)
@as_json
@with_appcontext
def recover(watches: bool, as_json: bool) -> None:
    """Take up what dead workers left, from the last checkpoint.

    That is done here, in this process. Objects whose time has come are put in their
    queue; what has been queued for too long is sent to the worker again. Every worker
    does the same by itself.
    """
    if watches:
        _watch(as_json)
        return
    found = _once(as_json, lambda: False)
    if as_json:
        say_json({"summary": _counted(found)})
    else:
        for line in _summary(found) or ["Nothing to recover: no object is in process."]:
            say(line)
    if found.failed:
        look = command("objects", "--status", "error")
        raise click.ClickException(
            f"{objects(found.failed)} failed; to look at them: {look}"
        )


def _once(as_json: bool, is_to_stop: Callable[[], bool], brief: bool = False) -> Found:
    """Look once, telling each object.

    :param brief: what living workers hold is not told.
    """
    found = Found()
    for each in api.recover():
        found.taken += each.outcome is not None
        found.held += each.outcome is None
        found.failed += each.outcome == ObjectStatus.ERROR
        if each.outcome is None and brief:
            continue
        if as_json:
            say_json(_recovered(each))
        else:
            say(_told(each))
        if is_to_stop():
            return found
    while (swept := sweep()) != type(swept)():
        found.queued += swept.taken_over
        found.woken += swept.woken
        found.sent += swept.sent
    return found


def _watch(as_json: bool) -> None:
    pause = current_workflows.settings.sweep_seconds
    with _until_told() as told:
        if not as_json:
            say(f"Looking every {pause} seconds. Ctrl-C or SIGTERM ends it.")
        while not told.is_set():
            try:
                found = _once(as_json, told.is_set, brief=True)
            except DatabaseUnavailable as error:
                say(f"{clean(error)} Trying again.", err=True)
            else:
                found.held = 0
                if as_json and found != Found():
                    say_json({"summary": _counted(found)})
                elif not as_json:
                    for line in _summary(found):
                        say(line)
            told.wait(pause)
    if not as_json:
        say("Stopped.")


@contextmanager
def _until_told() -> Iterator[threading.Event]:
    """Give what is set by the first SIGTERM or Ctrl-C; the second ends at once."""
    told = threading.Event()
    before: dict[int, Any] = {}

    def tell(number: int, frame: Any) -> None:
        told.set()
        signal.signal(number, before[number])

    for each in (signal.SIGTERM, signal.SIGINT):
        before[each] = signal.signal(each, tell)
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _counted(found: Found) -> dict[str, int]:
    return {each.name: getattr(found, each.name) for each in fields(found)}


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
    """Return host and process of the holder of a lease, without what else it says."""
    place, pid, *_ = [*owner.rsplit(":", 3), ""]
    host = place.partition("/")[0]
    return f"process {pid} on {host}" if pid else "a worker without a name"


def _summary(found: Found) -> list[str]:
    told = [
        (found.taken, "taken over."),
        (found.queued, "left by dead workers, queued again."),
        (found.woken, "woken, whose time had come."),
        (found.sent, "sent to a worker again, queued for too long."),
        (found.held, "left alone; run this again when the leases are over."),
    ]
    return [f"{objects(number)} {what}" for number, what in told if number]
