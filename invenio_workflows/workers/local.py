"""The embedded worker: threads that take objects from the database itself.

They begin with the first delayed verb of a process, or in ``flask workflows worker``.
No message is needed: an idle thread is woken by whoever delays something in its
process, by PostgreSQL's NOTIFY from another, and looks by itself now and then.
"""

from __future__ import annotations

import atexit
import logging
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from ..calls import Call
from ..checkpoint import Taken
from ..config import DEFAULT_QUEUE
from ..errors import DatabaseUnavailable, WorkflowWorkerError
from ..jobs import move, sweep
from ..output import stand_in, step_back
from ..pausing import begin_anew, unpaused
from ..proxies import EXTENSION
from ..store.migrations import current
from ..upgrading import refuse_orphans

_logger = logging.getLogger(__name__)

#: Seconds after which an idle worker looks by itself; and where it is woken by other
#: processes too.
_LOOK, _LOOK_WOKEN = 3.0, 5.0
#: Seconds in which objects that go to sleep are looked at together.
_BREATH = 0.02
#: Seconds to wait when the database is away.
_AWAY = 2.0


class LocalWorker:
    """Threads of this process that perform what is delayed."""

    #: Whether all that it moves rests in a :func:`.pause` of the process.
    rests: ClassVar[bool] = True

    def __init__(self, app: Any) -> None:
        self._app = app
        self.forked()
        begin_anew(self)

    def forked(self) -> None:
        """Have no threads yet, as at first."""
        self._beginning = threading.Lock()
        self._bell = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._rings = 0
        self._next_look = 0.0
        self._queues: tuple[str, ...] = ()

    @property
    def _state(self) -> Any:
        return self._app.extensions[EXTENSION]

    # --- the plug-in ----------------------------------------------------------------

    def send(self, calls: Sequence[Call]) -> None:
        """Wake idle threads; begin to work, if this process has not yet.

        :raises WorkflowWorkerError: if the tables are of another release, or objects
            could not go on and WORKFLOWS_REFUSE_ORPHANS is set.
        """
        threads = self._state.settings.local_threads
        if threads and self._state.embeds and not self._threads:
            self._check_tables()
            with self._app.app_context():
                refuse_orphans()
            self.begin(threads, kind="embedded")
        self._ring()
        self._state.notices.give()

    def run(self, queues: Sequence[str], concurrency: int) -> None:
        """Work in this process until it is told to stop by SIGTERM or SIGINT."""
        told = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: told.set())
        stand_in()
        try:
            self.begin(concurrency, queues)
            told.wait()
            self.stop()
        finally:
            step_back()

    def doctor(self) -> Iterable[tuple[bool, str]]:
        """The database is all that it needs."""
        return ()

    # --- threads --------------------------------------------------------------------

    def begin(
        self, threads: int, queues: Sequence[str] = (), kind: str = "local"
    ) -> None:
        """Begin to work with so many threads, unless this process does already."""
        with self._beginning:
            if not self._threads:
                self._begin(threads, queues, kind)

    def _begin(self, threads: int, queues: Sequence[str], kind: str) -> None:
        settings = self._state.settings
        known = dict.fromkeys([DEFAULT_QUEUE, *settings.queues.values()])
        self._queues = tuple(queues or known)
        self._state.store.stopping.clear()
        self._state.presence.begin(kind, self._queues, threads)
        targets = [self._work] * threads + [self._sweep, self._listen]
        self._threads = [
            threading.Thread(target=target, name=f"workflows-{n}", daemon=True)
            for n, target in enumerate(targets)
        ]
        for thread in self._threads:
            thread.start()
        atexit.register(self.stop)

    def stop(self) -> None:
        """Let each thread finish its task; give back what takes too long."""
        if not self._threads:
            return
        state = self._state
        state.store.stopping.set()
        state.store.dozed.set()
        self._ring()
        end = time.monotonic() + state.settings.stop_seconds
        for thread in self._threads:
            thread.join(max(end - time.monotonic(), 0))
        if any(thread.is_alive() for thread in self._threads):
            with self._app.app_context():
                state.recovery.give_back()
        with self._app.app_context():
            state.presence.end()
        self._threads = []
        atexit.unregister(self.stop)

    def _check_tables(self) -> None:
        have, want = current(self._state.engine)
        if have != want:
            raise WorkflowWorkerError(
                f"No thread begins to work: the tables are of revision {have}, and "
                f"this release needs {want}. Run: flask workflows init."
            )

    def _work(self) -> None:
        seen = -1
        while not self._is_stopping():
            if not self._may_look(seen):
                self._wait(seen, self._next_look - time.monotonic())
                continue
            seen = self._rings
            while self._take_one() and not self._is_stopping():
                pass

    def _take_one(self) -> bool:
        """Move an object, if one waits, and those that are claimed behind it."""
        state, queue = self._state, self._state.queue
        taken: Taken | None = None
        with self._guarded(), self._app.app_context(), state.store.held():
            if not self._is_stopping():
                with unpaused():
                    taken = queue.take_first(self._queues)
            if taken is None:
                return False
            while taken is not None:
                # Each has the session, and what goes with it, to itself.
                with unpaused(), self._app.app_context():
                    taken = self._moved(taken)
            return True
        return False

    def _moved(self, taken: Taken) -> Taken | None:
        """Move an object; a task that would end the process ends its object alone."""
        try:
            return move(*taken, claim=self._state.queue.first(self._queues))
        except Exception:
            raise
        except BaseException as error:
            _logger.warning("%r of a task; the worker goes on.", error)
            return None

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Go on after an error: what was being done is found by a later sweep."""
        try:
            yield
        except DatabaseUnavailable as error:
            _logger.warning("The worker waits: %s", error)
            self._pause(_AWAY)
        except Exception:
            _logger.exception("The worker goes on after an error.")
            self._pause(_AWAY)

    def _sweep(self) -> None:
        while not self._is_stopping():
            with self._guarded(), self._app.app_context():
                with unpaused():
                    swept = sweep()
                if swept.woken or swept.taken_over:
                    self._ring()
                self._doze(self._state.settings.sweep_seconds)

    def _doze(self, seconds: float) -> None:
        """Wait for the next sweep, or until an object is to be woken."""
        state, end = self._state, time.monotonic() + seconds
        while not self._is_stopping():
            state.store.dozed.clear()
            left = end - time.monotonic()
            with unpaused():
                due = state.queue.next_wake() if left > 0 else None
            if left <= 0 or (due is not None and due <= 0):
                return
            state.store.dozed.wait(left if due is None else min(left, due))
            self._pause(_BREATH)

    def _listen(self) -> None:
        """Be woken by other processes, where the database can do that."""
        while not self._is_stopping():
            with self._guarded(), self._app.app_context():
                for _ in self._state.notices.heard(self._is_stopping):
                    self._ring()
                return

    # --- waking ---------------------------------------------------------------------

    def _is_stopping(self) -> bool:
        stopping: bool = self._state.store.stopping.is_set()
        return stopping

    def _ring(self) -> None:
        with self._bell:
            self._rings += 1
            self._bell.notify_all()

    def _may_look(self, seen: int) -> bool:
        """Say whether there is a reason to ask the database: woken, or it is time.

        The threads share the time, so that idle ones ask as seldom together as one.
        """
        with self._bell:
            now = time.monotonic()
            if self._rings == seen and now < self._next_look:
                return False
            woken = self._state.notices.can_be_heard
            self._next_look = now + (_LOOK_WOKEN if woken else _LOOK)
            return True

    def _wait(self, seen: int, seconds: float) -> None:
        with self._bell:
            if self._rings == seen and not self._is_stopping():
                self._bell.wait(max(seconds, 0.001))

    def _pause(self, seconds: float) -> None:
        self._state.store.stopping.wait(seconds)
