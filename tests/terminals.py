"""Commands of `flask`, run on an app in the process of the test."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import FlaskGroup


class Terminal:
    """Runs commands on an app, as `flask` does, and reads what they print."""

    def __init__(self, app: Flask, site: Any = None) -> None:
        self.app = app
        #: The site of the app, where the test wants to look into it.
        self.site = site
        self.columns = "120"
        try:
            self.runner = CliRunner(mix_stderr=False)  # type: ignore[call-arg]
        except TypeError:  # click 8.2 keeps them apart anyway
            self.runner = CliRunner()

    def run(self, *words: Any, input: str | bytes | None = None) -> Result:
        group = FlaskGroup(create_app=lambda: self.app, set_debug_flag=False)
        arguments = ["workflows", *map(str, words)]
        return self.runner.invoke(
            group, arguments, input=input, env={"COLUMNS": self.columns}
        )

    def __call__(self, *words: Any, input: str | bytes | None = None) -> str:
        """Return what is printed by a command that succeeds."""
        done = self.run(*words, input=input)
        assert done.exit_code == 0, done.output
        return done.stdout

    def json(self, *words: Any, input: str | None = None) -> Any:
        return json.loads(self(*words, "--json", input=input))

    def lines(self, *words: Any) -> list[Any]:
        return [json.loads(line) for line in self(*words, "--json").splitlines()]

    def refused(self, *words: Any, code: int = 1, input: Any = None) -> str:
        """Return the sentence of a command that is refused."""
        done = self.run(*words, input=input)
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        if code == 2:
            return done.stderr
        assert done.stderr.startswith("Error: "), done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr.removeprefix("Error: ").rstrip("\n")
