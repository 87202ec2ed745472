"""Rows as documents, and where they have been."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from ..objects import WorkflowObject
from . import statements as sql
from .lines import Lines
from .rows import fill, path_of


class Documents(Lines):
    """The part of a store that gives documents."""

    def document(self, row: Any, into: WorkflowObject | None = None) -> WorkflowObject:
        """Return the document of a row, or make ``into`` it."""
        return fill(into or WorkflowObject(), row, self.task_history)

    def task_history(self, oid: int) -> list[dict[str, Any]]:
        """Return the tasks of the object that finished, oldest first."""
        events = sql.EVENTS.c
        kinds = ("TaskFinished", "Halted", "Waiting", "Jumped")
        with self.transactions.reading() as connection:
            rows = connection.execute(
                select(events.task, events.path, events.payload, events.created)
                .where(events.id_object == oid, events.kind.in_(kinds))
                .order_by(events.seq)
            ).all()
        return [
            {"name": row.task, "position": path_of(row.path), "time": row.created}
            for row in rows
        ]
