"""What a task prints, and the warnings it gives, on their way to its object's log.

In a worker process one object stands in for ``sys.stdout`` and one for ``sys.stderr``
from the start. They pass on all that is written; what a task wrote, which the context
says, is heard as well. So the threads of a process never hear each other, and nothing
is swapped while they work.
"""

from __future__ import annotations

import codecs
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterable
from contextvars import ContextVar, Token
from typing import Any, cast

#: Who hears what is written in this context; set while a task is at work.
_hearer: ContextVar[Hearer | None] = ContextVar("workflows_output", default=None)

#: What is written there is a line of this level.
LEVELS = {"stdout": logging.INFO, "stderr": logging.WARNING}


class Hearer:
    """Makes lines of what one task writes, until the task ends.

    A thread that the task began in a copy of its context is heard as well, while the
    task is at work.

    :param keep: takes level and text of each line.
    :param longest: how many letters of a line are kept.
    :param most: how many lines are kept; of the others, only how many there were.
    """

    def __init__(
        self, keep: Callable[[int, str], None], longest: int, most: int
    ) -> None:
        self._keep = keep
        self._longest = longest
        self._most = most
        self._lines = 0
        self._begun: dict[int, str] = {}
        self._decoders: dict[int, codecs.IncrementalDecoder] = {}
        self._lock = threading.RLock()  # a signal may print as well
        self._ended = False
        self._before: Token[Hearer | None] | None = None

    def hear(self, level: int, text: str) -> None:
        """Keep what is a whole line, and hold the rest for the next time."""
        with self._lock:
            if not self._ended:
                self._take(level, text)

    def hear_bytes(self, level: int, data: bytes, encoding: str) -> None:
        """Keep what was written as bytes; a letter may come in two pieces."""
        with self._lock:
            if self._ended:
                return
            if level not in self._decoders:
                new = codecs.getincrementaldecoder(encoding)
                self._decoders[level] = new("replace")
            self._take(level, self._decoders[level].decode(data))

    def warn(self, text: str) -> None:
        """Keep a warning as a line of its own."""
        with self._lock:
            if not self._ended:
                self._line(logging.WARNING, text)

    def end(self) -> None:
        """Keep what was begun; from now on nothing is heard."""
        with self._lock:
            for level, text in self._begun.items():
                self._line(level, text)
            if self._lines > self._most:
                left = self._lines - self._most
                self._keep(logging.INFO, f"… and {left} more lines that are not kept")
            self._ended = True

    def _take(self, level: int, text: str) -> None:
        *whole, rest = text.split("\n")
        for part in whole:
            self._line(level, self._joined(level, part))
            self._begun.pop(level, None)
        if rest:
            self._begun[level] = self._joined(level, rest)

    def _joined(self, level: int, part: str) -> str:
        """Return the line as far as it has come: what overwrote it counts.

        One letter more than is kept shows that it was longer.
        """
        line = self._begun.get(level, "") + part
        begins = line.rfind("\r", 0, len(line) - 1) + 1
        return line[begins : begins + self._longest + 1]

    def _line(self, level: int, text: str) -> None:
        text = text.rstrip("\r")
        if not text.strip():
            return
        self._lines += 1
        if self._lines <= self._most:
            self._keep(level, text)


def listen(keep: Callable[[int, str], None], longest: int, most: int) -> Hearer | None:
    """Hear what this context writes from now on; ``None`` where nobody stands in."""
    if not _stands:
        return None
    hearer = Hearer(keep, longest, most)
    hearer._before = _hearer.set(hearer)
    return hearer


def end(hearer: Hearer | None) -> None:
    """Hear no more; in the context that listened."""
    if hearer is None:
        return
    if hearer._before is not None:
        _hearer.reset(hearer._before)
    hearer.end()


class unheard:  # noqa: N801 - a block, as those of contextlib
    """In its block nothing is heard: who writes there has been heard already."""

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before = _hearer.set(None)

    def __exit__(self, *error: object) -> None:
        _hearer.reset(self._before)


class StandIn:
    """Acts as the stream behind it, and lets what a task writes be heard."""

    def __init__(self, real: Any, level: int) -> None:
        self._real = real
        self._level = level
        self._bytes: StandIn | None = None

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self._real)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __repr__(self) -> str:
        return repr(self._real)

    def __iter__(self) -> Any:
        return iter(self._real)

    def __enter__(self) -> StandIn:
        self._real.__enter__()
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._real.__exit__(*error)

    @property
    def buffer(self) -> Any:
        """The stream of bytes below, whose writing is heard too."""
        below = self._real.buffer
        if self._bytes is None or self._bytes._real is not below:
            self._bytes = _Below(below, self._level, self)
        return self._bytes

    def write(self, text: Any) -> Any:
        """Write it; whole lines of a task are passed on at once."""
        hearer = _hearer.get()
        if hearer is None:
            return self._real.write(text)
        with unheard():
            ends = self._heard(hearer, text)
            written = self._real.write(text)
            if ends:  # what a task said last is not lost with its process
                self._real.flush()
            return written

    def writelines(self, lines: Iterable[Any]) -> None:
        """Write each of them."""
        for line in lines:
            self.write(line)

    def _heard(self, hearer: Hearer, text: Any) -> bool:
        """Return whether a line ends in it."""
        if not isinstance(text, str):  # the stream says what is wrong with it
            return False
        hearer.hear(self._level, text)
        return "\n" in text


class _Below(StandIn):
    """The same for ``sys.stdout.buffer``, which takes bytes."""

    def __init__(self, real: Any, level: int, above: StandIn) -> None:
        super().__init__(real, level)
        self._above = above

    def _heard(self, hearer: Hearer, text: Any) -> bool:
        if isinstance(text, str):
            return False
        data = bytes(text)
        encoding = getattr(self._above, "encoding", None) or "utf-8"
        hearer.hear_bytes(self._level, data, encoding)
        return b"\n" in data


_stands = False

# What a process writes that a task forked is nobody's here.
os.register_at_fork(after_in_child=lambda: _hearer.set(None))


def stand_in() -> None:
    """Let what tasks write be heard in this process from now on.

    Where another has put itself before us since, that one is stood in for.
    """
    global _stands
    for name, level in LEVELS.items():
        real = getattr(sys, name)
        if real is not None and not issubclass(type(real), StandIn):
            setattr(sys, name, StandIn(real, level))
    if not hasattr(warnings.showwarning, "before"):
        warnings.showwarning = _shower(warnings.showwarning)
    _stands = True


def step_back() -> None:
    """Give the streams and the warnings back, where nobody has taken them since."""
    global _stands
    for name in LEVELS:
        stands = getattr(sys, name)
        if issubclass(type(stands), StandIn):
            setattr(sys, name, stands._real)
    before = getattr(warnings.showwarning, "before", None)
    if before is not None:
        warnings.showwarning = before
    _stands = False


def _shower(before: Callable[..., None]) -> Any:
    """Return a ``warnings.showwarning`` that lets a warning of a task be heard.

    Which warnings are shown at all, and how often, is decided before it is asked.
    """

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: Any = None,
        line: str | None = None,
    ) -> None:
        hearer = _hearer.get()
        if hearer is not None and file is None:
            where = f"{filename}:{lineno}"
            hearer.warn(f"{category.__name__}: {message} ({where})")
        with unheard():
            before(message, category, filename, lineno, file, line)

    cast(Any, show).before = before
    return show
