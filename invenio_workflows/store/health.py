"""What the database is like, as ``flask workflows doctor`` tells it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from ..errors import DatabaseUnavailable
from ..states import ObjectStatus
from . import statements as sql
from .database import Database
from .transactions import Transactions, clear_errors, is_busy

_PRAGMAS = ("journal_mode", "synchronous", "foreign_keys")
_SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")


@dataclass(frozen=True, slots=True)
class Facts:
    """A database that was reached. ``settings``: of SQLite, as one finds them."""

    dialect: str
    version: str
    address: str
    in_memory: bool
    settings: dict[str, str] = field(default_factory=dict)


def address(engine: Engine) -> str:
    """Return where the database is, without a word that could be a secret."""
    return str(engine.url.set(query={}).render_as_string(hide_password=True))


def examine(database: Database) -> Facts:
    """Connect and look.

    :raises DatabaseUnavailable: if it is away, locked, or too old.
    :raises ConfigurationError: if it is none that we can use.
    """
    engine = database.engine
    with clear_errors(), engine.connect() as connection:
        database.check_version(connection)
        name = connection.dialect.name
        version: Any = connection.dialect.server_version_info
        return Facts(
            name,
            ".".join(map(str, version)),
            address(engine),
            database.single_connection(),
            _settings(connection) if name == "sqlite" else {},
        )


def asleep(transactions: Transactions) -> dict[str, int]:
    """Return how many objects of each workflow may still be gone on with."""
    objects = sql.OBJECTS.c
    ended = [int(ObjectStatus.COMPLETED), int(ObjectStatus.CANCELLED)]
    with transactions.reading() as connection:
        rows = connection.execute(
            select(objects.workflow, func.count())
            .where(
                objects.id_parent.is_(None),
                objects.id_workflow.is_not(None),
                objects.status.not_in(ended),
            )
            .group_by(objects.workflow)
        ).all()
    return {name: number for name, number in rows}


def refusal(error: BaseException) -> DatabaseUnavailable | None:
    """Return what a person is told where the file stayed locked; else ``None``."""
    if not is_busy(error):
        return None
    return DatabaseUnavailable(
        "The database is locked: another process writes to it all the time. Try again "
        "when that has ended."
    )


def _settings(connection: Connection) -> dict[str, str]:
    found = {
        name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()).upper()
        for name in _PRAGMAS
    }
    found["synchronous"] = _SYNCHRONOUS[int(found["synchronous"])]
    found["foreign_keys"] = "ON" if found["foreign_keys"] == "1" else "OFF"
    return found
