"""``objects`` and ``object``: what there is, and everything about one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import click
from flask.cli import with_appcontext

from ..actions.input_form import asked_of
from ..errors import WorkflowDefinitionError
from ..extra_data import default_extra_data
from ..objects import WorkflowObject
from ..proxies import current_workflows
from ..states import INPUT, ObjectStatus, may
from .answer_by import answer_by, by_when, left_behind, reminders
from .arguments import Status, as_json, command, object_id
from .asking import as_json as as_json_of
from .asking import fields_of
from .branching import (
    beneath,
    for_programs,
    is_split,
    needy,
    number,
    of_which,
    standing,
)
from .text import clean, clean_lines, heading, moment, pretty, say, say_json, table
from .voting import votes

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
        "error": _error(obj)[0] if obj.status == ObjectStatus.ERROR else None,
        "deadline": obj.deadline,
        "created": obj.created,
        "modified": obj.modified,
    }


def _error(obj: WorkflowObject) -> tuple[str | None, str]:
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


def held_back(obj: WorkflowObject) -> str:
    """Return why an object that is queued may not run yet, if its key is full."""
    usage = current_workflows.places.usage(obj.id)
    if usage is None or not usage.is_full:
        return ""
    return f"{usage.running} of {usage.limit} run under the key {usage.key!r}"


def asked(action: str | None, message: str | None, by: str = "") -> str:
    """Return what an object asks, and why; until when, if that is said."""
    what = ": ".join(part for part in (action, message) if part)
    return f"{what} ({by})" if by else what


@click.command("object")
@object_id
@as_json
@with_appcontext
def object_(oid: int, as_json: bool) -> None:
    """Show all that is known of the object ID."""
    obj = current_workflows.queries.query().one_by_id(oid)
    if as_json:
        say_json({**_whole(obj), "branches": for_programs(obj)})
        return
    _say_head(obj)
    title, whole = _error(obj)
    if title is not None:
        heading("Error")
        say(f"  {clean(title)}")
        for line in clean_lines(whole) if whole else ():
            say(f"    {line}")
    heading("Data")
    for line in pretty(obj.data):
        say(f"  {line}")
    extra = _own(obj.extra_data)
    if extra:
        heading("Extra data")
        for line in pretty(extra):
            say(f"  {line}")
    if (asks := asked_of(obj)) is not None:
        heading("Input")
        for line in fields_of(asks):
            say(f"  {line}")
    _say_history(obj)
    _say_log(obj)
    _say_possible(obj)


def _own(extra_data: dict[str, Any]) -> dict[str, Any]:
    """Return the extra data that are not the package's own."""
    ours = default_extra_data()
    return {
        key: value
        for key, value in extra_data.items()
        if not str(key).startswith("_") and not (key in ours and ours[key] == value)
    }


def _whole(obj: WorkflowObject) -> dict[str, Any]:
    title, traceback = _error(obj)
    return {
        **brief(obj, Titles().of(obj)),
        "error": {"title": title, "traceback": traceback} if title else None,
        "held_back": held_back(obj) or None,
        "snapshot_of": obj.id_parent,
        "revision": obj.revision,
        "position": obj.get_current_task(),
        "last_task": obj.extra_data.get("_last_task_name") or None,
        "data_type": obj.data_type,
        "uri": obj.uri,
        "id_user": obj.id_user,
        "data": obj.data,
        "extra_data": _own(obj.extra_data),
        "results": obj.get_tasks_results(),
        "input": as_json_of(asked_of(obj)),
        "history": _history(obj),
        "log": _log(obj),
    }


def _history(obj: WorkflowObject) -> list[dict[str, Any]]:
    return [
        {
            "seq": event.seq,
            "event": event.kind,
            "task": event.task or None,
            "position": event.position,
            "status": event.status.name,
            "message": event.message or None,
            "payload": event.payload,
            "seconds": event.seconds,
            "changed": event.changed,
            "created": event.created,
        }
        for event in obj.history()
    ]


def _log(obj: WorkflowObject) -> list[dict[str, Any]]:
    return [
        {
            "level": logging.getLevelName(line.level),
            "task": line.task or None,
            "message": line.message,
            "created": line.created,
        }
        for line in obj.get_log()
    ]


