"""What is read of runs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, func, literal_column, or_, select
from sqlalchemy.orm import Session

from ..errors import WorkflowNotFound
from ..objects import WorkflowObject
from ..states import ENDED_RUN, ObjectStatus
from . import statements as sql
from .kinds import now
from .models import Workflow
from .sql import SQLStore


class RunQueries:
    """The part of what the faces ask that is of runs."""

    def __init__(self, store: SQLStore) -> None:
        self._store = store

    def moves(self, uuid: str) -> bool:
        """Say whether an object of the run moves, or will by itself.

        One that waits for another run will, if that one moves.

        Asked beside the session, whose transaction may see an older time.

        :raises WorkflowNotFound: if the run is not there, or not committed.
        """
        objects = sql.OBJECTS.c
        mine = select(objects.id).where(objects.id_workflow == uuid)
        moving = or_(
            mine.where(objects.status == literal_column("3")).exists(),
            mine.where(objects.waits_for == literal_column("'queue'")).exists(),
            mine.where(objects.waits_for == "timer").exists(),
        )
        waits = and_(objects.id_workflow == uuid, objects.waits_for == "join")
        # In one statement: between two, who waits for a run may be woken.
        asked = (
            select(moving, objects.event_key)
            .select_from(sql.RUNS.outerjoin(sql.OBJECTS, waits))
            .where(sql.RUNS.c.uuid == uuid)
        )
        with self._store.transactions.beside(alone=True) as connection:
            rows = connection.execute(asked).all()
        if not rows:
            raise WorkflowNotFound(
                f"There is no run {uuid!r}; was it committed?", uuid=uuid
            )
        if rows[0][0]:
            return True
        # One that ended meanwhile has woken who waited for it.
        return any(
            self.moves(other) or self._store.run_status(other) in ENDED_RUN
            for other in {row.event_key for row in rows if row.event_key is not None}
        )

    def progress(self, uuid: str) -> dict[str, Any]:
        """Return how far a run is: objects ended of all, and what moves just now.

        ``moving`` has for each object that a worker holds its id, the seconds for
        which, and ``done``, ``total`` and ``message`` if its task has said so.
        """
        objects = sql.OBJECTS.c
        mine = objects.id_workflow == uuid, objects.id_parent.is_(None)
        counted = (
            select(objects.status, func.count())
            .where(*mine, objects.id_fork.is_(None))
            .group_by(objects.status)
        )
        moving = (
            select(objects.id, objects.progress, objects.modified, now().label("at"))
            .where(*mine, objects.status == literal_column("3"))
            .order_by(objects.position)
            .limit(100)
        )
        with self._store.transactions.beside() as connection:
            counts = {int(s): int(n) for s, n in connection.execute(counted)}
            rows = connection.execute(moving).all()
        ended = (ObjectStatus.COMPLETED, ObjectStatus.CANCELLED, ObjectStatus.ERROR)
        return {
            "total": sum(counts.values()),
            "ended": sum(counts.get(int(status), 0) for status in ended),
            "moving": [
                {
                    "object": row.id,
                    "seconds": (row.at - row.modified).total_seconds(),
                    **(row.progress or {}),
                }
                for row in rows
            ],
        }

    def first_failed(self, uuid: str) -> WorkflowObject | None:
        """Return the first object of the run that is in ERROR."""
        objects = sql.OBJECTS.c
        with self._store.transactions.reading() as connection:
            row = connection.execute(
                select(*sql.COLUMNS)
                .where(objects.id_workflow == uuid, objects.id_parent.is_(None))
                .where(objects.status == int(ObjectStatus.ERROR))
                .order_by(objects.position)
                .limit(1)
            ).one_or_none()
        return None if row is None else self._store.document(row)

    def run_row(self, uuid: str) -> Workflow | None:
        """Return the row of a run; ``None`` if there is none."""
        with self._store.transactions.reading() as connection:
            with Session(connection) as session:
                row = session.get(Workflow, uuid)
                if row is not None:
                    session.expunge(row)
                return row
