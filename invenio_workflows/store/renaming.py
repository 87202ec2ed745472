"""Runs of a workflow that has another name now go on under that one.

A run is of one workflow, so it is renamed with all of its objects; what sleeps in it is
told of it. A run in which something moves at this moment is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sqlalchemy import Connection, case, exists, null, or_, select, update

from ..decisions import Decision
from ..errors import IllegalMove
from ..states import ObjectStatus
from . import statements as sql
from .audit import WRITE, audit_row
from .kinds import now
from .mapping import Mapping, mapped_event, put
from .models import IS_LISTED, IS_RESTING
from .prepared import Change
from .standing import COLUMNS, Standing, batch, next_place
from .statements import _n, _p
from .transactions import Transactions, begin

_o = sql.OBJECTS.c
_BATCH = 1000

_RENAME = Change(
    update(sql.OBJECTS)
    .where(*sql.AS_SEEN)
    .values(
        workflow=_p("new", _o.workflow),
        queue=case((_o.queue.is_not(None), _p("new_queue", _o.queue)), else_=null()),
        seq=_o.seq + _n(1),
        revision=_o.seq + _n(1),
        modified=now(),
    )
)


@dataclass(frozen=True, slots=True)
class Rename:
    """A workflow, what it is called now, and in which queue those wait from now on."""

    old: str
    new: str
    queue: str
    decision: Decision


def put_all(
    transactions: Transactions,
    renames: Iterable[Rename],
    places: Iterable[tuple[str, str]],
    mapping: Mapping,
    tell: Callable[[int], None],
) -> int:
    """Map and rename in one commit; return how many objects that were.

    :param tell: is told how many are done, again and again.
    :raises IllegalMove: if one of them moved at that moment; nothing is changed then.
    """
    renames, places = list(renames), list(places)

    def work(connection: Connection) -> int:
        begin(connection)
        number = 0
        steps = [put(connection, places, mapping)]
        steps += [_renamed(connection, each) for each in renames]
        for done in chain.from_iterable(steps):
            number += done
            tell(number)
        return number

    return transactions.run(work)


def _renamed(connection: Connection, what: Rename) -> Iterator[int]:
    """Let the runs of a workflow be of another; yield how many sleep in them."""
    for rows in _sleeping(connection, what.old):
        moving = _moving(connection, rows)
        still = [row for row in rows if row.id_workflow not in moving]
        if still:
            _write(connection, still, what)
            yield len(still)


def _sleeping(connection: Connection, workflow: str) -> Iterator[list[Standing]]:
    """Yield those that have not ended, in batches: begun, branches too, and not."""
    at: str | None = ""
    while (at := next_place(connection, workflow, at or "")) is not None:
        last = None
        while rows := batch(connection, workflow, at, last, for_update=True):
            yield rows
            last = rows[-1]
    for status in (ObjectStatus.INITIAL, ObjectStatus.WAITING):
        yield from _unbegun(connection, workflow, status)


def _unbegun(
    connection: Connection, workflow: str, status: ObjectStatus
) -> Iterator[list[Standing]]:
    asked = (
        select(*COLUMNS)
        .where(IS_LISTED, IS_RESTING, _o.status == _n(status))
        .where(_o.workflow == workflow, _o.stands_at.is_(None))
        .order_by(_o.id)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    )
    oid = 0
    while rows := connection.execute(asked.where(_o.id > oid)).all():
        yield [Standing(*row) for row in rows]
        oid = rows[-1].id


def _moving(connection: Connection, rows: list[Standing]) -> set[str | None]:
    """Return the runs of these in which something is at work."""
    uuids = {row.id_workflow for row in rows}
    runs = (
        select(sql.RUNS.c.uuid)
        .where(sql.RUNS.c.uuid.in_(uuids))
        .where(
            exists().where(
                _o.id_workflow == sql.RUNS.c.uuid,
                _o.status == _n(ObjectStatus.RUNNING),
            )
        )
    )
    return {*connection.execute(runs).scalars()}


def _write(connection: Connection, rows: list[Standing], what: Rename) -> None:
    values = [
        {
            "oid": row.id,
            "seen": row.status,
            "seen_seq": row.seq,
            "seen_fence": row.fence,
            "new": what.new,
            "new_queue": what.queue,
        }
        for row in rows
    ]
    if _RENAME(connection, values) != len(rows):
        raise IllegalMove(
            "Some of the objects moved at the same moment; nothing was changed. "
            "Do it again."
        )
    sql.INSERT_EVENT(connection, [mapped_event(row, what.decision) for row in rows])
    WRITE(
        connection,
        [_audited(row, what) for row in rows],
    )
    uuids = {row.id_workflow for row in rows}
    runs = select(sql.RUNS.c.uuid).where(
        sql.RUNS.c.uuid.in_(uuids), sql.RUNS.c.name == what.old
    )
    if fresh := list(connection.execute(runs).scalars()):
        _rest(connection, fresh, what.old, what.new)


def _audited(row: Standing, what: Rename) -> dict[str, Any]:
    of = row.id, row.id_workflow, what.old
    return audit_row(*of, row.revision, what.decision)


def _rest(connection: Connection, uuids: list[str], old: str, new: str) -> None:
    """Rename runs, and of their objects those that nothing is to happen to."""
    connection.execute(
        update(sql.RUNS).where(sql.RUNS.c.uuid.in_(uuids)).values(name=new)
    )
    ended = _o.status.in_((ObjectStatus.COMPLETED, ObjectStatus.CANCELLED))
    connection.execute(
        update(sql.OBJECTS)
        .where(_o.id_workflow.in_(uuids), _o.workflow == old)
        .where(or_(ended, _o.id_parent.is_not(None)))
        .values(workflow=new)
    )
