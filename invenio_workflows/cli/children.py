"""Commands of ours in a process of their own, which loads the application anew."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

#: Seconds that such a process may take.
_PATIENCE = 120.0
_FILE = re.compile(r'\s*File "(.+)", line (\d+)')


def argv(*words: str) -> list[str]:
    """Return the command line of another command of ours, begun as this one was."""
    names: list[str] = []
    context: click.Context | None = click.get_current_context()
    while context is not None and context.parent is not None:
        names.insert(0, str(context.info_name))
        context = context.parent
    given = sys.orig_argv
    for at in range(1, len(given) - len(names) + 1):
        if given[at : at + len(names)] == names:
            return [sys.executable, *given[1:at], names[0], *words]
    path = getattr(click.get_current_context().find_root().obj, "app_import_path", None)
    app = ["--app", str(path)] if path else []
    return [sys.executable, "-m", "flask", *app, "workflows", *words]


def done(command: list[str]) -> tuple[Any, str]:
    """Run a command that prints JSON; return that, or why it printed none."""
    try:
        child = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return None, f"it takes longer than {_PATIENCE:.0f} seconds to load it"
    try:
        return json.loads(child.stdout.splitlines()[-1]), ""
    except (IndexError, ValueError):
        return None, reason(child.stderr) or f"it ended with code {child.returncode}"


def reason(text: str) -> str:
    """Return the last that a program said when it failed, and where that was."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    last = lines[-1].strip().removeprefix("Error: ")
    places = [found for line in lines if (found := _FILE.match(line))]
    if not places:
        return last
    return f"{Path(places[-1][1]).name}, line {places[-1][2]}: {last}"
