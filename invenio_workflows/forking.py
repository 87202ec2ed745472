"""What a fork must not tear: our threads at work, and what the parent held.

A lock that another thread holds at the fork is held for ever in the child: ours, and
those of SQLite, where the child would wait for the parent's transaction without end.
So who forks waits until our threads are between two units of work; and what belongs to
the parent alone, such as the objects that it moves, is forgotten in the child.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from weakref import WeakSet

#: Seconds for which a fork waits for a task that is at work.
_PATIENCE = 1.0


class Forked(Protocol):
    """Something of a process that a forked one begins anew."""

    def forked(self) -> None:
        """Be as at first, in the child; no other thread is there."""


class _Gate:
    """Counts the threads that are at work."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._working = self._forking = 0
        self._mine = threading.local()

    def enter(self) -> None:
        with self._changed:
            while self._forking and not self._depth():
                self._changed.wait()
            self._count(1)

    def leave(self) -> None:
        with self._changed:
            self._count(-1)

    def close(self) -> None:
        """Let nobody in, and wait for who is in; but for the caller."""
        self._changed.acquire()
        self._forking += 1
        self._changed.wait_for(lambda: self._working <= self._depth(), _PATIENCE)

    def open(self) -> None:
        self._forking -= 1
        self._changed.notify_all()
        self._changed.release()

    def _count(self, by: int) -> None:
        self._working += by
        self._mine.depth = self._depth() + by
        self._changed.notify_all()

    def _depth(self) -> int:
        return getattr(self._mine, "depth", 0)


_gate = _Gate()
_kept: WeakSet[Forked] = WeakSet()


@contextmanager
def unforked() -> Iterator[None]:
    """Let nobody fork this process in the block, unless it takes more than a second."""
    gate = _gate
    gate.enter()
    try:
        yield
    finally:
        gate.leave()


def begin_anew(what: Forked) -> None:
    """Have :meth:`Forked.forked` called in every process that is forked from now on."""
    _kept.add(what)


def _in_child() -> None:
    global _gate
    _gate = _Gate()
    for each in list(_kept):
        each.forked()


os.register_at_fork(
    before=lambda: _gate.close(),
    after_in_parent=lambda: _gate.open(),
    after_in_child=_in_child,
)
