"""Ids for rows to come."""

from __future__ import annotations

from sqlalchemy import Connection, func, literal_column, select, table

from .prepared import Prepared
from .statements import OBJECTS, _n, _p

#: SQLite's counter, read under the write lock …
_LAST_ID = Prepared(
    select(func.max(literal_column("seq")))
    .select_from(table("sqlite_sequence"))
    .where(literal_column("name") == literal_column("'workflows_object'"))
)
#: … and PostgreSQL's sequence.
_NEW_IDS = Prepared(
    select(func.nextval(literal_column("'workflows_object_id_seq'"))).select_from(
        func.generate_series(_n(1), _p("n", OBJECTS.c.position))
    )
)


def new_ids(connection: Connection, count: int) -> list[int]:
    """Return ids for rows to come, in order; under the write lock on SQLite."""
    if connection.dialect.name == "postgresql":
        return sorted(_NEW_IDS(connection, {"n": count}).scalars())
    (found,) = _LAST_ID.first(connection, {})
    last = found or 0
    return list(range(last + 1, last + 1 + count))
