"""Halts of which listeners are yet to be told that a person is asked.

A halt that somebody listens for is kept with a time, by which its own process has
told them; it is told by a sweep if that time passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import literal, select, update

from ..checkpoint import halt_id
from ..objects import WorkflowObject
from ..states import ObjectStatus
from . import statements as sql
from .kinds import later, now
from .sql import SQLStore

#: In a query of its own the time is asked once, so that an index is searched for it.
_due = sql.OBJECTS.c.announce_at <= select(now()).scalar_subquery()


_ASKING = ("Halted", "InputAsked")


class Announcing:
    """Finds halts that were not announced, and remembers those that were."""

    def __init__(self, store: SQLStore) -> None:
        self._store = store
        self._transactions = store.transactions

    def owed(self, limit: int) -> Iterator[tuple[WorkflowObject, str]]:
        """Yield objects that ask and of which nobody was told, and the halts' ids.

        The next is yielded when this one was told; if that fails it is due again.
        """
        for oid, fence in self._due(limit):
            if not self._claim(oid, fence):
                continue
            found = self._asking(oid, fence)
            if found is not None:
                yield found
            self._store.keep_announced(oid, fence)

    def _due(self, limit: int) -> list[tuple[int, int]]:
        columns = sql.OBJECTS.c
        due = select(columns.id, columns.fence).where(_due)
        due = due.order_by(columns.announce_at).limit(limit)
        with self._transactions.reading() as connection:
            return [(row.id, row.fence) for row in connection.execute(due)]

    def _claim(self, oid: int, fence: int) -> bool:
        """Say whether it is on us to tell of it: of two sweeps one is given it."""
        columns = sql.OBJECTS.c
        claim = (
            update(sql.OBJECTS)
            .where(columns.id == oid, columns.fence == fence, _due)
            .values(announce_at=later(literal(self._store.lease_seconds)))
        )
        return self._transactions.run(lambda on: on.execute(claim).rowcount == 1)

    def _asking(self, oid: int, fence: int) -> tuple[WorkflowObject, str] | None:
        """Return the object and the id of its halt; ``None`` if it asks no more."""
        events = sql.EVENTS.c
        halted = (
            select(events.seq)
            .where(events.id_object == oid, events.kind.in_(_ASKING))
            .order_by(events.seq.desc())
            .limit(1)
        )
        with self._transactions.reading() as connection:
            row: Any = connection.execute(
                select(*sql.COLUMNS).where(sql.OBJECTS.c.id == oid)
            ).one_or_none()
            seq = connection.execute(halted).scalar_one_or_none()
        if row is None or row.fence != fence or row.status != ObjectStatus.HALTED:
            return None
        return self._store.document(row), halt_id(oid, seq or row.seq)
