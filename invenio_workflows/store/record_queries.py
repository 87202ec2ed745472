"""What the page of one record asks: bounded, whatever has happened to it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select

from ..encoding import loads
from ..logs import LogLine
from . import statements as sql
from .queries import HistoryEvent, history_event
from .relations import Relations
from .rows import log_line

#: At most this many changes of the data are looked at, the newest.
MOST_CHANGES = 1000
#: The most letters of them, in JSON.
MOST_LETTERS = 20_000_000
#: At most this many of the newest events are looked at to see which tasks are done.
_MOST_EVENTS = 5000
_BATCH = 50

_events, _lines = sql.EVENTS.c, sql.LOGS.c
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


def _of(columns: Any, oid: int, number: int) -> tuple[Any, Any]:
    """Return what finds the event, or the log line, of this number of an object."""
    key = columns.seq if columns is _events else columns.id
    return columns.id_object == oid, key == number


class RecordQueries(Relations):
    """Reads what belongs to one object."""

    def events(
        self,
        oid: int,
        limit: int,
        before: int | None = None,
        kinds: Collection[str] | None = None,
        saying: Collection[str] = (),
    ) -> list[HistoryEvent]:
        """Return the newest events, the newest first, without what they changed.

        :param kinds: only these, and what a person did.
        :param saying: kinds that say something though no person did them.
        """
        statement = select(
            *_PLAIN,
            _events.data.is_not(None).label("has_data"),
            _events.extra_data.is_not(None).label("has_extra"),
        ).where(_events.id_object == oid)
        if before is not None:
            statement = statement.where(_events.seq < before)
        if kinds is not None:
            by_person = and_(_events.payload.is_not(None), _events.kind.not_in(saying))
            statement = statement.where(or_(_events.kind.in_(kinds), by_person))
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

    def workflow_of(self, oid: int) -> tuple[bool, str | None]:
        """Return whether there is an object of this id, and of which workflow."""
        statement = select(_objects.workflow).where(_objects.id == oid)
        if not 0 < oid < 2**63:
            return False, None
        with self._reading() as connection:
            row = connection.execute(statement).one_or_none()
        return row is not None, (row.workflow or None) if row else None

    def stopped(self, oid: int) -> datetime | None:
        """Return when the object stopped last."""
        kinds = ("Halted", "InputAsked", "Waiting", "Failed", "TaskPostponed")
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
        columns = _lines
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

    # --- where in the timeline a page begins ------------------------------------------

    def event_time(self, oid: int, seq: int) -> datetime | None:
        """Return when an event of an object was; ``None`` if there is none."""
        return self._time(select(_events.created).where(*_of(_events, oid, seq)))

    def line_time(self, oid: int, number: int) -> datetime | None:
        """Return when a log line of an object was written; ``None`` for no line."""
        return self._time(select(_lines.created).where(*_of(_lines, oid, number)))

    def last_event(self, oid: int, at: datetime) -> int:
        """Return the number of the last event until then; 0 if there is none."""
        return self._last(_events.seq, _events, oid, at)

    def last_line(self, oid: int, at: datetime) -> int:
        """Return the number of the last log line until then; 0 if there is none."""
        return self._last(_lines.id, _lines, oid, at)

    def _time(self, statement: Any) -> datetime | None:
        with self._reading() as connection:
            found: datetime | None = connection.execute(statement).scalar_one_or_none()
        return found

    def _last(self, number: Any, columns: Any, oid: int, at: datetime) -> int:
        statement = (
            select(number)
            .where(columns.id_object == oid, columns.created <= at)
            .order_by(number.desc())
            .limit(1)
        )
        with self._reading() as connection:
            return connection.execute(statement).scalar_one_or_none() or 0

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
