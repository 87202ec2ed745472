"""Whether anybody works: asked with every list, so it looks at few rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, exists, func, literal_column, select, true

from ..states import ObjectStatus
from . import statements as sql
from .kinds import now
from .presence import TOLD, WORKERS, as_seen
from .transactions import Transactions

#: Seconds for which nobody may work before somebody is to be told.
PATIENCE = 60

_IN_QUEUE: Any = literal_column("'queue'")


def idle(transactions: Transactions) -> float | None:
    """Return for how many seconds nobody works, though something waits.

    That is since a worker was last seen which serves its queue; where none is known,
    for so long as what is next in the queue waits.

    :return: ``None`` if nothing waits, or not for long, or somebody lives.
    """
    with transactions.reading() as connection:
        rows = connection.execute(_NEXT).mappings().all()
    waits = {row["queue"]: (row["since"], row["at"], row["held"]) for row in rows}
    known = {row["process"]: row for row in rows if row["process"] is not None}
    workers = [as_seen(row) for row in known.values()]
    found = []
    for queue, (since, at, held) in waits.items():
        serve = [each for each in workers if queue in each.queues]
        if any(each.lives for each in serve):
            continue
        if serve:
            found.append(min(each.seconds for each in serve))
        elif not held:
            found.append((at - since).total_seconds())
    return max((seconds for seconds in found if seconds >= PATIENCE), default=None)


def _waiting() -> Select[Any]:
    """Return since when what is next in each queue waits, the time, and whether any
    object is held: a worker that is not known may be one that never sweeps.

    Beside each worker that there is. From queue to queue through an index, however
    many objects wait in one.
    """
    objects = sql.OBJECTS.c
    waiting = select(func.min(objects.queue)).where(objects.waits_for == _IN_QUEUE)
    queues = waiting.with_only_columns(func.min(objects.queue).label("queue")).cte(
        "queues", recursive=True
    )
    other = waiting.where(objects.queue > queues.c.queue).scalar_subquery()
    queues = queues.union_all(select(other).where(queues.c.queue.is_not(None)))
    first = (
        select(objects.modified)
        .where(objects.waits_for == _IN_QUEUE, objects.queue == queues.c.queue)
        .order_by(objects.rank, objects.id)
        .limit(1)
        .scalar_subquery()
    )
    moved = sql.OBJECTS.alias("moved").c
    running = moved.status == literal_column(str(int(ObjectStatus.RUNNING)))
    held = exists().where(running, moved.lease_until > now())
    waiting = select(
        *(queues.c.queue, first.label("since"), now().label("at"), held.label("held"))
    )
    waits = waiting.where(queues.c.queue.is_not(None)).subquery("waits")
    return select(*waits.c, *TOLD).select_from(waits.outerjoin(WORKERS, true()))


_NEXT = _waiting()
