"""The log lines of objects and runs: kept, and read again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from ..logs import LogLine
from . import statements as sql
from .rows import line_row, log_line
from .transactions import Transactions, begin


class Lines:
    """The part of a store that keeps log lines."""

    def __init__(self, transactions: Transactions) -> None:
        self.transactions = transactions

    def keep_lines(self, lines: Sequence[LogLine]) -> None:
        """Keep log lines at once; in the session's transaction if it has one open."""

        def work(connection: Connection) -> None:
            begin(connection)  # the wait for it is a part of their age
            sql.INSERT_LINE(connection, [line_row(line) for line in lines])

        session = self.transactions.database.session
        if session.in_transaction():
            work(self.transactions.connection_of(session))
        else:
            self.transactions.run(work)

    def log_of(self, oid: int | None, level: int | None = None) -> list[LogLine]:
        """Return the log lines of an object, oldest first."""
        return self._lines(sql.LOGS.c.id_object == oid, level)

    def log_of_run(self, uuid: str) -> list[LogLine]:
        """Return the log lines of a run, oldest first; not those of its objects."""
        where = (sql.LOGS.c.id_workflow == uuid) & sql.LOGS.c.id_object.is_(None)
        return self._lines(where, None)

    def _lines(self, where: Any, level: int | None) -> list[LogLine]:
        statement = select(sql.LOGS).where(where).order_by(sql.LOGS.c.id)
        if level is not None:
            statement = statement.where(sql.LOGS.c.level == level)
        with self.transactions.reading() as connection:
            return [log_line(row) for row in connection.execute(statement)]
