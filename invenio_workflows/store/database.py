"""Whose database it is: the app's Flask-SQLAlchemy, or one of our own."""

from __future__ import annotations

import sqlite3
import threading
import time
from typing import Any

from flask import Flask
from flask.globals import app_ctx
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.pool import SingletonThreadPool, StaticPool

from ..config import Settings
from ..errors import ConfigurationError, DatabaseUnavailable

DIALECTS = ("sqlite", "postgresql")


class OwnDatabase:
    """``engine`` and ``session`` for an app that has no Flask-SQLAlchemy."""

    def __init__(self, uri: str, synchronous: str, options: dict[str, Any]) -> None:
        self.engine = create_engine(uri, **options)
        self.session: scoped_session[Session] = scoped_session(
            sessionmaker(self.engine, expire_on_commit=False), _scope
        )
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _Pragmas(synchronous))

    @property
    def engines(self) -> dict[str | None, Engine]:
        """The engine, under the key of the default database."""
        return {None: self.engine}


class _Pragmas:
    """A SQLite file of our own: write-ahead log, and foreign keys that hold."""

    def __init__(self, synchronous: str) -> None:
        self.synchronous = synchronous.upper()

    def __call__(self, connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        _write_ahead(cursor)
        cursor.execute(f"PRAGMA synchronous={self.synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        # 16 MB: the log is copied into the file a quarter as often as by default.
        cursor.execute("PRAGMA wal_autocheckpoint=4000")
        # 32 MB: a search reads thousands of pages.
        cursor.execute("PRAGMA cache_size=-32000")
        cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Set the journal's mode: this one statement does not wait for other processes."""
    end = time.monotonic() + 5
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def _scope() -> int:
    """A session for each application context, for each thread outside of one."""
    proxy: Any = app_ctx
    try:
        return id(proxy._get_current_object())
    except RuntimeError:
        return id(threading.current_thread())


class Database:
    """The database of one application, settled at first use.

    :raises ConfigurationError: at once, if a dialect is configured that cannot do it.
    """

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._own: OwnDatabase | None = None
        self._settled: Any = None
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        app.teardown_appcontext(self._remove)
        self._check_configuration()

    @property
    def db(self) -> Any:
        """The app's Flask-SQLAlchemy; ours, if it has none.

        :raises ConfigurationError: if one came after ours had been used.
        """
        theirs = self._app.extensions.get("sqlalchemy")
        if self._settled is None:
            with self._lock:
                if self._settled is None:
                    self._settled = theirs if theirs is not None else self._make_own()
        elif theirs is not None and self._settled is not theirs:
            raise ConfigurationError(
                "The app's SQLAlchemy was initialised after workflows had used a "
                "database of their own; call db.init_app(app) before the first use."
            )
        return self._settled

    @property
    def session(self) -> Session:
        """The session of this moment, which tasks share."""
        session: Session = self.db.session()
        return session

    @property
    def engine(self) -> Engine:
        """The engine of the database that holds our tables.

        :raises ConfigurationError: if WORKFLOWS_BIND names no bind, or the dialect
            is not supported.
        """
        db = self.db
        if self._engine is None:
            self._engine = self._checked(self._find_engine(db))
        return self._engine

    def _find_engine(self, db: Any) -> Engine:
        if self._own is not None and db is self._own:
            return self._own.engine
        with self._app.app_context():
            engines: dict[str | None, Engine] = db.engines
        bind = self._settings.bind
        if bind not in engines:
            known = ", ".join(repr(key) for key in engines if key) or "none"
            raise ConfigurationError(
                f"WORKFLOWS_BIND is {bind!r}, but SQLALCHEMY_BINDS has {known}."
                if bind
                else "The app's SQLAlchemy has no SQLALCHEMY_DATABASE_URI."
            )
        return engines[bind]

    @property
    def is_ours(self) -> bool:
        """Whether no Flask-SQLAlchemy of the app opened it."""
        return self.db is self._own

    def single_connection(self) -> bool:
        """Say whether the database lives in the memory of one connection."""
        return isinstance(self.engine.pool, (StaticPool, SingletonThreadPool))

    def _make_own(self) -> OwnDatabase:
        uri = self._uri()
        if not uri:
            raise ConfigurationError(
                "There is no database: set WORKFLOWS_DATABASE_URI or "
                "SQLALCHEMY_DATABASE_URI, or initialise the app's SQLAlchemy."
            )
        if self._settings.bind is not None:
            raise ConfigurationError(
                "WORKFLOWS_BIND needs the app's Flask-SQLAlchemy, which has none; "
                "set WORKFLOWS_DATABASE_URI instead."
            )
        try:
            self._own = OwnDatabase(
                str(uri), self._settings.sqlite_synchronous, self._options()
            )
        except (TypeError, ArgumentError) as error:
            raise ConfigurationError(
                f"SQLALCHEMY_ENGINE_OPTIONS cannot be used: {error}"
            ) from error
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"The database URI needs the Python package {error.name!r}; install "
                "it, or name another driver, such as postgresql+psycopg://…"
            ) from error
        return self._own

    def _uri(self) -> Any:
        return self._settings.database_uri or self._app.config.get(
            "SQLALCHEMY_DATABASE_URI"
        )

    def _options(self) -> dict[str, Any]:
        """Return what Flask-SQLAlchemy too would give the engine: pool_size, say."""
        return dict(self._app.config.get("SQLALCHEMY_ENGINE_OPTIONS") or {})

    def _check_configuration(self) -> None:
        uri = self._uri()
        bind = self._settings.bind
        if bind is not None:
            uri = (self._app.config.get("SQLALCHEMY_BINDS") or {}).get(bind)
            uri = uri.get("url") if isinstance(uri, dict) else uri
        if not uri:
            return
        try:
            url = make_url(uri)
            name = url.get_backend_name()
        except (ArgumentError, NoSuchModuleError) as error:
            raise ConfigurationError(f"The database URI is not one: {error}.") from None
        if name not in DIALECTS:
            raise ConfigurationError(_unsupported(name))
        level = url.query.get("isolation_level")
        _check_isolation(name, level or self._options().get("isolation_level"))

    def _checked(self, engine: Engine) -> Engine:
        if engine.dialect.name not in DIALECTS:
            raise ConfigurationError(_unsupported(engine.dialect.name))
        return engine

    def _remove(self, error: BaseException | None = None) -> None:
        if self._own is not None:
            self._own.session.remove()

    def check_version(self, connection: Any) -> None:
        """Refuse a server that is too old or isolates otherwise than we count on.

        :raises DatabaseUnavailable: saying which is needed.
        """
        name, version = connection.dialect.name, connection.dialect.server_version_info
        needed = {"sqlite": (3, 35), "postgresql": (13,)}[name]
        if version < needed:
            raise DatabaseUnavailable(
                f"{name} {'.'.join(map(str, version))} is too old; "
                f"{'.'.join(map(str, needed))} or newer is needed."
            )
        _check_isolation(name, connection.get_isolation_level())


def _check_isolation(dialect: str, level: Any) -> None:
    allowed = (None, "READ COMMITTED", "READ_COMMITTED")
    if level == "AUTOCOMMIT":
        raise ConfigurationError(
            "The isolation level is AUTOCOMMIT, which keeps half of what belongs "
            "together"
            + ("; workflows need READ COMMITTED" if dialect == "postgresql" else "")
            + ": remove the setting."
        )
    if dialect == "postgresql" and level not in allowed:
        raise ConfigurationError(
            f"The isolation level is {level}; workflows need READ COMMITTED, "
            "PostgreSQL's default: remove the setting."
        )


def _unsupported(name: str) -> str:
    return (
        f"Workflows cannot be kept in {name}; use SQLite 3.35 or newer, or PostgreSQL "
        "13 or newer (postgresql+psycopg://…), for the app or as WORKFLOWS_BIND."
    )
