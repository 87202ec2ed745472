"""The group ``flask workflows``: its commands, and how their errors are told."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import ScriptInfo

from ..errors import WorkflowsError
from ..proxies import EXTENSION
from ..store.health import refusal
from .auditing import audit
from .counting import metrics
from .deciding import cancel, continue_, delete, resolve, send_event
from .keeping import doctor, init
from .knowing import definitions, list_
from .looking import object_, objects
from .pruning import prune
from .recovering import recover
from .reindexing import reindex
from .running import restart, resume, start
from .text import clean
from .watching import watch
from .workers import workers
from .working import rq_worker, worker


class Commands(click.Group):
    """A group in which what goes wrong is one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            app = ctx.ensure_object(ScriptInfo).load_app()
            if EXTENSION in app.extensions:
                app.extensions[EXTENSION].embeds = False
            return super().invoke(ctx)
        except WorkflowsError as error:
            told = clean(error.message.strip().rpartition("\n")[2])
        except Exception as error:
            refused = refusal(error)
            if refused is None:
                raise
            told = refused.message
        raise click.ClickException(told)


@click.group(cls=Commands, name="workflows")
def workflows() -> None:
    """Run records through workflows, and decide where a person is asked.

    Every command but `metrics` and those that are a worker takes --json for
    programs: one JSON document, or for lists one on each line. Exit codes: 0
    for done (an object that halted is no failure), 1 for what went wrong or failed, 2
    for a command that was not written right.
    """


for _command in (
    *(list_, definitions, start, restart, resume, watch, objects, object_),
    *(continue_, resolve, cancel, delete, recover, init, doctor, prune, reindex),
    *(audit, send_event, worker, rq_worker, workers, metrics),
):
    workflows.add_command(_command)
