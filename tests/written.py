"""A site whose code the test writes, and edits while processes of its own run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import warm

BIN = Path(sys.executable).parent
TESTS = Path(__file__).parent
PATIENCE = 90.0

WSGI = """
    import os

    from celery import Celery
    from flask import Flask

    from invenio_workflows import InvenioWorkflows

    app = Flask("mysite")
    app.config.update(
        SQLALCHEMY_DATABASE_URI=os.environ["MYSITE_DATABASE"],
        WORKFLOWS_PACKAGES=["mysite"],
        WORKFLOWS_WORKER=os.environ["MYSITE_WORKER"],
        WORKFLOWS_RQ_URL=os.environ["MYSITE_BROKER"],
        WORKFLOWS_LOCAL_THREADS=0,
        WORKFLOWS_SWEEP_SECONDS=1,
        WORKFLOWS_LEASE_SECONDS=2,
        WORKFLOWS_STOP_SECONDS=2,
    )
    ext = InvenioWorkflows(app)
    celery_app = app.extensions["celery"] = Celery(
        "mysite", broker=os.environ["MYSITE_BROKER"], set_as_current=False
    )
"""


def until(happened: Callable[[], Any], what: str) -> Any:
    """Wait for something that can be seen; return what was seen."""
    end = time.monotonic() + PATIENCE
    while not (found := happened()):
        if time.monotonic() > end:
            raise TimeoutError(f"This did not happen in {PATIENCE} seconds: {what}")
        time.sleep(0.03)
    return found


class Process:
    """A command that runs on, and what it prints."""

    def __init__(
        self, site: Written, number: int, kind: Any, command: list[str | Path]
    ) -> None:
        self._log = site.directory / f"process-{number}.log"
        with open(self._log, "wb") as log:
            self.process = kind(
                command,
                env=site.environment,
                cwd=site.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        """What it printed."""
        return self._log.read_text(errors="replace")

    def says(self, text: str) -> str:
        """Wait until it has printed this; return all that it has printed."""
        ended = self.process.poll
        until(lambda: text in self.log or ended() is not None, f"it says {text!r}")
        assert text in self.log, self.log
        return self.log

    def kill(self) -> None:
        """End it at once, with all that it began."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Written:
    """A package ``mysite`` with an app, in a directory of its own."""

    def __init__(
        self, directory: Path, url: str, worker: str = "local", broker: str = ""
    ) -> None:
        self.directory = directory
        self.url = url
        self.environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": f"{directory}:{TESTS}:{os.environ.get('PYTHONPATH', '')}",
            "PYTHONUNBUFFERED": "1",
            "FLASK_APP": "mysite.wsgi:app",
            "COLUMNS": "200",
            "MYSITE_DATABASE": url,
            "MYSITE_WORKER": worker,
            "MYSITE_BROKER": broker or "redis://localhost:1/0",
            "MYSITE_DIRECTORY": str(directory),
        }
        self._processes: list[Process] = []
        self.write("__init__.py", "")
        self.write("wsgi.py", WSGI)
        self.write("workflows/__init__.py", "")

    def write(self, path: str, text: str) -> None:
        """Write a file of the package, at once."""
        file = self.directory / "mysite" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        new.write_text(textwrap.dedent(text))
        new.replace(file)

    def remove(self, path: str) -> None:
        """Delete a file of the package."""
        (self.directory / "mysite" / path).unlink()

    def flask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        where: dict[str, Any] = {"env": self.environment, "cwd": self.directory}
        return warm.run(["workflows", *words], PATIENCE, **where)

    def json(self, *words: str) -> list[Any]:
        """Return what a command prints for programs, line by line."""
        done = self.flask(*words, "--json")
        assert done.stdout, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def begin(self, *words: str) -> Process:
        """Begin a command of ours that runs on."""
        return self._begun(warm.Popen, ["workflows", *words])

    def run(self, *command: str | Path) -> Process:
        """Begin a command that runs on."""
        return self._begun(subprocess.Popen, [*command])

    def _begun(self, kind: Any, command: list[str | Path]) -> Process:
        self._processes.append(Process(self, len(self._processes), kind, command))
        return self._processes[-1]

    def close(self) -> None:
        """End all that was begun."""
        for process in self._processes:
            process.kill()
