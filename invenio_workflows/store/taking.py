"""Objects that are taken from their queue, as many as their limits allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)

from ..checkpoint import Claim, EventLine, RunInfo, Taken
from ..states import ObjectStatus as S
from ..states import WorkflowStatus as R
from . import statements as sql
from .concurrency import Known, Limits, is_one_too_many, may_go
from .handing_over import Behind
from .kinds import now
from .prepared import Change
from .rows import OF_DOCUMENT, OF_RUN, event_row, run_of
from .sql import SQLStore
from .statements import OBJECTS, RUNS, TAKEN, _n, _p

#: Who takes an object, where no workflow has a limit.
_NO_LIMITS = Known()

#: What is read of an object that is taken: less than all of it takes less time.
_READ = [sql.as_text(OBJECTS.c[name]) for name in OF_DOCUMENT]

_first = OBJECTS.alias("first")


def _taking(which: Any, *conditions: Any) -> Any:
    in_queue = OBJECTS.c.waits_for == literal_column("'queue'")
    taking = update(OBJECTS).where(OBJECTS.c.id == which, in_queue, *conditions)
    return taking.values(**TAKEN).returning(*_READ)


@lru_cache(maxsize=16)
def taking_one(known: Known) -> Any:
    """Return the statement that takes the object ``next``."""
    conditions = (
        [] if known == _NO_LIMITS else [may_go(OBJECTS.c.concurrency_key, known)]
    )
    return _taking(_p("next", OBJECTS.c.id), *conditions)


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
BEGUN = Change(
    update(RUNS)
    .where(RUNS.c.uuid == _p("uuid"), RUNS.c.status == _n(R.NEW))
    .values(status=_n(R.RUNNING), modified=now())
)


_RUN = "run_"


@lru_cache(maxsize=16)
def telling(taking: Any) -> Any:
    """Return a statement that takes, tells, and reads the run: two round trips less.

    PostgreSQL alone can do it.
    """
    taken = taking.cte("taken")
    columns = "id_object id_workflow seq kind status message created".split()
    event = select(
        taken.c.id,
        taken.c.id_workflow,
        taken.c.seq,
        literal_column("'Started'"),
        _n(S.RUNNING),
        func.coalesce(taken.c.start_point, literal_column("'continue_next'")),
        now(),
    )
    told = insert(sql.EVENTS).from_select(columns, event).cte("told")
    run = [RUNS.c[name].label(_RUN + name) for name in (*OF_RUN, "status")]
    joined = taken.join(RUNS, RUNS.c.uuid == taken.c.id_workflow)
    return select(taken, *run).select_from(joined).add_cte(told)


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
        return self._take(known, taking_one(known), {"next": oid})

    def one(self, oid: int) -> Claim | None:
        """Return what claims an object in a transaction that is under way.

        :return: ``None`` where limits may want it undone, and all else with it.
        """
        return self._following(taking_one(_NO_LIMITS), {"next": oid})

    def first(self, queues: Sequence[str]) -> Claim | None:
        """Return what claims the first of some queues; see :meth:`one`."""
        return self._following(taking_first(_NO_LIMITS), {"queues": list(queues)})

    def _following(self, statement: Any, which: dict[str, Any]) -> Claim | None:
        if self._limits.known != _NO_LIMITS or self._store.stopping.is_set():
            return None
        which |= {"owner": self._store.owner, "lease": self._store.lease_seconds}
        claim = self._work(statement, which, begins=False)
        return Behind(self._store, claim, statement, which)

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

    def begin(self, run: RunInfo) -> None:
        """Let a run be RUNNING of which an object was taken behind one of another.

        Not in the same transaction: it would hold two runs, and two of such may wait
        for each other.
        """
        self._transactions.run(lambda on: BEGUN(on, {"uuid": run.uuid}))

    def _work(
        self, statement: Any, which: dict[str, Any], begins: bool = True
    ) -> Callable[[Connection], Taken | None]:
        store = self._store

        def work(connection: Connection) -> Taken | None:
            at_once = connection.dialect.name == "postgresql"
            taking = telling(statement) if at_once else statement
            row: Any = connection.execute(taking, which).one_or_none()
            if row is None:
                return None
            obj, run, prefix = store.document(row), row, _RUN
            if not at_once:
                event = EventLine("Started", message=row.start_point or "continue_next")
                sql.INSERT_EVENT(connection, event_row(obj, event, row.seq, S.RUNNING))
                run = connection.execute(sql.RUN, {"uuid": row.id_workflow}).one()
                prefix = ""
            info = run_of(run, prefix)
            info.is_new = run._mapping[f"{prefix}status"] == R.NEW
            if info.is_new and begins:
                BEGUN(connection, {"uuid": row.id_workflow})
                info.is_new = False
            return obj, info

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
