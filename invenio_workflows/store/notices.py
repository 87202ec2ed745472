"""Processes that wake each other through the database, where it can do that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import func, select

from .transactions import Transactions

_CHANNEL = "workflows_queue"


class Notices:
    """PostgreSQL's NOTIFY and LISTEN; nothing on SQLite."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @property
    def can_be_heard(self) -> bool:
        """Whether this process hears of others: on PostgreSQL, by psycopg 3."""
        return self._transactions.database.engine.dialect.driver == "psycopg"

    def give(self) -> None:
        """Wake the other processes that listen."""
        engine = self._transactions.database.engine
        if engine.dialect.name == "postgresql":
            with self._transactions.beside() as connection:
                connection.execute(select(func.pg_notify(_CHANNEL, "")))
                connection.commit()

    def heard(self, is_to_stop: Callable[[], bool]) -> Iterator[None]:
        """Yield when another process gives notice; end at once where none can.

        The driver must be psycopg 3; with another, who listens looks by itself.
        """
        if not self.can_be_heard:
            return
        with self._transactions.beside() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql(f"LISTEN {_CHANNEL}")
            raw: Any = connection.connection.dbapi_connection
            while not is_to_stop():
                yield from (None for _ in raw.notifies(timeout=1, stop_after=1))
