"""A run from the beginning: each object as its snapshot kept it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)

from ..checkpoint import RunInfo
from ..errors import IllegalMove
from ..objects import WorkflowObject
from ..states import ObjectStatus as S
from . import statements as sql
from .due import forget_place
from .forks import cancel_branches
from .kinds import now
from .once import forget_once
from .runs import settle_run
from .sql import SQLStore, taken_up, tell

#: An object of a run that a worker holds, or that is queued.
MOVING = (
    select(sql.OBJECTS.c.id)
    .where(
        sql.OBJECTS.c.id_workflow == bindparam("uuid"),
        sql.OBJECTS.c.id_parent.is_(None),
        or_(
            sql.OBJECTS.c.status == int(S.RUNNING),
            sql.OBJECTS.c.waits_for == "queue",
        ),
    )
    .limit(1)
)

_snapshot = sql.OBJECTS.alias("snapshot")


def _from_snapshot(name: str) -> Any:
    return (
        select(_snapshot.c[name])
        .where(
            _snapshot.c.id_parent == sql.OBJECTS.c.id,
            _snapshot.c.id_workflow == sql.OBJECTS.c.id_workflow,
        )
        .order_by(_snapshot.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


_OF_RUN = (
    sql.OBJECTS.c.id_workflow == bindparam("run"),
    sql.OBJECTS.c.id_parent.is_(None),
    sql.OBJECTS.c.id_fork.is_(None),
    select(_snapshot.c.id)
    .where(
        _snapshot.c.id_parent == sql.OBJECTS.c.id,
        _snapshot.c.id_workflow == sql.OBJECTS.c.id_workflow,
    )
    .exists(),
)

#: The objects of a run that wait for their branches.
JOINING = select(sql.OBJECTS.c.id).where(
    *_OF_RUN, sql.OBJECTS.c.waits_for == literal_column("'join'")
)

#: All objects of a run as their snapshots kept them.
RESTORE = (
    update(sql.OBJECTS)
    .where(*_OF_RUN)
    .values(
        status=int(S.INITIAL),
        cursor=null(),
        stands_at=null(),
        waits_for=null(),
        wake_at=null(),
        deadline=null(),
        data=_from_snapshot("data"),
        extra_data=_from_snapshot("extra_data"),
        data_type=_from_snapshot("data_type"),
        uri=_from_snapshot("uri"),
        concurrency_key=_from_snapshot("concurrency_key"),
        seq=sql.OBJECTS.c.seq + 1,
        revision=sql.OBJECTS.c.seq + 1,
        attempts=0,
        action=null(),
        message=null(),
        error=null(),
        modified=now(),
    )
)

RESTORED = insert(sql.EVENTS).from_select(
    "id_object id_workflow seq kind status data extra_data created".split(),
    select(
        sql.OBJECTS.c.id,
        sql.OBJECTS.c.id_workflow,
        sql.OBJECTS.c.seq,
        literal_column("'Restored'"),
        sql.OBJECTS.c.status,
        sql.OBJECTS.c.data,
        sql.OBJECTS.c.extra_data,
        now(),
    ).where(*_OF_RUN),
)


def start_over(store: SQLStore, run: RunInfo) -> WorkflowObject | None:
    """Give each object of a run what its snapshot kept, and claim the first.

    :raises IllegalMove: if a worker holds one of them.
    """

    def work(connection: Connection) -> WorkflowObject | None:
        restore(connection, run)
        told: list[dict[str, Any]] = []
        first = store.take_next(connection, run, -1, told)
        tell(connection, told)
        settle_run(connection, run.uuid)
        return first

    first = store.transactions.joined(work)
    if first is not None:
        taken_up(run, first)
    return first


def restore(connection: Connection, run: RunInfo) -> None:
    """Give each object of a run what its snapshot kept.

    :raises IllegalMove: if a worker holds one of them.
    """
    sql.LOCK_RUN(connection, {"uuid": run.uuid})
    busy = connection.execute(MOVING, {"uuid": run.uuid}).first()
    if busy is not None:
        raise IllegalMove(
            f"The run {run.uuid} is moving: object {busy.id} is in process. "
            "Wait until it stops, or cancel it.",
            id_object=busy.id,
        )
    for oid in connection.execute(JOINING, {"run": run.uuid}).scalars().all():
        cancel_branches(connection, oid)
    connection.execute(RESTORE, {"run": run.uuid})
    connection.execute(RESTORED, {"run": run.uuid})
    mine = select(sql.OBJECTS.c.id).where(sql.OBJECTS.c.id_workflow == run.uuid)
    forget_once(connection, mine)
    forget_place(connection, mine)
    run.extra_data = {}
    sql.WRITE_SHARED(connection, {"run": run.uuid, "shared": "{}"})
