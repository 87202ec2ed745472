"""What several commands take, and how they name another command to the person."""

from __future__ import annotations

import getpass
import os
import shlex
from typing import Any

import click
from click.core import ParameterSource

from ..states import ObjectStatus

#: The largest number that an id column holds.
_LARGEST = 2**63 - 1

object_id = click.argument("oid", metavar="ID", type=click.IntRange(1, _LARGEST))
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs."
)


class Status(click.ParamType):
    """A status by its name or its label, in small letters too."""

    name = "status"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ObjectStatus:
        wanted = str(value).strip().casefold()
        for status in ObjectStatus:
            if wanted in (status.name.casefold(), status.label.casefold()):
                return status
        names = ", ".join(status.name.lower() for status in ObjectStatus)
        self.fail(f"{value!r} is no status; use one of {names}.", param, ctx)


def person() -> str:
    """Return who sits at the terminal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a process without a name
        return f"uid {os.getuid()}"


def command(*words: Any) -> str:
    """Return a command of ours as the person may type it here."""
    root = click.get_current_context().find_root()
    start = ["flask"]
    if root.params.get("app"):
        app = root.params["app"]
    else:
        app = getattr(root.obj, "app_import_path", None)
    if app and _typed(root):
        start += ["--app", str(app)]
    return shlex.join([*start, "workflows", *map(str, words)])


def _typed(root: click.Context) -> bool:
    """Say whether the app was named on the command line, not by the environment."""
    try:
        return root.get_parameter_source("app") == ParameterSource.COMMANDLINE
    except KeyError:
        return False
