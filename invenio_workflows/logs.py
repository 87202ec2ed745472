"""Log lines that are kept with an object or a run, beside going to ``logging``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, as ``get_log()`` gives it.

    ``level`` is a level of :mod:`logging`, ``task`` the task that wrote it.
    """

    level: int
    message: str
    task: str = ""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    id_object: int | None = None
    id_workflow: str | None = None

    @property
    def log_type(self) -> int:
        """The name of old releases for ``level``."""
        return self.level

    def __str__(self) -> str:
        stamp = self.created.isoformat(timespec="milliseconds")
        return f"{stamp} {logging.getLevelName(self.level)} {self.message}"


class KeptLog(logging.LoggerAdapter[logging.Logger]):
    """A logger that hands each line to ``keep`` as well.

    :param keep: takes level and text; ``None`` keeps nothing.
    :param extra: run, object and task, for structured log records.
    """

    def __init__(
        self, name: str, extra: dict[str, Any], keep: Callable[[int, str], None]
    ) -> None:
        super().__init__(logging.getLogger(f"invenio_workflows.{name}"), extra)
        self._keep = keep

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(self.extra or {}), **kwargs.get("extra", {})}
        return msg, kwargs

    def log(self, level: int, msg: object, *args: Any, **kwargs: Any) -> None:
        """Keep the line, and log it."""
        self._keep(level, _text(level, msg, args, kwargs.get("exc_info")))
        kwargs.setdefault("stacklevel", 2)
        super().log(level, msg, *args, **kwargs)


def _text(level: int, msg: object, args: tuple[Any, ...], error: Any) -> str:
    record = logging.LogRecord("", level, "", 0, msg, args, None)
    text = record.getMessage()
    if error:
        if isinstance(error, BaseException):
            error = (type(error), error, error.__traceback__)
        elif not isinstance(error, tuple):
            error = sys.exc_info()
        if error[0] is not None:
            text += "\n" + logging.Formatter().formatException(error)
    return text