def _say_head(obj: WorkflowObject) -> None:
    say(click.style(f"Object {obj.id}: {Titles().of(obj)}", bold=True))
    told = brief(obj, "")
    last = obj.extra_data.get("_last_task_name")
    at = f"at task {last}, position {obj.get_current_task()}" if last else ""
    branches, each = standing(obj)
    facts = [
        ("is", of_which(obj.id_fork, obj.branch)),
        ("status", f"{label(obj)} ({obj.status.name})"),
        ("asks", "" if is_split(obj) else asked(told["action"], told["message"])),
        ("answer by", answer_by(obj)),
        ("reminders", reminders(obj)),
        ("votes", votes(obj)),
        (branches, each),
        ("waits", held_back(obj)),
        ("workflow", obj.get_workflow_name() or "none"),
        ("run", obj.id_workflow or ""),
        ("stands", at),
        ("snapshot of", f"object {obj.id_parent}" if obj.id_parent else ""),
        ("data type", obj.data_type or ""),
        ("uri", obj.uri or ""),
        ("user", obj.id_user or ""),
        ("revision", obj.revision),
        ("created", f"{moment(obj.created)} UTC"),
        ("changed", f"{moment(obj.modified)} UTC"),
    ]
    for name, value in facts:
        if value != "":
            name = f"{name}: " if len(name) > 11 else name
            say(f"  {name:<12}{clean(value)}")


def _say_history(obj: WorkflowObject) -> None:
    events = obj.history()
    if not events:
        return
    heading("History")
    rows = [
        (
            event.seq,
            moment(event.created),
            event.kind,
            event.task,
            "" if event.seconds is None else f"{event.seconds:.3f}",
            _told(event),
        )
        for event in events
    ]
    headers = ("NO", "TIME (UTC)", "EVENT", "TASK", "SECONDS", "WHAT")
    for line in table(headers, rows, whole=headers[:3], indent="  "):
        say(line)


def _told(event: Any) -> str:
    if not isinstance(event.payload, dict):
        return str(event.message)
    answer = event.payload
    if event.kind == "DeadlinePassed":
        return left_behind(answer)
    if event.kind != "Resolved":
        return str(event.message)
    by = f" by {answer['actor']}" if answer.get("actor") else ""
    why = f": {answer['reason']}" if answer.get("reason") else ""
    return f"{answer.get('action')}: {answer.get('value')}{by}{why}"


def _say_log(obj: WorkflowObject) -> None:
    lines = obj.get_log()
    if not lines:
        return
    heading("Log")
    for line in lines:
        first, *more = clean_lines(line.message) or [""]
        task = f" {clean(line.task)}:" if line.task else ""
        level = logging.getLevelName(line.level)
        say(f"  {moment(line.created)} {level}{task} {first}")
        for other in more:
            say(f"      {other}")


def _say_possible(obj: WorkflowObject) -> None:
    """Say what the person may do now."""
    told = list(possible(obj))
    name = obj.get_workflow_name()
    if told and name not in current_workflows.workflows:
        heading("Nothing can move it")
        say(f"  {clean(missing(str(name)))}")
    elif told:
        heading("What you may do")
        for line in told:
            say(f"  {line}")


def missing(name: str) -> str:
    """Say why nothing of a workflow can be started that is not registered here."""
    try:
        current_workflows.definition(name)
    except WorkflowDefinitionError as error:
        return error.message
    return ""


def possible(obj: WorkflowObject) -> Iterator[str]:
    """Yield the commands that lead on from where the object stands."""
    asks = obj.get_action()
    if obj.id_parent is not None or obj.id_workflow is None:
        return
    if may("resolve", obj.status, obj.waits_for) and asks == "approval":
        yield command("resolve", obj.id, "--accept")
        yield command("resolve", obj.id, "--reject", "--reason", "…")
    elif may("resolve", obj.status, obj.waits_for) and asks == INPUT:
        yield command("input", obj.id, "--set", "FIELD=VALUE")
    elif may("resolve", obj.status, obj.waits_for) and asks:
        yield command("resolve", obj.id, "--form", "{…}")
    elif is_split(obj):
        yield from needy(obj)
    elif may("continue_next", obj.status, obj.waits_for):
        if obj.status == ObjectStatus.ERROR:
            yield command("continue", obj.id, "--from", "restart_task")
        else:
            yield command("continue", obj.id)
    elif obj.status == ObjectStatus.INITIAL:
        yield command("resume", obj.id_workflow)
