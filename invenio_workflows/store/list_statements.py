"""The statements of lists, kept: most take longer to put together than to run.

Each is kept for the shape of its list; see :mod:`.list_shape`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Select, func, literal_column, select

from .list_arms import NUMBERED, TALLIED
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
    return _told(read, plan.walk(read.columns, key, most, passing))


@lru_cache(_MOST)
def gathering(
    plan: Plan, candidates: Candidates, read: Read, key: Key | None, most: int
) -> Any:
    """Return the statement that sorts a few; see :meth:`.list_plan.Plan.gather`."""
    return _told(read, plan.gather(candidates, read.columns, key, most))


def _told(read: Read, rows: Select[Any]) -> Any:
    """Return the statement for the rows, or for what is told of them."""
    if read.among is not None:
        return tally(rows, read.among, whole=read.columns is TALLIED)
    if read.columns is NUMBERED:
        return select(func.count()).select_from(rows.subquery("rows"))
    return rows


@lru_cache(_MOST)
def ending(plan: Plan, key: Key | None, passing: int) -> Select[Any]:
    """Return the statement for where a walk ends; see :meth:`.list_plan.Plan.edge`."""
    return plan.edge(key, passing)


@lru_cache(_MOST)
def counting(plan: Plan, candidates: Candidates, most: int) -> Select[Any]:
    """Return the statement that counts candidates, up to so many."""
    some = candidates(plan).limit(literal_column(str(most))).subquery("some")
    return select(func.count()).select_from(some)
