"""Statements built once by SQLAlchemy Core, compiled once per database.

Building a statement costs four times sending it, so what runs at each task is
kept as text.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import Any

from sqlalchemy import Connection, CursorResult
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import Executable


class _Compiled:
    """A statement that is compiled once for each database."""

    def __init__(self, statement: Executable) -> None:
        self.statement: Any = statement
        self._texts: dict[str, str] = {}

    def _text(self, connection: Connection) -> str:
        name = connection.dialect.name
        text = self._texts.get(name)
        if text is None:
            text = self._texts[name] = self._compiled(connection)
        return text

    def _compiled(self, connection: Connection) -> str:
        dialect: Any = connection.dialect
        if dialect.name == "sqlite":
            dialect = type(dialect)(paramstyle="named")
        compiled = self.statement.compile(dialect=dialect)
        constants = [key for key, value in compiled.params.items() if value is not None]
        assert not constants, f"not parameters: {constants} in {compiled}"
        return str(compiled)


class Prepared(_Compiled):
    """A statement that gives back rows."""

    def __call__(self, connection: Connection, parameters: Any) -> CursorResult[Any]:
        """Send it, with a dictionary, or a list of them for many rows."""
        return connection.exec_driver_sql(self._text(connection), parameters)


class Change(_Compiled):
    """A statement that gives back no rows, only how many it changed."""

    def __call__(self, connection: Connection, parameters: Any) -> int:
        """Send it, with a dictionary, or a list of them; return the rows changed.

        :raises DBAPIError: as SQLAlchemy raises it.
        """
        text = self._text(connection)
        if not connection.get_execution_options().get(_DIRECT):
            return connection.exec_driver_sql(text, parameters).rowcount
        if not connection.in_transaction():
            connection.begin()
        driver: Any = connection.connection.dbapi_connection
        send = driver.execute if type(parameters) is dict else driver.executemany
        try:
            changed: int = send(text, parameters).rowcount
        except sqlite3.Error as error:
            raise DBAPIError.instance(
                text, parameters, error, sqlite3.Error, dialect=connection.dialect
            ) from error
        return changed


_DIRECT = "workflows_direct"


def send_directly(connection: Connection) -> None:
    """Have changes go to the driver itself, if it is SQLite's and nobody listens.

    SQLite makes a change in less time than SQLAlchemy needs to send it.
    """
    driver = connection.connection.dbapi_connection
    heard = connection.dispatch.before_cursor_execute
    heard_after = connection.dispatch.after_cursor_execute
    logged = connection.engine.logger.isEnabledFor(logging.INFO)
    if isinstance(driver, sqlite3.Connection) and not (heard or heard_after or logged):
        connection.execution_options(**{_DIRECT: True})
