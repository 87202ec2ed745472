"""The read side: documents, their history, and the lists that people look at."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import index
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.sql.operators import desc_op

from ..encoding import loads
from ..errors import ObjectNotFound, WorkflowAPIError
from ..logs import LogLine
from ..objects import WorkflowObject
from ..states import ObjectStatus
from . import statements as sql
from .models import IS_LISTED, IS_RESTING
from .rows import path_of
from .run_queries import RunQueries
from .sql import SQLStore

#: Columns by which ``filter_by`` and ``order_by`` know the object.
FIELDS = {
    name: sql.OBJECTS.c[name]
    for name in (
        "id id_workflow id_parent id_fork branch position status waits_for data_type "
        "uri id_user action created modified revision"
    ).split()
}
FIELDS["version"] = sql.OBJECTS.c.status
FIELDS["workflow_name"] = sql.OBJECTS.c.workflow


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One thing that happened to an object, as :meth:`WorkflowObject.history` gives it.

    ``kind`` is the name of the event, ``changed`` the columns that it changed.
    """

    seq: int
    kind: str
    task: str
    position: list[int]
    status: ObjectStatus
    message: str
    payload: Any
    seconds: float | None
    created: datetime
    changed: tuple[str, ...]
    id_workflow: str | None


class Query:
    """Documents by the columns they have; each method returns a new query."""

    def __init__(self, store: SQLStore, statement: Select[Any] | None = None) -> None:
        self._store = store
        self._statement = select(*sql.COLUMNS) if statement is None else statement

    def filter_by(self, *criteria: Any, **filters: Any) -> Query:
        """Keep the objects whose columns have these values; a list: one of them.

        :raises TypeError: for a criterion of SQL, or a name that is not a column.
        """
        if criteria:
            raise TypeError(
                "filter_by() takes keywords, such as status=2. For SQL criteria use "
                "the rows: select(ObjectRow).where(…) of invenio_workflows.store."
            )
        statement = self._statement
        for name, value in filters.items():
            column = _field(name)
            if isinstance(value, (list, tuple, set, frozenset)):
                statement = statement.where(column.in_([_plain(v) for v in value]))
            elif value is None:
                statement = statement.where(column.is_(None))
            else:
                statement = statement.where(column == _plain(value))
        return Query(self._store, statement)

    filter = filter_by

    def order_by(self, *names: str) -> Query:
        """Sort by columns; a name with ``-`` before it, from large to small."""
        terms = []
        for name in names:
            if not isinstance(name, str):
                raise TypeError("order_by() takes names, such as '-modified'.")
            column = _field(name.removeprefix("-"))
            terms.append(column.desc() if name.startswith("-") else column)
        return Query(self._store, self._statement.order_by(*terms))

    def limit(self, number: int) -> Query:
        """Keep the first ``number``."""
        return Query(self._store, self._statement.limit(number))

    def all(self) -> list[WorkflowObject]:
        """Return the objects; by id where no order was given, or the order leaves it.

        The id then follows the direction of the last column: of what was changed in one
        moment, ``-modified`` gives the newest first.
        """
        last = self._statement._order_by_clauses[-1:]
        falls = any(getattr(each, "modifier", None) is desc_op for each in last)
        oid = sql.OBJECTS.c.id
        statement = self._statement.order_by(oid.desc() if falls else oid)
        with self._store.transactions.reading() as connection:
            return [self._store.document(row) for row in connection.execute(statement)]

    def __iter__(self) -> Iterator[WorkflowObject]:
        return iter(self.all())

    def first(self) -> WorkflowObject | None:
        """Return the first object, ``None`` if there is none."""
        found = self.limit(1).all()
        return found[0] if found else None

    def one(self) -> WorkflowObject:
        """Return the only object.

        :raises ObjectNotFound: if there is none.
        :raises WorkflowAPIError: if there are more.
        """
        found = self.limit(2).all()
        if not found:
            raise ObjectNotFound("No workflow object is like that.")
        if len(found) > 1:
            raise WorkflowAPIError("More than one workflow object is like that.")
        return found[0]

    def count(self) -> int:
        """Return how many objects there are."""
        inner = self._statement.order_by(None).subquery()
        with self._store.transactions.reading() as connection:
            return int(
                connection.execute(select(func.count()).select_from(inner)).scalar_one()
            )

    def get(self, oid: int | str) -> WorkflowObject | None:
        """Return the object of this id, ``None`` if there is none."""
        number = _id(oid)
        return self.filter_by(id=number).first() if 0 < number < 2**63 else None

    def one_by_id(self, oid: int | str) -> WorkflowObject:
        """Return the object of this id.

        :raises ObjectNotFound: if there is none.
        """
        found = self.get(oid)
        if found is None:
            raise ObjectNotFound(f"There is no object {oid}.", id_object=oid)
        return found


