"""The objects of a run that enter their queue together, sent at once.

New ones are made there; those that exist, or begin again, are put there.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, literal_column, null, select, update

from ..checkpoint import RunInfo
from ..config import Settings
from ..states import ObjectStatus as S
from .concurrency import Limits
from .kinds import later, now
from .prepared import Change, Prepared
from .sql import SQLStore
from .statements import OBJECT_COLUMNS, OBJECTS, _n, _p
from .taking import Taking

#: What is written of an object that is put in a queue, and sent at once.
QUEUED: dict[str, Any] = {
    "status": _n(S.WAITING),
    "waits_for": literal_column("'queue'"),
    "start_point": _p("start_point", OBJECTS.c.start_point),
    "queue": _p("queue", OBJECTS.c.queue),
    "rank": _p("rank", OBJECTS.c.rank),
    "wake_at": later(_p("lease", OBJECTS.c.position)),
    "sends": _n(1),
    "tries": _n(0),
    "deadline": null(),
    "modified": now(),
}

#: What an object that is made and its snapshot have in common …
_MADE = [
    name
    for name in OBJECT_COLUMNS
    if name not in ("id", "id_parent", "status", "fence", "in_start", "lease_owner")
]
#: … and that they never ran.
_NOTHING = dict.fromkeys(("fence", "in_start", "attempts"), _n(0))

#: New objects of a run.
INSERT_QUEUED = Change(
    insert(OBJECTS).values(
        id=_p("id", OBJECTS.c.id),
        **{name: _p(name, OBJECTS.c[name]) for name in _MADE},
        **QUEUED,
        **_NOTHING,
        created=now(),
    )
)

_new = OBJECTS.alias("new")
_begun = _p("begin", OBJECTS.c.position)

#: Their snapshots: copies that the database makes itself.
SNAPSHOT_QUEUED = Change(
    insert(OBJECTS).from_select(
        ["id_parent", "status", "created", "modified", *_MADE, *_NOTHING],
        select(
            _new.c.id,
            _n(S.INITIAL),
            _new.c.created,
            _new.c.modified,
            *(_new.c[name] for name in _MADE),
            *_NOTHING.values(),
        )
        .where(
            _new.c.id_workflow == _p("uuid", OBJECTS.c.id_workflow),
            _new.c.position >= _begun,
        )
        .order_by(_new.c.position),
    )
)

#: The live objects of a run that never ran, from a position on.
QUEUE_RUN = Prepared(
    update(OBJECTS)
    .where(
        OBJECTS.c.id_workflow == _p("uuid", OBJECTS.c.id_workflow),
        OBJECTS.c.position >= _begun,
        OBJECTS.c.id_parent.is_(None),
        OBJECTS.c.status == _n(S.INITIAL),
    )
    .values(**QUEUED)
    .returning(OBJECTS.c.position, OBJECTS.c.id)
)


class Entering(Taking):
    """Puts the objects of a run in their queue."""

    def __init__(self, store: SQLStore, settings: Settings, limits: Limits) -> None:
        super().__init__(store, limits)
        self._settings = settings

    def put_new(
        self, connection: Connection, run: RunInfo, rows: list[dict[str, Any]]
    ) -> list[int]:
        """Make the objects that come next in a run, with their snapshots."""
        queued = self._parameters(run.name, run.priority, None)
        INSERT_QUEUED(connection, [row | queued for row in rows])
        which = {"uuid": run.uuid, "begin": rows[0]["position"]}
        SNAPSHOT_QUEUED(connection, which)
        return [row["id"] for row in rows]

    def put_run(
        self, connection: Connection, run: RunInfo, begin: int = 0
    ) -> list[int]:
        """Queue the objects of a run that never ran, from a position on."""
        which = {"uuid": run.uuid, "begin": begin}
        which |= self._parameters(run.name, run.priority, None)
        rows: list[Any] = list(QUEUE_RUN(connection, which))
        return [oid for _, oid in sorted(rows)]

    def _parameters(
        self, workflow: str, priority: int, start_point: str | None
    ) -> dict[str, Any]:
        return {
            "queue": self._settings.queue_of(workflow),
            "rank": -priority,
            "start_point": start_point,
            "lease": self._settings.lease_seconds,
        }
