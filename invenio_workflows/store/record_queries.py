"""What the page of one record asks: bounded, whatever has happened to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, tuple_

from ..encoding import loads
from ..logs import LogLine
from ..objects import WorkflowObject
from ..states import ObjectStatus
from . import statements as sql
from .models import IS_LISTED, IS_RESTING
from .queries import HistoryEvent, history_event
from .rows import log_line, place_of
from .sql import SQLStore

#: So many changes of the data are looked at, the newest.
MOST_CHANGES = 1000
#: So many letters of them at most, in JSON.
MOST_LETTERS = 20_000_000
#: So many of the newest events are looked at to see which tasks are done.
_MOST_EVENTS = 5000
#: So many of the newest failures are looked at for those that are alike.
_MOST_FAILED = 5000
#: So many relatives of a kind are shown.
MOST_RELATED = 100
_BATCH = 50

_events = sql.EVENTS.c
_objects = sql.OBJECTS.c
_PLAIN = [
    column for column in sql.EVENTS.c if column.name not in ("data", "extra_data")
]


@dataclass(frozen=True, slots=True)
class DataChange:
    """The data as an event left them."""

    event: HistoryEvent
    data: Any


@dataclass(frozen=True, slots=True)
class DataChanges:
    """The newest changes of the data, the oldest of them first.

    ``before`` are the data before the first of them; ``complete`` says whether that
    is how the object began.
    """

    changes: list[DataChange]
    before: Any
    complete: bool


@dataclass(frozen=True, slots=True)
class Relative:
    """Another object, as a link to it needs it."""

    id: int
    status: ObjectStatus
    waits_for: str | None
    branch: int | None
    modified: datetime
    position: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another object of a list, as a link to it needs it."""

    id: int
    title: str | None
    is_markup: bool
    status: ObjectStatus
    waits_for: str | None


