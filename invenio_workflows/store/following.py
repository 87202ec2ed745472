"""The objects of a start that come one after the other, under one caller."""

from __future__ import annotations

from collections import deque
from typing import Any

from sqlalchemy import Connection, literal_column, select, update

from ..checkpoint import RunInfo
from ..objects import WorkflowObject
from ..states import ObjectStatus as S
from . import statements as sql
from .documents import Documents
from .leases import owner
from .prepared import Change
from .rows import started_row
from .runs import settle_run
from .statements import OBJECTS, _n, _p
from .told_with_it import HOLD_AND_TELL, SAID

#: An object that waits for its branches goes on alone; others no longer follow it.
PASS_ON = Change(
    update(OBJECTS)
    .where(
        OBJECTS.c.id == _p("oid", OBJECTS.c.id),
        OBJECTS.c.waits_for == literal_column("'join'"),
        OBJECTS.c.in_start == _n(1),
    )
    .values(in_start=_n(0))
)

#: Those that come next in a run and never ran.
UPCOMING = (
    select(*sql.COLUMNS)
    .where(
        OBJECTS.c.id_workflow == _p("uuid", OBJECTS.c.id_workflow),
        OBJECTS.c.id_parent.is_(None),
        OBJECTS.c.status == _n(S.INITIAL),
        OBJECTS.c.position > _p("after", OBJECTS.c.position),
    )
    .order_by(OBJECTS.c.position)
    .limit(_p("n", OBJECTS.c.position))
)


class Following(Documents):
    """The part of a store that claims who follows."""

    batch_size: int
    lease_seconds: int

    @property
    def owner(self) -> str:
        """Who holds the leases that are taken here and now."""
        return owner()

    def take_next(
        self,
        connection: Connection,
        run: RunInfo,
        after: int,
        told: list[dict[str, Any]],
    ) -> WorkflowObject | None:
        """Claim the next object of a start that never ran; ``None`` at the end.

        :param told: takes the events that the caller has yet to write.
        """
        while run.last is None or after < run.last:
            if not run.upcoming or run.upcoming[-1].position <= after:
                run.upcoming = self._look_ahead(connection, run, after)
            if not run.upcoming:
                return None
            for obj in run.upcoming:
                if obj.position > after:
                    if self._hold(connection, obj, told):
                        return obj
                    after = obj.position  # someone else moved it
        return None

    def as_held(self, obj: WorkflowObject) -> dict[str, Any]:
        """Return what is inserted of an object that is made held, the first of a start.

        Its document is brought up to date like one that is claimed, by
        :func:`taken_up`.
        """
        seq = obj.columns["seq"] + 1
        return {
            "status": int(S.RUNNING),
            "fence": obj.columns["fence"] + 1,
            "seq": seq,
            "revision": seq,
            "in_start": 1,
            "lease_owner": self.owner,
            "lease": self.lease_seconds,
        }

    def _look_ahead(
        self, connection: Connection, run: RunInfo, after: int
    ) -> deque[WorkflowObject]:
        parameters = {"uuid": run.uuid, "after": after, "n": self.batch_size}
        rows = connection.execute(UPCOMING, parameters)
        return deque(self.document(row) for row in rows)

    def _hold(
        self, connection: Connection, obj: WorkflowObject, told: list[dict[str, Any]]
    ) -> bool:
        columns = obj.columns
        parameters = {
            "oid": columns["id"],
            "seen_seq": columns["seq"],
            "seen_fence": columns["fence"],
            "owner": self.owner,
            "lease": self.lease_seconds,
        }
        started = started_row(obj)
        if connection.dialect.name == "postgresql":
            parameters |= {f"{n}_0": started[n] for n in SAID}
            return HOLD_AND_TELL(connection, parameters) == 1
        if sql.HOLD(connection, parameters) != 1:
            return False
        told.append(started)
        return True

    def pass_on(
        self, obj: WorkflowObject, run: RunInfo, stops: bool
    ) -> WorkflowObject | None:
        """Claim the next object of a start, though this one waits for its branches.

        :param stops: those that follow are not started.
        :return: ``None`` if it does not wait any more, or was the last.
        """

        def work(connection: Connection) -> WorkflowObject | None:
            given = PASS_ON(connection, {"oid": obj.id})
            if given != 1 or stops:
                return None
            told: list[dict[str, Any]] = []
            taken = self.take_next(connection, run, obj.position, told)
            tell(connection, told)
            if taken is not None:
                settle_run(connection, run.uuid)
            return taken

        taken = self.transactions.run(work)
        if taken is not None:
            taken_up(run, taken)
        return taken


def tell(connection: Connection, events: list[dict[str, Any]]) -> None:
    """Write events, if there are any."""
    if events:
        sql.INSERT_EVENT(connection, events if len(events) > 1 else events[0])


def taken_up(run: RunInfo, obj: WorkflowObject) -> None:
    """Let the document say that it was claimed in a start; it is no longer ahead."""
    while run.upcoming and run.upcoming[0].position <= obj.position:
        run.upcoming.popleft()
    columns = obj.columns
    columns["seq"] = columns["revision"] = columns["seq"] + 1
    columns |= {"fence": columns["fence"] + 1, "in_start": 1, "attempts": 0}
    columns |= {"status": S.RUNNING, "waits_for": None}
