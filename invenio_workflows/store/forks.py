"""Branches of an object: made when it goes to sleep, joined when enough are done.

Who ends a branch takes the lock of the object that waits for it first, then its own:
so two that end at once see each other, and nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from sqlalchemy import (
    Connection,
    func,
    insert,
    literal,
    literal_column,
    null,
    select,
    update,
)

from ..checkpoint import Branch, Checkpoint, EventLine
from ..encoding import loads
from ..errors import IllegalMove
from ..objects import WorkflowObject
from ..states import ObjectStatus as S
from . import statements as sql
from .ids import new_ids
from .kinds import later, now
from .prepared import Change
from .rows import event_row, stands_at, values_of
from .runs import lock_run
from .statements import OBJECTS, TAKEN, _n, _p
from .transactions import begin

_columns = OBJECTS.c
_ENDED = (int(S.COMPLETED), int(S.CANCELLED))

_BRANCH = sql.OBJECT_COLUMNS + ["id_fork", "fork", "branch"]


def _made(**values: Any) -> Change:
    columns = {name: _p(name, _columns[name]) for name in _BRANCH}
    return Change(
        insert(OBJECTS).values(
            **columns,
            attempts=_n(0),
            start_point=literal_column("'resume'"),
            stands_at=_p("stands_at", _columns.stands_at),
            stands_since=now(),
            created=now(),
            modified=now(),
            **values,
        )
    )


#: A branch that its maker holds, and moves itself …
_HELD = _made(lease_until=later(_p("lease", _columns.position)))
#: … and one that is sent to a worker.
_SENT = _made(
    waits_for=literal_column("'queue'"),
    queue=_p("queue", _columns.queue),
    rank=_p("rank", _columns.rank),
    sends=_n(1),
    wake_at=later(_p("lease", _columns.position)),
)

#: The object goes on, with whoever ended the branch …
_GO_ON = (
    update(OBJECTS)
    .where(_columns.id == _p("oid", _columns.id))
    .values(**TAKEN, needs=null())
    .returning(*sql.COLUMNS)
)
#: … or with a worker.
_QUEUE = (
    update(OBJECTS)
    .where(_columns.id == _p("oid", _columns.id))
    .values(
        waits_for="queue",
        needs=null(),
        wake_at=later(_p("lease", _columns.position)),
        sends=_p("sends", _columns.sends),
        modified=now(),
    )
    .returning(*sql.COLUMNS)
)


def lock_origin(connection: Connection, obj: WorkflowObject) -> None:
    """Lock the object that waits for this one, if it is a branch."""
    if obj.id_fork is None:
        return
    begin(connection)
    connection.execute(
        select(_columns.id).where(_columns.id == obj.id_fork).with_for_update()
    )


def make_branches(
    connection: Connection, point: Checkpoint, owner: str, lease: int
) -> None:
    """Save the branches that are made with a checkpoint, held or queued."""
    obj, status = point.obj, S.RUNNING if point.drives else S.WAITING
    # Each new row looks the run up and shares its lock; two that then want it alone
    # would wait for each other.
    lock_run(connection, point.run.uuid)
    fork = obj.columns["seq"] + len(point.events)
    common: dict[str, Any] = {"fork": fork, "fence": int(point.drives)}
    common |= {"lease_owner": owner if point.drives else None, "lease": lease}
    common |= {"queue": point.queue, "rank": -point.run.priority}
    rows, events = [], []
    ids = new_ids(connection, len(point.branches))
    for number, (oid, branch) in enumerate(zip(ids, point.branches, strict=True)):
        branch.columns |= {"id": oid, "id_fork": obj.id, "branch": number}
        branch.columns |= {"status": status, "fence": int(point.drives)}
        data, extra = branch.kept or ("", "")
        row = values_of(branch, data, extra) | {"seq": 1, "revision": 1}
        row |= {"id_fork": obj.id, "branch": number}
        rows.append(row | {"stands_at": stands_at(branch.cursor)} | common)
        line = EventLine("Branched", message=f"from object {obj.id}")
        event = event_row(branch, line, 1, status)
        events.append(event | {"data": data, "extra_data": extra})
        branch.columns |= {"seq": 1, "revision": 1}
    (_HELD if point.drives else _SENT)(connection, rows)
    sql.INSERT_EVENT(connection, events)


def enough(connection: Connection, oid: int, needs: int) -> bool:
    """Say whether so many branches of an object are done, or can be no more."""
    counted = (
        select(_columns.status, func.count())
        .where(_columns.id_fork == oid, _columns.fork == _newest(oid))
        .group_by(_columns.status)
    )
    counts = {int(status): number for status, number in connection.execute(counted)}
    done, lost = counts.get(S.COMPLETED, 0), counts.get(S.CANCELLED, 0)
    return bool(done >= needs or sum(counts.values()) - lost < needs)


def _newest(oid: int) -> Any:
    forks = OBJECTS.alias("forks")
    newest = select(func.max(forks.c.fork)).where(forks.c.id_fork == oid)
    return newest.scalar_subquery()


def join(
    connection: Connection,
    branch: WorkflowObject,
    status: S,
    owner: str,
    lease: int,
    point: Checkpoint | None = None,
) -> Any:
    """Let the object go on that waits for a branch, if it was the last needed.

    The other branches are cancelled. The lock of the object is held.

    :param status: what the branch is now.
    :param point: the checkpoint, whose keeper may move the object itself.
    :return: the row of the object; ``None`` if it does not go on.
    """
    if branch.id_fork is None or status not in _ENDED:
        return None
    origin = connection.execute(
        select(_columns.id, _columns.waits_for, _columns.needs).where(
            _columns.id == branch.id_fork
        )
    ).one_or_none()
    if origin is None or origin.waits_for != "join" or origin.needs is None:
        return None
    if not enough(connection, origin.id, origin.needs):
        return None
    cancel_branches(connection, origin.id, point.unbegun if point else ())
    parameters: dict[str, Any] = {"oid": origin.id, "lease": lease}
    if point is None:  # nobody sends it after this but a sweep, the next one
        return connection.execute(_QUEUE, parameters | {"lease": 0, "sends": 0}).one()
    if not point.drives:
        return connection.execute(_QUEUE, parameters | {"sends": 1}).one()
    row = connection.execute(_GO_ON, parameters | {"owner": owner}).one()
    connection.execute(
        insert(sql.EVENTS).values(
            id_object=row.id,
            id_workflow=row.id_workflow,
            seq=row.seq,
            kind="Started",
            message=row.start_point,
            status=int(S.RUNNING),
            created=now(),
        )
    )
    return row


def cancel_branches(
    connection: Connection, oid: int, unbegun: Collection[int] = ()
) -> None:
    """Cancel the branches of an object that have not ended, and theirs.

    One that a worker holds ends at its next checkpoint.

    :param unbegun: held by whom this is for, and not begun.
    """
    live = _columns.id_fork == oid, _columns.status.not_in(_ENDED)
    rows = connection.execute(
        select(_columns.id, _columns.status, _columns.seq, _columns.id_workflow)
        .where(*live)
        .order_by(_columns.id)
        .with_for_update()
    ).all()
    for row in rows:
        one = update(OBJECTS).where(_columns.id == row.id)
        if row.status == S.RUNNING and row.id not in unbegun:
            connection.execute(one.values(wanted="cancel"))
            continue
        connection.execute(one.values(**_CANCELLED, seq=row.seq + 1))
        connection.execute(
            insert(sql.EVENTS).values(
                id_object=row.id,
                id_workflow=row.id_workflow,
                seq=row.seq + 1,
                kind="Cancelled",
                status=int(S.CANCELLED),
                created=now(),
            )
        )
        cancel_branches(connection, row.id, unbegun)


_CANCELLED: dict[str, Any] = {
    "status": int(S.CANCELLED),
    **dict.fromkeys("waits_for wake_at deadline event_name event_key needs".split()),
    **dict.fromkeys("lease_owner lease_until action message error".split()),
    "fence": _columns.fence + 1,
    "revision": _columns.seq + 1,
    "modified": now(),
}


def branches_below(connection: Connection, oid: int) -> Iterator[int]:
    """Yield the ids of the branches of an object, and of theirs.

    :raises IllegalMove: if one of them moves.
    """
    rows = connection.execute(
        select(_columns.id, _columns.status, _columns.waits_for)
        .where(_columns.id_fork == oid)
        .with_for_update()
    ).all()
    for row in rows:
        if row.status == S.RUNNING or row.waits_for == "queue":
            raise IllegalMove(
                f"Object {row.id}, a branch of object {oid}, is in process; wait until "
                "it stops, or cancel it.",
                code="branch_moves",
                id_object=row.id,
            )
        yield row.id
        yield from branches_below(connection, row.id)


def refuse_branch(obj: WorkflowObject) -> None:
    """Raise if the object is a branch, which stands for no object alone."""
    if obj.id_fork is not None:
        raise IllegalMove(
            f"Object {obj.id} is a branch of object {obj.id_fork}; continue, restart "
            "or cancel it, or start that object over.",
            code="branch",
            id_object=obj.id,
            id_fork=obj.id_fork,
        )


def branches_of(
    connection: Connection, oid: int, document: Callable[[Any], WorkflowObject]
) -> list[Branch]:
    """Return the branches that an object was last split into, in their order."""
    begun = sql.EVENTS.alias("begun")
    first = (begun.c.id_object == _columns.id) & (begun.c.seq == literal(1))
    texts = (sql.as_text(begun.c.data), sql.as_text(begun.c.extra_data))
    rows = connection.execute(
        select(*sql.COLUMNS, *(text.label(f"begun_{text.name}") for text in texts))
        .join_from(OBJECTS, begun, first)
        .where(_columns.id_fork == oid, _columns.fork == _newest(oid))
        .order_by(_columns.branch)
    ).all()
    return [
        Branch(
            row.branch,
            document(row),
            loads(row.begun_data),
            loads(row.begun_extra_data),
        )
        for row in rows
    ]
