"""Two tasks on a number."""

from __future__ import annotations

from typing import Any

from ..definition.node import Task


def task_a(number: Any) -> Task:
    """Return a task that adds ``number`` to the data."""

    def _task_a(obj: Any, eng: Any) -> None:
        obj.data += number

    return _task_a


def task_b(obj: Any, eng: Any) -> None:
    """Halt if the data is less than 20."""
    if obj.data < 20:
        eng.halt("Data is less than 20.")
