"""What is written of a run when its objects move."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, literal_column, null, update

from ..checkpoint import Changes
from ..encoding import dumps, loads
from ..errors import WorkflowError, WorkflowsError
from ..states import ENDED_RUN
from . import statements as sql
from .kinds import now
from .prepared import Prepared
from .statements import OBJECTS
from .transactions import TaskWritesLost

#: The objects that wait for the end of a run run their task again.
JOIN = Prepared(
    update(OBJECTS)
    .where(
        OBJECTS.c.event_key == bindparam("uuid", type_=OBJECTS.c.event_key.type),
        OBJECTS.c.event_name.is_(None),
        OBJECTS.c.waits_for == literal_column("'join'"),
    )
    .values(
        waits_for=literal_column("'queue'"),
        event_key=null(),
        wake_at=now(),
        sends=literal_column("0"),
        modified=now(),
    )
    .returning(OBJECTS.c.id_workflow)
)


def settle_run(connection: Connection, uuid: str, alone: bool = False) -> None:
    """Set the run's status from its objects', under the lock of its row.

    :param alone: the run has one object, whose row is locked already: nobody else
        can move the run.
    """
    if not alone:
        lock_run(connection, uuid)
    _settle(connection, uuid)


def settle_left(connection: Connection, uuid: str) -> None:
    """Set the run's status after an object left it, if it was the last to move.

    The lock makes two that leave at once see each other; as long as others move,
    the run's row is not written.
    """
    lock_run(connection, uuid)
    (moves,) = sql.STILL_MOVING.first(connection, {"uuid": uuid})
    if not moves:
        _settle(connection, uuid)


def _settle(connection: Connection, uuid: str) -> None:
    row = sql.SETTLE_RUN.first(connection, {"uuid": uuid})
    if row is not None and row[1] and row[0] in ENDED_RUN:
        woken = set(JOIN(connection, {"uuid": uuid}).scalars())
        for other in sorted(woken):
            sql.SETTLE_RUN(connection, {"uuid": other}).close()


def lock_run(connection: Connection, uuid: str) -> None:
    """Let nobody else change the status of the run until this is committed."""
    if connection.dialect.name == "postgresql":
        sql.LOCK_RUN(connection, {"uuid": uuid})


def merge(connection: Connection, uuid: str, changes: Changes) -> dict[str, Any]:
    """Put changes into what the run's objects share, under its lock; return all.

    :raises TaskWritesLost: if they do not fit what is there by now.
    """
    text = sql.READ_SHARED(connection, {"uuid": uuid}).scalar_one()
    try:
        merged = changes.apply(loads(text))
        shared = dumps(merged, "eng.extra_data")
    except (TypeError, WorkflowsError) as error:
        told = WorkflowError(
            "What the task changed in eng.extra_data does not fit what another worker "
            f"has put there meanwhile: {error}"
        )
        raise TaskWritesLost(told) from error
    sql.WRITE_SHARED(connection, {"run": uuid, "shared": shared})
    return merged
