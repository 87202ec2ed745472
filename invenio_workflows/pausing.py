"""Pauses, in which no thread of ours is at work: for a fork, and for new code.

A lock that another thread holds at a fork is held for ever in the child: ours, and
those of SQLite, where the child would wait for the parent's transaction without end.
So a fork waits until our threads are between two units of work; and what belongs to the
parent alone, such as the objects that it moves, is forgotten in the child.
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
        """Begin again as at first, in the child, where no other thread is."""


class _Gate:
    """Counts the threads that are at work."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._working = self._pauses = 0
        self._mine = threading.local()

    def enter(self, at_once: bool) -> None:
        with self._changed:
            while self._pauses and not (at_once or self._depth()):
                self._changed.wait()
            self._count(1)

    def leave(self) -> None:
        with self._changed:
            self._count(-1)

    def close(self, seconds: float) -> bool:
        """Let nobody in but the caller; return whether nobody else is in any more."""
        self._changed.acquire()
        self._pauses += 1
        return self._changed.wait_for(lambda: self._working <= self._depth(), seconds)

    def open(self) -> None:
        self._pauses -= 1
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
def unpaused(at_once: bool = False) -> Iterator[None]:
    """Keep pauses waiting while the block is at work; begin when there is none.

    A fork waits for a second at most.

    :param at_once: whether it is so short, and so urgent, that it is begun while
        somebody still waits for a pause.
    """
    gate = _gate
    gate.enter(at_once)
    try:
        yield
    finally:
        gate.leave()


@contextmanager
def pause(seconds: float) -> Iterator[bool]:
    """Give whether our threads rest in the block, after so many seconds at most."""
    gate = _gate
    rests = gate.close(seconds)
    try:
        yield rests
    finally:
        gate.open()


def begin_anew(what: Forked) -> None:
    """Have :meth:`Forked.forked` called in every process that is forked from now on."""
    _kept.add(what)


def _in_child() -> None:
    global _gate
    _gate = _Gate()
    for each in list(_kept):
        each.forked()


os.register_at_fork(
    before=lambda: _gate.close(_PATIENCE),
    after_in_parent=lambda: _gate.open(),
    after_in_child=_in_child,
)
