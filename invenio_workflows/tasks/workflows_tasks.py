"""Tasks that speak of the workflow they are in."""

from __future__ import annotations

from typing import Any

from ..definition.node import Task
from ..definition.patterns import resolved


def interrupt_workflow(obj: Any, eng: Any) -> None:
    """Halt until somebody continues the object."""
    eng.halt("The workflow was interrupted.")


def log_info(message: Any) -> Task:
    """Return a task that writes a line into the run's log.

    :param message: the text, or a function ``f(obj, eng)`` that gives it.
    """

    def _log_info(obj: Any, eng: Any) -> None:
        eng.log.info("%s", resolved(message, obj, eng))

    return _log_info


def write_something_generic(messages: Any, functions: Any) -> Task:
    """Return a task that hands one text to each of some functions.

    :param messages: a text, a function ``f(obj, eng)`` that gives one, or a list of
        such, which are put together.
    :param functions: a function of one text, or a list of them.
    """

    def _write_something_generic(obj: Any, eng: Any) -> None:
        parts = [str(resolved(part, obj, eng)) for part in _listed(messages)]
        for function in _listed(functions):
            function("".join(parts))

    return _write_something_generic


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
