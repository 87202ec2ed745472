"""``objects``: the list of what there is, and what it calls each object."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import click
from flask.cli import with_appcontext

from ..objects import WorkflowObject
from ..proxies import current_workflows
from ..states import ObjectStatus
from .answer_by import by_when
from .arguments import Status, as_json
from .branching import beneath, number, of_which
from .text import clean, moment, say, say_json, table

_logger = logging.getLogger(__name__)

NO_TITLE = "—"


class Titles:
    """What the workflows call their objects; a hook that fails is logged once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def of(self, obj: WorkflowObject) -> str:
        """Return the title of an object, a dash if it has none."""
        name = str(obj.get_workflow_name())
        if name not in current_workflows.workflows:
            return NO_TITLE
        hook = current_workflows.definition(name).own_hook("get_title")
        if hook is None:
            return NO_TITLE
        try:
            return clean(hook(obj)) or NO_TITLE
        except Exception as error:
            if name not in self._told:
                self._told.add(name)
                _logger.warning("get_title of %s failed for %r: %r", name, obj, error)
            return NO_TITLE


def label(obj: WorkflowObject) -> str:
    """Return the status in a person's words."""
    return "Queued" if obj.waits_for == "queue" else obj.status.label


def brief(obj: WorkflowObject, title: str) -> dict[str, Any]:
    """Return what a list shows of an object."""
    asleep = obj.status in (ObjectStatus.HALTED, ObjectStatus.WAITING)
    return {
        "id": obj.id,
        "status": obj.status.name,
        "label": label(obj),
        "waits_for": obj.waits_for,
        "workflow": obj.get_workflow_name(),
        "run": obj.id_workflow,
        "id_fork": obj.id_fork,
        "branch": obj.branch,
        "title": None if title == NO_TITLE else title,
        "action": obj.get_action() if asleep else None,
        "message": (obj.get_action_message() or None) if asleep else None,
        "error": error_of(obj)[0] if obj.status == ObjectStatus.ERROR else None,
        "deadline": obj.deadline,
        "created": obj.created,
        "modified": obj.modified,
    }


def error_of(obj: WorkflowObject) -> tuple[str | None, str]:
    """Return the error in a line, and the whole of it."""
    error = obj.get_error_message()
    if not error:
        return None, ""
    if isinstance(error, (tuple, list)) and len(error) == 2:
        return str(error[0]), str(error[1])
    return str(error), ""


@click.command("objects")
@click.option(
    *("--status", "statuses"),
    type=Status(),
    multiple=True,
    help="Only in this status (halted, error, …); may be given again.",
)
@click.option("--workflow", help="Only of this workflow.")
@click.option("--run", metavar="UUID", help="Only of this run.")
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=50,
    show_default=True,
    help="Show at most this many.",
)
@as_json
@with_appcontext
def objects(
    statuses: tuple[ObjectStatus, ...],
    workflow: str | None,
    run: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List objects, the last changed first."""
    if run is not None:
        current_workflows.store.run_info(run)
    found = current_workflows.queries.objects(limit + 1, list(statuses), workflow, run)
    titles = Titles()
    rows = [brief(obj, titles.of(obj)) for obj in found[:limit]]
    if as_json:
        for row in rows:
            say_json(row)
        return
    for line in listed(rows):
        say(line)
    if len(found) > limit:
        say(f"… and more; --limit {limit * 10} shows them.")


def listed(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of a table of objects."""
    if not rows:
        yield "No object matches."
        return
    told = [
        (
            number(row["id"], depth),
            row["label"],
            row["workflow"] or NO_TITLE,
            _titled(row),
            row["error"]
            or asked(row["action"], row["message"], by_when(row["deadline"])),
            moment(row["modified"], seconds=False),
        )
        for depth, row in beneath(rows)
    ]
    headers = ("ID", "STATUS", "WORKFLOW", "TITLE", "WHY", "CHANGED (UTC)")
    yield from table(headers, told, whole=("ID", "STATUS", "CHANGED (UTC)"))


def _titled(row: dict[str, Any]) -> str:
    whose = of_which(row["id_fork"], row["branch"])
    return ", ".join(filter(None, (row["title"], whose))) or NO_TITLE


def asked(action: str | None, message: str | None, by: str = "") -> str:
    """Return what an object asks, and why; until when, if that is said."""
    what = ": ".join(part for part in (action, message) if part)
    return f"{what} ({by})" if by else what
