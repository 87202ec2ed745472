"""How many there are of what, for those who ask often and of a large table.

No statement reads the wide rows of what has ended, nor the snapshots: those are
counted in indices, and so for all workflows together. What has not ended is looked up
row by row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, literal_column, select

from ..states import ObjectStatus
from . import statements as sql
from .health import Line, lines
from .kinds import now
from .presence import seen
from .transactions import Transactions

_OBJECTS = sql.OBJECTS.c
_ENDED = (ObjectStatus.COMPLETED, ObjectStatus.CANCELLED)
#: Statuses of which there are as many as there were objects.
_MANY = (ObjectStatus.INITIAL, *_ENDED)
_FEW = tuple(status for status in ObjectStatus if status not in _MANY)


@dataclass(frozen=True, slots=True)
class Counted:
    """A number of live objects, of all workflows together if ``workflow`` is empty."""

    workflow: str
    status: ObjectStatus
    queued: bool
    objects: int


@dataclass(frozen=True, slots=True)
class Leases:
    """Leases by whether they hold still, and the processes that hold those."""

    held: int
    expired: int
    processes: int


@dataclass(frozen=True, slots=True)
class Census:
    """What the database holds, at one moment."""

    objects: list[Counted]
    queues: list[Line]
    leases: Leases
    #: How many workers live, by their kind.
    workers: Counter[str]


def census(transactions: Transactions) -> Census:
    """Count objects, what waits in the queues, leases, and workers."""
    with transactions.reading() as connection:
        objects = [*_few(connection), *_many(connection)]
        leases = _leases(connection)
        workers = Counter(each.kind for each in seen(connection) if each.lives)
    return Census(objects, lines(transactions), leases, workers)


def _few(connection: Connection) -> Iterator[Counted]:
    """Count what has not ended, by workflow."""
    in_queue = _OBJECTS.waits_for == literal_column("'queue'")
    queued = func.coalesce(in_queue, literal_column("false")).label("queued")
    rows = connection.execute(
        select(_OBJECTS.workflow, _OBJECTS.status, queued, func.count())
        .where(_OBJECTS.status.in_([int(status) for status in _FEW]))
        .group_by(_OBJECTS.workflow, _OBJECTS.status, queued)
    )
    for workflow, status, is_queued, number in rows:
        yield Counted(workflow or "", ObjectStatus(status), bool(is_queued), number)


def _many(connection: Connection) -> Iterator[Counted]:
    """Count what ended, and what never ran."""
    rows = connection.execute(
        select(_OBJECTS.status, func.count())
        .where(_OBJECTS.status.in_([int(status) for status in _MANY]))
        .group_by(_OBJECTS.status)
    )
    found = Counter({ObjectStatus(status): number for status, number in rows})
    # A snapshot is INITIAL for ever; what is not one is live.
    snapshots = select(func.count()).where(_OBJECTS.id_parent.is_not(None))
    found[ObjectStatus.INITIAL] -= connection.execute(snapshots).scalar_one()
    for status in _MANY:
        yield Counted("", status, False, max(found[status], 0))


def _leases(connection: Connection) -> Leases:
    rows = connection.execute(
        select(_OBJECTS.lease_owner, _OBJECTS.lease_until > now()).where(
            _OBJECTS.status == literal_column(str(int(ObjectStatus.RUNNING)))
        )
    ).all()
    holders = [owner for owner, holds in rows if holds]
    processes = {(owner or "").rpartition(":")[0] for owner in holders}
    return Leases(len(holders), len(rows) - len(holders), len(processes))
