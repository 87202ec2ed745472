"""Keeps a task within its time: by an alarm where there is one, else afterwards."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .definition.node import Leaf
from .errors import TaskTimeout


@contextmanager
def limit(leaf: Leaf) -> Iterator[None]:
    """Raise in the block when the task has taken too long.

    An alarm rings only in the main thread. Elsewhere the task is not disturbed, and
    what it did is refused when it returns.

    :raises TaskTimeout: naming the task and its time.
    """
    seconds = leaf.timeout or 0.0
    began = time.monotonic()
    if threading.current_thread() is threading.main_thread():
        with _alarm(leaf, seconds):
            yield
    else:
        yield
    if time.monotonic() - began > seconds:
        raise _too_long(leaf, seconds)


@contextmanager
def _alarm(leaf: Leaf, seconds: float) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise _too_long(leaf, seconds)

    began = time.monotonic()
    before = signal.signal(signal.SIGALRM, ring)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:  # that of a task around this one
            rest = left - (time.monotonic() - began)
            signal.setitimer(signal.ITIMER_REAL, max(rest, 0.001))


def _too_long(leaf: Leaf, seconds: float) -> TaskTimeout:
    return TaskTimeout(
        f"The task {leaf.name} took longer than its timeout of {seconds:g} seconds; "
        "what it did is undone."
    )
