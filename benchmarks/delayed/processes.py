"""Worker processes: started, known to be ready, and ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from .site import Place

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 30.0


class WorkerFailed(Exception):
    """A worker did not begin, or its work did not end; says what it printed last."""


class WorkerProcess:
    """A process that works in a site until it is told to stop."""

    def __init__(self, place: Place, arguments: Sequence[str], ready: str) -> None:
        """Start it, and return when it has said that it is ready."""
        number, name = tempfile.mkstemp(prefix="benchmark-worker-", suffix=".log")
        self._log = Path(name)
        with open(number, "wb") as printed:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env={**os.environ, **place.environment(), "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )
        end = time.monotonic() + PATIENCE
        while ready not in self.said():
            if self._process.poll() is not None or time.monotonic() > end:
                said = self.said()[-3000:]
                self.stop()
                raise WorkerFailed(f"{' '.join(arguments)} is not ready:\n{said}")
            time.sleep(0.02)

    def said(self) -> str:
        """Return what it has printed."""
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        """Let it come to its end; end it if it does not."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.unlink(missing_ok=True)


@contextmanager
def working(
    place: Place, processes: int, *arguments: str, ready: str = "ready"
) -> Iterator[None]:
    """Have worker processes in a site, of these arguments of Python's ``-m``."""
    begun: list[WorkerProcess] = []
    try:
        for _ in range(processes):
            begun.append(WorkerProcess(place, arguments, ready))
        yield
    finally:
        for process in begun:
            process.stop()


def ours(place: Place, processes: int, number: int) -> AbstractContextManager[None]:
    """Have processes of our worker, each with so many objects at a time.

    Celery's is its own program, so that it serves bare messages as well.
    """
    if place.worker == "celery":
        program = ("celery", "-A", "benchmarks.delayed.program:celery", "worker")
        options = ("-c", str(number), "-P", "prefork", "-l", "INFO")
        return working(place, processes, *program, *options, ready=" ready.")
    return working(place, processes, "benchmarks.delayed.program", str(number))


def rq_own(place: Place, kind: str, queue: str) -> AbstractContextManager[None]:
    """Have two processes of RQ's own program with one of its classes of worker."""
    options = ("--url", place.redis, "-w", f"rq.worker.{kind}", queue)
    return working(place, 2, "rq.cli", "worker", *options, ready="Listening on")
