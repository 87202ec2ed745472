"""``audit``: what people decided, for people and as JSON lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
from flask.cli import with_appcontext

from ..decisions import DEADLINE
from ..proxies import current_workflows
from ..store.audited import Audited
from .arguments import Duration, as_json
from .text import clean, moment, say, say_json


@click.command("audit")
@click.option("--object", "oid", type=click.IntRange(1), help="Only of this object.")
@click.option("--workflow", help="Only of objects of this workflow.")
@click.option("--actor", help="Only what this person decided.")
@click.option(
    "--since", type=Duration(), metavar="DURATION", help="Only of the last 7d, 12h, …"
)
@as_json
@with_appcontext
def audit(
    oid: int | None,
    workflow: str | None,
    actor: str | None,
    since: int | None,
    as_json: bool,
) -> None:
    """Print what people decided, the oldest first.

    A decision stays when its object is deleted. With --json each is one line with all
    that is kept of it.
    """
    begin = None if since is None else datetime.now(UTC) - timedelta(seconds=since)
    some = False
    for row in current_workflows.audit.all(oid, workflow, actor, begin):
        some = True
        if as_json:
            say_json(row.told)
        else:
            say(_line(row))
    if not some and not as_json:
        say("No decision matches.")


def _line(row: Audited) -> str:
    what = " ".join(part for part in (row.verb, row.action, row.value) if part)
    reason = f": {row.reason}" if row.reason else ""
    nobody = "nobody" if row.origin == DEADLINE else "somebody"
    who = f"{row.actor or nobody} ({row.origin})"
    whole = f"object {row.id_object} revision {row.revision}, {what}{reason}"
    return f"{moment(row.created)}  {clean(who)}  {clean(whole)}"
