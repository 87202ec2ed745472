"""One look at a list: its page, how many it has, its groups and facets.

None of it reads a data column. It takes six statements at most, and each looks at a
fixed number of rows at most, however many objects there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from ..groups import Group
from .list_arms import LIGHT, NUMBERED, OWNED_AND_AGED, ROW, TALLIED
from .list_find import SAMPLE, Finder
from .list_rows import AGES, COUNTED, Facets, as_row, facet, values
from .list_tally import Tally, tallied
from .sql import SQLStore
from .wanted import MOST_ROWS, SORTS, Count, Key, Page, Wanted, read_key, write_key


class Look(Finder):
    """One look at a list: what its parts have in common is asked once."""

    def __init__(self, store: SQLStore, wanted: Wanted) -> None:
        super().__init__(store, wanted)
        #: The place of the first row of the page.
        self._first: Key | None = None
        self._count: Count | None = None
        #: What was changed last of all that was counted.
        self._newest: Key | None = None

    # --- what is asked --------------------------------------------------------------

    def page(self) -> Page:
        """Return the page.

        :raises ValueError: if ``after`` is no key of this list, or ``limit`` too large.
        """
        wanted = self.wanted
        if not 1 <= wanted.limit <= MOST_ROWS:
            raise ValueError(f"A page has 1 to {MOST_ROWS} rows.")
        key = None if wanted.after is None else read_key(wanted.sort, wanted.after)
        found = self.find(wanted, key, wanted.limit + 1, ROW)
        more = len(found.rows) > wanted.limit
        rows = found.rows[: wanted.limit]
        back = key is not None and key.backwards
        if back:
            rows.reverse()
        if wanted.sort == "updated":
            self._first = self._key(rows[0]) if rows else _NEVER
        if key is None and not more and (found.complete or wanted.sort == "updated"):
            self._count = Count(len(rows), found.complete)
            self._newest = max(
                (Key(row.modified, row.id) for row in rows), key=_changed, default=None
            )
        first, last = self._ends(rows, found.edge, more, key)
        sort = wanted.sort
        return Page(
            [as_row(row[: len(ROW)]) for row in rows],
            None if last is None else write_key(sort, replace(last, backwards=False)),
            None if first is None else write_key(sort, replace(first, backwards=True)),
            found.complete or more,
        )

    def _ends(
        self, rows: list[Any], edge: Key | None, more: bool, key: Key | None
    ) -> tuple[Key | None, Key | None]:
        """Return the keys before the first row and behind the last one."""
        if key is not None and not rows and edge is None:
            return (None, key) if key.backwards else (key, None)
        ends = (self._key(rows[0]), self._key(rows[-1])) if rows else (key, key)
        on = None if edge is None and not more else edge if not more else ends[1]
        if key is None:
            return None, on
        if not key.backwards:
            return ends[0], on
        on = None if edge is None and not more else edge if not more else ends[0]
        return on, ends[1]

    def _key(self, row: Any) -> Key:
        if self.wanted.sort in SORTS:
            by_id = SORTS[self.wanted.sort][0] == "id"
            return Key(None if by_id else row.place, row.id)
        return Key(row.place, row.id, without=row.place is None)

    def count(self) -> Count:
        """Return how many rows the list has."""
        if self._count is None:
            self._count = self._counted_anew()
        return self._count

    def _counted_anew(self) -> Count:
        if self._is_exact:
            groups = self._values["group"]
            return Count(sum(groups[each] for each in self.wanted.groups or groups))
        newest = replace(self.wanted, sort="updated")
        found = self.find(newest, None, SAMPLE + 1, NUMBERED)
        number, self._newest = min(found.number, SAMPLE), found.newest
        return Count(number, found.complete and found.number <= SAMPLE)

    def groups(self) -> dict[Group, Count]:
        """Return how many rows there would be in each group."""
        counts, exact = self._values["group"], self._is_exact
        return {group: Count(counts[group], exact) for group in Group}

    def mark(self) -> str:
        """Return a mark of the newest change in the list, for :meth:`Lists.newer`."""
        wanted, first = self.wanted, self._first
        if first is None or wanted.sort != "updated" or wanted.after is not None:
            first = self._changed_last()
        return write_key("least_updated", first)

    def _changed_last(self) -> Key:
        """Return the place of the newest change, by what was asked already."""
        if "_sample" in vars(self):
            if not self._is_exact and self.count().number:
                return self._newest or _NEVER
            newest = self.sample.newest
            return Key(*newest) if newest else _NEVER
        newest_first = replace(self.wanted, sort="updated", after=None)
        rows = self.find(newest_first, None, 1, LIGHT).rows
        return Key(rows[0].modified, rows[0].id) if rows else _NEVER

    def facets(self) -> Facets:
        """Return how many rows each value has, ignoring the filter on it itself.

        Owner and age, and all of them while text, owner or age is asked for, are
        counted among the newest 1,000.
        """
        counts, exact = self._values, self._is_exact
        facets = {name: facet(counts[name], exact) for name in COUNTED}
        facets |= _owners_and_ages(self.sample, self._is_whole)
        if self.wanted.owners or self.wanted.span is not None:
            facets |= self._instead()
        return facets

    @property
    def sample(self) -> Tally:
        """What the newest rows have in common, of which no counter knows.

        While text, owner or age is asked for: those of any group, so that all that is
        counted then takes one statement.
        """
        return self._sample[0]

    @property
    def _is_whole(self) -> bool:
        """Whether the sample has all rows that there are."""
        return self._sample[1]

    @cached_property
    def _sample(self) -> tuple[Tally, bool]:
        wanted, columns = _newest(self.wanted), OWNED_AND_AGED
        if self.is_sampled:
            columns = TALLIED
            visible = wanted.visible or wanted.workflows
            wanted = replace(wanted, workflows=visible, groups=())
            wanted = replace(wanted, actions=(), data_types=())
        return self._tallied(wanted, columns)

    def _tallied(self, wanted: Wanted, columns: Sequence[Any]) -> tuple[Tally, bool]:
        """Return what the newest rows have in common, and whether they are all."""
        found = self.find(wanted, None, SAMPLE, columns)
        return tallied(found.rows), found.complete and found.number < SAMPLE

    # --- counting -------------------------------------------------------------------

    @property
    def _is_exact(self) -> bool:
        """Whether what is counted by group, workflow, action and type is all."""
        return not self.is_sampled or self._is_whole

    @cached_property
    def _values(self) -> dict[str, Counter[Any]]:
        if self.is_sampled:
            return values(self.wanted, self.sample.alike)
        visible = self.wanted.visible or self.wanted.workflows
        there = [each for each in self.counters if each.workflow in visible]
        return values(self.wanted, there)

    def _instead(self) -> Facets:
        """Return the owners, and the ages, that could be chosen instead of the chosen.

        Each as they are beside the other choice; both among the same newest rows.
        """
        wanted = self.wanted
        since, until = wanted.span or (wanted.since, wanted.until)
        widened = replace(_newest(wanted), owners=(), since=since, until=until)
        found = _owners_and_ages(*self._tallied(widened, OWNED_AND_AGED))
        if not wanted.owners:
            del found["owner"]
        if wanted.span is None:
            del found["age"]
        return found


def _newest(wanted: Wanted) -> Wanted:
    """Return what a sample is of: the newest of a list."""
    return replace(wanted, sort="updated", limit=1, after=None)


def _owners_and_ages(sample: Tally, exact: bool) -> Facets:
    ages = sample.ages
    counted = [(age, Count(ages[age], exact)) for age in AGES if age in ages]
    return {"owner": facet(sample.owners, exact), "age": counted}


def _changed(key: Key) -> tuple[Any, int]:
    return key.value, key.id


_NEVER = Key(datetime(1970, 1, 1, tzinfo=UTC), 0)
