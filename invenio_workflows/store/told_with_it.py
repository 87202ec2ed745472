"""PostgreSQL: events that are told by the statement that moves their object.

It is a round trip less, and where it is all that a checkpoint writes it is its whole
transaction. What an event repeats of its object is taken from there.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import cast, insert, null, select, union_all

from ..states import ObjectStatus as S
from . import statements as sql
from .alone import ChangeAlone
from .kinds import now

#: All that a statement tells of an event.
EVENT = ("id_object", *sql.EVENT_COLUMNS, "created")
#: What only the caller knows of an event that happens to an object as it is moved.
SAID = ("kind", "task", "path", "message", "payload", "seconds")


@cache
def advance_and_tell(
    data: bool, extra_data: bool, *how: bool, events: int
) -> ChangeAlone:
    """Return the checkpoint and its events as one statement, a round trip less.

    PostgreSQL alone can do it. It inserts nothing where the lease is lost. The
    parameters of event number n end in ``_n``.
    """
    changed = data, extra_data
    return _telling(sql.moving(*changed, *how), events, *changed)


def _telling(
    statement: Any, events: int, data: bool = False, extra_data: bool = False
) -> ChangeAlone:
    moved = told_of(statement, data, extra_data).cte("moved")
    return ChangeAlone(
        insert(sql.EVENTS).from_select(EVENT, union_all(*events_of(moved, events)))
    )


def told_of(moving: Any, data: bool, extra_data: bool) -> Any:
    """Let what moves an object give back what its events repeat.

    So JSON is sent, and looked through by the server, once.
    """
    columns = [sql.OBJECTS.c[name] for name in ("id", "id_workflow", "seq", "status")]
    if data:
        columns.append(sql.OBJECTS.c.data)
    if extra_data:
        columns.append(sql.OBJECTS.c.extra_data)
    return moving.returning(*columns)


def events_of(moved: Any, events: int) -> list[Any]:
    """Return the events of an object that was moved; the first carries what changed."""
    return [select(*_event(moved, n, events - 1 - n).values()) for n in range(events)]


def _event(moved: Any, number: int, later_ones: int) -> dict[str, Any]:
    """Return the columns of an event, after which so many others come."""
    first, last = number == 0, later_ones == 0
    found = {name: _cast(f"{name}_{number}", sql.EVENTS.c[name]) for name in SAID}
    found |= {"id_object": moved.c.id, "id_workflow": moved.c.id_workflow}
    found["seq"] = moved.c.seq if last else moved.c.seq - sql._n(later_ones)
    found["status"] = moved.c.status if last else sql._n(S.RUNNING)
    for name in ("data", "extra_data"):
        carried = moved.c[name] if first and name in moved.c else null()
        found[name] = cast(carried, sql.EVENTS.c[name].type).label(name)
    found["created"] = now().label("created")
    return {name: found[name] for name in EVENT}


def _cast(name: str, column: Any) -> Any:
    """A parameter that says its type: in a UNION nothing else tells PostgreSQL."""
    return cast(sql._p(name, column), column.type).label(column.name)


#: An object of a synchronous start is held, and was started.
HOLD_AND_TELL = _telling(sql.HOLDING, 1)