class Queries(RunQueries):
    """What the faces ask."""

    def query(self) -> Query:
        """Return a query of all objects."""
        return Query(self._store)

    def log_of(self, oid: int | None, level: int | None = None) -> list[LogLine]:
        """Return the log lines of an object, oldest first."""
        return self._store.log_of(oid, level)

    def log_of_run(self, uuid: str) -> list[LogLine]:
        """Return the log lines of a run, oldest first; not those of its objects."""
        return self._store.log_of_run(uuid)

    def history(self, oid: int) -> list[HistoryEvent]:
        """Return what happened to an object, oldest first."""
        events = sql.EVENTS.c
        with self._store.transactions.reading() as connection:
            rows = connection.execute(
                select(
                    sql.EVENTS,
                    events.data.is_not(None).label("has_data"),
                    events.extra_data.is_not(None).label("has_extra"),
                )
                .where(events.id_object == oid)
                .order_by(events.seq)
            )
            return [history_event(row) for row in rows]

    def at(self, oid: int, event: HistoryEvent | int) -> WorkflowObject:
        """Return the object as it was after an event: replayed, not guessed.

        :raises ObjectNotFound: if there is no such object.
        """
        seq = event if isinstance(event, int) else event.seq
        then = self.query().one_by_id(oid)
        data = self._column_at(oid, "data", seq)
        extra = self._column_at(oid, "extra_data", seq)
        derived = self._derived_at(oid, seq)
        then.data, then.extra_data = loads(data), {**loads(extra), **derived}
        columns = then.columns
        columns["status"] = self._status_at(oid, seq)
        columns["seq"] = columns["revision"] = seq
        then.kept = None
        return then

    def _column_at(self, oid: int, name: str, seq: int) -> str:
        events, objects = sql.EVENTS.c, sql.OBJECTS.c
        text = sql.as_text(events[name])
        with self._store.transactions.reading() as connection:
            found = connection.execute(
                select(text)
                .where(events.id_object == oid, events.seq <= seq)
                .where(events[name].is_not(None))
                .order_by(events.seq.desc())
                .limit(1)
            ).scalar_one_or_none()
            if found is None:  # begun by a start: its first state is the snapshot
                found = connection.execute(
                    select(sql.as_text(objects[name]))
                    .where(objects.id_parent == oid)
                    .order_by(objects.id)
                    .limit(1)
                ).scalar_one_or_none()
        if found is None:
            raise ObjectNotFound(
                f"Object {oid} was not there yet at event {seq}; give one of its "
                "history().",
                id_object=oid,
            )
        return str(found)

    def _status_at(self, oid: int, seq: int) -> ObjectStatus:
        events = sql.EVENTS.c
        with self._store.transactions.reading() as connection:
            found = connection.execute(
                select(events.status)
                .where(events.id_object == oid, events.seq <= seq)
                .order_by(events.seq.desc())
                .limit(1)
            ).scalar_one_or_none()
        return ObjectStatus(found or 0)

    def _derived_at(self, oid: int, seq: int) -> dict[str, Any]:
        past = [e for e in self.history(oid) if e.seq <= seq]
        last: HistoryEvent | None = None
        for event in past:
            if event.task:
                last = event
            elif event.kind in ("Accepted", "Restored"):  # before its first task
                last = None
        return {
            "_task_counter": copy.copy(last.position) if last else {},
            "_last_task_name": last.task if last else "",
            "_task_history": [
                {"name": e.task, "position": e.position, "time": e.created}
                for e in past
                if e.kind in ("TaskFinished", "Halted", "Waiting", "Jumped")
            ],
        }

    def next_asleep(
        self, uuid: str, after: tuple[int, int], initial: bool
    ) -> WorkflowObject | None:
        """Return the next object of a run that may be resumed, its branches behind it.

        :param after: position and id of the one before.
        :param initial: those that never ran too.
        """
        wanted = [ObjectStatus.HALTED, ObjectStatus.WAITING, ObjectStatus.ERROR]
        if initial:
            wanted.append(ObjectStatus.INITIAL)
        return self._next_of(
            uuid,
            after,
            sql.OBJECTS.c.status.in_([int(status) for status in wanted]),
            sql.OBJECTS.c.waits_for.is_distinct_from("queue"),
        )

    def next_not_ended(
        self, uuid: str, after: tuple[int, int]
    ) -> WorkflowObject | None:
        """Return the next object of a run that has not ended, its branches behind it.

        :param after: position and id of the one before.
        """
        ended = [int(ObjectStatus.COMPLETED), int(ObjectStatus.CANCELLED)]
        return self._next_of(uuid, after, sql.OBJECTS.c.status.not_in(ended))

    def _next_of(
        self, uuid: str, after: tuple[int, int], *wanted: ColumnElement[bool]
    ) -> WorkflowObject | None:
        """Return the first live object of a run behind a place that is as wanted."""
        objects = sql.OBJECTS.c
        with self._store.transactions.reading() as connection:
            row = connection.execute(
                select(*sql.COLUMNS)
                .where(
                    objects.id_workflow == uuid,
                    objects.id_parent.is_(None),
                    tuple_(objects.position, objects.id) > after,
                    *wanted,
                )
                .order_by(objects.position, objects.id)
                .limit(1)
            ).one_or_none()
        return None if row is None else self._store.document(row)

    # --- lists ------------------------------------------------------------------------

    def objects(
        self,
        limit: int = 50,
        statuses: list[ObjectStatus] | None = None,
        workflow: str | None = None,
        run: str | None = None,
    ) -> list[WorkflowObject]:
        """Return the objects that lists show, last changed first."""
        statement = select(*sql.COLUMNS).where(IS_LISTED)
        if statuses and ObjectStatus.RUNNING not in statuses:
            statement = statement.where(IS_RESTING)
        query = Query(self._store, statement)
        if statuses:
            query = query.filter_by(status=statuses)
        if workflow:
            query = query.filter_by(workflow_name=workflow)
        if run:
            query = query.filter_by(id_workflow=run)
        return query.order_by("-modified", "-id").limit(limit).all()

    def counts(self, run: str | None = None) -> dict[ObjectStatus, int]:
        """Return how many live objects there are in each status."""
        objects = sql.OBJECTS.c
        statement = select(objects.status, func.count()).where(IS_LISTED)
        if run is not None:
            statement = statement.where(objects.id_workflow == run)
        with self._store.transactions.reading() as connection:
            rows = connection.execute(statement.group_by(objects.status)).all()
        return {ObjectStatus(status): number for status, number in rows}


def history_event(row: Any) -> HistoryEvent:
    """Return the event of a row; ``has_data`` and ``has_extra`` say what it changed."""
    has = row._mapping
    keys = (("data", "has_data"), ("extra_data", "has_extra"))
    return HistoryEvent(
        seq=row.seq,
        kind=row.kind,
        task=row.task or "",
        position=path_of(row.path),
        status=ObjectStatus(row.status),
        message=row.message or "",
        payload=row.payload,
        seconds=row.seconds,
        created=row.created,
        changed=tuple(name for name, key in keys if has.get(key)),
        id_workflow=row.id_workflow,
    )


def _field(name: str) -> Any:
    try:
        return FIELDS[name]
    except KeyError:
        raise TypeError(
            f"An object has no column {name!r}; it has {', '.join(sorted(FIELDS))}."
        ) from None


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, ObjectStatus) else value


def _id(oid: int | str) -> int:
    try:
        return int(oid) if isinstance(oid, str) else index(oid)
    except (TypeError, ValueError):
        raise WorkflowAPIError(f"An object's id is a number, not {oid!r}.") from None
