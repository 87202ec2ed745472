"""An object that stops, and the next of its run that is claimed behind it, at once.

PostgreSQL does both in one statement, which needs no BEGIN and no COMMIT: three round
trips less. It is done whole or not at all: not if the lease is lost or something is
asked of the object, and not if the next one is gone or of another run, for then this
one is to be settled. Who finds nothing done goes the long way.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import (
    Connection,
    Text,
    cast,
    exists,
    func,
    insert,
    literal_column,
    null,
    select,
    union_all,
)

from ..checkpoint import Checkpoint, Taken
from ..encoding import loads
from ..states import ObjectStatus as S
from . import statements as sql
from .alone import RowAlone
from .kinds import now
from .rows import TOLD_WITH_IT, said
from .sql import SQLStore
from .statements import MINE, OBJECTS, RUNS, _n, _p
from .told_with_it import EVENT, events_of, told_of

#: Of an object that was just taken, the times that it has.
_TIMES = ("created", "modified", "lease_until")


class Behind:
    """Claims an object in the transaction in which another one stops.

    :param claim: claims it in a transaction that is under way.
    :param taking: what takes it, with these parameters, and gives its columns.
    """

    def __init__(
        self,
        store: SQLStore,
        claim: Callable[[Connection], Taken | None],
        taking: Any,
        which: dict[str, Any],
    ) -> None:
        self._store, self._claim = store, claim
        self._taking, self._which = taking, which

    def __call__(self, connection: Connection) -> Taken | None:
        """Claim it, if it is still queued."""
        return self._claim(connection)

    def behind(
        self, point: Checkpoint, moved: Callable[[Checkpoint], dict[str, Any]]
    ) -> Taken | None:
        """Keep an object that stops and claim this one in one statement.

        Only one that a message names: the first of a queue may be of any run.

        :param moved: gives the parameters of the object that stops.
        :return: ``None`` if that is not possible; then nothing was done.
        """
        if "next" not in self._which or not _is_alone(point):
            return None
        changed = point.data is not None, point.extra_data is not None
        statement = handing_over(*changed, len(point.events), self._taking)

        def work(connection: Connection) -> Any:
            parameters = _told(point, moved(point)) | self._which
            return statement.row(connection, parameters)

        row = self._store.transactions.run_alone(work)
        if row is None:
            return None
        taken, shared = row
        obj = self._store.document(_as_row(taken))
        return obj, point.run.for_another(loads(shared))


def _is_alone(point: Checkpoint) -> bool:
    """Say whether nothing is to be kept but an object that stops, and its events."""
    goes_on = point.waits or point.take_next or point.ends_run or not point.leaves
    forks = point.branches or point.obj.id_fork is not None
    more = point.lines or point.changes or point.rules or point.deadline is not None
    return not (goes_on or forks or more) and len(point.events) <= TOLD_WITH_IT


def _told(point: Checkpoint, moved: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of an object that stops, with those of its events."""
    return moved | said(point.events) | {"uuid": point.run.uuid}


@cache
def handing_over(data: bool, extra_data: bool, events: int, taking: Any) -> RowAlone:
    """Return the statement for an object whose data, or extra_data, changed.

    :param taking: what takes the next one, and gives its columns.
    """
    mine = select(OBJECTS.c.id).where(*MINE, OBJECTS.c.wanted.is_(None))
    held = mine.with_for_update().cte("held")
    of_run = OBJECTS.c.id_workflow == _p("uuid", OBJECTS.c.id_workflow)
    taken = taking.where(of_run, exists(select(held.c.id))).cte("taken")
    stopping = sql.moving(data, extra_data, True, False, False, False)
    behind = stopping.where(exists(select(taken.c.id)))
    stopped = told_of(behind, data, extra_data)
    rows = [*events_of(stopped.cte("stopped"), events), _started(taken)]
    told = insert(sql.EVENTS).from_select(EVENT, union_all(*rows)).cte("told")
    # As one value, for of each column the driver makes a description each time.
    row = cast(func.row_to_json(literal_column("taken")), Text).label("taken")
    shared = cast(RUNS.c.extra_data, Text).label("shared")
    joined = taken.join(RUNS, RUNS.c.uuid == taken.c.id_workflow)
    return RowAlone(select(row, shared).select_from(joined).add_cte(told))


def _as_row(text: str) -> Any:
    """Return the object that was taken, as a row of it would say."""
    values = json.loads(text)
    for name in _TIMES:
        values[name] = datetime.fromisoformat(values[name]).astimezone(UTC)
    return SimpleNamespace(_mapping=values)


def _started(taken: Any) -> Any:
    """Return the event of the object that is taken."""
    values = dict.fromkeys(EVENT, null()) | {
        "id_object": taken.c.id,
        "id_workflow": taken.c.id_workflow,
        "seq": taken.c.seq,
        "kind": literal_column("'Started'"),
        "status": _n(S.RUNNING),
        "message": func.coalesce(
            taken.c.start_point, literal_column("'continue_next'")
        ),
        "created": now(),
    }
    return select(*values.values())
