"""While an object is moved its lease is renewed, however long a task takes."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from ..pausing import begin_anew, unpaused
from .database import Database
from .kinds import later
from .prepared import Change
from .statements import MINE, OBJECTS, _p

_logger = logging.getLogger(__name__)

RENEW = Change(
    update(OBJECTS)
    .where(*MINE)
    .values(lease_until=later(_p("lease", OBJECTS.c.position)))
)


PROGRESS = Change(
    update(OBJECTS).where(*MINE).values(progress=_p("progress", OBJECTS.c.progress))
)


class Heartbeat:
    """One thread of a process that renews the leases on what the others move.

    It begins with the first object and ends when nothing was moved for a while, so
    a process that only reads has none. A process that was forked begins its own.
    """

    def __init__(self, database: Database, lease_seconds: int) -> None:
        self._database = database
        self._lease_seconds = lease_seconds
        self.forked()
        begin_anew(self)

    def forked(self) -> None:
        """Move nothing: what the parent moves it renews and gives back itself."""
        self._held: dict[int, int] = {}
        self._progress: dict[int, str] = {}
        self._told = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def begins(self, oid: int, fence: int) -> None:
        """Renew the lease on an object from now on."""
        self._held[oid] = fence
        if self._thread is None or not self._thread.is_alive():
            self._start()

    def ends(self, oid: int) -> None:
        """Let the lease on an object be."""
        self._held.pop(oid, None)
        self._progress.pop(oid, None)

    def progress(self, oid: int, text: str) -> None:
        """Keep how far a task is, at the next occasion; at most once a second."""
        if oid in self._held:
            self._progress[oid] = text
            self._told.set()

    def __contains__(self, oid: object) -> bool:
        """Say whether this process moves the object at the moment."""
        return oid in self._held

    def held(self) -> list[tuple[int, int]]:
        """Return id and fencing number of each object that this process moves."""
        return list(self._held.items())

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._beat, name="workflows-heartbeat", daemon=True
                )
                self._thread.start()

    def _beat(self) -> None:
        idle = 0
        while idle < 2:
            self._tell_until(time.monotonic() + self._lease_seconds / 3)
            held = [
                {"oid": oid, "held": fence, "lease": self._lease_seconds}
                for oid, fence in self.held()
            ]
            idle = 0 if held else idle + 1
            if held:
                self._write(RENEW, held)

    def _tell_until(self, end: float) -> None:
        """Write what tasks say of their progress until the next beat is due."""
        while (left := end - time.monotonic()) > 0:
            if not self._told.wait(left):
                return
            self._told.clear()
            told, self._progress = self._progress, {}
            rows = [
                {"oid": oid, "held": self._held[oid], "progress": text}
                for oid, text in told.items()
                if oid in self._held
            ]
            if rows:
                self._write(PROGRESS, rows)
            time.sleep(min(1.0, max(end - time.monotonic(), 0.0)))

    def _write(self, statement: Change, rows: list[dict[str, Any]]) -> None:
        try:
            with unpaused(True), self._database.engine.begin() as connection:
                statement(connection, rows)
        except SQLAlchemyError as error:
            # A locked SQLite file lets nobody else claim either; a server that is
            # away is asked again at the next beat, well before the lease ends.
            _logger.warning("The leases could not be renewed: %s", error)
