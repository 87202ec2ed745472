"""``workers``: which workers live, what each holds, and what waits for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from flask.cli import with_appcontext

from ..proxies import current_workflows
from ..store.health import LastTask, Line, last_tasks, lines
from ..store.leases import is_dead
from ..store.presence import Seen
from ..store.presence import workers as those_seen
from ..store.recovery import Held
from .arguments import as_json, command
from .old_code import sentences
from .running import objects
from .serving import serves, to_begin
from .text import ago, clean, moment, say, say_json, table

Row = dict[str, Any]


@click.command("workers")
@as_json
@with_appcontext
def workers(as_json: bool) -> None:
    """Show the living workers, what each holds, and the queues.

    A worker says that it lives every WORKFLOWS_SWEEP_SECONDS. One that was killed is
    shown as dead, or as silent if it was on another machine, until the others forget
    it. A process without a KIND is not a worker: it moves what was started in it.
    Workers whose code differs from what this command has loaded are named; restart
    them.
    """
    transactions = current_workflows.store.transactions
    there = those_seen(transactions)
    code = current_workflows.catalogue.code()
    found = _found(there, code)
    waiting = lines(transactions)
    served = {
        line.queue: sum(each.lives and serves(each, line.queue) for each in there)
        for line in waiting
    }
    if as_json:
        queues = [_line(line, served[line.queue]) for line in waiting]
        say_json({"workers": found, "queues": queues})
        return
    held = [(row, each) for row in found for each in row["holds"]]
    say("\n".join(_worker_table(found)))
    for sentence in sentences(code):
        say(sentence)
    if held:
        say("\n".join(["", *_held_table(held)]))
    say("\n".join(["", *_queue_table(waiting, served)]))


# --- what there is --------------------------------------------------------------------


def _found(there: list[Seen], code: dict[str, str]) -> list[Row]:
    """Return the workers with what they hold, and who else holds something."""
    found = {each.process: _worker(each, code) for each in there}
    # A process begun by a worker holds for it.
    places = {each.process.rpartition(":")[0]: each.process for each in there}
    for held, stands in _held():
        holder, _, thread = (held.owner or "").rpartition(":")
        place, _, pid = holder.rpartition(":")[0].rpartition(":")
        parent = f"{place}:{thread.partition('@')[2]}"
        of = holder if holder in found else places.get(parent, holder)
        row = found.setdefault(of, _no_worker(place, pid, _state(held)))
        row["holds"].append(_holding(held, stands, pid, thread.partition("@")[0]))
    return sorted(found.values(), key=lambda row: (str(row["host"]), row["pid"] or 0))


def _held() -> Iterator[tuple[Held, LastTask]]:
    transactions = current_workflows.store.transactions
    held = list(current_workflows.recovery.held())
    for at in range(0, len(held), 500):
        batch = held[at : at + 500]
        stands = last_tasks(transactions, [each.id for each in batch])
        yield from ((each, stands[each.id]) for each in batch if each.id in stands)


def _worker(seen: Seen, code: dict[str, str]) -> Row:
    place, pid, _ = seen.process.rsplit(":", 2)
    return {
        "host": place.partition("/")[0],
        "pid": int(pid),
        "kind": seen.kind,
        "state": seen.state,
        "queues": list(seen.queues),
        "slots": seen.slots,
        "since": seen.started,
        "seen": seen.seen,
        "seconds": round(seen.seconds, 1),
        "old_code": seen.runs_old(code),
        "holds": [],
    }


def _no_worker(place: str, pid: str, state: str) -> Row:
    row: Row = dict.fromkeys(
        ("host", "pid", "kind", "state", "queues", "slots", "since", "seen", "seconds")
    )
    row |= {"host": place.partition("/")[0] or None, "pid": _number(pid)}
    return row | {"state": state, "queues": [], "old_code": [], "holds": []}


def _holding(held: Held, stands: LastTask, pid: str, thread: str) -> Row:
    return {
        "pid": _number(pid),
        "thread": _number(thread),
        "state": _state(held),
        "object": held.id,
        "run": stands.run,
        "workflow": held.workflow,
        "after_task": stands.task or None,
        "since": stands.since,
        "lease_until": held.until,
    }


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _state(held: Held) -> str:
    if not held.free:
        return "lives"
    return "silent" if is_dead(held.owner) is False else "dead"


def _line(line: Line, workers: int) -> Row:
    return {
        "queue": line.queue,
        "objects": line.objects,
        "oldest": line.oldest,
        "seconds": round(line.seconds, 1),
        "workers": workers,
    }


# --- how it is shown ------------------------------------------------------------------


def _worker_table(found: list[Row]) -> Iterator[str]:
    if not any(row["state"] == "lives" and row["kind"] for row in found):
        yield f"No worker lives. To begin one: {to_begin(())}"
    if not found:
        return
    rows = [
        (
            row["host"] or "—",
            row["pid"] or "—",
            row["kind"] or "—",
            row["state"],
            ", ".join(row["queues"]) or "—",
            f"{len(row['holds'])}" + (f" of {row['slots']}" if row["kind"] else ""),
            moment(row["since"], seconds=False) or "—",
            "—" if row["seconds"] is None else ago(row["seconds"]),
        )
        for row in found
    ]
    times = ("SINCE (UTC)", "SEEN AGO")
    headers = ("HOST", "PID", "KIND", "STATE", "QUEUES", "HOLDS", *times)
    yield from table(headers, rows, whole=("PID", "STATE", "HOLDS", *times))


def _held_table(held: list[tuple[Row, Row]]) -> Iterator[str]:
    threads = _numbered([each for _, each in held])
    rows = [
        (
            each["object"],
            each["workflow"],
            each["after_task"] or "—",
            moment(each["since"]),
            _holder(row, each),
            threads[each["pid"], each["thread"]],
            each["state"],
            moment(each["lease_until"]),
        )
        for row, each in held
    ]
    headers = ("OBJECT", "WORKFLOW", "AFTER TASK", "SINCE (UTC)")
    holder = ("HELD BY", "THREAD", "STATE", "LEASE UNTIL (UTC)")
    whole = ("OBJECT", "SINCE (UTC)", *holder)
    yield from table((*headers, *holder), rows, whole=whole)
    left = sum(each["state"] != "lives" for _, each in held)
    if left:
        yield (
            f"{objects(left)} left behind. A living worker takes that up by itself; "
            f"without one: {command('recover')}"
        )


def _holder(row: Row, holding: Row) -> str:
    """Return the pid of a worker; and of the process that it began, if one did."""
    if holding["pid"] == row["pid"]:
        return str(row["pid"] or "—")
    return f"{holding['pid'] or '—'} of {row['pid']}"


def _numbered(found: list[Row]) -> dict[tuple[Any, Any], int]:
    """Return a small number for each thread of each process."""
    numbers: dict[tuple[Any, Any], int] = {}
    of_process: dict[Any, int] = {}
    for row in found:
        key = row["pid"], row["thread"]
        if key not in numbers:
            of_process[row["pid"]] = of_process.get(row["pid"], 0) + 1
            numbers[key] = of_process[row["pid"]]
    return numbers


def _queue_table(waiting: list[Line], served: dict[str, int]) -> Iterator[str]:
    if not waiting:
        yield "No object waits in a queue."
        return
    rows = [
        (
            line.queue,
            f"{line.objects:,}",
            moment(line.oldest),
            ago(line.seconds),
            served[line.queue],
        )
        for line in waiting
    ]
    headers = ("QUEUE", "WAITING", "OLDEST SINCE (UTC)", "FOR", "WORKERS")
    yield from table(headers, rows, whole=headers)
    left = [queue for queue, number in served.items() if not number]
    if left:
        yield (
            f"Nobody serves {clean(', '.join(left))}. To begin a worker for it: "
            f"{clean(to_begin(left))}"
        )
