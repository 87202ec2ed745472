"""Objects that are taken from their queue, as many as their limits allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, literal_column, select, update

from ..checkpoint import EventLine, RunInfo
from ..objects import WorkflowObject
from ..states import ObjectStatus as S
from ..states import WorkflowStatus as R
from . import statements as sql
from .concurrency import Known, Limits, is_one_too_many, may_go
from .models import now
from .rows import event_row, run_of
from .sql import SQLStore
from .statements import OBJECTS, RUNS, TAKEN, Prepared, _n, _p

#: Who takes an object, where no workflow has a limit.
_NO_LIMITS = Known()

_first = OBJECTS.alias("first")


def _taking(which: Any, *conditions: Any) -> Any:
    in_queue = OBJECTS.c.waits_for == literal_column("'queue'")
    taking = update(OBJECTS).where(OBJECTS.c.id == which, in_queue, *conditions)
    return taking.values(**TAKEN).returning(*sql.COLUMNS)


@lru_cache(maxsize=16)
def taking_one(known: Known) -> Any:
    """Return the statement that takes the object ``oid``."""
    conditions = (
        [] if known == _NO_LIMITS else [may_go(OBJECTS.c.concurrency_key, known)]
    )
    return _taking(_p("oid", OBJECTS.c.id), *conditions)


@lru_cache(maxsize=16)
def taking_first(known: Known) -> Any:
    """Return the statement that takes the first object of ``queues``.

    One that its limit holds back does not stand in the way of those behind it.
    """
    conditions = (
        [] if known == _NO_LIMITS else [may_go(_first.c.concurrency_key, known)]
    )
    return _taking(
        select(_first.c.id)
        .where(
            _first.c.waits_for == literal_column("'queue'"),
            _first.c.queue.in_(bindparam("queues", expanding=True)),
            *conditions,
        )
        .order_by(_first.c.rank, _first.c.id)
        .limit(_n(1))
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )


#: The first object of a run was taken up.
BEGUN = Prepared(
    update(RUNS)
    .where(RUNS.c.uuid == _p("uuid"), RUNS.c.status == _n(R.NEW))
    .values(status=_n(R.RUNNING), modified=now())
)

#: An object that was taken, and its run as it is then.
Taken = tuple[WorkflowObject, RunInfo]


class Taking:
    """Claims what is queued."""

    def __init__(self, store: SQLStore, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._transactions = store.transactions

    def take_first(self, queues: Sequence[str]) -> Taken | None:
        """Claim the first object of these queues that may run, and that nobody else
        is claiming.
        """
        known = self._limits.known
        return self._take(known, taking_first(known), {"queues": list(queues)})

    def take_one(self, oid: int, limited: bool = True) -> Taken | None:
        """Claim an object, if it is queued.

        :param limited: whether only if its key is not full.
        """
        known = self._limits.known if limited else _NO_LIMITS
        return self._take(known, taking_one(known), {"oid": oid})

    def _take(
        self, known: Known, statement: Any, which: dict[str, Any]
    ) -> Taken | None:
        store, run = self._store, self._transactions.run
        which |= {"owner": store.owner, "lease": store.lease_seconds}
        work = self._work(statement, which)
        if known == _NO_LIMITS:
            return run(work)
        which["refused"] = []
        while True:
            try:
                # What the caller wrote stays if this is undone.
                return self._transactions.joined(lambda on: self._checked(on, work))
            except _Full as full:
                which["refused"].append(full.key)

    def _work(
        self, statement: Any, which: dict[str, Any]
    ) -> Callable[[Connection], Taken | None]:
        store = self._store

        def work(connection: Connection) -> Taken | None:
            row = connection.execute(statement, which).one_or_none()
            if row is None:
                return None
            obj = store.document(row)
            event = EventLine("Started", message=row.start_point or "continue_next")
            sql.INSERT_EVENT(connection, event_row(obj, event, row.seq, S.RUNNING))
            run = connection.execute(sql.RUN, {"uuid": row.id_workflow}).one()
            if run.status == R.NEW:
                BEGUN(connection, {"uuid": row.id_workflow})
            return obj, run_of(run)

        return work

    def _checked(
        self, connection: Connection, work: Callable[[Connection], Taken | None]
    ) -> Taken | None:
        taken = work(connection)
        if taken is not None:
            obj, run = taken
            key = obj.columns["concurrency_key"]
            number = self._limits.number(run.name, key)
            if number is not None and is_one_too_many(connection, key, number):
                raise _Full(key)
        return taken


class _Full(Exception):
    """Another worker took the last place of a key at the same moment."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(key)
