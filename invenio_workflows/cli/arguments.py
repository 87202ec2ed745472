"""What several commands take, and how they name another command to the person."""

from __future__ import annotations

import getpass
import math
import os
import shlex
from typing import Any

import click
from click.core import ParameterSource

from ..states import ObjectStatus

#: The largest number that an id column holds.
_LARGEST = 2**63 - 1
#: The seconds of the longest duration.
_LONGEST = 9999 * 86_400


class Seconds(click.FloatRange):
    """Seconds within a range; ``nan`` is above and below nothing, and in no range."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is no number of seconds.", param, ctx)
        return seconds


object_id = click.argument("oid", metavar="ID", type=click.IntRange(1, _LARGEST))
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs."
)

seen_at = click.option(
    "--revision",
    type=int,
    help="Refuse if the object changed since it had this revision.",
)

looks_every = click.option(
    "--interval",
    metavar="SECONDS",
    type=Seconds(min=0.1, max=86_400),
    default=5.0,
    show_default=True,
    help="With --watch: seconds between two looks.",
)

delayed = click.option(
    "--delayed",
    is_flag=True,
    help="Leave the work to a worker; print at once which run to watch.",
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
        self.fail(f"{value!r} is not a status; use one of {names}.", param, ctx)


class Duration(click.ParamType):
    """A number with its unit, such as ``90d``, in seconds."""

    name = "duration"
    _UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        text = str(value).strip()
        number, unit = text[:-1], text[-1:]
        if not (number.isascii() and number.isdigit() and unit in self._UNITS):
            self.fail(
                f"{text!r} is not a duration; write a whole number and s, m, h, d or w "
                "(seconds to weeks), such as 12h, 90d or 2w.",
                param,
                ctx,
            )
        seconds = int(number[:20]) * self._UNITS[unit]
        if seconds > _LONGEST:
            self.fail(
                f"{text!r} is too long: 9999d is the most; 90d is usual.", param, ctx
            )
        return seconds


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
