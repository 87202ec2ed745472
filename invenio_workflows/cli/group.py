"""The group ``flask workflows``: its commands, and how their errors are told."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import click
from flask.cli import ScriptInfo

from ..catalogue import leaving_out_what_is_broken
from ..errors import WorkflowsError
from ..proxies import EXTENSION
from ..store.health import refusal
from .auditing import audit
from .counting import metrics
from .deciding import cancel, continue_, delete, input_, resolve, send_event
from .keeping import doctor, init
from .knowing import definitions, list_
from .listing import objects
from .looking import object_
from .pruning import prune
from .recovering import recover
from .reindexing import reindex
from .running import restart, resume, start
from .syncing import check, known, sync
from .text import clean
from .upgrading import upgrade_check
from .watching import watch
from .workers import workers
from .working import rq_worker, worker

_WORDS = "invenio_workflows.words"
#: Commands that name what is broken and do their work with the rest.
_PATIENT = (["definitions", "sync"], ["definitions", "check"])


class Commands(click.Group):
    """A group in which what goes wrong is one sentence and an exit code."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_WORDS] = args[:2]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        is_patient = ctx.meta[_WORDS] in _PATIENT
        try:
            with leaving_out_what_is_broken() if is_patient else nullcontext():
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

    Begin with init, start and objects; doctor says what is missing.

    Every command except `metrics` and the workers takes --json, for programs: one
    JSON document, or for lists one on each line. Exit codes: 0 for success (an object
    that halted is no failure), 1 if something went wrong or failed, 2 for a command
    line that cannot be understood.
    """


for _command in (
    *(list_, definitions, start, restart, resume, watch, objects, object_),
    *(continue_, resolve, input_, cancel, delete, recover, init, doctor, prune),
    *(reindex, audit, send_event, worker, rq_worker, workers, metrics, upgrade_check),
):
    workflows.add_command(_command)

for _command in (sync, check, known):
    definitions.add_command(_command)
