"""Whether anybody works: asked with every list, so it looks at few rows."""

from __future__ import annotations

from sqlalchemy import exists, literal_column, select

from ..states import ObjectStatus
from . import statements as sql
from .kinds import now
from .transactions import Transactions

#: Seconds that what is next in a queue may wait before somebody is to be told.
PATIENCE = 60


def idle(transactions: Transactions) -> float | None:
    """Return for how many seconds what is next in a queue has waited in vain.

    :return: ``None`` if nothing waits, not for long, or a worker holds something.
    """
    objects, other = sql.OBJECTS.c, sql.OBJECTS.alias("other").c
    first = (
        select(objects.modified)
        .where(objects.waits_for == literal_column("'queue'"))
        .order_by(objects.queue, objects.rank, objects.id)
        .limit(1)
        .subquery("first")
    )
    running = other.status == literal_column(str(int(ObjectStatus.RUNNING)))
    held = exists().where(running, other.lease_until > now())
    with transactions.reading() as connection:
        found = connection.execute(select(first.c.modified, now(), held)).one_or_none()
    if found is None:
        return None
    since, at, works = found
    seconds: float = (at - since).total_seconds()
    return None if works or seconds < PATIENCE else seconds
