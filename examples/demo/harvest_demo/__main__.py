"""Harvest a file of records and serve the Holding Pen: what `scripts/demo` runs.

First the whole file is read once, so that a broken one starts nothing; then every
record is handed over to the worker, which sends it through the workflow `harvest`.
The worker is a thread of this process; what is shown meanwhile is in the database.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO

import click
from flask import Flask
from sqlalchemy.exc import ArgumentError, OperationalError

from invenio_workflows import ObjectStatus, WorkflowObject, WorkflowStatus, api
from invenio_workflows.errors import WorkflowsError
from invenio_workflows.worker_result import AsynchronousResultWrapper

from .app import DATABASE, create_app, workflows
from .arxiv import ArxivError, read
from .report import report
from .serve import USUAL, listen, serve

SHIPPED = Path(__file__).parent / "records.xml"

PAUSE = 0.05
"""Seconds between two looks at how far the worker is."""

TO_COME = [ObjectStatus.WAITING, ObjectStatus.RUNNING, ObjectStatus.INITIAL]
"""A queued object is WAITING for a worker; no task of `harvest` waits for anything."""


@click.command()
@click.argument("file", type=click.File("rb"), required=False)
@click.option(
    "--serve/--no-serve",
    "serves",
    default=True,
    help="Serve the Holding Pen when the records are through. [default: serve]",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"Where it is served; 0: at any free port. [default: {USUAL}, or a free one]",
)
def main(file: IO[bytes] | None, serves: bool, port: int | None) -> None:
    """Send arXiv records through a workflow; some stop for a decision.

    FILE is an OAI-PMH ListRecords response with metadataPrefix=arXiv, or - for
    standard input. Without FILE, 40 records that come with the demo are taken.
    Running it again does no harm: what is known is recognised.

    At the end the Holding Pen is served on this machine, where the decisions are made.

    The database is instance/demo.db beside the demo, or the SQLAlchemy URI in the
    environment variable HARVEST_DEMO_DATABASE.
    """
    with listen(port) if serves else nullcontext() as listener:
        with _told(), _rewindable(file or SHIPPED.open("rb")) as stream:
            count = sum(1 for _ in read(stream))
            stream.seek(0)
            if not count:
                click.echo("The response holds no records; nothing to do.")
                return
            app = create_app()
            _harvest(app, stream, count)
        if listener is not None:
            serve(app, listener)


def _harvest(app: Flask, stream: IO[bytes], count: int) -> None:
    with app.app_context():
        engine = workflows.db.engine
        atexit.register(engine.dispose)  # after the worker's threads have ended
        workflows.create_all()
        click.echo(f"Database: {engine.url}")
        result = api.start_delayed("harvest", read(stream), stop_on_error=False)
        click.echo(f"Accepted: {count} records, in the queue of the worker")
        _watch(result, count)
        run = result.get()
        for line in report(run, os.environ.get(DATABASE)):
            click.echo(line)


def _watch(result: AsynchronousResultWrapper, count: int) -> None:
    """Show how many records have ended or stopped: a bar, or a line now and then."""
    bar = click.progressbar(length=count, label=f"{count} records", file=sys.stderr)
    on_terminal = sys.stderr.isatty()
    objects = WorkflowObject.query.filter_by(id_workflow=result.uuid, id_parent=None)
    done, moving = 0, True
    with bar if on_terminal else nullcontext():
        while moving:
            moving = result.status() in (WorkflowStatus.NEW, WorkflowStatus.RUNNING)
            before, done = done, count - objects.filter_by(status=TO_COME).count()
            if on_terminal:
                bar.update(done - before)
            elif done * 10 // count > before * 10 // count:
                click.echo(f"{done} of {count} records", err=True)
            time.sleep(PAUSE if moving else 0)


@contextmanager
def _rewindable(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    """A stream that can be read twice; standard input is laid on the disk for it."""
    with stream:
        if stream.seekable():
            yield stream
            return
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(stream, copy)
            copy.seek(0)
            yield copy


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong is told in a sentence and an exit code, without a traceback."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.ClickException(
            "Interrupted. What is done stays done, and the rest is in the queue: the "
            "next run of the demo does it too, or a worker of its own: "
            "flask --app harvest_demo.app workflows worker -c 1"
        ) from None
    except (ArxivError, WorkflowsError, OSError) as error:
        raise click.ClickException(str(error)) from None
    except (ArgumentError, ModuleNotFoundError) as error:
        raise click.ClickException(f"{DATABASE} cannot be used: {error}") from None
    except OperationalError as error:
        raise click.ClickException(
            f"The database cannot be used: {error.orig}"
        ) from None


if __name__ == "__main__":
    main(prog_name="harvest_demo")
