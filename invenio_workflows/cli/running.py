"""``start``, ``restart`` and ``resume``: whole runs, and what came of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import PurePath
from typing import IO, Any

import click
from flask.cli import with_appcontext

from .. import api
from ..errors import WorkflowError
from ..proxies import current_workflows
from ..states import ObjectStatus
from .arguments import as_json, command, delayed
from .progress import Progress
from .text import clean, say, say_json

_LARGEST_PRIORITY = 1000


@click.command("start")
@click.argument("name")
@click.option(
    *("-i", "--input", "path"),
    type=click.Path(allow_dash=True),
    help="The file with the records, - for standard input. Without it one object "
    "with empty data is started.",
)
@click.option(
    *("-t", "--type", "kind"),
    help="How the input is read: json, jsonl, or what the site adds. By default as "
    "the file's name ends, else json.",
)
@click.option("--stop-on-halt", is_flag=True, help="End the run at the first halt.")
@click.option("--keep-going", is_flag=True, help="Go on after an object that failed.")
@click.option(
    "--id-user",
    default="",
    help="The id of the user to whom the run belongs.",
)
@delayed
@click.option(
    "--priority",
    metavar="N",
    type=click.IntRange(-_LARGEST_PRIORITY, _LARGEST_PRIORITY),
    help="With --delayed: objects of a larger priority are taken first.",
)
@as_json
@with_appcontext
def start(
    name: str,
    path: str | None,
    kind: str | None,
    stop_on_halt: bool,
    keep_going: bool,
    id_user: str,
    delayed: bool,
    priority: int | None,
    as_json: bool,
) -> None:
    """Start the workflow NAME with the records of a file.

    Nothing is started if the input cannot be read to its end.
    """
    if priority is not None and not delayed:
        raise click.UsageError("--priority goes with --delayed.")
    current_workflows.definition(name)
    progress = Progress()
    with ExitStack() as stack:
        items: Iterable[Any] = [{}]
        if path is not None:
            items = _read(path, kind, stack)
        elif kind is not None:
            raise click.UsageError("-t says how the input is read; give -i FILE too.")
        data = progress.counted(items)
        chosen: dict[str, Any] = {
            "stop_on_halt": stop_on_halt,
            "stop_on_error": not keep_going,
            "id_user": id_user,
        }
        if delayed:
            chosen["priority"] = priority or 0
            accepted = api.start_delayed(name, data, **chosen)
            _handed_over(accepted.uuid, progress.total, as_json)
            return
        _watched(lambda: api.start(name, data, **chosen), progress, as_json)


def _handed_over(uuid: str, total: int, as_json: bool) -> None:
    """Say which run a worker has now, and how to watch it."""
    counts = current_workflows.queries.counts(uuid)
    if as_json:
        say_run_json(uuid, counts)
        return
    name = clean(current_workflows.store.run_info(uuid).name)
    say(f"Run {uuid} of {name}: {objects(total)} handed over to a worker.")
    say(f"To watch it: {command('watch', uuid)}")


def _read(path: str, kind: str | None, stack: ExitStack) -> Iterator[Any]:
    """Open the file, and yield what the processor makes of it."""
    known = current_workflows.processors
    ending = PurePath(path).suffix.removeprefix(".").lower()
    kind = kind or (ending if ending in known else "json")
    processor = known[kind]
    said = "standard input" if path == "-" else clean(path)
    if path == "-":
        stream: IO[bytes] = sys.stdin.buffer
    else:
        try:
            stream = stack.enter_context(open(path, "rb"))
        except OSError as error:
            raise _cannot_read(said, error) from None

    def items() -> Iterator[Any]:
        try:
            yield from processor(stream)
        except ValueError as error:
            raise click.ClickException(f"{said}: {clean(error)}") from None
        except OSError as error:
            raise _cannot_read(said, error) from None
        except Exception as error:
            raise click.ClickException(
                f"{said} cannot be read as {kind}: {clean(repr(error))}"
            ) from error

    return items()


def _cannot_read(said: str, error: OSError) -> click.ClickException:
    why = clean(error.strerror or error)
    return click.ClickException(f"{said} cannot be read: {why}.")


@click.command("restart")
@click.argument("uuid")
@as_json
@with_appcontext
def restart(uuid: str, as_json: bool) -> None:
    """Run the run UUID again, from its first task.

    Each object has the data again with which it came.
    """
    total = current_workflows.queries.progress(uuid)["total"]
    _watched(lambda: api.start_by_wid(uuid), Progress(total), as_json)


@click.command("resume")
@click.argument("uuid")
@click.option(
    *("--from", "start_point"),
    metavar="START_POINT",
    help="Where each goes on; by default at the task that failed, else at the next.",
)
@as_json
@with_appcontext
def resume(uuid: str, start_point: str | None, as_json: bool) -> None:
    """Go on with all objects of the run UUID that stopped.

    That is those that sleep, failed, or never ran. What asks for a decision goes on
    too, without one.
    """
    progress = Progress(current_workflows.queries.progress(uuid)["total"])
    progress.uuid = uuid

    def go() -> None:
        try:
            for _ in api.resume_objects_in_workflow(uuid, start_point):
                pass
        except ValueError as error:  # there is no such start point
            raise click.ClickException(clean(error)) from None

    _watched(go, progress, as_json)


def _watched(go: Callable[[], Any], progress: Progress, as_json: bool) -> None:
    """Run, show how far it is, say what came of it, and exit with 1 on a failure."""
    failure: WorkflowError | None = None
    interrupted = False
    try:
        with progress.shown():
            go()
    except WorkflowError as error:
        if progress.uuid is None:
            raise
        failure = error
    except KeyboardInterrupt:
        if progress.uuid is None:
            raise
        interrupted = True
    uuid = str(progress.uuid)
    counts = current_workflows.queries.counts(uuid)
    (say_run_json if as_json else say_run)(uuid, counts)
    if interrupted:
        raise click.ClickException(
            f"Interrupted. To go on with the rest: {command('resume', uuid)}"
        )
    if failure is not None:
        raise click.ClickException(failed(failure))
    refuse_failed(uuid, counts)


def refuse_failed(uuid: str, counts: dict[ObjectStatus, int]) -> None:
    """Exit with 1 if objects of the run failed, and say how to look at them."""
    number = counts.get(ObjectStatus.ERROR, 0)
    if number:
        look = command("objects", "--run", uuid, "--status", "error")
        raise click.ClickException(f"{objects(number)} failed; to look at them: {look}")


def failed(error: WorkflowError) -> str:
    """Return in one sentence which object failed where, and how to look at it."""
    cause = error.__cause__
    what = error.message.strip().rpartition("\n")[2]
    if cause is not None:
        what = f"{type(cause).__name__}: {cause}" if str(cause) else repr(cause)
    return clean(what) if error.id_object is None else failure(error.id_object, what)


def failure(oid: int, what: Any) -> str:
    """Return the same of an object that has the error on it."""
    history = current_workflows.queries.history(oid)
    task = next((e.task for e in reversed(history) if e.kind == "Failed"), "")
    where = f" in task {task}" if task else ""
    return clean(f"Object {oid} failed{where}: {what} — see: {command('object', oid)}")


def objects(number: int) -> str:
    """Return the number with its word."""
    return f"{number:,} object{'' if number == 1 else 's'}"


def say_run_json(uuid: str, counts: dict[ObjectStatus, int]) -> None:
    """Print what became of a run, for programs."""
    info = current_workflows.store.run_info(uuid)
    say_json(
        {
            "run": uuid,
            "workflow": info.name,
            "status": current_workflows.store.run_status(uuid).name,
            "objects": {status.name: number for status, number in counts.items()},
            "branches": _branches(uuid, counts),
        }
    )


def _branches(uuid: str, counts: dict[ObjectStatus, int]) -> int:
    """Return how many of those counted are branches, beside the run's objects."""
    total: int = current_workflows.queries.progress(uuid)["total"]
    return sum(counts.values()) - total


def say_run(uuid: str, counts: dict[ObjectStatus, int]) -> None:
    """Print what became of a run, and what leads on from there."""
    info = current_workflows.store.run_info(uuid)
    status = current_workflows.store.run_status(uuid)
    say(f"Run {uuid} of {clean(info.name)}: {status.name}")
    width = max((len(f"{number:,}") for number in counts.values()), default=1)
    for each in ObjectStatus:
        if counts.get(each):
            say(f"  {counts[each]:>{width},}  {_word(each)}")
    branches = _branches(uuid, counts)
    if branches:
        word = "is a branch" if branches == 1 else "are branches"
        say(f"Of these {branches:,} {word} of another.")
    waiting = [
        word
        for each in (ObjectStatus.HALTED, ObjectStatus.WAITING)
        if counts.get(each)
        for word in ("--status", each.name.lower())
    ]
    if waiting:
        say(f"What waits: {command('objects', '--run', uuid, *waiting)}")
    if counts.get(ObjectStatus.INITIAL):
        say(f"What never ran goes on by: {command('resume', uuid)}")


def _word(status: ObjectStatus) -> str:
    return "New, never ran" if status == ObjectStatus.INITIAL else status.label
