"""What tasks did outside of the database, kept at once and beside their own writes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from ..encoding import loads
from ..errors import WorkflowError
from . import statements as sql
from .kinds import now
from .models import Once as OnceRow
from .transactions import Transactions, in_use

_ONCE: Any = OnceRow.__table__
_INSERT: Any = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


class Once:
    """The part of a store that remembers what is not to be done again."""

    transactions: Transactions

    def once(self, oid: int, key: str) -> str | None:
        """Return what was kept for a key of an object, as JSON.

        :raises WorkflowError: on SQLite, if the task has written: it holds the file.
        """
        database = self.transactions.database
        if database.engine.dialect.name == "sqlite" and self._has_written():
            raise WorkflowError(
                "eng.once() cannot keep anything after the task has written to the "
                "SQLite file, which it holds now: call it first, or in a task of its "
                "own."
            )
        with self.transactions.beside() as connection:
            found: str | None = connection.execute(
                select(sql.as_text(_ONCE.c.result)).where(
                    _ONCE.c.id_object == oid, _ONCE.c.key == key
                )
            ).scalar_one_or_none()
        return found

    def keep_once(self, oid: int, key: str, result: str) -> None:
        """Keep JSON for a key of an object, at once."""
        values = {"id_object": oid, "key": key, "result": loads(result)}

        def work(connection: Connection) -> None:
            insert = _INSERT[connection.dialect.name]
            kept = insert(_ONCE).values(**values, created=now())
            # A worker that had lost the object may have done it at the same time.
            connection.execute(kept.on_conflict_do_nothing())

        self.transactions.run_beside(work)

    def _has_written(self) -> bool:
        session = self.transactions.database.session
        if not in_use(session):
            return False
        session.flush()
        raw: Any = self.transactions.connection_of(session).connection.dbapi_connection
        return bool(raw.in_transaction)


def forget_once(connection: Connection, ids: Any) -> None:
    """Let objects that begin a run anew do everything again."""
    connection.execute(delete(_ONCE).where(_ONCE.c.id_object.in_(ids)))
