"""Which workers there are: each writes a row when it sweeps, idle or not."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, String, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from ..encoding import dumps
from ..pausing import begin_anew
from .kinds import Encoded, UTCDateTime, later, now
from .leases import is_dead, process
from .models import Base
from .prepared import Change
from .statements import _p
from .transactions import Transactions

News = Callable[[Connection], object]

_logger = logging.getLogger(__name__)

#: A worker that was not seen for so many of its sweeps, and seconds, is silent.
_SWEEPS, _SILENT = 3, 15
#: One that was not seen for so many is forgotten.
_FORGOTTEN_SWEEPS, _FORGOTTEN = 10, 600
#: After so many sweeps it is looked who is gone: an idle worker is to ask little.
_LOOK_SWEEPS = 6
#: How many are looked at then; those that were not seen for longest come first.
_BATCH = 100
#: How many are shown.
_SHOWN = 1000


class WorkerRow(Base):
    """A process that does what is delayed."""

    __tablename__ = "workflows_worker"

    #: Who it is, as its leases say: host, number, and when it began.
    process: Mapped[str] = mapped_column(String(255), primary_key=True)
    kind: Mapped[str] = mapped_column(String(100))
    queues: Mapped[Any] = mapped_column(Encoded)
    #: How many objects it moves at a time.
    slots: Mapped[int] = mapped_column(Integer)
    #: Seconds after which it says again that it lives.
    every: Mapped[int] = mapped_column(Integer)
    started: Mapped[datetime] = mapped_column(UTCDateTime)
    seen: Mapped[datetime] = mapped_column(UTCDateTime)
    #: A digest of the code of each workflow that it has, by the workflow's name.
    code: Mapped[Any] = mapped_column(Encoded, nullable=True)


WORKERS: Any = WorkerRow.__table__
_workers = WORKERS.c
_SAID = ("kind", "queues", "slots", "every")


def _upsert(dialect: Any) -> Change:
    values = {name: _p(name, _workers[name]) for name in ("process", *_SAID)}
    values |= {"started": later(_p("since", _workers.every)), "seen": now()}
    values |= {"code": _p("code", _workers.code)}
    said = dialect.insert(WORKERS).values(values)
    again = {name: said.excluded[name] for name in (*_SAID, "seen")}
    key = [_workers.process]
    return Change(said.on_conflict_do_update(index_elements=key, set_=again))


_RENEW = Change(
    update(WORKERS)
    .where(_workers.process == _p("process", _workers.process))
    .values(code=_p("code", _workers.code))
)
_TELL = {"postgresql": _upsert(postgresql), "sqlite": _upsert(sqlite)}


@dataclass(frozen=True, slots=True)
class Seen:
    """A worker, and how many seconds ago it was seen."""

    process: str
    kind: str
    queues: tuple[str, ...]
    slots: int
    every: int
    started: datetime
    seen: datetime
    code: dict[str, str] | None
    seconds: float

    @property
    def state(self) -> str:
        """``lives``, ``silent`` or ``dead``; the last is known of this machine only."""
        if is_dead(self.process):
            return "dead"
        lives = self.seconds <= max(_SWEEPS * self.every, _SILENT)
        return "lives" if lives else "silent"

    @property
    def lives(self) -> bool:
        """Whether it says so."""
        return self.state == "lives"

    def runs_old(self, code: Mapping[str, str]) -> list[str]:
        """Return the workflows that it has of other code than this, or not at all."""
        theirs = self.code
        if theirs is None:
            return []
        return sorted(name for name in code if theirs.get(name) != code[name])

    @property
    def is_forgotten(self) -> bool:
        """Whether nothing is to be expected of it any more."""
        long = max(_FORGOTTEN_SWEEPS * self.every, _FORGOTTEN)
        return self.seconds > long or self.state == "dead"


def seen(connection: Connection, limit: int = _SHOWN) -> list[Seen]:
    """Return the workers; those that were not seen for longest come first."""
    rows = connection.execute(
        select(*TOLD, now().label("at")).order_by(_workers.seen).limit(limit)
    ).mappings()
    return [as_seen(row) for row in rows]


#: What is read of a worker, for :func:`as_seen`; with the time, ``at``.
TOLD = [_workers[field] for field in Seen.__slots__ if field != "seconds"]


def as_seen(row: Mapping[Any, Any]) -> Seen:
    """Return the worker of a row that was read ``at`` some time."""
    told = {column.name: row[column.name] for column in TOLD}
    told["queues"] = tuple(told["queues"])
    seconds = (row["at"] - row["seen"]).total_seconds()
    return Seen(**told, seconds=max(seconds, 0.0))


def workers(transactions: Transactions) -> list[Seen]:
    """Return the workers that there are, and those that ended otherwise than well."""
    with transactions.reading() as connection:
        return seen(connection)


class Presence:
    """What this process tells of itself, if it is a worker.

    :param code: gives a digest of the code of each workflow of this process.
    """

    def __init__(
        self,
        transactions: Transactions,
        every: int,
        code: Callable[[], dict[str, str]] = dict,
    ) -> None:
        self._transactions = transactions
        self._every = every
        self._read = code
        self.forked()
        begin_anew(self)

    def forked(self) -> None:
        """Be no worker, as at first: the child has a name and threads of its own."""
        self._code: str | None = None
        self._is_renewed = self._has_news = False
        self._lock = threading.Lock()
        self._next = self._next_look = 0.0
        self._is_worker = False
        self._began = 0.0
        self._said: dict[str, Any] = {}

    def begin(self, kind: str, queues: Sequence[str], slots: int) -> None:
        """Say from the next sweep on that this process is a worker."""
        if not self._is_worker:
            self._began = time.monotonic()
        self._said = {"kind": kind, "queues": dumps(list(queues)), "slots": slots}
        self._is_worker = True
        self.renew()

    def renew(self) -> None:
        """Say with the next sweep that this process has the code of its files now."""
        with self._lock:  # not in the middle of a beat
            self._is_renewed = self._code is not None
            self._code, self._next, self._has_news = None, 0.0, True

    def beat(self, news: Callable[[], News] | None = None) -> None:
        """Say that this process lives, if it is a worker; forget who is gone.

        :param news: gives who writes more in the commit of the first beat, and of the
            first with new code.
        :raises DatabaseUnavailable: if the database is away or has no tables.
        """
        at = time.monotonic()
        if at < self._next:
            return  # sweeps follow on each other where much is due
        self._next = at + self._every / 2
        if self._is_worker:
            # Else a beat that is late would undo the end.
            with self._lock:
                if self._is_worker:
                    self._digests()
                    more = news() if news is not None and self._has_news else None
                    self._transactions.run(lambda c: self._tell(c, more))
                    self._is_renewed = self._has_news = False
        if at >= self._next_look:
            self._next_look = at + _LOOK_SWEEPS * self._every
            self._forget()

    def end(self) -> None:
        """Be no worker any more; in silence if the database is away."""
        if not self._is_worker:
            return
        with self._lock:
            self._is_worker = False
            gone = delete(WORKERS).where(_workers.process == process())
            try:
                with self._transactions.database.engine.begin() as connection:
                    connection.execute(gone)
            except SQLAlchemyError as error:
                _logger.info("A sweep forgets this worker later: %s", error)

    def _tell(self, connection: Connection, news: News | None = None) -> None:
        since = int(self._began - time.monotonic())
        said = {**self._said, "process": process(), "every": self._every}
        said |= {"since": since, "code": self._digests()}
        _TELL[connection.dialect.name](connection, said)
        if self._is_renewed:
            _RENEW(connection, {"process": process(), "code": said["code"]})
        if news is not None:
            news(connection)

    def _digests(self) -> str:
        if self._code is None:
            self._code = dumps(self._read())
        return self._code

    def _forget(self) -> None:
        """Delete those that are dead, or were not seen for long."""
        with self._transactions.reading() as connection:
            gone = [each for each in seen(connection, _BATCH) if each.is_forgotten]

        def work(connection: Connection) -> None:
            for each in sorted(gone, key=lambda each: each.process):
                # One that came back meanwhile stays.
                mine = (_workers.process == each.process, _workers.seen == each.seen)
                connection.execute(delete(WORKERS).where(*mine))

        if gone:
            self._transactions.run(work)
