"""``worker --watch``: new code is taken in between two calls, or it is said why not."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from flask import Flask

from ..catalogue import CannotReload
from ..pausing import pause
from ..proxies import EXTENSION
from ..sourcecode import Source, forget_compiled
from .children import done
from .old_code import sentences

_logger = logging.getLogger(__name__)

#: Seconds in which files that are written together are waited for.
_BREATH = 0.25
#: Seconds until it is asked again whether objects still could not go on.
_ORPHANED = 15.0
#: How many times as long as a pause was waited for in vain nothing is paused again.
_REST = 6

Files = dict[str, Source]


class Reloader:
    """A thread that looks at the files of the definitions.

    :param check: the command that loads the application anew and says whether the
        definitions are well.
    """

    def __init__(self, app: Flask, check: list[str], interval: float) -> None:
        self._app = app
        self._state: Any = app.extensions[EXTENSION]
        self._check = check
        self._interval = interval
        self._ended = threading.Event()
        #: The files as they were loaded, and as they were looked at last.
        self._loaded: Files = self._state.catalogue.files()
        self._seen = self._loaded
        #: What was said last of objects that could not go on with the new code.
        self._orphan = ""
        #: When the same files are to be tried again.
        self._again_at: float | None = None
        #: When others are to have said that they have the new code, too.
        self._tell_at: float | None = None

    def begin(self) -> None:
        """Look from now on."""
        threading.Thread(
            target=self._run, name="workflows-reloader", daemon=True
        ).start()

    def end(self) -> None:
        """Look no more."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(self._interval):
            try:
                with self._app.app_context():
                    self.look()
                    self._tell_of_others()
            except Exception:
                _logger.exception("The worker goes on with the code that it has.")

    def look(self) -> bool:
        """Take in what has changed; return whether that was done."""
        files = self._settled()
        again = self._again_at is not None and time.monotonic() >= self._again_at
        if files == self._seen and not again:
            return False
        self._seen, self._again_at = files, None
        changed = _changed(self._loaded, files)
        if not changed:
            _logger.info("The files are again as this worker has loaded them.")
            return False
        forget_compiled(files[name].path for name in changed if name in files)
        why, orphan = self._refused()
        if orphan:
            self._wait_for(orphan, changed)
            return False
        self._orphan = ""
        if why:
            _logger.error(
                "The new code of %s is not taken in: %s. This worker goes on with "
                "the code that it has.",
                *(", ".join(sorted(changed)), why.rstrip(".")),
            )
            return False
        return self._reload(files, changed)

    def _settled(self) -> Files:
        """Return the files when none of them is being written any more."""
        found: Files = self._state.catalogue.files()
        while found != self._seen and not self._ended.wait(_BREATH):
            again: Files = self._state.catalogue.files()
            if again == found:
                break
            found = again
        return found

    def _refused(self) -> tuple[str, str]:
        """Return why a process that loads the application anew refuses it.

        And, if it is well, which object could not go on with it, where that is asked.
        """
        found, why = done(self._check)
        if found is None:
            return why, ""
        return "; ".join(found["broken"]), found["orphan"] or ""

    def _wait_for(self, orphan: str, changed: set[str]) -> None:
        """Say which object could not go on, once; and ask again later."""
        if orphan != self._orphan:
            _logger.error(
                "The new code of %s is not taken in: WORKFLOWS_REFUSE_ORPHANS is set, "
                "and some objects could not go on with it. %s This worker goes on with "
                "the code that it has, and asks again every %.0f seconds. Run: flask "
                "workflows upgrade-check",
                *(", ".join(sorted(changed)), orphan, _ORPHANED),
            )
        self._orphan = orphan
        self._again_at = time.monotonic() + _ORPHANED

    def _reload(self, files: Files, changed: set[str]) -> bool:
        names = ", ".join(sorted(changed))
        patience = self._state.settings.stop_seconds
        with pause(patience) as rests:
            if rests and self._state.catalogue.files() != files:
                self._seen = self._loaded  # they have changed since they were checked
                return False
            if rests:
                try:
                    self._state.reload(self._loaded, changed)
                except CannotReload as error:
                    _logger.error(
                        "The new code of %s cannot be taken in: %s. This worker goes "
                        "on with the code that it has; restart it.",
                        *(names, error),
                    )
                    return False
                self._loaded = self._seen = self._state.catalogue.files()
        if not rests:
            _logger.warning(
                "The new code of %s waits: an object is being moved for more than %s "
                "seconds. It is tried again in %s seconds.",
                *(names, patience, patience * _REST),
            )
            self._seen = self._loaded
            self._ended.wait(patience * _REST)
            return False
        _logger.info("This worker has taken in the new code of %s.", names)
        patience = 2 * self._state.settings.sweep_seconds + self._interval
        self._tell_at = time.monotonic() + patience
        return True

    def _tell_of_others(self) -> None:
        """Say once which workers run old code, and cannot take in the new."""
        if self._tell_at is None or time.monotonic() < self._tell_at:
            return
        self._tell_at = None
        for sentence in sentences(self._state.catalogue.code()):
            _logger.warning("%s", sentence)


def _changed(before: Files, after: Files) -> set[str]:
    both = before.keys() | after.keys()
    return {name for name in both if before.get(name) != after.get(name)}
