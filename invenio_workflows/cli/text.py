"""How things are printed: harmless, aligned, no wider than the terminal."""

from __future__ import annotations

import base64
import errno
import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import click

#: What a table may be wide where there is no terminal.
_PAGE = 200
#: A cut column keeps at least so much.
_LEAST = 6
#: Characters that join others, and that some scripts need.
_JOINERS = "\u200c\u200d"


def clean(value: Any) -> str:
    """Return ``value`` as one line that cannot move the cursor or hide a word."""
    return "".join(map(_harmless, " ".join(str(value).split())))


def clean_lines(text: Any) -> list[str]:
    """Return the lines of ``text``, as harmless as of :func:`clean`, but indented."""
    lines = str(text).expandtabs(4).replace("\r\n", "\n").rstrip("\n").split("\n")
    return ["".join(map(_harmless, line)).rstrip() for line in lines]


def _harmless(character: str) -> str:
    kind = unicodedata.category(character)
    if kind in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in _JOINERS:
        return character.encode("unicode_escape").decode("ascii")
    return character


def width_of(text: str) -> int:
    """Return how many cells of a terminal the text takes."""
    return sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.combining(character) or character in _JOINERS:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, width: int) -> str:
    """Return the text, or its beginning with an ellipsis, in so many cells."""
    if width_of(text) <= width:
        return text
    kept, room = [], width - 1
    for character in text:
        room -= _cells(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


def padded(text: str, width: int) -> str:
    """Return the text with spaces behind it, in so many cells."""
    return text + " " * (width - width_of(text))


def page_width() -> int:
    """Return how wide a line may be: the terminal, ``COLUMNS``, or a wide page."""
    return max(shutil.get_terminal_size((_PAGE, 24)).columns, 40)


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[Any]],
    whole: Sequence[str] = (),
    indent: str = "",
) -> Iterator[str]:
    """Yield the lines of a table; the longest cells are cut until it fits.

    :param whole: the columns that are cut last.
    """
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [
        max(map(width_of, column)) for column in zip(headers, *cells, strict=True)
    ]
    room = page_width() - len(indent) - 2 * (len(headers) - 1)
    first = [at for at, header in enumerate(headers) if header not in whole]
    for columns in (first, range(len(headers))):
        _narrow(widths, columns, room)
    yield indent + click.style(_line(headers, widths), bold=True)
    for row in cells:
        yield indent + _line(row, widths)


def _narrow(widths: list[int], columns: Sequence[int], room: int) -> None:
    """Take from the widest of the columns until all fit into the room."""
    while sum(widths) > room:
        widest = max(columns, key=widths.__getitem__, default=None)
        if widest is None or widths[widest] <= _LEAST:
            return
        widths[widest] -= 1


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = [
        padded(cut(cell, width), width)
        for cell, width in zip(cells, widths, strict=True)
    ]
    return "  ".join(parts).rstrip()


def say(text: str = "", err: bool = False) -> None:
    """Print a line, in whatever the other side can read."""
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = text.encode(encoding, "backslashreplace").decode(encoding)
    try:
        click.echo(text, err=err, color=False if os.environ.get("NO_COLOR") else None)
    except OSError as error:
        if error.errno == errno.EPIPE:  # nobody reads any more: no fault
            raise
        raise click.ClickException(
            f"The output cannot be written: {error.strerror}."
        ) from None


def heading(text: str) -> None:
    """Print a headline."""
    say()
    say(click.style(text, bold=True))


def moment(value: datetime | None, seconds: bool = True) -> str:
    """Return a time as people read it, in UTC."""
    if value is None:
        return ""
    form = "%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M"
    return value.astimezone(UTC).strftime(form)


def ago(seconds: float) -> str:
    """Return how long something lasts, as people say it."""
    for name, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    number = round(max(seconds, 0))
    return f"{number} second{'' if number == 1 else 's'}"


def pretty(value: Any) -> list[str]:
    """Return a value as indented JSON, for a person."""
    return clean_lines(json.dumps(plain(value), indent=2, ensure_ascii=False))


def say_json(value: Any) -> None:
    """Print one JSON document on one line, for a machine; ASCII alone."""
    say(json.dumps(plain(value)))


def plain(value: Any) -> Any:
    """Return what JSON itself can hold: times in ISO, bytes in base64."""
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else str(plain(key)): plain(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return [plain(item) for item in sorted(value, key=repr)]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return str(value)
