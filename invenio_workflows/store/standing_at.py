"""Where an object stands, written when something else than a checkpoint says so."""

from __future__ import annotations

from sqlalchemy import Connection, update

from .kinds import now
from .prepared import Change
from .rows import stands_at
from .statements import OBJECTS, _p

WRITE_CURSOR = Change(
    update(OBJECTS)
    .where(OBJECTS.c.id == _p("oid", OBJECTS.c.id))
    .values(
        cursor=_p("new_cursor", OBJECTS.c.cursor),
        stands_at=_p("new_place", OBJECTS.c.stands_at),
        stands_since=now(),
    )
)


def write_cursor(connection: Connection, oid: int, cursor: str | None) -> None:
    """Write where an object stands, if that is said."""
    if cursor is not None:
        new = {"new_cursor": cursor, "new_place": stands_at(cursor)}
        WRITE_CURSOR(connection, {"oid": oid, **new})
