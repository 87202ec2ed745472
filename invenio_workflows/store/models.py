"""The tables. Columns and keys only; the rows are public, for joins and reports.

They are written by the statements of :mod:`.sql` and never by a session: what a
user changes in a row is overwritten, or refused, at the object's next step.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from ..extra_data import default_extra_data
from ..states import ObjectStatus, WorkflowStatus
from .kinds import BigId, Encoded, UTCDateTime, now


class Base(DeclarativeBase):
    """Our own metadata: the tables join any database and touch no other model."""


class Workflow(Base):
    """A run: one execution of a definition over one or many objects."""

    __tablename__ = "workflows_run"
    __table_args__ = (
        CheckConstraint("status BETWEEN 0 AND 5", name="ck_workflows_run_status"),
        Index("ix_workflows_run_status_modified", "status", "modified"),
        {"sqlite_with_rowid": False},
    )

    uuid: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    status_number: Mapped[int] = mapped_column(
        "status", SmallInteger, default=WorkflowStatus.NEW
    )
    extra_data: Mapped[Any] = mapped_column(Encoded, default=dict)
    id_user: Mapped[int] = mapped_column(Integer, default=0)
    stop_on_halt: Mapped[int] = mapped_column(SmallInteger, default=0)
    stop_on_error: Mapped[int] = mapped_column(SmallInteger, default=1)
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    #: Whether an object of another run may wait for the end of this one.
    awaited: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    created: Mapped[datetime] = mapped_column(UTCDateTime, default=now())
    modified: Mapped[datetime] = mapped_column(UTCDateTime, default=now())

    @property
    def status(self) -> WorkflowStatus:
        """The status of the run."""
        return WorkflowStatus(self.status_number)

    def get_extra_data(self) -> dict[str, Any]:
        """Return what the objects of the run share."""
        return cast("dict[str, Any]", self.extra_data)

    def __repr__(self) -> str:
        return f"<Workflow {self.name} {self.uuid} {self.status.name}>"


def _partial(name: str, condition: str, *columns: Any) -> Index:
    """An index of the few rows for which the condition holds."""
    where = text(condition)
    return Index(
        f"ix_workflows_object_{name}",
        *columns,
        postgresql_where=where,
        sqlite_where=where,
    )


#: What lists and counts show: no snapshot; a branch only while it needs somebody.
#: Word for word in the queries: else no database sees that an index is meant.
LISTED = "id_parent IS NULL AND (id_fork IS NULL OR status IN (2, 5))"
IS_LISTED = text(LISTED)
#: Those that are at work come and go all the time and are never more than there are
#: workers: an index without them is not written when one is taken and put down.
RESTING = "status <> 3"
IS_RESTING = text(RESTING)
LISTED_AT_REST = f"{LISTED} AND {RESTING}"
#: Those that have begun, and do not move: halted, waiting or failed.
STANDING = "stands_at IS NOT NULL AND status IN (2, 4, 5)"
IS_STANDING = text(STANDING)
#: What is to be answered by a time, or was to be.
DUE = f"deadline IS NOT NULL AND {LISTED}"


class ObjectRow(Base):
    """Where a :class:`~invenio_workflows.objects.WorkflowObject` is kept.

    ``action``, ``message`` and ``error`` repeat what ``extra_data`` says, for lists;
    lists show the rows of :data:`LISTED`.
    ``modified`` is when it was last saved, taken up or put down: while it runs no
    column of an index changes, so that a checkpoint writes as little as can be.
    """

    __tablename__ = "workflows_object"
    __table_args__ = (
        CheckConstraint("status BETWEEN 0 AND 6", name="ck_workflows_object_status"),
        CheckConstraint(
            "waits_for IN ('queue', 'timer', 'event', 'join')",
            name="ck_workflows_object_waits_for",
        ),
        Index("ix_workflows_object_run", "id_workflow", "position"),
        _partial("parent", "id_parent IS NOT NULL", "id_parent"),
        _partial(
            *("list", LISTED_AT_REST),
            *("status", "modified", "id", "waits_for", "workflow", "id_user"),
        ),
        _partial(
            *("recent", LISTED),
            *("modified", "id", "status", "waits_for", "workflow", "id_user"),
            *("action", "data_type"),
        ),
        _partial("newest", LISTED_AT_REST, "status", "workflow", "id", "waits_for"),
        _partial("action", f"action IS NOT NULL AND {LISTED}", "action", "id"),
        _partial(
            *("owner", f"id_user <> 0 AND {LISTED}"),
            *("id_user", "modified", "id", "status", "waits_for", "workflow"),
            *("action", "data_type"),
        ),
        _partial("uri", f"uri <> '' AND {LISTED}", "uri"),
        _partial(
            *("place", STANDING),
            *("workflow", "stands_at", "stands_since", "id", "status", "waits_for"),
        ),
        # With what their condition says, which SQLite looks up in the table else.
        _partial("running", "status = 3", "id_workflow", "status", "id"),
        _partial("queued", "waits_for = 'queue'", "id_workflow", "waits_for"),
        _partial("queue", "waits_for = 'queue'", "queue", "rank", "id"),
        _partial("wake", "wake_at IS NOT NULL", "waits_for", "wake_at"),
        _partial("announce", "announce_at IS NOT NULL", "announce_at"),
        _partial("deadline", DUE, "deadline", "id"),
        _partial("fork", "id_fork IS NOT NULL", "id_fork", "fork"),
        _partial("event", "event_key IS NOT NULL", "event_name", "event_key"),
        _partial(
            "limited", "status = 3 AND concurrency_key IS NOT NULL", "concurrency_key"
        ),
        _partial(
            "limited_queue",
            "waits_for = 'queue' AND concurrency_key IS NOT NULL",
            "concurrency_key",
            "wake_at",
        ),
        _partial(
            "held_back",
            "waits_for = 'queue' AND concurrency_key IS NOT NULL AND wake_at IS NULL",
            "concurrency_key",
            "rank",
            "id",
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    id_workflow: Mapped[str | None] = mapped_column(
        ForeignKey(
            "workflows_run.uuid",
            name="fk_workflows_object_run",
            ondelete="CASCADE",
        )
    )
    id_parent: Mapped[int | None] = mapped_column(
        BigId,
        ForeignKey(
            "workflows_object.id",
            name="fk_workflows_object_parent",
            ondelete="CASCADE",
        ),
    )
    position: Mapped[int] = mapped_column(Integer, default=0)
    status: Mapped[int] = mapped_column(SmallInteger, default=ObjectStatus.INITIAL)
    waits_for: Mapped[str | None] = mapped_column(String(10))
    data: Mapped[Any] = mapped_column(Encoded, default=dict)
    extra_data: Mapped[Any] = mapped_column(Encoded, default=default_extra_data)
    cursor: Mapped[Any] = mapped_column(Encoded, nullable=True)
    #: Of the cursor, when it was put down last: the definition's fingerprint, a colon
    #: and the path; and since when it has been there.
    stands_at: Mapped[str | None] = mapped_column(
        String(255).with_variant(String(255, collation="C"), "postgresql")
    )
    stands_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    revision: Mapped[int] = mapped_column(Integer, default=0)
    seq: Mapped[int] = mapped_column(Integer, default=0)
    fence: Mapped[int] = mapped_column(Integer, default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(255))
    lease_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    in_start: Mapped[int] = mapped_column(SmallInteger, default=0)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    #: Where a worker is to begin; none: at the first task.
    start_point: Mapped[str | None] = mapped_column(String(255))
    queue: Mapped[str | None] = mapped_column(String(100))
    #: Which of the queued is taken first: the smallest; the priority's negative.
    rank: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    #: With which others it is counted where a limit says how many run at once.
    concurrency_key: Mapped[str | None] = mapped_column(String(511))
    #: When it is to be looked at again: sent anew, woken, or reminded of; at the
    #: deadline of its halt. None for one that is queued: no message is on its way,
    #: for its key was full when one came.
    wake_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    #: How often it was sent to a worker since it is queued.
    sends: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    #: Until when what it asks may be answered, and how many reminders are done.
    deadline: Mapped[datetime | None] = mapped_column(UTCDateTime)
    reminded: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    #: What the halt itself says of who may answer it, and how, as JSON.
    rules: Mapped[str | None] = mapped_column(Text)
    #: How often the task that it stands at has failed.
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    #: What the worker that holds it is to do at the next checkpoint: ``cancel``.
    wanted: Mapped[str | None] = mapped_column(String(10))
    #: What it waits for: the event of this name and key; without a name, the run.
    event_name: Mapped[str | None] = mapped_column(String(100))
    event_key: Mapped[str | None] = mapped_column(String(255))
    #: When a sweep tells listeners that it asks something of a person, if its own
    #: process has not: none once they were told, or if nobody listened.
    announce_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    #: Of a branch: the object that waits for it, that one's event of which it came,
    #: and which of the branches it is.
    id_fork: Mapped[int | None] = mapped_column(BigId)
    fork: Mapped[int | None] = mapped_column(Integer)
    branch: Mapped[int | None] = mapped_column(SmallInteger)
    #: How many of its branches must be done before it goes on.
    needs: Mapped[int | None] = mapped_column(SmallInteger)
    #: How far the task at work is, by its own word: done, total and message.
    progress: Mapped[Any] = mapped_column(Encoded, nullable=True)
    workflow_name: Mapped[str] = mapped_column("workflow", String(255), default="")
    data_type: Mapped[str] = mapped_column(String(150), default="")
    uri: Mapped[str] = mapped_column(String(500), default="")
    id_user: Mapped[int] = mapped_column(Integer, default=0)
    action: Mapped[str | None] = mapped_column(String(100))
    message: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    #: What the workflow's ``get_title`` and ``get_description`` made of it when it was
    #: last put down; which of the two is HTML (1 and 2, added); and a digest of the
    #: code that made them.
    title: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    markup: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    shown_by: Mapped[int | None] = mapped_column(Integer)
    created: Mapped[datetime] = mapped_column(UTCDateTime, default=now())
    modified: Mapped[datetime] = mapped_column(UTCDateTime, default=now())


class EventRow(Base):
    """One thing that happened to an object, with the columns that it changed.

    Without a foreign key: an event is only ever written with its object's row, in
    one transaction, and to look that row up again would cost a tenth of it.
    """

    __tablename__ = "workflows_event"

    id_object: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    #: Which event of the object it is, counted from 1.
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    id_workflow: Mapped[str | None] = mapped_column(String(36))
    kind: Mapped[str] = mapped_column(String(30))
    task: Mapped[str | None] = mapped_column(String(255))
    path: Mapped[str | None] = mapped_column(String(255))
    status: Mapped[int] = mapped_column(SmallInteger)
    data: Mapped[Any] = mapped_column(Encoded, nullable=True)
    extra_data: Mapped[Any] = mapped_column(Encoded, nullable=True)
    message: Mapped[str | None] = mapped_column(Text)
    payload: Mapped[Any] = mapped_column(Encoded, nullable=True)
    seconds: Mapped[float | None] = mapped_column(Float)
    created: Mapped[datetime] = mapped_column(UTCDateTime, default=now())


class KeptEvent(Base):
    """An event that came from outside, kept for the first object that waits for it."""

    __tablename__ = "workflows_kept_event"
    __table_args__ = (
        Index("ix_workflows_kept_event_name", "name", "key", "id"),
        Index("ix_workflows_kept_event_created", "created"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    key: Mapped[str] = mapped_column(String(255))
    payload: Mapped[Any] = mapped_column(Encoded, nullable=True)
    created: Mapped[datetime] = mapped_column(UTCDateTime)


class Once(Base):
    """What a task did outside of the database, and is not to do again."""

    __tablename__ = "workflows_once"

    id_object: Mapped[int] = mapped_column(
        BigId,
        ForeignKey(
            "workflows_object.id", name="fk_workflows_once_object", ondelete="CASCADE"
        ),
        primary_key=True,
        autoincrement=False,
    )
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    result: Mapped[Any] = mapped_column(Encoded, nullable=True)
    created: Mapped[datetime] = mapped_column(UTCDateTime)


class LogRow(Base):
    """A log line of an object or of a run."""

    __tablename__ = "workflows_log"
    __table_args__ = (
        Index("ix_workflows_log_object", "id_object", "id"),
        Index("ix_workflows_log_run", "id_workflow", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    id_object: Mapped[int | None] = mapped_column(
        BigId,
        ForeignKey(
            "workflows_object.id",
            name="fk_workflows_log_object",
            ondelete="CASCADE",
        ),
    )
    id_workflow: Mapped[str | None] = mapped_column(
        String(36),
        ForeignKey(
            "workflows_run.uuid",
            name="fk_workflows_log_run",
            ondelete="CASCADE",
        ),
    )
    level: Mapped[int] = mapped_column(SmallInteger)
    task: Mapped[str | None] = mapped_column(String(255))
    message: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(UTCDateTime)
