"""Limits: how many objects of one key run, which may be taken, and whose turn it is.

What counts is that an object is RUNNING under a key, and nothing else. So a place is
free the moment its object stops, or is taken from a worker that is gone, and none can
be lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, case, func, literal, or_, select, update
from sqlalchemy.sql.expression import literal_column

from ..config import Settings
from ..definition.limits import Limit
from ..objects import WorkflowObject
from ..states import ObjectStatus as S
from .kinds import later, now
from .prepared import Prepared
from .statements import OBJECTS, _n, _p
from .transactions import Transactions

_IN_QUEUE = OBJECTS.c.waits_for == literal_column("'queue'")
_IS_RUNNING = OBJECTS.c.status == _n(S.RUNNING)
_OF_KEY = OBJECTS.c.concurrency_key == _p("key", OBJECTS.c.concurrency_key)

COUNT = Prepared(select(func.count()).where(_OF_KEY, _IS_RUNNING))

#: Until this transaction ends nobody else is let in under the key. PostgreSQL alone
#: needs it: on SQLite whoever writes is alone.
LOCK = Prepared(
    select(
        func.pg_advisory_xact_lock(
            func.hashtextextended(_p("key", OBJECTS.c.concurrency_key), _n(1))
        )
    )
)


class Known(NamedTuple):
    """The limits of this process: of workflows, and of keys that several share."""

    workflows: tuple[tuple[str, int], ...] = ()
    keys: tuple[tuple[str, int], ...] = ()


class Usage(NamedTuple):
    """A key, how many objects of it run, and how many may."""

    key: str
    running: int
    limit: int

    @property
    def is_full(self) -> bool:
        """Whether no other may be run by a worker."""
        return self.running >= self.limit


class Limits:
    """What the workflows of this process say of their limits."""

    def __init__(self) -> None:
        self._limits: dict[str, Limit] = {}
        self.known = Known()

    def set(self, workflow: str, limit: Limit | None) -> None:
        """Keep the limit of a workflow, or that it has none."""
        self._limits.pop(workflow, None)
        if limit is not None:
            self._limits[workflow] = limit
        own, shared = {}, {}
        for name, each in sorted(self._limits.items()):
            if isinstance(each.key, str):
                shared[each.key] = each.number
            else:
                own[name] = each.number
        self.known = Known(tuple(own.items()), tuple(shared.items()))

    def all(self) -> Iterable[Limit]:
        """Return the limits."""
        return self._limits.values()

    def key_of(self, workflow: str, obj: WorkflowObject) -> str | None:
        """Return the key under which an object of the workflow is counted.

        :raises WorkflowDefinitionError: if the workflow cannot say.
        """
        limit = self._limits.get(workflow)
        return None if limit is None else limit.of(obj)

    def number(self, workflow: str, key: str | None) -> int | None:
        """Return how many of the key may run; ``None``: any number."""
        if key is None:
            return None
        known = self.known
        return dict(known.keys).get(key) or dict(known.workflows).get(workflow)


@lru_cache(maxsize=64)
def may_go(column: Any, known: Known) -> Any:
    """Return the condition that nothing keeps an object of the key from being run.

    :param column: the key; ``refused``, a parameter, are keys that are full.
    """
    running = OBJECTS.alias("running")
    number = _number(running, known)
    full = (
        select(running.c.concurrency_key)
        .where(
            running.c.status == _n(S.RUNNING), running.c.concurrency_key.is_not(None)
        )
        .group_by(running.c.concurrency_key)
        .having(func.count() >= func.min(number))
    )
    refused: Any = bindparam("refused", expanding=True)
    return or_(column.is_(None), column.not_in(full) & column.not_in(refused))


def _number(table: Any, known: Known) -> Any:
    """Return how many may run of the key of a row; NULL: any number."""
    cases = [(table.c.concurrency_key == key, _n(n)) for key, n in known.keys]
    cases += [(table.c.workflow == name, _n(n)) for name, n in known.workflows]
    return case(*cases)


def is_one_too_many(connection: Connection, key: str, number: int) -> bool:
    """Say whether the object that was just taken must be let go again.

    Two that are taken at once do not see each other in the statements that took them.
    The lock lets one after the other look, and who looks second sees the first.
    """
    if connection.dialect.name != "postgresql":
        return False
    LOCK(connection, {"key": key}).close()
    return bool(COUNT(connection, {"key": key}).scalar_one() > number)


class Places:
    """Who is let in when an object stops, among those that its key held back.

    An object that is queued without a time at which it is sent again is held back: its
    message came while the key was full, and is gone.
    """

    def __init__(
        self, transactions: Transactions, settings: Settings, limits: Limits
    ) -> None:
        self._transactions = transactions
        self._settings = settings
        self._limits = limits

    def usage(self, oid: int) -> Usage | None:
        """Return how many run under the key of a queued object, if it has one."""
        with self._transactions.reading() as connection:
            row = connection.execute(_QUEUED.where(OBJECTS.c.id == oid)).one_or_none()
            number = None if row is None else self._number(row)
            if row is None or number is None:
                return None
            key: str = row.concurrency_key
            return Usage(key, COUNT(connection, {"key": key}).scalar_one(), number)

    def hold_back(self, oid: int) -> Usage | None:
        """Note that the message of an object has come, and its key was full.

        :return: how many run under the key, asked after that: if it is no longer full,
            who stopped meanwhile may not have seen the note.
        """
        if self.usage(oid) is None:
            return None
        self._transactions.run(
            lambda connection: connection.execute(
                update(OBJECTS)
                .where(OBJECTS.c.id == oid, _IN_QUEUE)
                .values(sends=0, wake_at=None)
            ).close()
        )
        return self.usage(oid)

    def next_of(self, keys: Iterable[str]) -> list[tuple[str, int]]:
        """Return queue and id of who is let in under each of these keys, of which one
        object has just stopped.
        """
        found = map(self._next_of, sorted(keys))
        return [pair for pair in found if pair is not None]

    def _next_of(self, key: str) -> tuple[str, int] | None:
        return self._transactions.run(lambda connection: self._first(connection, key))

    def _first(self, connection: Connection, key: str) -> tuple[str, int] | None:
        mine = _QUEUED.where(OBJECTS.c.concurrency_key == key).limit(1)
        row = connection.execute(_held_back(mine)).one_or_none()
        is_held = row is not None
        if row is None:
            # A message is on its way, but a worker that needs none may be asleep.
            row = connection.execute(mine.order_by(OBJECTS.c.wake_at)).one_or_none()
        if row is None:
            return None
        number = self._number(row)
        running = COUNT(connection, {"key": key}).scalar_one()
        if number is not None and running >= number:
            return None
        if is_held:
            self._sent(connection, [row.id])
        elif number is None or running + 1 < number:
            return None  # it was not full, so nobody was held back
        return row.queue, row.id

    def due(self, limit: int) -> list[tuple[str, int]]:
        """Return queue and id of objects that are held back although there is room.

        They wait for someone who was to call them and was killed before.
        """

        def work(connection: Connection) -> list[tuple[str, int]]:
            room = self._room(connection)
            rows: list[Any] = []
            for key, free in room.items():
                mine = _QUEUED.where(OBJECTS.c.concurrency_key == key)
                most = min(free, limit - len(rows))
                rows += connection.execute(_held_back(mine).limit(most)).all()
            if rows:
                self._sent(connection, [row.id for row in rows])
            return [(row.queue, row.id) for row in sorted(rows, key=_order)]

        return self._transactions.run(work)

    def _room(self, connection: Connection) -> dict[str, int]:
        """Return the keys that hold objects back, with the room that there is."""
        key, workflow = OBJECTS.c.concurrency_key, OBJECTS.c.workflow
        held = select(
            key, func.min(workflow).label("workflow"), func.count().label("n")
        )
        held = held.where(_IN_QUEUE, key.is_not(None), OBJECTS.c.wake_at.is_(None))
        room = {}
        for row in connection.execute(held.group_by(key)).all():
            number = self._number(row)
            if number is None:
                room[row.concurrency_key] = row.n
                continue
            sent = select(func.count()).where(_OF_KEY, _IN_QUEUE)
            sent = sent.where(OBJECTS.c.wake_at > now())
            parameters = {"key": row.concurrency_key}
            taken = connection.execute(sent, parameters).scalar_one()
            taken += COUNT(connection, parameters).scalar_one()
            if number > taken:
                room[row.concurrency_key] = number - taken
        return room

    def _sent(self, connection: Connection, ids: list[int]) -> None:
        """Note that a message for these objects is on its way."""
        again = later(literal(self._settings.lease_seconds))
        connection.execute(
            update(OBJECTS)
            .where(OBJECTS.c.id.in_(ids), _IN_QUEUE)
            .values(sends=1, wake_at=again)
        )

    def _number(self, row: Any) -> int | None:
        return self._limits.number(row.workflow, row.concurrency_key)


_QUEUED = select(
    OBJECTS.c.id,
    OBJECTS.c.queue,
    OBJECTS.c.rank,
    OBJECTS.c.workflow,
    OBJECTS.c.concurrency_key,
).where(_IN_QUEUE)


def _held_back(queued: Any) -> Any:
    first = queued.where(OBJECTS.c.wake_at.is_(None))
    first = first.order_by(OBJECTS.c.rank, OBJECTS.c.id)
    return first.with_for_update(skip_locked=True)


def _order(row: Any) -> tuple[str, int, int]:
    return row.queue, row.rank, row.id
