"""A contender that lives in a process of its own for as long as it is measured."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

#: Settings of the peers that a user's shell may hold; they are not taken over.
FOREIGN = ("DBOS", "LANGCHAIN", "LANGGRAPH", "LANGSMITH", "OTEL_", "PYTHON")


class PeerFailed(Exception):
    """A contender ended before it answered; says what it printed last."""


class Process:
    """Run one round and return the seconds a task when it is called."""

    def __init__(self, python: str, script: str, log: Path, **arguments: Any) -> None:
        """Start it; what it prints besides its answers goes to ``log``."""
        self._script = script
        self._log = log
        command = [python, str(HERE / f"{script}.py")]
        for name, value in arguments.items():
            command += [f"--{name}", str(value)]
        kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        if script == "peer_ours":
            kept["PYTHONPATH"] = str(ROOT)
        with open(log, "wb") as printed:
            self._process = subprocess.Popen(
                command,
                cwd=log.parent,
                env=kept,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=printed,
                text=True,
            )
        #: Its last answer: versions, settings, commits.
        self.about: dict[str, Any] = {}

    def __call__(self) -> float:
        """Ask for a round.

        :raises PeerFailed: if it ended instead.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            print(file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            said = self._log.read_text(errors="replace")[-2000:]
            raise PeerFailed(f"{self._script} ended without an answer:\n{said}")
        self.about = json.loads(answer)
        seconds: float = self.about["seconds"] / self.about["tasks"]
        return seconds

    def stop(self) -> None:
        """Let it come to its end; end it if it does not."""
        try:
            self._process.communicate(timeout=30)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            self._process.wait()
