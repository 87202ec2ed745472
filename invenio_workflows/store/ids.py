"""Ids for rows to come."""

from __future__ import annotations

from sqlalchemy import Connection

from . import statements as sql


def new_ids(connection: Connection, count: int) -> list[int]:
    """Return ids for rows to come, in order; under the write lock on SQLite."""
    if connection.dialect.name == "postgresql":
        return sorted(sql.NEW_IDS(connection, {"n": count}).scalars())
    last = sql.LAST_ID(connection, {}).scalar() or 0
    return list(range(last + 1, last + 1 + count))
