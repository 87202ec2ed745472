"""The write side of running: accept, claim, record. Each is one commit or nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, select

from ..checkpoint import Branch, Changes, Checkpoint, EventLine, RunInfo
from ..decisions import who_decided
from ..definition.workflow import Definition
from ..errors import (
    IllegalMove,
    LeaseLost,
    ObjectNotFound,
    WorkflowNotFound,
)
from ..objects import WorkflowObject
from ..pausing import begin_anew
from ..states import ObjectStatus, WorkflowStatus
from . import statements as sql
from .audit import keep_event, last_decision
from .due import due, keep_place, leave_place
from .failures import is_passing
from .following import Following as Following
from .following import taken_up as taken_up
from .following import tell as tell
from .forks import (
    branches_of,
    cancel_branches,
    join,
    lock_origin,
    make_branches,
)
from .heartbeat import Heartbeat
from .meeting import meet
from .once import Once
from .rows import (
    TOLD_WITH_IT,
    as_seen,
    derive,
    event_rows,
    is_one_statement,
    projections,
    run_of,
    said,
    stands_at,
    task_lines,
    waiting,
)
from .runs import merge, settle_left, settle_run
from .showing import Showing
from .shown import keep_shown
from .standing_at import write_cursor
from .told_with_it import advance_and_tell
from .transactions import TaskWritesLost as TaskWritesLost
from .transactions import Transactions, begin

#: Stopped, and not for ever.
ASLEEP = (ObjectStatus.HALTED, ObjectStatus.WAITING, ObjectStatus.ERROR)


class SQLStore(Following, Once):
    """Keeps runs, objects, events and log lines."""

    def __init__(
        self,
        transactions: Transactions,
        lease_seconds: int,
        batch_size: int,
        queue_of: Callable[[str], str],
        definition_of: Callable[[str], Definition | None] = lambda name: None,
    ) -> None:
        super().__init__(transactions)
        #: What lists keep of an object.
        self.showing = Showing(transactions, definition_of)
        self.moving = Heartbeat(transactions.database, lease_seconds)
        self.forked()
        begin_anew(self)
        self.batch_size = batch_size
        #: The queue of a workflow, by its name.
        self.queue_of = queue_of
        self.lease_seconds = lease_seconds
        self.held = transactions.held
        self.undo = transactions.undo
        self.is_busy = is_passing

    def forked(self) -> None:
        """Stop nothing that the parent was to stop."""
        #: Set when the workers of this process are to stop.
        self.stopping = threading.Event()
        #: Set when an object went to sleep that a clock wakes.
        self.dozed = threading.Event()

    def refresh(self, obj: WorkflowObject) -> bool:
        """Make the document what is kept, and say whether it is still ours to move."""
        self.undo()
        with self.transactions.reading() as connection:
            row = connection.execute(
                select(*sql.COLUMNS).where(sql.OBJECTS.c.id == obj.id)
            ).one_or_none()
        if row is None or row.fence != obj.columns["fence"]:
            return False
        self.document(row, obj)
        return obj.status == ObjectStatus.RUNNING

    # --- a worker that holds an object --------------------------------------------

    def record(self, point: Checkpoint) -> WorkflowObject | None:
        """Keep a checkpoint and what the task wrote itself, in one commit.

        :return: the next object of the run, if it was to be taken and there is one.
        :raises LeaseLost: if another worker holds the object now.
        :raises TaskWritesLost: if what the task wrote is refused.
        """

        def work(connection: Connection) -> WorkflowObject | None:
            if point.leaves:
                lock_origin(connection, point.obj)
            meet(connection, point)
            told = self._advance(connection, point)
            if shown is not None:
                keep_shown(connection, [(point.obj.id, shown)])
            if point.due is not None:
                keep_place(connection, point.obj.id, point.due)
            self._branch(connection, point)
            taken = None
            if point.take_next:
                after = point.obj.position
                taken = self.take_next(connection, point.run, after, told)
            tell(connection, told)
            if point.ends_run:
                sql.LEAVE_OUT(connection, {"uuid": point.run.uuid})
            if point.follow is not None and taken is None:
                point.followed = point.follow(connection)
            if point.lines:
                sql.INSERT_TASK_LINE(connection, task_lines(point))
            if point.changes:
                point.shared = merge(connection, point.run.uuid, point.changes)
            if point.leaves and taken is None and not goes_on(point):
                if point.run.last == 0 and not point.run.forked:
                    settle_run(connection, point.run.uuid, alone=True)
                else:
                    settle_left(connection, point.run.uuid)
            return taken

        shown = self.showing.at(point) if point.leaves else None
        claim, alone = point.follow if shown is None else None, is_one_statement(point)
        point.followed = None if claim is None else claim.behind(point, self._moved)
        taken = None if point.followed else self.transactions.run(work, alone=alone)
        point.settle()
        if point.awaited is not None or point.deadline is not None:
            self.dozed.set()
        if taken is not None:
            taken_up(point.run, taken)
        return taken

    def announced(self, point: Checkpoint) -> None:
        """Keep that listeners were told that an object asks something of a person."""
        self.keep_announced(point.obj.id, point.obj.columns["fence"])

    def keep_announced(self, oid: int, fence: int) -> None:
        """Keep it, if the object was not taken since: then there is another halt."""
        mine = {"oid": oid, "held": fence}
        self.transactions.run(lambda on: sql.ANNOUNCED(on, mine), alone=True)

    def _advance(
        self, connection: Connection, point: Checkpoint, asked: bool = False
    ) -> list[dict[str, Any]]:
        """Write the object, if the lease is held; return the events yet to write."""
        changed = point.data is not None, point.extra_data is not None
        is_due = point.deadline is not None or point.rules is not None
        how = *changed, point.leaves, point.waits, asked, is_due
        parameters = self._moved(point)
        if is_due:
            parameters |= due(connection, point)
        is_postgresql = connection.dialect.name == "postgresql"
        if is_postgresql and parameters.get("until"):
            parameters["until"] += "+00"
        rows: list[dict[str, Any]] = []
        events = len(point.events)
        if is_postgresql and events <= TOLD_WITH_IT:
            statement = advance_and_tell(*how, events=events)
            parameters |= said(point.events)
            kept = statement(connection, parameters) == events
        else:
            rows = event_rows(point)
            kept = sql.advance(*how)(connection, parameters) == 1
        if kept:
            return rows
        mine = {"oid": point.obj.id, "held": point.obj.columns["fence"]}
        if not asked and sql.WANTED(connection, mine).scalar_one_or_none():
            point.cancel()
            lock_origin(connection, point.obj)
            return self._advance(connection, point, asked=True)
        raise LeaseLost(
            f"Object {point.obj.id} is moved by another worker now; what this one "
            "did since the last checkpoint is undone.",
            id_object=point.obj.id,
        )

    def _branch(self, connection: Connection, point: Checkpoint) -> None:
        """Make the branches of an object; let one go on whose branch this was."""
        if not point.branches and point.obj.columns.get("id_fork") is None:
            return
        who = self.owner, self.lease_seconds
        if point.branches:
            make_branches(connection, point, *who)
        row = join(connection, point.obj, point.status, *who, point)
        point.joined = None if row is None else self.document(row)
        point.run.forked = True

    def _moved(self, point: Checkpoint) -> dict[str, Any]:
        """Return the parameters of the object's new state."""
        obj, columns = point.obj, point.obj.columns
        seq = columns["seq"] + len(point.events)
        changed = point.data is not None or point.extra_data is not None
        parameters = {
            "oid": columns["id"],
            "held": columns["fence"],
            "cursor": point.cursor,
            "seq": seq,
            "revision": seq if changed or point.leaves else columns["revision"],
        }
        if point.data is not None:
            parameters["data"] = point.data
        if point.extra_data is not None:
            parameters["extra_data"] = point.extra_data
        if point.leaves:
            parameters |= {"status": int(point.status), "waits_for": point.waits_for}
            parameters |= projections(obj.extra_data, point.status)
            sleeps = point.status in ASLEEP
            parameters["stands_at"] = stands_at(point.cursor) if sleeps else None
            parameters["announce"] = self.lease_seconds if point.announces else None
            if point.waits:
                parameters |= waiting(point)
        else:
            parameters["lease"] = self.lease_seconds
        return parameters

    # --- taking an object ---------------------------------------------------------

    def take(
        self,
        obj: WorkflowObject,
        event: EventLine,
        data: str,
        extra_data: str,
        in_start: bool = False,
        attempts: int = 0,
        start_point: str | None = None,
        cursor: str | None = None,
    ) -> None:
        """Claim an object that stands as the document says, with its data as given.

        :param start_point: where whoever takes it over is to begin; none: at its
            last checkpoint.
        :param cursor: where it stands, if that is another place, or knows more.
        :raises IllegalMove: if it moved meanwhile; saying what its status is now.
        """
        columns = obj.columns

        def work(connection: Connection) -> None:
            taken = sql.TAKE(
                connection,
                {
                    **as_seen(obj),
                    "owner": self.owner,
                    "lease": self.lease_seconds,
                    "in_start": int(in_start),
                    "attempts": attempts,
                    "start_point": start_point,
                    "new_key": columns.get("concurrency_key"),
                    "new_data": data,
                    "new_extra_data": extra_data,
                },
            )
            if taken != 1:
                raise self.moved(connection, obj.id, columns["revision"])
            write_cursor(connection, obj.id, cursor)
            seq, texts = columns["seq"] + 1, (data, extra_data)
            keep_event(connection, obj, event, seq, ObjectStatus.RUNNING, texts)
            if obj.waits_for == "join" and event.message != "continue_next":
                cancel_branches(connection, obj.id)
            leave_place(connection, obj)
            if obj.id_workflow is not None:
                settle_run(connection, obj.id_workflow)

        self.transactions.joined(work)
        columns |= {"attempts": attempts, "in_start": int(in_start)}
        columns |= {"waits_for": None, "deadline": None}
        columns |= {"status": ObjectStatus.RUNNING, "fence": columns["fence"] + 1}
        columns |= dict.fromkeys(("seq", "revision"), columns["seq"] + 1)
        columns["cursor"] = cursor or columns["cursor"]
        obj.kept = (data, extra_data)
        derive(obj, self.task_history)

    def moved(
        self, connection: Connection, oid: int, revision: int | None = None
    ) -> IllegalMove:
        """Return the error for an object that is not as it was seen, at a revision."""
        row = connection.execute(
            select(sql.OBJECTS.c.status, sql.OBJECTS.c.waits_for).where(
                sql.OBJECTS.c.id == oid
            )
        ).one_or_none()
        if row is None:
            raise ObjectNotFound(f"There is no object {oid} any more.", id_object=oid)
        status = ObjectStatus(row.status)
        other = None if revision is None else last_decision(connection, oid, revision)
        who = f" {who_decided(*other)}." if other is not None else ""
        return IllegalMove(
            f"Object {oid} was moved by someone else meanwhile; it is {status.name} "
            f"({status.label}) now.{who} Read it again before deciding.",
            id_object=oid,
            status=status.name,
            **({"by": other.actor} if other is not None else {}),
        )

    # --- branches -----------------------------------------------------------------

    def branches_of(self, oid: int) -> list[Branch]:
        """Return the branches that an object was last split into, in their order."""
        with self.transactions.reading() as connection:
            return branches_of(connection, oid, self.document)

    # --- runs -----------------------------------------------------------------------

    def run_info(self, uuid: str) -> RunInfo:
        """Return the run.

        :raises WorkflowNotFound: if there is none of this uuid.
        """
        with self.transactions.reading() as connection:
            row = connection.execute(sql.RUN, {"uuid": str(uuid)}).one_or_none()
        if row is None:
            raise WorkflowNotFound(f"There is no run {uuid!r}.", uuid=str(uuid))
        return run_of(row)

    def run_status(self, uuid: str) -> WorkflowStatus:
        """Return the status of the run."""
        with self.transactions.looking() as connection:
            found = sql.RUN_STATUS(connection, {"uuid": uuid}).scalar_one_or_none()
        if found is None:
            raise WorkflowNotFound(f"There is no run {uuid!r}.", uuid=uuid)
        return WorkflowStatus(found)

    def keep_extra(self, uuid: str, changes: Changes) -> dict[str, Any]:
        """Merge changes into what the run's objects share, and return the whole."""

        def work(connection: Connection) -> dict[str, Any]:
            begin(connection)
            return merge(connection, uuid, changes)

        return self.transactions.run(work)

    def objects_of(
        self,
        uuid: str,
        statuses: Iterable[ObjectStatus] | None = None,
        live: bool = False,
    ) -> list[WorkflowObject]:
        """Return objects of the run by id; live ones alone in the run's order."""
        columns = sql.OBJECTS.c
        query = select(*sql.COLUMNS).where(columns.id_workflow == uuid)
        if statuses is not None:
            query = query.where(columns.status.in_([int(each) for each in statuses]))
        query = query.where(columns.id_fork.is_(None))
        if live:
            query = query.where(columns.id_parent.is_(None))
        query = query.order_by(*([columns.position] if live else []), columns.id)
        with self.transactions.reading() as connection:
            return [self.document(row) for row in connection.execute(query)]


def goes_on(point: Checkpoint) -> bool:
    """Say whether another object of the run is held with this: so the run moves on."""
    return point.followed is not None and point.followed[1].uuid == point.run.uuid
