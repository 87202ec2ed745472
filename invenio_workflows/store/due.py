"""What is to be answered by a deadline: written at the halt, and found when it is time.

Whoever finds it puts off the next look by a lease, so that nobody else does the same;
if that one dies, another follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, literal, select, update

from ..checkpoint import Checkpoint, halt_id
from ..deadlines import missed, next_look
from ..objects import WorkflowObject
from ..states import ObjectStatus
from . import statements as sql
from .kinds import later, now
from .list_models import SORT
from .rows import utc
from .showing import DEADLINE as NAME
from .showing import sortable
from .transactions import TaskWritesLost, Transactions

_OBJECTS = sql.OBJECTS.c
#: The events with which an object halts.
_ASKING = ("Halted", "InputAsked")
_HALTED = _OBJECTS.status == int(ObjectStatus.HALTED)
#: In a query of its own the time is asked once, so that an index is searched for it.
_TIME = (
    _OBJECTS.waits_for.is_(None),
    _OBJECTS.wake_at <= select(now()).scalar_subquery(),
    _HALTED,
)


def due(connection: Connection, point: Checkpoint) -> dict[str, Any]:
    """Return the parameters of an object that asks until a deadline, or by rules.

    :raises TaskWritesLost: if the deadline has passed already.
    """
    what = point.deadline
    if what is None:
        return {"deadline": None, "wake_at": None, "reminded": 0, "rules": point.rules}
    at = connection.execute(select(now())).scalar_one()
    deadline = what.at(at)
    if deadline is not None and deadline <= at:
        refused = ValueError(
            f"The deadline {deadline.isoformat()} has passed; it is {at.isoformat()}."
        )
        raise TaskWritesLost(refused)
    over = missed(deadline, at, what.remind)
    point.due = deadline
    zone = "+00" if connection.dialect.name == "postgresql" else ""
    look = next_look(deadline, at, what.remind, over)
    return {
        "deadline": None if deadline is None else utc(deadline) + zone,
        "wake_at": None if look is None else utc(look) + zone,
        "reminded": over,
        "rules": point.rules,
    }


def keep_place(connection: Connection, oid: int, deadline: datetime) -> None:
    """Let lists be sorted by the deadline of an object, among their sort keys."""
    forget_place(connection, oid)
    values = {"id_object": oid, "name": NAME, "value": sortable(deadline)}
    connection.execute(insert(SORT).values(**values))


def leave_place(connection: Connection, obj: WorkflowObject) -> None:
    """Do so for an object that goes on, if it had a deadline."""
    if obj.deadline is not None:
        forget_place(connection, obj.id)


def forget_place(connection: Connection, oids: Any) -> None:
    """Let lists not be sorted by a deadline that objects have no more.

    :param oids: the id of one, or what selects many.
    """
    ids = [oids] if isinstance(oids, int) else oids
    mine = SORT.c.id_object.in_(ids), SORT.c.name == NAME
    connection.execute(delete(SORT).where(*mine))


@dataclass(frozen=True, slots=True)
class Due:
    """A halt that it is time to look at.

    :param passed: whether its deadline is over; else somebody is to be reminded.
    :param halt: the number of the event with which it halted, and when that was.
    """

    oid: int
    fence: int
    deadline: datetime | None
    passed: bool
    reminded: int
    halt: int
    halted: datetime

    @property
    def name(self) -> str:
        """The id of the halt: the object's, and which of its events it is."""
        return halt_id(self.oid, self.halt)


class DueHalts:
    """Finds the halts that it is time to look at."""

    def __init__(self, transactions: Transactions, lease_seconds: int) -> None:
        self._transactions = transactions
        self._lease_seconds = lease_seconds

    def take(self, limit: int) -> list[Due]:
        """Return halts that nobody else looks at before the lease has ended."""

        def work(connection: Connection) -> list[Due]:
            found = connection.execute(
                select(_OBJECTS.id)
                .where(*_TIME)
                .order_by(_OBJECTS.wake_at)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            ids = found.scalars().all()
            if not ids:
                return []
            # Due still: on SQLite another may have taken it meanwhile.
            taken = connection.execute(
                update(sql.OBJECTS)
                .where(_OBJECTS.id.in_(ids), *_TIME)
                .values(wake_at=later(literal(self._lease_seconds)))
                .returning(_OBJECTS.id)
            )
            return _read(connection, taken.scalars().all())

        return self._transactions.run(work)

    def reminded(self, what: Due, look: datetime | None) -> None:
        """Note that somebody was reminded, and when it is to be looked at next."""
        self._note(what, {"wake_at": look, "reminded": what.reminded + 1})

    def overdue(self, what: Due) -> None:
        """Note that the deadline has passed, and nothing more is to be done."""
        self._note(what, {"wake_at": None})

    def _note(self, what: Due, values: dict[str, Any]) -> None:
        as_seen = (
            _OBJECTS.id == what.oid,
            _OBJECTS.fence == what.fence,
            _OBJECTS.reminded == what.reminded,
            # Not of one that asks no more until a time.
            _OBJECTS.wake_at.is_not(None),
            _HALTED,
        )
        self._transactions.run(
            lambda connection: connection.execute(
                update(sql.OBJECTS).where(*as_seen).values(**values)
            )
        )


def _read(connection: Connection, ids: Sequence[int]) -> list[Due]:
    events = sql.EVENTS.c
    rows = connection.execute(
        select(_OBJECTS.id, _OBJECTS.fence, _OBJECTS.deadline, _OBJECTS.reminded, now())
        .where(_OBJECTS.id.in_(ids))
        .order_by(_OBJECTS.deadline, _OBJECTS.id)
    ).all()
    found = []
    for oid, fence, deadline, reminded, at in rows:
        halt = connection.execute(
            select(events.seq, events.created)
            .where(events.id_object == oid, events.kind.in_(_ASKING))
            .order_by(events.seq.desc())
            .limit(1)
        ).one_or_none()
        passed = deadline is not None and deadline <= at
        seq, halted = (0, at) if halt is None else halt
        found.append(Due(oid, fence, deadline, passed, reminded, seq, halted))
    return found