class RecordQueries:
    """Reads what belongs to one object."""

    def __init__(self, store: SQLStore) -> None:
        self._store = store
        self._reading = store.transactions.reading

    def events(
        self, oid: int, limit: int, before: int | None = None
    ) -> list[HistoryEvent]:
        """Return the newest events, the newest first, without what they changed."""
        statement = select(
            *_PLAIN,
            _events.data.is_not(None).label("has_data"),
            _events.extra_data.is_not(None).label("has_extra"),
        ).where(_events.id_object == oid)
        if before is not None:
            statement = statement.where(_events.seq < before)
        with self._reading() as connection:
            rows = connection.execute(
                statement.order_by(_events.seq.desc()).limit(limit)
            ).all()
        return [history_event(row) for row in rows]

    def event(self, oid: int, seq: int) -> HistoryEvent | None:
        """Return one event of an object, ``None`` if there is none of that number."""
        statement = select(*_PLAIN).where(_events.id_object == oid, _events.seq == seq)
        with self._reading() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else history_event(row)

    def stopped(self, oid: int) -> datetime | None:
        """Return when the object stopped last."""
        kinds = ("Halted", "Waiting", "Failed", "TaskPostponed")
        statement = (
            select(_events.created)
            .where(_events.id_object == oid, _events.kind.in_(kinds))
            .order_by(_events.seq.desc())
            .limit(1)
        )
        with self._reading() as connection:
            found: datetime | None = connection.execute(statement).scalar_one_or_none()
        return found

    def lines(
        self,
        oid: int,
        limit: int,
        before: int | None = None,
        level: int | None = None,
    ) -> list[tuple[int, LogLine]]:
        """Return id and line of the newest log lines, the newest first."""
        columns = sql.LOGS.c
        statement = select(sql.LOGS).where(columns.id_object == oid)
        if before is not None:
            statement = statement.where(columns.id < before)
        if level is not None:
            statement = statement.where(columns.level >= level)
        with self._reading() as connection:
            rows = connection.execute(
                statement.order_by(columns.id.desc()).limit(limit)
            ).all()
        return [(row.id, log_line(row)) for row in rows]

    def data_at(self, oid: int, seq: int) -> Any:
        """Return the data as they were after an event; ``LookupError`` before all."""
        with self._reading() as connection:
            text = connection.execute(
                select(sql.as_text(_events.data))
                .where(_events.id_object == oid, _events.seq <= seq)
                .where(_events.data.is_not(None))
                .order_by(_events.seq.desc())
                .limit(1)
            ).scalar_one_or_none()
        return self.initial(oid) if text is None else loads(text)

    def initial(self, oid: int) -> Any:
        """Return the data of the first snapshot; ``LookupError`` if there is none."""
        with self._reading() as connection:
            text = connection.execute(
                select(sql.as_text(_objects.data))
                .where(_objects.id_parent == oid)
                .order_by(_objects.id)
                .limit(1)
            ).scalar_one_or_none()
        if text is None:
            raise LookupError(oid)
        return loads(text)

    def data_changes(self, oid: int, limit: int = MOST_CHANGES) -> DataChanges:
        """Return the newest changes of the data, by letters and number bounded."""
        changes: list[DataChange] = []
        for event, data in self._newest(oid, limit + 1):
            changes.append(DataChange(event, data))
        complete = False
        if len(changes) <= limit and not self._older(oid, changes):
            try:
                before, complete = self.initial(oid), True
            except LookupError:  # it was created, not started: its first event has all
                if not changes:
                    return DataChanges([], None, False)
                before, complete = changes.pop().data, True
        else:
            before = changes.pop().data
        return DataChanges(changes[::-1], before, complete)

    def _newest(self, oid: int, limit: int) -> Iterator[tuple[HistoryEvent, Any]]:
        last, letters, found = 2**31 - 1, 0, 0
        statement = select(*_PLAIN, sql.as_text(_events.data).label("text")).where(
            _events.id_object == oid, _events.data.is_not(None)
        )
        while found < limit and letters < MOST_LETTERS:
            with self._reading() as connection:
                rows = connection.execute(
                    statement.where(_events.seq < last)
                    .order_by(_events.seq.desc())
                    .limit(min(_BATCH, limit - found))
                ).all()
            for row in rows:
                letters += len(row.text)
                found += 1
                yield history_event(row), loads(row.text)
                if letters >= MOST_LETTERS:
                    return
            if len(rows) < _BATCH:
                return
            last = rows[-1].seq

    def _older(self, oid: int, changes: Sequence[DataChange]) -> bool:
        if not changes:
            return False
        with self._reading() as connection:
            found = connection.execute(
                select(_events.seq)
                .where(_events.id_object == oid, _events.data.is_not(None))
                .where(_events.seq < changes[-1].event.seq)
                .limit(1)
            ).first()
        return found is not None

    def passed(self, oids: Sequence[int]) -> list[tuple[str, str]]:
        """Return kind and path of the newest events of these objects, the newest first.

        Nothing older than when an object last began anew.
        """
        statement = (
            select(_events.id_object, _events.kind, _events.path)
            .where(_events.id_object.in_(oids))
            .order_by(_events.id_object, _events.seq.desc())
            .limit(_MOST_EVENTS)
        )
        found, ended = [], set()
        with self._reading() as connection:
            for oid, kind, path in connection.execute(statement):
                if oid in ended:
                    continue
                if kind in ("Restored", "Accepted"):
                    ended.add(oid)
                if path:
                    found.append((kind, path))
        return found

    # --- others -----------------------------------------------------------------------

    def snapshots(self, oid: int) -> list[Relative]:
        """Return the snapshots of an object, the newest first."""
        return self._related(_objects.id_parent == oid, _objects.id.desc())

    def branches(self, oid: int) -> list[Relative]:
        """Return the branches of an object, the newest first."""
        return self._related(_objects.id_fork == oid, _objects.id.desc())

    def of_run(self, uuid: str) -> list[Relative]:
        """Return the first objects of a run, in its order."""
        mine = (
            _objects.id_workflow == uuid,
            _objects.id_parent.is_(None),
            _objects.id_fork.is_(None),
        )
        return self._related(*mine, _objects.position)

    def _related(self, *terms: Any) -> list[Relative]:
        *conditions, order = terms
        statement = (
            select(
                _objects.id,
                _objects.status,
                _objects.waits_for,
                _objects.branch,
                _objects.modified,
                sql.as_text(_objects.cursor),
            )
            .where(*conditions)
            .order_by(order)
            .limit(MOST_RELATED + 1)
        )
        with self._reading() as connection:
            rows = connection.execute(statement).all()
        return [
            Relative(
                row.id,
                ObjectStatus(row.status),
                row.waits_for,
                row.branch,
                row.modified,
                tuple(place_of(row.cursor)[0]),
            )
            for row in rows
        ]

    def neighbours(
        self, ids: Sequence[int], workflows: Sequence[str]
    ) -> list[Neighbour]:
        """Return the objects of these ids and workflows, in the order of the ids."""
        statement = select(
            _objects.id,
            _objects.title,
            _objects.markup,
            _objects.status,
            _objects.waits_for,
        ).where(_objects.id.in_(ids), _objects.workflow.in_(workflows))
        with self._reading() as connection:
            found = {row.id: row for row in connection.execute(statement)}
        rows = [found[oid] for oid in ids if oid in found]
        return [
            Neighbour(
                row.id,
                row.title,
                bool((row.markup or 0) & 1),
                ObjectStatus(row.status),
                row.waits_for,
            )
            for row in rows
        ]

    def alike(self, obj: WorkflowObject, limit: int) -> list[int]:
        """Return the ids of others of its workflow that failed with the same words.

        The newest failures are looked at, of all workflows.
        """
        with self._reading() as connection:
            error = connection.execute(
                select(_objects.error).where(_objects.id == obj.id)
            ).scalar_one_or_none()
            if not error:
                return []
            newest = (
                select(_objects.id, _objects.workflow, _objects.error)
                .where(_objects.status == int(ObjectStatus.ERROR))
                .where(IS_LISTED, IS_RESTING)
                .order_by(_objects.modified.desc(), _objects.id.desc())
                .limit(_MOST_FAILED)
                .subquery()
            )
            others = (
                select(newest.c.id)
                .where(newest.c.workflow == obj.workflow_name)
                .where(newest.c.error == error, newest.c.id != obj.id)
                .limit(limit)
            )
            return list(connection.execute(others).scalars())

    def beside(
        self, obj: WorkflowObject, workflows: Sequence[str]
    ) -> tuple[int | None, int | None]:
        """Return who is before and after an object in the list of what needs action.

        :param workflows: of which objects may be seen.
        """
        place = tuple_(_objects.modified, _objects.id)
        here = (obj.modified, obj.id)
        found: list[int | None] = []
        for condition, order in (
            (place > here, (_objects.modified, _objects.id)),
            (place < here, (_objects.modified.desc(), _objects.id.desc())),
        ):
            statement = (
                select(_objects.id)
                .where(_objects.status == int(ObjectStatus.HALTED), condition)
                .where(_objects.workflow.in_(workflows), IS_LISTED, IS_RESTING)
                .order_by(*order)
                .limit(1)
            )
            with self._reading() as connection:
                found.append(connection.execute(statement).scalar_one_or_none())
        return found[0], found[1]

    def first_of(self, ids: Sequence[int], workflows: Sequence[str]) -> int | None:
        """Return the first of these ids that an object of these workflows has."""
        statement = select(_objects.id).where(
            _objects.id.in_(ids), _objects.workflow.in_(workflows)
        )
        with self._reading() as connection:
            there = set(connection.execute(statement).scalars())
        return next((oid for oid in ids if oid in there), None)
