"""What a dead worker left: who holds what, and taking it over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, literal_column, select, update

from ..checkpoint import EventLine
from ..errors import IllegalMove
from ..objects import WorkflowObject
from ..states import ObjectStatus
from . import statements as sql
from .kinds import now
from .leases import is_dead, is_mine
from .sql import SQLStore
from .standing_at import write_cursor

#: Part of the text, as in the index of those that run.
_CURSOR = sql.as_text(sql.OBJECTS.c.cursor)
_RUNNING: Any = literal_column(str(int(ObjectStatus.RUNNING)))
#: How many leases are looked at together.
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Held:
    """An object that is RUNNING, and the lease on it."""

    id: int
    owner: str | None
    until: datetime | None
    seconds: float
    free: bool
    fence: int = 0
    workflow: str = ""


class Recovery:
    """Finds objects whose worker is gone, and claims them."""

    def __init__(self, store: SQLStore) -> None:
        self._store = store

    def held(self) -> Iterator[Held]:
        """Yield every RUNNING object, whether its worker is dead or alive, by id."""
        objects = sql.OBJECTS.c
        with self._store.transactions.reading() as connection:
            # An index has all of this: of a million objects only the few are read.
            found = connection.execute(
                select(objects.id).where(objects.status == _RUNNING)
            )
            oids = sorted(found.scalars())
        for at in range(0, len(oids), _BATCH):
            yield from self._batch(oids[at : at + _BATCH])

    def _batch(self, oids: list[int]) -> list[Held]:
        objects = sql.OBJECTS.c
        with self._store.transactions.reading() as connection:
            rows = connection.execute(
                select(
                    objects.id,
                    objects.lease_owner,
                    objects.lease_until,
                    now(),
                    objects.fence,
                    objects.workflow,
                    objects.status,
                )
                .where(objects.id.in_(oids))
                .order_by(objects.id)
            ).all()
        running = int(ObjectStatus.RUNNING)
        return [self._held(*held) for *held, status in rows if status == running]

    def take_over(self, held: Held) -> WorkflowObject | None:
        """Claim an object whose worker is gone; ``None`` if it moved meanwhile.

        The lease is looked at anew: those taken over before it may have run for long.
        """
        with self._store.transactions.reading() as connection:
            row = connection.execute(
                select(*sql.COLUMNS, now().label("at")).where(
                    sql.OBJECTS.c.id == held.id
                )
            ).one_or_none()
        if row is None or row.status != ObjectStatus.RUNNING:
            return None
        if not self._held(row.id, row.lease_owner, row.lease_until, row.at).free:
            return None
        obj = self._store.document(row)
        event = EventLine("TakenOver", message=f"from {held.owner}")
        try:
            self._store.take(
                obj,
                event,
                row.data,
                row.extra_data,
                in_start=bool(row.in_start),
                attempts=row.attempts + 1,
                start_point=row.start_point,
            )
        except IllegalMove:
            return None
        return obj

    def give_back(self) -> None:
        """Queue what this process moves; its threads lose it, and write no more."""
        settings_queue = self._store.queue_of
        for oid, fence in self._store.moving.held():
            with self._store.transactions.beside() as connection:
                row = connection.execute(
                    select(sql.OBJECTS.c.workflow).where(sql.OBJECTS.c.id == oid)
                ).one_or_none()
            if row is not None:
                held = Held(oid, self._store.owner, None, 0.0, True, fence)
                self.put_back(held, settings_queue(row.workflow), lost=0)

    def put_back(self, held: Held, queue: str, lost: int = 1) -> bool:
        """Queue an object whose worker is gone; false if it moved meanwhile."""
        objects = sql.OBJECTS.c

        def work(connection: Connection) -> bool:
            row = connection.execute(
                update(sql.OBJECTS)
                .where(
                    objects.id == held.id,
                    objects.status == _RUNNING,
                    objects.fence == held.fence,
                )
                .values(
                    status=int(ObjectStatus.WAITING),
                    waits_for="queue",
                    start_point=func.coalesce(objects.start_point, "resume"),
                    queue=queue,
                    wake_at=now(),
                    sends=0,
                    attempts=objects.attempts + lost,
                    fence=objects.fence + 1,
                    seq=objects.seq + 1,
                    revision=objects.seq + 1,
                    lease_owner=None,
                    lease_until=None,
                    modified=now(),
                )
                .returning(objects.id_workflow, objects.seq, _CURSOR)
            ).one_or_none()
            if row is None:
                return False
            # Where it came to while it ran stands in its cursor alone.
            write_cursor(connection, held.id, row.cursor)
            event = {"id_object": held.id, "id_workflow": row.id_workflow}
            event |= {"kind": "TakenOver", "message": f"from {held.owner}"}
            event |= {"seq": row.seq, "status": int(ObjectStatus.WAITING)}
            connection.execute(insert(sql.EVENTS).values(**event))
            return True

        return self._store.transactions.run(work)

    def _held(
        self,
        oid: int,
        owner: str | None,
        until: datetime | None,
        at: datetime,
        fence: int = 0,
        workflow: str = "",
    ) -> Held:
        left = 0.0 if until is None else (until - at).total_seconds()
        dead = is_dead(owner)
        if dead is False and is_mine(owner):
            # Claimed here, and nothing here moves it: an interrupt came in between.
            dead = oid not in self._store.moving
        # A living worker renews its lease; one that has ended was dropped.
        free = bool(dead) or left <= 0
        return Held(oid, owner, until, max(left, 0.0), free, fence, workflow)
