"""What the rows of a list have in common, counted where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    union_all,
)

from .list_arms import OBJECTS
from .list_counts import Alike, alike
from .list_rows import AGES
from .wanted import Wanted

_ALIKE = ("status", "waits_for", "workflow", "action", "data_type")
_NO_NUMBER, _NO_TEXT = cast(null(), Integer), cast(null(), String)
_NO_PLACE = (cast(null(), OBJECTS.c.modified.type), cast(null(), OBJECTS.c.id.type))


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows that are alike and how many they are; and whose those are, and how old,
    that fit all that is wanted.
    """

    alike: list[Alike]
    owners: Counter[int]
    ages: Counter[str]
    number: int
    #: Of those that fit, when the one was changed that was changed last, and its id.
    newest: tuple[datetime, int] | None = None


def tally(rows: Select[Any], wanted: Wanted, whole: bool) -> Any:
    """Return the statement that counts the rows, for :func:`tallied`.

    :param whole: not by owner and age alone; else all the rows fit the rest.
    """
    found = rows.cte("sampled").prefix_with("MATERIALIZED")
    row = found.c
    nothing: list[Any] = [_NO_NUMBER, *(_NO_TEXT for _ in _ALIKE[1:])]
    number = func.count().label("number")
    mine, all_rows = select(*nothing), select(*nothing)
    if whole:
        keys: list[Any] = [row[name] for name in _ALIKE]
        mine = mine.where(_fits(wanted, row))
        all_rows = select(*keys).group_by(*keys)
    age = case(
        *(
            (row.modified > bindparam(f"age_{place}"), literal_column(str(place)))
            for place in range(len(AGES) - 1)
        ),
        else_=literal_column(str(len(AGES) - 1)),
    )
    times = _of_time(wanted, row.modified)
    owned = [row.id_user.in_(wanted.owners)] if wanted.owners else []
    newest = (
        select(row.modified, row.oid)
        .where(*([_fits(wanted, row)] if whole else []), *times, *owned)
        .order_by(row.modified.desc(), row.oid.desc())
        .limit(literal_column("1"))
        .subquery("newest")
    )
    return union_all(
        all_rows.add_columns(_NO_NUMBER, _NO_NUMBER, number, *_NO_PLACE).select_from(
            found
        ),
        mine.add_columns(row.id_user, _NO_NUMBER, number, *_NO_PLACE)
        .where(*times)
        .group_by(row.id_user),
        mine.add_columns(_NO_NUMBER, age.label("age"), number, *_NO_PLACE)
        .where(*owned)
        .group_by(age),
        select(*nothing, *(_NO_NUMBER,) * 3, newest.c.modified, newest.c.oid),
    )


def _of_time(wanted: Wanted, modified: Any) -> list[Any]:
    found = []
    if wanted.since is not None:
        found.append(modified >= bindparam("told_since"))
    if wanted.until is not None:
        found.append(modified < bindparam("told_until"))
    return found


def _fits(wanted: Wanted, row: Any) -> Any:
    """The condition of :func:`.list_rows.fits`."""
    found = [row.workflow.in_(wanted.workflows)]
    if wanted.actions:
        found.append(row.action.in_(wanted.actions))
    if wanted.data_types:
        found.append(row.data_type.in_(wanted.data_types))
    states = [
        and_(
            row.status == literal_column(str(int(status))),
            true() if waits_for is None else row.waits_for == waits_for,
        )
        for group in wanted.groups
        for status, waits_for in group.states
    ]
    return and_(*found, or_(*states)) if states else and_(*found)


def tallied(rows: Iterable[Any]) -> Tally:
    """Return what was counted."""
    found, owners, ages = [], Counter[int](), Counter[str]()
    names, total, newest = list(AGES), 0, None
    for status, waits_for, workflow, action, data_type, *of in rows:
        owner, age, number, modified, oid = of
        if oid is not None:
            newest = (modified, oid)
        elif status is not None:
            found.append(alike(workflow, status, waits_for, action, data_type, number))
            total += number
        elif owner is not None:
            owners[owner] += number
        elif age is not None:
            ages[names[age]] += number
        else:
            total += number
    return Tally(found, owners, ages, total, newest)
