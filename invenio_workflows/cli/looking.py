"""``object``: all that is known of one."""

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
from .answer_by import answer_by, left_behind, reminders
from .arguments import as_json, command, object_id
from .asking import as_json as as_json_of
from .asking import fields_of
from .branching import branches_in_words, for_programs, is_split, needy, of_which
from .listing import Titles, asked, brief, error_of, label
from .text import clean, clean_lines, heading, moment, pretty, say, say_json, table
from .voting import votes


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
    title, whole = error_of(obj)
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
    title, traceback = error_of(obj)
    return {
        **brief(obj, Titles().of(obj)),
        "error": {"title": title, "traceback": traceback} if title else None,
        "held_back": _held_back(obj) or None,
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
    branches, each = branches_in_words(obj)
    facts = [
        ("is", of_which(obj.id_fork, obj.branch)),
        ("status", f"{label(obj)} ({obj.status.name})"),
        ("asks", "" if is_split(obj) else asked(told["action"], told["message"])),
        ("answer by", answer_by(obj)),
        ("reminders", reminders(obj)),
        ("votes", votes(obj)),
        (branches, each),
        ("waits", _held_back(obj)),
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


def _held_back(obj: WorkflowObject) -> str:
    """Return why an object that is queued may not run yet, if its key is full."""
    usage = current_workflows.places.usage(obj.id)
    if usage is None or not usage.is_full:
        return ""
    return f"{usage.running} of {usage.limit} run under the key {usage.key!r}"


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
