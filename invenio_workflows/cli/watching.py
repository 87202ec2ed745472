"""``watch``: how far a run is that somebody else moves."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import click
from flask.cli import with_appcontext

from ..proxies import current_workflows
from ..states import ObjectStatus, WorkflowStatus
from ..store.health import BRANCHES, Tally, tally
from .arguments import as_json, command
from .progress import Meter
from .running import refuse_failed, say_run
from .text import clean, say, say_json

#: Seconds between two looks at the run.
_PAUSE = 0.25
#: Seconds after which a run that nobody has taken up is worth a word.
_ODD = 5.0

#: What an object waits for that is to come by itself.
_LATER = {
    "queue": "Queued",
    "timer": "Waiting for its time",
    BRANCHES: "Waiting for its branches",
}
_ENDED = (ObjectStatus.COMPLETED, ObjectStatus.CANCELLED)


def _order(item: tuple[tuple[ObjectStatus, str | None], int]) -> tuple[int, str]:
    (status, waits), _ = item
    return status, waits or ""


@dataclass(frozen=True, slots=True)
class View:
    """How far a run is at one moment."""

    status: WorkflowStatus
    moves: bool
    tally: Tally
    #: What the tasks at work say of how far they are.
    says: tuple[str, ...] = ()
    branches: Tally = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The number of objects."""
        return sum(self.tally.values())

    @property
    def to_come(self) -> int:
        """The number of objects that move, or will."""
        return sum(
            number
            for (status, waits), number in self.tally.items()
            if waits in _LATER or status in (ObjectStatus.RUNNING, ObjectStatus.INITIAL)
        )

    @property
    def queued(self) -> int:
        """The number of objects, and of branches, that wait for a worker."""
        return sum(n for (_, waits), n in self._all if waits == "queue")

    @property
    def is_held(self) -> bool:
        """Whether a worker holds an object of it."""
        return any(status == ObjectStatus.RUNNING for (status, _), _ in self._all)

    @property
    def _all(self) -> list[tuple[tuple[ObjectStatus, str | None], int]]:
        return [*self.tally.items(), *self.branches.items()]

    def words(self) -> str:
        """Return it for a person."""
        words = f"{self.total - self.to_come:,} of {self.total:,}: {_words(self.tally)}"
        open_ = {key: n for key, n in self.branches.items() if key[0] not in _ENDED}
        if open_:
            words += f"; branches: {_words(open_)}"
        return f"{words}; {self.says[0]}" if self.says else words

    def told(self, uuid: str) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "run": uuid,
            "status": self.status.name,
            "moves": self.moves,
            "done": self.total - self.to_come,
            "total": self.total,
            "queued": self.queued,
            "objects": _by_status(self.tally),
            "branches": _by_status(self.branches),
            "says": list(self.says),
        }


def _words(tally: Tally) -> str:
    numbers: dict[str, int] = {}
    for (status, waits), number in sorted(tally.items(), key=_order):
        word = _LATER.get(waits or "", status.label)
        numbers[word] = numbers.get(word, 0) + number
    return ", ".join(f"{number:,} {word}" for word, number in numbers.items())


def _by_status(tally: Tally) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for (status, _), number in tally.items():
        numbers[status.name] = numbers.get(status.name, 0) + number
    return numbers


@click.command("watch")
@click.argument("uuid")
@as_json
@with_appcontext
def watch(uuid: str, as_json: bool) -> None:
    """Watch the run UUID until nothing in it moves by itself.

    On a terminal a bar, elsewhere a line for each change: how many of all objects
    have ended or stopped, and what each does. The exit code is 1 if objects failed.
    With --json each change is a document on a line of its own. Ctrl-C ends only the
    watching.
    """
    try:
        for view in _shown(uuid, as_json):
            last = view
    except KeyboardInterrupt:
        raise click.ClickException(
            f"Interrupted; the run goes on. To watch it again: {command('watch', uuid)}"
        ) from None
    counts = current_workflows.queries.counts(uuid)
    if not as_json:
        say_run(uuid, counts)
    if last.status == WorkflowStatus.ERROR:
        refuse_failed(uuid, counts)


def _shown(uuid: str, as_json: bool) -> Iterator[View]:
    """Yield each view of the run that differs from the last, when it was shown."""
    meter: Meter | None = None
    try:
        for view in _views(uuid):
            if as_json:
                say_json(view.told(uuid))
            else:
                meter = meter or Meter(view.total)
                meter.show(view.total - view.to_come, view.words())
            yield view
    finally:
        if meter is not None:
            meter.close()


def _views(uuid: str) -> Iterator[View]:
    """Yield how far the run is, at each change, until nothing moves."""
    last: View | None = None
    since, told = time.monotonic(), False
    while True:
        view = _look(uuid)
        if view != last:
            yield view
            last, since = view, time.monotonic()
        if not view.moves:
            return
        if not told and not view.is_held and time.monotonic() - since > _ODD:
            told = True
            _say_odd(view)
        time.sleep(_PAUSE)


def _look(uuid: str) -> View:
    state = current_workflows
    moves = state.queries.moves(uuid)  # first: if nothing moves, the rest is final
    numbers, branches = tally(state.store.transactions, uuid)
    moving = state.queries.progress(uuid)["moving"]
    says = tuple(_said(each) for each in moving if "done" in each)
    return View(state.store.run_status(uuid), moves, numbers, says, branches)


def _said(moving: dict[str, Any]) -> str:
    """Return what a task says of its progress: ``object 17: 3 of 10, third page``."""
    of = "" if moving["total"] is None else f" of {moving['total']:,}"
    message = f", {clean(moving['message'])}" if moving["message"] else ""
    return f"object {moving['object']}: {moving['done']:,}{of}{message}"


def _say_odd(view: View) -> None:
    if view.queued:
        above = "\n" if sys.stderr.isatty() else ""  # the bar stands there
        say(
            f"{above}Nobody has taken anything up for {_ODD:.0f} seconds. Is a worker "
            f"running? To look: {command('doctor', '--round-trip')}",
            err=True,
        )
