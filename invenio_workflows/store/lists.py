"""The lists that people look at, and what goes with them: marks, walks, votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Select, cast, func, null, select, union_all

from ..actions.voting import Vote
from ..groups import Group
from .audited import AUDIT
from .list_arms import LIGHT
from .list_counts import Alike, fold, read_counts
from .list_find import SAMPLE as SAMPLE
from .list_match import ids_in_text, is_asked
from .list_models import SORT
from .list_rows import AGES as AGES
from .list_rows import Facets as Facets
from .look import Look
from .sql import SQLStore
from .wanted import Count, Page, Row, Wanted, read_key


@dataclass(frozen=True, slots=True)
class Beside:
    """What is kept beside the rows of a page.

    :param sort_keys: the names of the sort keys that some have, ``title`` first.
    :param votes: the votes on what a row asks, by its id; the oldest first.
    """

    sort_keys: list[str]
    votes: dict[int, list[Vote]]


class Lists:
    """What the pages ask of all objects; ``current_workflows.lists``.

    :meth:`look` shares what several answers have in common.
    """

    def __init__(self, store: SQLStore) -> None:
        self._store = store

    def look(self, wanted: Wanted) -> Look:
        """Return one look at a list: for its page, count, groups and facets."""
        return Look(self._store, wanted)

    def page(self, wanted: Wanted) -> Page:
        """Return a page of a list; see :meth:`Look.page`."""
        return self.look(wanted).page()

    def count(self, wanted: Wanted) -> Count:
        """Return how many rows a list has."""
        return self.look(wanted).count()

    def groups(self, wanted: Wanted) -> dict[Group, Count]:
        """Return how many rows each group has, whatever groups are asked for."""
        return self.look(wanted).groups()

    def facets(self, wanted: Wanted) -> Facets:
        """Return the values of workflow, action, data_type, owner and age."""
        return self.look(wanted).facets()

    def ids(self, wanted: Wanted, limit: int = 1000) -> list[int]:
        """Return the ids of the first rows of a list."""
        found = self.look(wanted).find(wanted, None, limit, LIGHT)
        return [row.id for row in found.rows]

    def mark(self, wanted: Wanted) -> str:
        """Return a mark of the newest change in a list; see :meth:`Look.mark`."""
        return self.look(wanted).mark()

    def newer(self, wanted: Wanted, mark: str, most: int = 100) -> Count:
        """Return how many rows of a list changed since its mark was taken.

        :raises ValueError: if it is no mark.
        """
        later = replace(wanted, sort="least_updated")
        key = read_key("least_updated", mark)
        found = self.look(later).find(later, key, most + 1, LIGHT)
        number = min(len(found.rows), most)
        return Count(number, found.complete and len(found.rows) <= most)

    def sort_keys(self) -> list[str]:
        """Return the names of the sort keys that there are, ``title`` first."""
        with self._store.transactions.reading() as connection:
            found = connection.execute(_SORT_KEYS).scalars()
            return sorted((name for name in found if name is not None), key=_in_order)

    def beside(self, rows: Sequence[Row]) -> Beside:
        """Return what is kept beside some rows."""
        asked = {row.id: (row.revision, row.action) for row in rows}
        dialect = self._store.transactions.database.engine.dialect.name
        given = {"asked": ids_in_text(asked, dialect)}
        names: list[str] = []
        found: dict[int, list[tuple[int, Vote]]] = {}
        with self._store.transactions.reading() as connection:
            for name, oid, number, revision, action, actor, value in connection.execute(
                _keys_and_votes(dialect), given
            ):
                if name is not None:
                    names.append(name)
                elif asked[oid] == (revision, action):
                    vote = Vote(actor or "", value or "")
                    found.setdefault(oid, []).append((number, vote))
        votes = {
            oid: [vote for _number, vote in sorted(numbered, key=itemgetter(0))]
            for oid, numbered in found.items()
        }
        return Beside(sorted(names, key=_in_order), votes)

    def counters(self) -> list[Alike]:
        """Return the kept counters: how many objects are alike."""
        return read_counts(self._store.transactions)

    def fold(self) -> int:
        """Add the deltas to the counters; return how many there were."""
        return fold(self._store.transactions)


def _in_order(name: str) -> tuple[bool, str]:
    return name != "title", name


@cache
def _keys_and_votes(dialect: str) -> Any:
    names = "id_object id revision action actor value"
    vote = [AUDIT.c[name] for name in names.split()]
    no_key, *no_vote = (
        cast(null(), column.type).label(column.name) for column in (SORT.c.name, *vote)
    )
    keys = select(SORT.c.name, *no_vote).where(is_asked(SORT.c.id_object, dialect))
    votes = select(no_key, *vote).where(
        is_asked(AUDIT.c.id_object, dialect), AUDIT.c.verb == "vote"
    )
    return union_all(keys.distinct(), votes)


def _sort_keys() -> Select[Any]:
    """From name to name through an index, however many objects have a key."""
    names = select(func.min(SORT.c.name).label("name")).cte("names", recursive=True)
    beyond = select(func.min(SORT.c.name)).where(SORT.c.name > names.c.name)
    names = names.union_all(
        select(beyond.scalar_subquery()).where(names.c.name.is_not(None))
    )
    return select(names.c.name)


_SORT_KEYS = _sort_keys()
