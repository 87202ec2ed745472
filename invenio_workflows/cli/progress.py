"""How far a run is: on a terminal, on standard error, and nowhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import click

from .. import signals
from .text import cut, page_width, say

#: Cells that a bar takes beside its label.
_BESIDE = 32
#: Seconds between two changes of the count of what was read.
_PAUSE = 0.1


class Progress:
    """Counts what is read, then shows a bar of what has run.

    :param total: how many objects will run, where that is known before.
    """

    def __init__(self, total: int = 0) -> None:
        self.total = total
        #: The uuid of the run, as soon as it has begun.
        self.uuid: str | None = None
        self._shown = 0.0
        self._bar: Any = None
        self._live = sys.stderr.isatty()
        self._stack = ExitStack()

    def counted(self, items: Iterable[Any]) -> Iterator[Any]:
        """Yield the items, and count them."""
        for item in items:
            self.total += 1
            now = time.monotonic()
            if self._live and now - self._shown > _PAUSE:
                self._shown = now
                click.echo(f"\r{self.total:,} read", nl=False, err=True)
            yield item

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Listen to what happens in the block."""
        with self._stack as stack:
            stack.enter_context(signals.workflow_started.connected_to(self._started))
            for signal in (
                signals.task_finished,
                signals.workflow_halted,
                signals.workflow_error,
            ):
                stack.enter_context(signal.connected_to(self._moved))
            yield
            if self._bar is not None:
                self._bar.update(self.total - self._bar.pos)

    def _started(self, engine: Any, **_: Any) -> None:
        if self.uuid is None:
            self.uuid = engine.uuid
            if self._live:
                click.echo("\r\x1b[K", nl=False, err=True)
                self._bar = self._stack.enter_context(_bar(self.total))

    def _moved(self, obj: Any, **_: Any) -> None:
        # The objects of a run go one after the other: those before have ended.
        if self._bar is not None and obj.id_workflow == self.uuid:
            self._bar.update(max(obj.position - self._bar.pos, 0))


@contextmanager
def looked_at() -> Iterator[Callable[[], None]]:
    """Give what is called for each thing that was looked at; a terminal shows it."""
    number, shown = 0, time.monotonic()
    live = sys.stderr.isatty()

    def one_more() -> None:
        nonlocal number, shown
        number += 1
        if live and time.monotonic() - shown > _PAUSE:
            shown = time.monotonic()
            click.echo(f"\r{number:,} looked at", nl=False, err=True)

    yield one_more
    if live:
        click.echo("\r\x1b[K", nl=False, err=True)


@contextmanager
def done_of(total: int) -> Iterator[Callable[[int], None]]:
    """Give what is told how many are done; a terminal shows a bar."""
    if not sys.stderr.isatty():
        yield lambda number: None
        return
    with _bar(total) as bar:
        yield lambda number: bar.update(number - bar.pos)


class Meter:
    """Shows how far a run is that others move: a bar, or else a line per change."""

    def __init__(self, total: int) -> None:
        self._stack = ExitStack()
        self._bar: Any = None
        if sys.stderr.isatty():
            self._bar = self._stack.enter_context(_bar(total, 20, eta=False))

    def show(self, done: int, text: str) -> None:
        """Show that so many are done; ``text`` says more."""
        if self._bar is None:
            say(text)
            return
        self._bar.label = cut(text, max(page_width() - _BESIDE, 20))
        self._bar.make_step(done - self._bar.pos)
        self._bar.render_progress()

    def close(self) -> None:
        """Let what follows begin on a line of its own."""
        self._stack.close()


def _bar(total: int, width: int = 36, eta: bool = True) -> Any:
    return click.progressbar(
        length=total,
        label=f"{total:,} objects",
        width=width,
        show_eta=eta,
        file=sys.stderr,
    )
