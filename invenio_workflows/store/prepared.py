"""Statements built once by SQLAlchemy Core, compiled once per database.

Building a statement costs four times sending it, so what runs at each task is
kept as text.
"""

from __future__ import annotations

import logging
import re
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

    def first(self, connection: Connection, parameters: dict[str, Any]) -> Any:
        """Send it; return the first row, a tuple, or ``None`` if there is none.

        :raises DBAPIError: as SQLAlchemy raises it.
        """
        text, driver = self._text(connection), _direct(connection)
        if driver is None:
            return connection.exec_driver_sql(text, parameters).first()
        rows = _sent(connection, driver, text, parameters).fetchall()
        return rows[0] if rows else None


class Change(_Compiled):
    """A statement that gives back no rows, only how many it changed."""

    def __init__(self, statement: Executable) -> None:
        super().__init__(statement)
        self._shapes: dict[tuple[str, ...], str] = {}

    def __call__(self, connection: Connection, parameters: Any) -> int:
        """Send it, with a dictionary, or a list of them; return the rows changed.

        :raises DBAPIError: as SQLAlchemy raises it.
        """
        text, driver = self._text(connection), _direct(connection)
        if driver is None:
            return connection.exec_driver_sql(text, parameters).rowcount
        changed = 0
        for row in [parameters] if type(parameters) is dict else parameters:
            shape = tuple([name for name, value in row.items() if value is None])
            shaped = self._shapes.get(shape) or self._shaped(text, shape)
            changed += _sent(connection, driver, shaped, row).rowcount
        return changed

    def _shaped(self, text: str, nothing: tuple[str, ...]) -> str:
        """Return the text for rows in which these parameters are None.

        To send a None takes SQLite's driver a fifth of the time of a whole row.
        """
        for name in nothing:
            text = re.sub(rf":{name}\b", "NULL", text)
        self._shapes[nothing] = text
        return text


_DIRECT = "workflows_direct"


def send_directly(connection: Connection) -> None:
    """Have statements go to the driver itself, if it is SQLite's and nobody listens.

    SQLite makes a change in less time than SQLAlchemy needs to send it.
    """
    driver = connection.connection.dbapi_connection
    if isinstance(driver, sqlite3.Connection) and nobody_listens(connection.engine):
        connection.execution_options(**{_DIRECT: driver})


def nobody_listens(engine: Any) -> bool:
    """Say whether nobody is told of what SQLAlchemy sends, nor reads it in a log."""
    heard, dialect = engine.dispatch, engine.dialect.dispatch
    return (
        not engine.logger.isEnabledFor(logging.INFO)
        and not heard.before_cursor_execute
        and not heard.after_cursor_execute
        and not heard.begin
        and not heard.commit
        and not heard.rollback
        and not dialect.do_execute
        and not dialect.do_executemany
        and not dialect.handle_error
    )


def commit(connection: Connection) -> None:
    """Commit what was sent, by whichever way."""
    connection.commit()
    driver = _direct(connection)
    if driver is not None and driver.in_transaction:
        try:
            connection.dialect.do_commit(driver)
        except sqlite3.Error as error:
            raise _as_sqlalchemy_says_it(connection, error, "COMMIT", None) from error


def rollback(connection: Connection) -> None:
    """Undo what was sent, by whichever way."""
    connection.rollback()
    driver = _direct(connection)
    if driver is not None and driver.in_transaction:
        connection.dialect.do_rollback(driver)


def _direct(connection: Connection) -> Any:
    """Return the driver's connection, if statements go to it."""
    return connection.get_execution_options().get(_DIRECT)


def _sent(connection: Connection, driver: Any, text: str, row: Any) -> Any:
    try:
        return driver.execute(text, row)
    except sqlite3.Error as error:
        raise _as_sqlalchemy_says_it(connection, error, text, row) from error


def _as_sqlalchemy_says_it(
    connection: Connection, error: sqlite3.Error, text: str, parameters: Any
) -> BaseException:
    hide = connection.engine.hide_parameters
    return DBAPIError.instance(text, parameters, error, sqlite3.Error, hide)
