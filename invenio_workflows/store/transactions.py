"""Where our statements run: in the app's session if it is in use, else beside it.

A task's own writes and the checkpoint are one commit, so a session in which a
task did something is joined. Where it did nothing there is nothing to share, and
a connection that is held for the whole run costs less.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from .alone import prepare_alone
from .database import Database
from .failures import FAILURES, clear_errors, is_busy, is_passing, raise_clearly
from .prepared import Change, commit, rollback, send_directly

T = TypeVar("T")

#: The file is locked at once: what is read before the first write stays true.
_BEGIN = Change(text("BEGIN IMMEDIATE"))

#: Seconds between two looks at a SQLite file that another process writes.
_PAUSE = 0.02


class TaskWritesLost(Exception):
    """What a task left in the session could not be written; it is undone."""

    def __init__(self, original: Exception) -> None:
        self.original = original
        super().__init__(str(original))


class Transactions:
    """Runs units of work, each of them one commit or nothing."""

    def __init__(self, database: Database, busy_seconds: int) -> None:
        self.database = database
        self._busy_seconds = busy_seconds
        self._local = threading.local()
        self._one: bool | None = None
        self._alone: Engine | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep one connection for all units of work of this thread in the block."""
        if getattr(self._local, "connection", None) is not None or self.is_single():
            yield
            return
        with clear_errors():
            connection = self.database.engine.connect()
        send_directly(connection)
        prepare_alone(connection)
        self._local.connection, self._local.alone = connection, False
        try:
            yield
        finally:
            self._local.connection = None
            connection.close()

    def run(self, work: Callable[[Connection], T], alone: bool = False) -> T:
        """Do ``work`` and commit; the session's own writes with it, if it has any.

        :param alone: whether ``work`` is one statement, which needs no BEGIN and no
            COMMIT where those are round trips.
        :raises TaskWritesLost: if the session's own writes are refused.
        :raises DatabaseUnavailable: if the database is away or has no tables.
        """
        try:
            session = self.database.session
            if self.is_single() or in_use(session):
                return self._in_session(session, work)
            return self._beside(work, alone)
        except FAILURES as error:
            if is_busy(error):
                return self._waiting(work, error)
            raise_clearly(error)

    def run_alone(self, statement: Callable[[Connection], T]) -> T | None:
        """Do one statement without BEGIN and COMMIT; nothing, if that cannot be.

        It cannot be if the session has writes that belong to it, nor on SQLite.
        """
        is_other = self.database.engine.dialect.name != "postgresql"
        if is_other or in_use(self.database.session):
            return None
        return self.run(statement, alone=True)

    def joined(self, work: Callable[[Connection], T]) -> T:
        """Do ``work`` so that a failure leaves the caller's own writes as they were.

        What it reads nobody changes before it writes: on SQLite, where no row has a
        lock of its own, the file is locked from the beginning.
        """

        def begun(connection: Connection) -> T:
            begin(connection)
            return work(connection)

        def guarded(connection: Connection) -> T:
            begin(connection)
            with connection.begin_nested():
                return work(connection)

        if not in_use(self.database.session):
            return self.run(begun)
        return self.run_keeping(guarded)

    def run_keeping(self, work: Callable[[Connection], T]) -> T:
        """Do ``work`` in the session and commit; on failure the session stays open."""
        with clear_errors():
            session = self.database.session
            session.flush()
            result = work(self.connection_of(session))
            session.commit()
            return result

    def before_commit(
        self, work: Callable[[Connection], T], then: Callable[[T], None]
    ) -> T:
        """Do ``work`` in the session, which its owner commits; ``then`` after that.

        A commit of a savepoint is none. If the session is rolled back, ``then`` is
        never called.
        """
        with clear_errors():
            session = self.database.session
            session.flush()
            connection = self.connection_of(session)
            begin(connection)
            with connection.begin_nested():
                result = work(connection)
        _afterwards(session, lambda: then(result))
        return result

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection to read with: it sees what the session has written."""
        with clear_errors():
            session = self.database.session
            if self.is_single() or session.in_transaction():
                began = not session.in_transaction()
                session.flush()
                try:
                    yield self.connection_of(session)
                finally:
                    if began:
                        session.rollback()
                return
            held = getattr(self._local, "connection", None)
            if held is not None:
                try:
                    yield held
                finally:
                    # Nothing was written; after a rollback the driver would have the
                    # server parse and plan every statement again.
                    held.commit()
                return
            with self.database.engine.connect() as connection:
                yield connection

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """Give a connection to read with, as :meth:`reading`, for one statement."""
        held = getattr(self._local, "connection", None)
        beside = held is None and not in_use(self.database.session)
        is_beside = beside and not self.is_single()
        look = self.beside(alone=True) if is_beside else self.reading()
        with look as connection:
            yield connection

    @contextmanager
    def beside(self, alone: bool = False) -> Iterator[Connection]:
        """Give a connection that shares nothing with the session.

        :param alone: for one statement, which needs no BEGIN and no ROLLBACK where
            those are round trips.
        """
        engine = self.database.engine
        if alone and engine.dialect.name == "postgresql":
            if self._alone is None:
                self._alone = engine.execution_options(isolation_level="AUTOCOMMIT")
            engine = self._alone
        with clear_errors(), engine.connect() as connection:
            yield connection

    def run_beside(self, work: Callable[[Connection], T]) -> T:
        """Do ``work`` and commit, sharing nothing with the session; wait for a lock."""
        end = time.monotonic() + self._busy_seconds
        while True:
            try:
                with self.beside() as connection:
                    result = work(connection)
                    connection.commit()
                    return result
            except DBAPIError as error:
                if not is_busy(error) or time.monotonic() > end:
                    raise
            time.sleep(_PAUSE)

    def undo(self) -> None:
        """Undo what the session holds since its last commit."""
        session = self.database.session
        if in_use(session):
            session.rollback()

    def is_single(self) -> bool:
        """Say whether there is one connection only; looks at the server once."""
        if self._one is None:
            with clear_errors(), self.database.engine.connect() as connection:
                self.database.check_version(connection)
            self._one = self.database.single_connection()
        return self._one

    def connection_of(self, session: Session) -> Connection:
        """Return the session's connection to our database."""
        return session.connection(bind_arguments={"bind": self.database.engine})

    def _in_session(self, session: Session, work: Callable[[Connection], T]) -> T:
        try:
            session.flush()
            connection = self.connection_of(session)
        except SQLAlchemyError as error:
            session.rollback()
            raise TaskWritesLost(error) from error
        try:
            result = work(connection)
        except OperationalError as error:
            session.rollback()
            if is_passing(error):
                raise TaskWritesLost(error) from error
            raise
        except BaseException:
            session.rollback()
            raise
        try:
            session.commit()
        except SQLAlchemyError as error:
            session.rollback()
            raise TaskWritesLost(error) from error
        return result

    def _beside(self, work: Callable[[Connection], T], alone: bool = False) -> T:
        held = getattr(self._local, "connection", None)
        if held is None:
            with self.database.engine.connect() as connection:
                result = work(connection)
                connection.commit()
                return result
        self._set_level(held, alone)
        try:
            result = work(held)
            commit(held)
        except BaseException:
            rollback(held)
            raise
        return result

    def _set_level(self, held: Connection, alone: bool) -> None:
        """Let each statement commit itself, or not; where that saves round trips."""
        if alone != self._local.alone and held.dialect.name == "postgresql":
            level: Any = "AUTOCOMMIT" if alone else "READ COMMITTED"
            held.execution_options(isolation_level=level)
            self._local.alone = alone

    def _waiting(self, work: Callable[[Connection], T], busy: Exception) -> T:
        """Try again as long as another process writes the SQLite file."""
        end = time.monotonic() + self._busy_seconds
        while time.monotonic() < end:
            time.sleep(_PAUSE)
            try:
                return self._beside(work)
            except DBAPIError as error:
                if not is_busy(error):
                    raise_clearly(error)
                busy = error
        raise busy


_AFTERWARDS = "workflows_afterwards"


def _afterwards(session: Session, what: Callable[[], None]) -> None:
    """Do something once, when what the session holds now is committed."""
    if _AFTERWARDS not in session.info:
        session.info[_AFTERWARDS] = []
        event.listen(session, "after_commit", _committed)
        event.listen(session, "after_soft_rollback", _rolled_back)
    session.info[_AFTERWARDS].append(what)


def _committed(session: Session) -> None:
    if not session.in_nested_transaction():
        waiting: list[Callable[[], None]] = session.info[_AFTERWARDS]
        session.info[_AFTERWARDS] = []
        for what in waiting:
            what()


def _rolled_back(session: Session, transaction: Any) -> None:
    if not transaction.nested:
        session.info[_AFTERWARDS] = []


def in_use(session: Session) -> bool:
    """Say whether the session did, or is to do, anything since its last commit."""
    return session.in_transaction()


def begin(connection: Connection) -> None:
    """Open the transaction on SQLite, whose driver would wait for a first write."""
    if connection.dialect.name == "sqlite":
        raw: Any = connection.connection.dbapi_connection
        if not raw.in_transaction:
            _BEGIN(connection, {})
