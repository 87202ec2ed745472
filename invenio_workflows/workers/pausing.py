"""A pause of the threads that move objects, in which none is moved by this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Pausing:
    """Counts the threads that move something, and lets none begin in a pause."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._moving = 0
        self._wanted = False

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for a pause: who moves something takes no more."""
        return self._wanted

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Take part in what a pause waits for; begin when there is none."""
        with self._changed:
            self._changed.wait_for(lambda: not self._wanted)
            self._moving += 1
        try:
            yield
        finally:
            with self._changed:
                self._moving -= 1
                self._changed.notify_all()

    @contextmanager
    def pause(self, seconds: float) -> Iterator[bool]:
        """Give whether nothing is moved in the block, after so many seconds at most."""
        with self._changed:
            self._wanted = True
            rests = self._changed.wait_for(lambda: not self._moving, seconds)
        try:
            yield rests
        finally:
            with self._changed:
                self._wanted = False
                self._changed.notify_all()
