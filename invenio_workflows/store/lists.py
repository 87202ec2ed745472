"""The lists that people look at, and what goes with them: marks, walks, exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, func, select

from ..groups import Group
from ..objects import WorkflowObject
from . import statements as sql
from .list_arms import LIGHT
from .list_counts import Alike, fold, read_counts
from .list_find import SAMPLE as SAMPLE
from .list_models import SORT
from .list_rows import AGES as AGES
from .list_rows import Facets as Facets
from .look import Look
from .sql import SQLStore
from .wanted import Count, Page, Wanted, read_key


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

    def documents(self, wanted: Wanted) -> Iterator[WorkflowObject]:
        """Yield the objects of a list, whole, a page at a time."""
        wanted = replace(wanted, limit=200)
        while True:
            page = self.page(wanted)
            yield from self._documents([row.id for row in page.rows])
            if page.next is None:
                return
            wanted = replace(wanted, after=page.next)

    def _documents(self, ids: list[int]) -> list[WorkflowObject]:
        statement = select(*sql.COLUMNS).where(sql.OBJECTS.c.id.in_(ids))
        with self._store.transactions.reading() as connection:
            rows = {row.id: row for row in connection.execute(statement)}
        return [self._store.document(rows[oid]) for oid in ids if oid in rows]

    def sort_keys(self, ids: Sequence[int] | None = None) -> list[str]:
        """Return the names of the sort keys that there are, ``title`` first.

        :param ids: only those that some of these objects have.
        """
        names = _SORT_KEYS
        if ids is not None:
            names = select(SORT.c.name).where(SORT.c.id_object.in_(ids)).distinct()
        with self._store.transactions.reading() as connection:
            found = connection.execute(names).scalars()
            return sorted(
                (name for name in found if name is not None),
                key=lambda name: (name != "title", name),
            )

    def counters(self) -> list[Alike]:
        """Return the kept counters: how many objects are alike."""
        return read_counts(self._store.transactions)

    def fold(self) -> int:
        """Add the deltas to the counters; return how many there were."""
        return fold(self._store.transactions)


def _sort_keys() -> Select[Any]:
    """From name to name through an index, however many objects have a key."""
    names = select(func.min(SORT.c.name).label("name")).cte("names", recursive=True)
    beyond = select(func.min(SORT.c.name)).where(SORT.c.name > names.c.name)
    names = names.union_all(
        select(beyond.scalar_subquery()).where(names.c.name.is_not(None))
    )
    return select(names.c.name)


_SORT_KEYS = _sort_keys()
