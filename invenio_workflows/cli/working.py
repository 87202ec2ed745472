"""``worker`` and ``rq-worker``: processes that do what is delayed."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from ..calls import Worker
from ..proxies import current_workflows
from ..registry import plugin
from ..store.health import address, lines
from ..store.migrations import current
from ..upgrading import refuse_orphans
from .arguments import command, looks_every
from .children import argv
from .counting import serve, serving
from .reloading import Reloader
from .running import objects
from .serving import known_queues
from .text import clean, say

_GROUP = "invenio_workflows.workers"

_queues = click.option(
    *("-Q", "--queue", "queues"),
    metavar="QUEUE",
    multiple=True,
    help="Only what waits in this queue; may be given again. Without it: all that "
    "are configured.",
)


@click.command("worker")
@click.option(
    *("-c", "--concurrency"),
    metavar="N",
    type=click.IntRange(1, 1000),
    default=2,
    show_default=True,
    help="Move this many objects at a time.",
)
@_queues
@click.option(
    "--watch",
    is_flag=True,
    help="Take in the new code of definitions whose files have changed.",
)
@looks_every
@serving
@with_appcontext
def worker(
    concurrency: int,
    queues: tuple[str, ...],
    watch: bool,
    interval: float,
    **metrics: Any,
) -> None:
    """Do what is delayed, until SIGTERM or Ctrl-C.

    The worker that the site has configured (WORKFLOWS_WORKER) works in this process.
    When it is told to stop it finishes the task at work, and gives back what takes
    longer than WORKFLOWS_STOP_SECONDS.

    With --watch, new code is first loaded by a process of its own, and is taken in
    when no object is being moved here; or the log says why not, and the old code goes
    on.
    """
    name = current_workflows.settings.worker
    reloader = _reloader(name, interval) if watch else None
    try:
        if reloader is not None:
            reloader.begin()
        _work(name, current_workflows.worker, queues, concurrency, **metrics)
    finally:
        if reloader is not None:
            reloader.end()


def _reloader(name: str, interval: float) -> Reloader:
    worker = current_workflows.worker
    if not getattr(worker, "rests", False):
        raise click.ClickException(
            f"The worker {name} takes in new code when it is restarted, and not "
            "before. `flask workflows definitions sync --watch` and `workers` say "
            "which workers run old code."
        )
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    check = argv("definitions", "check", "--json")
    return Reloader(app, check, interval)


@click.command("rq-worker")
@_queues
@serving
@with_appcontext
def rq_worker(queues: tuple[str, ...], **metrics: Any) -> None:
    """Do what is delayed with RQ, whatever worker is configured.

    Until SIGTERM or Ctrl-C; one object at a time. Run several for more.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    _work("rq", plugin(_GROUP, "rq", "worker")(app), queues, 1, **metrics)


class _Stopped(BaseException):
    """It was told to stop before it began."""


def _stop(number: int, frame: Any) -> None:
    raise _Stopped


def _work(
    name: str,
    worker: Worker,
    queues: Sequence[str],
    concurrency: int,
    metrics_port: int | None,
    metrics_address: str,
) -> None:
    """Say what is served, work, and say that it is over."""
    _check_database()
    refuse_orphans()
    wanted = [part for each in queues for part in each.split(",") if part]
    known = known_queues()
    for queue in dict.fromkeys(wanted):
        if queue not in known:
            say(
                f"Warning: no workflow is in the queue {clean(queue)}; "
                f"WORKFLOWS_QUEUES knows {clean(', '.join(known))}.",
                err=True,
            )
    _show_log()
    with suppress(_Stopped):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)  # until the worker has its own way
        say(f"The worker {clean(name)} begins, as process {os.getpid()}.")
        say(f"  queues       {clean(', '.join(wanted or known))}")
        say(f"  at a time    {objects(concurrency)}")
        say(f"  database     {address(current_workflows.engine)}")
        if metrics_port is not None:
            say(f"  metrics      {serve(name, metrics_port, metrics_address)}")
        say("Ctrl-C or SIGTERM stops it.")
        # It is seen when it sweeps; ours say more of themselves.
        current_workflows.presence.begin(name, wanted or known, concurrency)
        try:
            worker.run(wanted, concurrency)
        finally:
            current_workflows.presence.end()
    say(f"The worker {clean(name)} has stopped.")


def _check_database() -> None:
    """Refuse a database that the worker could only wait for."""
    current_workflows.queue.refuse_memory()
    lines(current_workflows.store.transactions)  # or it is away, or has no tables
    have, want = current(current_workflows.engine)
    if have != want:
        raise click.ClickException(
            f"The tables are of revision {have}; this release needs {want}. "
            f"Run: {command('init')}"
        )


def _show_log() -> None:
    """Print what the worker logs, where the site has not said how."""
    ours = logging.getLogger("invenio_workflows")
    if not ours.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        ours.addHandler(handler)
        ours.setLevel(logging.INFO)
