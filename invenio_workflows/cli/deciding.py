"""What is done to one object: it goes on, is answered, woken, ended, deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click
from flask.cli import with_appcontext

from .. import api
from ..actions.input_form import asked_of
from ..errors import IllegalMove, InputNotValid, WorkflowError
from ..objects import WorkflowObject
from ..proxies import current_workflows
from ..results import AsynchronousResultWrapper
from ..states import ObjectStatus
from .answer_by import answer_by, plan_of, reminders
from .arguments import as_json, command, delayed, object_id, person, seen_at
from .asking import as_json as for_programs
from .asking import errors_of, fields_of
from .listing import NO_TITLE, Titles, asked, brief, label
from .looking import possible
from .running import failed, failure, objects
from .text import clean, say, say_json
from .voting import votes


def _object(oid: int) -> WorkflowObject:
    obj: WorkflowObject = current_workflows.queries.query().one_by_id(oid)
    return obj


@click.command("continue")
@object_id
@click.option(
    *("--from", "start_point"),
    metavar="START_POINT",
    default="continue_next",
    show_default=True,
    help="continue_next, restart_task, restart_prev, restart_first or task:<name>.",
)
@delayed
@as_json
@with_appcontext
def continue_(oid: int, start_point: str, delayed: bool, as_json: bool) -> None:
    """Go on with the object ID where it stopped.

    If it failed, continue_next passes the task that failed, and restart_task runs
    it again.
    """

    def go() -> Any:
        go_on = api.continue_oid_delayed if delayed else api.continue_oid
        try:
            return go_on(oid, start_point, actor=person(), origin="cli")
        except ValueError as error:  # there is no such start point
            raise click.ClickException(clean(error)) from None

    _moved(oid, go, as_json)


@click.command("resolve")
@object_id
@click.option("--accept", is_flag=True, help="Say yes.")
@click.option("--reject", is_flag=True, help="Say no.")
@click.option("--reason", help="Why, with --accept or --reject; it is kept.")
@click.option("--form", metavar="JSON", help="The answer to another action, as JSON.")
@click.option("--action", help="Refuse if the object asks for another action.")
@seen_at
@delayed
@as_json
@with_appcontext
def resolve(
    oid: int,
    accept: bool,
    reject: bool,
    reason: str | None,
    form: str | None,
    action: str | None,
    revision: int | None,
    delayed: bool,
    as_json: bool,
) -> None:
    """Answer what the object ID asks, and go on with it."""
    if [accept, reject, form is not None].count(True) != 1:
        raise click.UsageError("Give --accept, --reject, or --form JSON.")
    if reason is not None and form is not None:
        raise click.UsageError("--reason goes with --accept or --reject.")
    said = {"value": "accept" if accept else "reject"}
    answer = said if form is None else _form(form)
    if reason is not None:
        answer["reason"] = reason

    def go() -> Any:
        try:
            return api.resolve(
                oid, action, answer, person(), revision, delayed, origin="cli"
            )
        except ValueError as error:  # what the action says of the answer
            raise click.ClickException(clean(error)) from None

    _moved(oid, go, as_json)


@click.command("input")
@object_id
@click.option(
    *("-i", "--input", "file"),
    type=click.File("rb"),
    metavar="FILE",
    help="The input as a JSON object in a file; - for standard input.",
)
@click.option(
    *("--set", "pairs"),
    metavar="FIELD=VALUE",
    multiple=True,
    help="One field; the value is JSON, or else text. May be given again.",
)
@seen_at
@delayed
@as_json
@with_appcontext
def input_(
    oid: int,
    file: Any,
    pairs: tuple[str, ...],
    revision: int | None,
    delayed: bool,
    as_json: bool,
) -> None:
    """Give the object ID the input that it asks for.

    It goes on then. Without -i and --set the command shows what is asked, field by
    field, and until when. An answer is for the question that stands when the command
    begins; --revision makes sure that it is the one that you read.
    """
    seen = _object(oid)
    if file is None and not pairs:
        _show_asked(seen, as_json)
        return
    if revision is None:
        revision = seen.revision
    data = {} if file is None else _object_in("The input", _read(file))
    data |= dict(map(_pair, pairs))

    def go() -> Any:
        try:
            return api.provide_input(oid, data, revision, delayed, person(), "cli")
        except InputNotValid as error:
            if as_json:
                say_json(error.to_dict())
            for line in errors_of(error.errors):
                say(f"  {line}", err=True)
            raise click.ClickException(
                f"The input is not valid; object {oid} is as it was."
            ) from None

    _moved(oid, go, as_json)


def _read(file: Any) -> str:
    try:
        text: str = file.read().decode()
    except UnicodeDecodeError as error:
        raise click.ClickException(f"The input is not UTF-8: {error}.") from None
    return text


def _pair(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise click.UsageError(f"--set takes FIELD=VALUE, not {clean(text)}.")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value


def _show_asked(obj: WorkflowObject, as_json: bool) -> None:
    asked_for = asked_of(obj)
    if as_json:
        told = for_programs(asked_for)
        say_json(told and {**told, "revision": obj.revision, **plan_of(obj)})
    elif asked_for is None:
        say(f"Object {obj.id} is {label(obj)} and asks for no input.")
    else:
        say(clean(asked_for.question))
        for line in fields_of(asked_for):
            say(f"  {line}")
        for line in errors_of(asked_for.errors):
            say(f"The last answer was refused: {line}")
        for name, value in (
            ("Answer by", answer_by(obj)),
            ("Reminders", reminders(obj)),
            ("Votes", votes(obj)),
        ):
            if value:
                say(clean(f"{name}: {value}"))
        how = "--revision", obj.revision, "--set", "FIELD=VALUE"
        say(f"To answer it: {command('input', obj.id, *how)}")


def _json(option: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{option} is not JSON: {clean(error)}.") from None


def _form(text: str) -> dict[str, Any]:
    return _object_in("--form", text)


def _object_in(option: str, text: str) -> dict[str, Any]:
    form: Any = _json(option, text)
    if not isinstance(form, dict):
        raise click.ClickException(
            f'{option} is a JSON object, such as {{"value": 1}}.'
        )
    return form


def _moved(oid: int, go: Callable[[], Any], as_json: bool) -> None:
    """Do it, say what became of the object, and exit with 1 if it failed."""
    told: str | None = None
    handed_over = False
    try:
        handed_over = isinstance(go(), AsynchronousResultWrapper)
    except WorkflowError as error:
        told = failed(error)
    except KeyboardInterrupt:
        raise click.ClickException(
            f"Interrupted. To look at it: {command('object', oid)}"
        ) from None
    obj = _object(oid)
    if not handed_over and told is None and obj.status == ObjectStatus.ERROR:
        told = failure(oid, brief(obj, "")["error"])
    if as_json:
        say_json(brief(obj, Titles().of(obj)))
    elif told is None:
        _say_now(obj)
    if handed_over and not as_json:
        say(f"To watch it: {command('watch', obj.id_workflow)}")
    if told is not None:
        raise click.ClickException(told)


def _say_now(obj: WorkflowObject) -> None:
    say(f"Object {obj.id} is {label(obj)} ({obj.status.name}) now.")
    told = brief(obj, "")
    if asked(told["action"], told["message"]):
        say(f"  it asks: {clean(asked(told['action'], told['message']))}")
    if told_votes := votes(obj):
        say(f"  votes: {clean(told_votes)}")
    if obj.status in (ObjectStatus.HALTED, ObjectStatus.WAITING):
        for line in possible(obj):
            say(f"  {line}")


@click.command("cancel")
@object_id
@as_json
@with_appcontext
def cancel(oid: int, as_json: bool) -> None:
    """Cancel the object ID: it will not go on.

    If it sleeps or is queued that is done now; if it runs, when its task ends.
    """
    api.cancel(oid, person(), origin="cli")
    obj = _object(oid)
    if as_json:
        say_json(brief(obj, Titles().of(obj)))
    elif obj.status == ObjectStatus.RUNNING:
        say(f"Object {oid} is in process; it is cancelled when its task ends.")
    else:
        _say_now(obj)


@click.command("send-event")
@click.argument("name")
@click.argument("key")
@click.option("--payload", metavar="JSON", help="What the object is given with it.")
@as_json
@with_appcontext
def send_event(name: str, key: str, payload: str | None, as_json: bool) -> None:
    """Wake the objects that wait for the event NAME with KEY.

    KEY is the object's id, unless its task named another key. If no object waits, the
    event is kept for the first that does, for WORKFLOWS_EVENT_TTL seconds.
    """
    try:
        woken = api.send_event(name, key, _json("--payload", payload or "null"))
    except ValueError as error:  # not a name, or not a key
        raise click.ClickException(clean(error)) from None
    if as_json:
        say_json({"event": name, "key": key, "woken": woken})
    elif woken:
        say(f"{objects(woken)} woken.")
    else:
        say("No object waits for it; it is kept for the first that does.")


@click.command("delete")
@object_id
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@with_appcontext
def delete(oid: int, yes: bool, as_json: bool) -> None:
    """Delete the object ID, with its history and its log."""
    obj = _object(oid)
    title = Titles().of(obj)
    if not yes:
        named = "" if title == NO_TITLE else f" ({title})"
        click.confirm(
            f"Delete object {oid}{named} with its history and its log for good?",
            abort=True,
            err=True,
        )
    _unchanged(obj)
    api.delete(oid, person(), obj.revision, origin="cli")
    if as_json:
        say_json({"id": oid, "deleted": True})
    else:
        say(f"Object {oid} is deleted.")


def _unchanged(seen: WorkflowObject) -> None:
    """Refuse if the object is not what the person was asked about."""
    now = _object(seen.id)
    if now.revision != seen.revision:
        raise IllegalMove(
            f"Object {seen.id} changed while you were asked; it is {now.status.name} "
            "now. Look at it again before deleting it.",
            id_object=seen.id,
            status=now.status.name,
        )
