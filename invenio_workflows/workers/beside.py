"""What the worker process of a task queue does beside performing calls.

It sweeps, by which it says that it lives, and it tells the processes that it forks when
it is to stop. These let go of the database connections that they inherited.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from ..errors import DatabaseUnavailable
from ..jobs import sweep
from ..pausing import unpaused
from ..proxies import EXTENSION

_logger = logging.getLogger(__name__)

#: Seconds after which it is looked whether the time of an object has come.
_LOOK = 3.0
#: How many forked processes are told at most; a pipe takes as many bytes.
_MOST = 4096


class Sweeper:
    """A thread that sweeps, in the one process of a worker that forks the others."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._ended = threading.Event()

    def begin(self, kind: str, queues: Sequence[str], slots: int) -> None:
        """Sweep from now on, as a worker that serves these queues."""
        self._app.extensions[EXTENSION].presence.begin(kind, queues, slots)
        threading.Thread(
            target=self._run, name="workflows-sweeper", daemon=True
        ).start()

    def end(self) -> None:
        """Sweep no more."""
        self._ended.set()
        with self._app.app_context():
            self._app.extensions[EXTENSION].presence.end()

    def _run(self) -> None:
        state = self._app.extensions[EXTENSION]
        next_sweep, pause = 0.0, _LOOK
        while not self._ended.is_set():
            try:
                with unpaused(), self._app.app_context():
                    due = state.queue.next_wake()
                    if time.monotonic() >= next_sweep or (due is not None and due <= 0):
                        next_sweep = time.monotonic() + state.settings.sweep_seconds
                        sweep()
                        due = None
                pause = _LOOK if due is None else max(min(_LOOK, due), 0.01)
            except DatabaseUnavailable as error:
                _logger.warning("The sweeper waits: %s", error)
            except Exception:
                _logger.exception("The sweeper goes on after an error.")
            self._ended.wait(pause)


class Ending:
    """Tells forked processes that the one that forked them is to stop, or is gone.

    It is a pipe of which only the first process has the end that is written to: it
    is closed when that process ends, however it ends.
    """

    def __init__(self) -> None:
        self._heard, self._told = os.pipe()
        self._pid = os.getpid()

    def tell(self) -> None:
        """Tell those that were forked, and those that will be."""
        if self._pid == os.getpid() and self._told >= 0:
            # A byte for each: a process that never hears may keep that end open.
            os.write(self._told, bytes(_MOST))
            os.close(self._told)
            self._told = -1

    def hear(self, then: Callable[[], None]) -> None:
        """Do something when it is told; in a process that was forked."""
        if self._pid == os.getpid():
            return
        self._pid = 0
        if self._told >= 0:
            os.close(self._told)

        def wait() -> None:
            with suppress(OSError):
                os.read(self._heard, 1)
            then()

        threading.Thread(target=wait, name="workflows-ending", daemon=True).start()


def let_go(app: Any) -> None:
    """Forget the database connections of the process that forked this one."""
    state = app.extensions[EXTENSION]
    with app.app_context():
        for engine in state.db.engines.values():
            engine.dispose(close=False)
