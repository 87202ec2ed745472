"""Objects that sleep at a place that is gone are put at another: all, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, update

from ..decisions import Decision
from ..errors import IllegalMove
from . import statements as sql
from .audit import WRITE, audit_row
from .kinds import now
from .prepared import Change
from .rows import stands_at, storable
from .standing import Standing, batch
from .statements import _n, _p

_o = sql.OBJECTS.c


#: Many are put at one place.
_place_of = lru_cache(maxsize=1000)(stands_at)


@dataclass(frozen=True, slots=True)
class Step:
    """Where one object goes: its cursor, name and path of the task there, and why."""

    cursor: str
    task: str
    path: tuple[int, ...]
    decision: Decision


#: Says where an object goes; ``None``: it stays.
Mapping = Callable[[Standing], Step | None]

#: One object, if it stands as it was seen.
_PUT = Change(
    update(sql.OBJECTS)
    .where(*sql.AS_SEEN)
    .values(
        cursor=_p("new_cursor", _o.cursor),
        stands_at=_p("new_place", _o.stands_at),
        seq=_o.seq + _n(1),
        revision=_o.seq + _n(1),
        modified=now(),
    )
)


def put(
    connection: Connection, places: Iterable[tuple[str, str]], mapping: Mapping
) -> Iterator[int]:
    """Put those that stand at these places at others; yield how many, batch by batch.

    Those that somebody holds at this moment stay: they no longer stand as they did.

    :param places: workflow, and what the column ``stands_at`` says.
    :raises IllegalMove: if one of them moved nonetheless.
    """
    for place in places:
        yield from _put(connection, *place, mapping)


def _put(
    connection: Connection, workflow: str, at: str, mapping: Mapping
) -> Iterator[int]:
    last = None
    while rows := batch(connection, workflow, at, last, for_update=True):
        last = rows[-1]
        steps = [(row, step) for row in rows if (step := mapping(row)) is not None]
        if not steps:
            continue
        written = _PUT(connection, [_moved(*each) for each in steps])
        if written != len(steps):
            raise IllegalMove(
                "Some of the objects moved at the same moment; nothing was changed. "
                "Do it again."
            )
        sql.INSERT_EVENT(connection, [_told(*each) for each in steps])
        WRITE(connection, [_audited(*each) for each in steps])
        yield len(steps)


def _moved(row: Standing, step: Step) -> dict[str, Any]:
    return {
        "oid": row.id,
        "seen": row.status,
        "seen_seq": row.seq,
        "seen_fence": row.fence,
        "new_cursor": step.cursor,
        "new_place": _place_of(step.cursor),
    }


def mapped_event(
    row: Standing, said: Decision, task: str | None = None, path: str | None = None
) -> dict[str, Any]:
    """Return what is kept in the history of an object that is mapped."""
    return {
        "id_object": row.id,
        "id_workflow": row.id_workflow,
        "seq": row.seq + 1,
        "kind": "Mapped",
        "task": task,
        "path": path,
        "status": row.status,
        "data": None,
        "extra_data": None,
        "message": storable(said.value),
        "payload": said.payload,
        "seconds": None,
    }


def _told(row: Standing, step: Step) -> dict[str, Any]:
    path = "/".join(map(str, step.path))[:255]
    return mapped_event(row, step.decision, step.task[:255], path)


def _audited(row: Standing, step: Step) -> dict[str, Any]:
    of = row.id, row.id_workflow, row.workflow
    return audit_row(*of, row.revision, step.decision)
