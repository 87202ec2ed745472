"""Harvest a file of records: what `scripts/demo` runs.

First the whole file is read once, so that a broken one starts nothing; then every
record is sent through the workflow `harvest`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click
from sqlalchemy.exc import ArgumentError, OperationalError

from invenio_workflows import api
from invenio_workflows.errors import WorkflowsError
from invenio_workflows.signals import task_finished, workflow_error

from .app import DATABASE, create_app, workflows
from .arxiv import ArxivError, read
from .report import report

SHIPPED = Path(__file__).parent / "records.xml"


@click.command()
@click.argument("file", type=click.File("rb"), required=False)
def main(file: IO[bytes] | None) -> None:
    """Send arXiv records through a workflow; some stop for a decision.

    FILE is an OAI-PMH ListRecords response with metadataPrefix=arXiv, or - for
    standard input. Without FILE, 40 records that come with the demo are taken.
    Running it again does no harm: what is known is recognised.

    The database is instance/demo.db beside the demo, or the SQLAlchemy URI in the
    environment variable HARVEST_DEMO_DATABASE.
    """
    with _told(), _rewindable(file or SHIPPED.open("rb")) as stream:
        count = sum(1 for _ in read(stream))
        stream.seek(0)
        if not count:
            click.echo("The response holds no records; nothing to do.")
            return
        _harvest(stream, count)


def _harvest(stream: IO[bytes], count: int) -> None:
    app = create_app()
    with app.app_context():
        engine = workflows.db.engine
        workflows.create_all()
        click.echo(f"Database: {engine.url}")
        with _progress(count):
            run = api.start("harvest", data=read(stream), stop_on_error=False)
        for line in report(run, os.environ.get(DATABASE)):
            click.echo(line)
    engine.dispose()


@contextmanager
def _progress(count: int) -> Iterator[None]:
    """Show how many records were taken up: a bar, or a line now and then."""
    begun: set[int] = set()
    bar = click.progressbar(length=count, label=f"{count} records", file=sys.stderr)
    steps = {count * tenth // 10 for tenth in range(1, 11)}
    on_terminal = sys.stderr.isatty()

    def taken_up(obj: Any, task: str = "", **_: Any) -> None:
        if obj.id in begun:
            return
        begun.add(obj.id)
        if on_terminal:
            bar.update(1)
        elif len(begun) in steps:
            click.echo(f"{len(begun)} of {count} records", err=True)

    with task_finished.connected_to(taken_up), workflow_error.connected_to(taken_up):
        if on_terminal:
            with bar:
                yield
        else:
            yield


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
            "Interrupted. What is done stays done. For the rest, run the demo again, "
            "or let this run go on: flask --app harvest_demo.app workflows recover"
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
