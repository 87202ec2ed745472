"""Log lines that are kept with an object or a run, beside going to ``logging``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .output import unheard

#: Says what is at work in this context; set while an object is moved.
at_work: ContextVar[Callable[[], dict[str, Any]] | None] = ContextVar(
    "workflows_at_work", default=None
)


def about(
    workflow: str | None = None,
    run: str | None = None,
    oid: int | None = None,
    task: str | None = None,
) -> dict[str, Any]:
    """Return the attributes by which a log record says what it is about."""
    return {
        "workflow": workflow,
        "workflow_run": run,
        "workflow_object": oid,
        "workflow_task": task,
    }


def here() -> dict[str, Any]:
    """Return the same for what is at work just now; ``None`` in each for nothing."""
    say = at_work.get()
    return about() if say is None else say()


class WorkflowContextFilter(logging.Filter):
    """Gives every record ``workflow``, ``workflow_run``, ``_object`` and ``_task``.

    They say what was at work when the record was made, whichever logger made it, and
    are ``None`` where nothing was. What a record says itself is kept. Add it to a
    handler, not to a logger: those below a logger pass its filters by.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        record.__dict__.update({**here(), **record.__dict__})
        return True


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
    :param extra: what the lines are about, as attributes of their records; what they
        leave open is said by what is at work.
    """

    def __init__(
        self, name: str, extra: dict[str, Any], keep: Callable[[int, str], None]
    ) -> None:
        super().__init__(logging.getLogger(f"invenio_workflows.{name}"), extra)
        self._keep = keep

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        now, given = here(), kwargs.get("extra") or {}
        task = {"workflow_task": now["workflow_task"]}  # whatever the line is about
        kwargs["extra"] = {**now, **(self.extra or {}), **task, **given}
        return msg, kwargs

    def log(self, level: int, msg: object, *args: Any, **kwargs: Any) -> None:
        """Keep the line, and log it."""
        self._keep(level, _text(level, msg, args, kwargs.get("exc_info")))
        kwargs.setdefault("stacklevel", 2)
        with unheard():  # a handler that prints it would keep it once more
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
