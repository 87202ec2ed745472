"""Objects that wait for a worker: put in a queue, taken from it, sent again.

The queue is the rows themselves: WAITING, for ``queue``. A message only says where
to look, so one that is lost, late or doubled changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
    update,
)

from ..checkpoint import Changes, EventLine, RunInfo
from ..config import Settings
from ..errors import ConfigurationError
from ..objects import WorkflowObject
from ..states import ObjectStatus as S
from ..states import WorkflowStatus as R
from .audit import keep_event
from .concurrency import Limits
from .due import leave_place
from .entering import QUEUED, Entering
from .forks import cancel_branches
from .kinds import later, now
from .meeting import deliver, forget
from .prepared import Change
from .restore import restore
from .rows import as_seen
from .runs import merge, settle_run
from .sql import SQLStore
from .standing_at import write_cursor
from .statements import AS_SEEN, OBJECTS, RUNS, _n, _p

#: Nothing is sent again later than this many seconds after it was sent last.
_LONGEST = 600
#: Seconds between two looks for what is to be forgotten, for which nobody waits.
_FORGET = 60
_IN_QUEUE = OBJECTS.c.waits_for == literal_column("'queue'")

#: An object, if it is as it was seen.
PUT = Change(
    update(OBJECTS)
    .where(
        *AS_SEEN,
        or_(OBJECTS.c.waits_for.is_(None), ~_IN_QUEUE),
    )
    .values(
        **QUEUED,
        seq=OBJECTS.c.seq + _n(1),
        revision=OBJECTS.c.seq + _n(1),
        concurrency_key=_p("new_key", OBJECTS.c.concurrency_key),
        data=_p("new_data", OBJECTS.c.data),
        extra_data=_p("new_extra_data", OBJECTS.c.extra_data),
        action=null(),
        message=null(),
        error=null(),
    )
)

_TIMED = OBJECTS.c.waits_for.in_(("timer", "event"))
#: In a query of its own the time is asked once, so that an index is searched for it.
_due = OBJECTS.c.wake_at <= select(now()).scalar_subquery()


def _soonest(waits_for: str | None, uuid: str | None = None) -> Any:
    """Return what asks when the next object is due, of those that wait for this."""
    asked = select(OBJECTS.c.wake_at).where(
        OBJECTS.c.wake_at.is_not(None), OBJECTS.c.waits_for == waits_for
    )
    if uuid is not None:
        asked = asked.where(OBJECTS.c.id_workflow == uuid)
    return select(asked.order_by(OBJECTS.c.wake_at).limit(1).subquery())


def _order(row: Any) -> tuple[int, int]:
    return row.rank, row.id


class Queue(Entering):
    """Puts objects in their queues, and takes them out."""

    def __init__(self, store: SQLStore, settings: Settings, limits: Limits) -> None:
        super().__init__(store, settings, limits)
        self._next_forget = 0.0

    def refuse_memory(self) -> None:
        """Raise if no other thread can see the database."""
        if self._transactions.is_single():
            raise ConfigurationError(
                "A database in memory has one connection, so no worker can see what "
                "waits in it. Keep it in a file to delay something: sqlite:///path."
            )

    # --- in -------------------------------------------------------------------------

    def put(
        self,
        connection: Connection,
        obj: WorkflowObject,
        event: EventLine,
        texts: tuple[str, str],
        start_point: str,
        shared: dict[str, Any],
        cursor: str | None = None,
    ) -> None:
        """Queue an object that exists, with its data as given.

        :param shared: what is set of what the run's objects share.
        :param cursor: where it stands, if that is another place, or knows more.
        :raises IllegalMove: if it is not as the document says.
        """
        columns = obj.columns
        parameters = self._parameters(
            obj.workflow_name, -(columns.get("rank") or 0), start_point
        )
        parameters |= as_seen(obj) | {
            "new_key": columns.get("concurrency_key"),
            "new_data": texts[0],
            "new_extra_data": texts[1],
        }
        if PUT(connection, parameters) != 1:
            raise self._store.moved(connection, obj.id, columns["revision"])
        write_cursor(connection, obj.id, cursor)
        keep_event(connection, obj, event, columns["seq"] + 1, S.WAITING, texts)
        if obj.waits_for == "join" and start_point != "continue_next":
            cancel_branches(connection, obj.id)
        leave_place(connection, obj)
        uuid = str(obj.id_workflow)
        if shared:
            changes = Changes()
            changes.values = shared
            merge(connection, uuid, changes)
        settle_run(connection, uuid)

    def note(
        self,
        obj: WorkflowObject,
        texts: tuple[str, str],
        start_point: str,
        cursor: str | None = None,
    ) -> None:
        """Let the document say that it was put into the queue."""
        seq = obj.columns["seq"] + 1
        obj.columns |= {"status": S.WAITING, "waits_for": "queue", "seq": seq}
        obj.columns |= {"revision": seq, "start_point": start_point, "deadline": None}
        obj.columns["cursor"] = cursor or obj.cursor
        obj.kept = texts

    def starting_over(
        self, run: RunInfo, shared: dict[str, Any]
    ) -> Callable[[Connection], list[int]]:
        """Return what gives a run's objects what their snapshots kept, and queues them.

        It gives their ids, and raises IllegalMove if a worker holds one of them.
        """

        def work(connection: Connection) -> list[int]:
            restore(connection, run)
            if shared:
                changes = Changes()
                changes.values = shared
                merge(connection, run.uuid, changes)
            connection.execute(
                update(RUNS)
                .where(RUNS.c.uuid == run.uuid)
                .values(status=int(R.NEW), modified=now())
            )
            return self.put_run(connection, run)

        return work

    # --- what is due ----------------------------------------------------------------

    def wake(self, limit: int) -> int:
        """Queue the objects whose time has come; return how many they were."""

        def work(connection: Connection) -> int:
            due = (
                select(OBJECTS.c.id, OBJECTS.c.id_workflow)
                .where(_TIMED, _due)
                .order_by(OBJECTS.c.wake_at)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            rows = connection.execute(due).all()
            if rows:
                self._wake(connection, [row.id for row in rows])
            for uuid in sorted({row.id_workflow for row in rows}):
                settle_run(connection, uuid)
            return len(rows)

        return self._transactions.run(work)

    def _wake(self, connection: Connection, ids: Sequence[int]) -> None:
        # Due still: on SQLite another may have woken it meanwhile, and it waits anew.
        woken = update(OBJECTS).where(OBJECTS.c.id.in_(ids), _TIMED, _due)
        connection.execute(
            woken.values(
                waits_for="queue",
                event_name=None,
                sends=0,
                wake_at=now(),
                modified=now(),
            )
        )

    def next_wake(self, uuid: str | None = None) -> float | None:
        """Return in how many seconds the next object is to be woken, if any is.

        :param uuid: the run whose timers are asked for; events, and what a person is
            asked, have a deadline only.
        """
        kinds = ("timer", "event", None) if uuid is None else ("timer",)
        return self._soonest(kinds, uuid)

    def is_due(self) -> bool:
        """Say whether there is anything to be woken, looked at, or sent again."""
        soonest = self._soonest(("timer", "event", None, "queue"))
        return soonest is not None and soonest <= 0

    def _soonest(
        self, kinds: Sequence[str | None], uuid: str | None = None
    ) -> float | None:
        each = [_soonest(kind, uuid) for kind in kinds]
        either = union_all(*each).subquery()
        asked = select(either.c.wake_at, now().label("at")).order_by(either.c.wake_at)
        with self._transactions.looking() as connection:
            row = connection.execute(asked.limit(1)).one_or_none()
        return None if row is None else (row.wake_at - row.at).total_seconds()

    def take_woken(self, uuid: str) -> WorkflowObject | None:
        """Claim an object of the run whose time has come, if nobody else has."""
        due = (
            select(OBJECTS.c.id)
            .where(OBJECTS.c.id_workflow == uuid, OBJECTS.c.waits_for == "timer", _due)
            .limit(1)
        )

        def work(connection: Connection) -> int | None:
            oid = connection.execute(due).scalar_one_or_none()
            if oid is not None:
                self._wake(connection, [oid])
            return oid

        oid = self._transactions.run(work)
        taken = None if oid is None else self.take_one(oid, limited=False)
        return None if taken is None else taken[0]

    def send_event(self, name: str, key: str, payload: Any) -> list[tuple[str, int]]:
        """Wake the objects that wait for an event, or keep it; return queue and id."""
        lease = self._settings.lease_seconds
        return self._transactions.joined(
            lambda connection: deliver(connection, name, key, payload, lease)
        )

    def forget_events(self, limit: int) -> int:
        """Delete the events that nobody came for; return how many.

        They are looked for once a minute, or as soon as they are old.
        """
        ttl, at = self._settings.event_ttl, time.monotonic()
        if at < self._next_forget:
            return 0
        self._next_forget = at + min(ttl / 2, _FORGET)
        return self._transactions.run(lambda on: forget(on, ttl, limit))

    def unsent(self, limit: int) -> list[tuple[str, int]]:
        """Return queue and id of objects that are to be sent again, and note it.

        Each time an object is sent it is given twice as long, up to 10 minutes.
        """

        def work(connection: Connection) -> list[tuple[str, int]]:
            due = (
                select(OBJECTS.c.id, OBJECTS.c.queue, OBJECTS.c.rank, OBJECTS.c.sends)
                .where(_IN_QUEUE, _due)
                .order_by(OBJECTS.c.wake_at)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            rows = connection.execute(due).all()
            for sends in {row.sends for row in rows}:
                delay = min(self._settings.lease_seconds << min(sends, 10), _LONGEST)
                connection.execute(
                    update(OBJECTS)
                    .where(
                        OBJECTS.c.id.in_([r.id for r in rows if r.sends == sends]),
                        # Plainly put, SQLite goes through the index of all queued.
                        func.coalesce(OBJECTS.c.waits_for, "") == "queue",
                    )
                    .values(sends=min(sends + 1, 1000), wake_at=later(literal(delay)))
                )
            return [(row.queue, row.id) for row in sorted(rows, key=_order)]

        return self._transactions.run(work)
