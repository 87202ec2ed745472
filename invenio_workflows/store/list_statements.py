"""The statements of lists, kept: most take longer to put together than to run.

Each is kept for the shape of its list; see :mod:`.list_shape`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Select, func, literal_column, null, select, union_all

from .list_arms import NUMBERED, ROW, TALLIED
from .list_plan import Plan
from .list_tally import tally
from .wanted import Key, Wanted

#: So many are kept, those asked last.
_MOST = 256
#: What makes candidates of a plan: one of its methods.
Candidates = Callable[[Plan], Any]


class Read(NamedTuple):
    """What is read of rows.

    :param among: of a sample: the shape of the list whose owners and ages it tells.
    """

    columns: Sequence[Any]
    among: Wanted | None


planned = lru_cache(_MOST)(Plan)


@lru_cache(_MOST)
def walking(
    plan: Plan, read: Read, key: Key | None, most: int, passing: int | None
) -> Any:
    """Return the statement of a walk; see :meth:`.list_plan.Plan.walk`."""
    rows = plan.walk(read.columns, key, most, passing)
    if read.columns is ROW and passing is not None:
        return _with_end(plan, rows, key, most, passing)
    return _told(read, rows)


@lru_cache(_MOST)
def gathering(
    plan: Plan, candidates: Candidates, read: Read, key: Key | None, most: int
) -> Any:
    """Return the statement that sorts a few; see :meth:`.list_plan.Plan.gather`."""
    return _told(read, plan.gather(candidates, read.columns, key, most))


def _with_end(
    plan: Plan, rows: Select[Any], key: Key | None, most: int, passing: int
) -> Any:
    """Return the rows, and where the walk ends if these are too few: without an id."""
    met = rows.cte("met").prefix_with("MATERIALIZED")
    few = select(func.count()).select_from(met).scalar_subquery()
    end = plan.edge(key, passing).subquery("ended")
    place = end.c.place if plan.without is None else null().label("place")
    nothing = [null().label(column.name) for column in ROW]
    ended = select(*nothing, place, end.c.oid).where(few < literal_column(str(most)))
    names: list[Any] = [literal_column("place"), literal_column("oid")]
    order = [name.desc() if plan.goes_down(key) else name for name in names]
    order = order if plan.without is None else order[1:]
    return union_all(select(met), ended).order_by(*order)


def _told(read: Read, rows: Select[Any]) -> Any:
    """Return the statement for the rows, or for what is told of them."""
    if read.among is not None:
        return tally(rows, read.among, whole=read.columns is TALLIED)
    return _numbered(rows) if read.columns is NUMBERED else rows


def _numbered(rows: Select[Any]) -> Any:
    """Return how many rows there are, and which was changed last."""
    found = rows.cte("counted").prefix_with("MATERIALIZED")
    place, oid = found.c.place, found.c.oid
    last = select(func.max(place)).scalar_subquery()
    newest = select(func.max(oid)).where(place == last).scalar_subquery()
    return select(func.count(), func.max(place), newest).select_from(found)


@lru_cache(_MOST)
def ending(plan: Plan, key: Key | None, passing: int) -> Select[Any]:
    """Return the statement for where a walk ends; see :meth:`.list_plan.Plan.edge`."""
    return plan.edge(key, passing)


@lru_cache(_MOST)
def counting(plan: Plan, several: tuple[tuple[Candidates, int], ...]) -> Select[Any]:
    """Return the statement that counts candidates of several kinds, up to so many."""
    counts = []
    for candidates, most in several:
        some = candidates(plan).limit(literal_column(str(most))).subquery("some")
        counts.append(select(func.count()).select_from(some).scalar_subquery())
    return select(*counts)
