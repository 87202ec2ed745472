"""Finds the rows of a list by the plan that costs least, past so many rows at most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

from ..groups import Group
from . import statements as sql
from .list_arms import NUMBERED, ROW, Arm, is_sample
from .list_counts import Alike, read_counts
from .list_match import matching
from .list_plan import Plan
from .list_rows import fits
from .list_shape import given, given_place, given_tally, shape, shape_of
from .list_statements import (
    Candidates,
    Read,
    counting,
    ending,
    gathering,
    planned,
    walking,
)
from .list_tally import tallied
from .sql import SQLStore
from .wanted import MOST_ROWS, Key, Wanted

#: Up to so many candidates are read and sorted …
FEW = 5_000
#: Past so many rows a list walks; then it says that there may be more …
WALK = 2_000
#: … but before words are looked up it walks so far: what is common is found there.
FIRST_WALK = WALK
#: Up to so many rows of the owners asked for are walked, in an index of their own.
OWNED = 20_000
#: A count that is not kept is exact up to here; facets are counted among so many.
SAMPLE = 1_000
#: So many arms are walked at most, each a scan of the index.
_MOST_ARMS = 200
#: So many are walked though the counters may say that there is nothing.
_FEW_ARMS = 24


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of the database; ``edge`` is where a walk stopped that found too few.

    ``number`` is how many; they may have been counted there, and ``rows`` say it, or
    ``newest``: of what was only counted, what was changed last.
    """

    rows: list[Any]
    number: int
    edge: Key | None = None
    newest: Key | None = None

    @property
    def complete(self) -> bool:
        return self.edge is None


class Finder:
    """Finds rows of lists; what its answers have in common is asked once."""

    def __init__(self, store: SQLStore, wanted: Wanted) -> None:
        self._store = store
        self.wanted = wanted
        self._transactions = store.transactions
        self._dialect = store.transactions.database.engine.dialect.name
        self._counters: list[Alike] | None = None
        self._matches: int | None = None
        self._ids: str | None = None
        self._numbers: dict[Candidates, int] = {}
        #: What the statements of the list are given that is looked for.
        self._given: dict[str, Any] = {}
        #: Whether the words were met at once.
        self._common = False

    @property
    def is_sampled(self) -> bool:
        """Whether something is asked for that no counter knows."""
        wanted = self.wanted
        times = wanted.since or wanted.until or wanted.overdue
        return bool(wanted.terms or wanted.owners or times)

    @property
    def counters(self) -> list[Alike]:
        """The kept counters, read once."""
        if self._counters is None:
            self._counters = read_counts(self._transactions)
        return self._counters

    @cached_property
    def _standings(self) -> Counter[tuple[str, Group]]:
        """How many rows each workflow has in each group."""
        found = Counter[tuple[str, Group]]()
        for each in self.counters:
            found[each.workflow, each.group] += each.number
        return found

    def _alike(self, wanted: Wanted) -> list[Alike]:
        return [each for each in self.counters if fits(wanted, each)]

    def find(
        self, wanted: Wanted, key: Key | None, most: int, columns: Sequence[Any]
    ) -> Found:
        """Return the rows behind a key, in the order wanted."""
        arms = self._arms(wanted)
        if not arms:
            return Found([], 0)
        plan = self._plan(wanted, arms)
        self._given = given(wanted, self._dialect)
        bare = not plan.filters and not wanted.terms and not plan.sort_name
        if bare and not (plan.narrow and self._standing(wanted) <= FEW):
            return self._met(plan, key, most, columns, None)
        if plan.positive:
            return self._search(plan, key, most, columns)
        along_owners = self._is_along_owners(plan)
        if along_owners:
            plan = self._plan(wanted, arms, along_owners=True)
        candidates = self._candidates(plan)
        if candidates is not None:
            return self._gathered(plan, candidates, key, most, columns)
        if along_owners:
            return self._met(plan, key, most, columns, None)
        return self._walk(plan, key, most, columns, _passing(columns))

    def _plan(self, wanted: Wanted, arms: Sequence[Arm], **more: Any) -> Plan:
        narrow = self._is_narrow(wanted)
        return planned(shape(wanted), tuple(arms), self._dialect, narrow, **more)

    def _search(
        self, plan: Plan, key: Key | None, most: int, columns: Sequence[Any]
    ) -> Found:
        """Look for words: where they are common they are met soon.

        Not so among the few that belong to the people asked for.
        """
        # Where more is to be asked besides, one statement more would be too many.
        more = self.wanted.owners or self.wanted.span or (key and key.backwards)
        met, is_page = None, most <= MOST_ROWS + 1 and not more
        if self._matches is None and not self._common and is_page:
            met = self._met(plan, key, most, columns, FIRST_WALK)
            self._common = met.number >= most
            if self._common:
                return met
        if self._common:
            return self._walk(plan, key, most, columns, _passing(columns))
        if self._matches is None:
            asked = matching(self._dialect, FEW + 1)
            ((self._matches, self._ids),) = self._read(asked, self._given)
        if self._matches > FEW:
            walked = met if FIRST_WALK == WALK else None
            return self._walk(plan, key, most, columns, _passing(columns), walked)
        self._given["ids"] = self._ids
        return self._gathered(plan, Plan.matched, key, most, columns)

    def _candidates(self, plan: Plan) -> Candidates | None:
        """Return few rows among which are all that is wanted; ``None`` if none are."""
        wanted = plan.wanted
        if self._standing(wanted) <= FEW:
            return Plan.members
        if wanted.overdue and self._so_many(plan, Plan.overdue) <= FEW:
            return Plan.overdue
        if wanted.owners and 0 not in wanted.owners and not plan.along_owners:
            if self._so_many(plan, Plan.owned) <= FEW:
                return Plan.owned
        asking = (e.number for e in self.counters if e.action in wanted.actions)
        if wanted.actions and sum(asking) <= FEW:
            return Plan.acted
        return None

    def _is_along_owners(self, plan: Plan) -> bool:
        """Say whether what the owners have is walked: in its order, to its end."""
        wanted = plan.wanted
        if 0 in wanted.owners or self._standing(wanted) <= FEW:
            return False
        by_time = plan.place is sql.OBJECTS.c.modified
        if not (wanted.owners and by_time):
            return False
        return self._so_many(plan, Plan.owned) <= OWNED

    def _is_narrow(self, wanted: Wanted) -> bool:
        """Say whether there are workflows of which no object is wanted."""
        names = {workflow for workflow, _group in self._standings}
        return not names.issubset(wanted.workflows)

    def _standing(self, wanted: Wanted) -> int:
        """Return how many rows the arms have."""
        groups = wanted.groups or tuple(Group)
        places = product(set(wanted.workflows), groups)
        return sum(self._standings[place] for place in places)

    def _so_many(self, plan: Plan, candidates: Candidates) -> int:
        """Return how many candidates there are; or that there are too many."""
        if candidates not in self._numbers:
            several = []
            if plan.wanted.overdue:
                several.append((Plan.overdue, FEW + 1))
            if plan.wanted.owners and 0 not in plan.wanted.owners:
                several.append((Plan.owned, OWNED + 1))
            (counted,) = self._read(counting(plan, tuple(several)), self._given)
            kinds = [kind for kind, _most in several]
            self._numbers |= zip(kinds, counted, strict=True)
        return self._numbers[candidates]

    def _walk(
        self,
        plan: Plan,
        key: Key | None,
        most: int,
        columns: Sequence[Any],
        passing: int,
        met: Found | None = None,
    ) -> Found:
        """Walk along an index; along a sort key, then those that have none.

        :param met: what was met there, if one has walked from this key already.
        """
        if not plan.sort_name:
            return self._walked(plan, key, most, columns, passing, met)
        wanted = replace(plan.wanted, sort="newest")
        rest = planned(
            wanted, plan.arms, self._dialect, plan.narrow, without=plan.sort_name
        )
        back = key is not None and key.backwards
        parts = [plan, rest]
        if key is not None and key.without:
            parts = parts[1:] if not back else parts
        elif back:
            parts = parts[:1]
        rows: list[Any] = []
        number = 0
        for part in reversed(parts) if back else parts:
            mine = key if key is not None and key.without == (part is rest) else None
            if mine is None and back:
                mine = Key(None, -1, backwards=True)  # from the end on
            again = met if part is plan and mine == key else None
            found = self._walked(part, mine, most - number, columns, passing, again)
            rows += found.rows
            number += found.number
            if part is rest and found.edge is not None:
                edge = replace(found.edge, value=None, without=True)
                return Found(rows, number, edge)
            if found.edge is not None or number >= most:
                return Found(rows, number, found.edge)
            most_asked = plan.positive or plan.wanted.owners
            if most_asked and part is plan and not back:
                # More statements would be too many.
                return Found(rows, number, _THE_REST)
        return Found(rows, number)

    def _walked(
        self,
        plan: Plan,
        key: Key | None,
        most: int,
        columns: Sequence[Any],
        passing: int,
        met: Found | None,
    ) -> Found:
        found = met or self._met(plan, key, most, columns, passing)
        if found.number >= most:
            return found
        return self._ended(plan, key, columns, found, passing)

    def _ended(
        self,
        plan: Plan,
        key: Key | None,
        columns: Sequence[Any],
        found: Found,
        passing: int,
    ) -> Found:
        """Return what a walk found that is too few; with where it ended."""
        if not plan.sort_name and self._standing(plan.wanted) <= passing:
            return found
        if columns is ROW:  # it has been told with the rows
            return found
        if key is None:  # nobody goes on from there
            return replace(found, edge=_SOMEWHERE)
        statement = ending(plan, shape_of(key), passing)
        edges = self._read(statement, self._given | given_place(key))
        if not edges:
            return found
        return replace(found, edge=_edge(plan, edges[0], key))

    def _arms(self, wanted: Wanted) -> list[Arm]:
        groups = wanted.groups or tuple(Group)
        states = [state for group in groups for state in group.states]
        names = tuple(dict.fromkeys(wanted.workflows))
        if not names:
            return []
        arms = [Arm(*state, (name,)) for state in states for name in names]
        # What waits for other things lies between them in the index: all of it would
        # be passed to find nothing.
        shared = any(arm.waits_for for arm in arms)
        if len(arms) > _FEW_ARMS or wanted.actions or wanted.data_types or shared:
            there = {
                (each.status, each.waits_for, each.workflow)
                for each in self._alike(wanted)
            }
            arms = [a for a in arms if (a.status, a.waits_for, *a.workflows) in there]
        if len(arms) > _MOST_ARMS:
            return [Arm(*state, names) for state in states]
        return arms

    def _met(
        self,
        plan: Plan,
        key: Key | None,
        most: int,
        columns: Sequence[Any],
        passing: int | None,
    ) -> Found:
        """Return what a walk meets, past so many rows at most."""
        read = self._read_of(columns)
        statement = walking(plan, read, shape_of(key), most, passing)
        found = self._found(statement, key, columns)
        if columns is not ROW or passing is None:
            return found
        rows = [row for row in found.rows if row.id is not None]
        ends = [row for row in found.rows if row.id is None]
        return Found(rows, len(rows), _edge(plan, ends[0], key) if ends else None)

    def _gathered(
        self,
        plan: Plan,
        candidates: Candidates,
        key: Key | None,
        most: int,
        columns: Sequence[Any],
    ) -> Found:
        """Return what is wanted among a few candidates."""
        read = self._read_of(columns)
        statement = gathering(plan, candidates, read, shape_of(key), most)
        return self._found(statement, key, columns)

    def _read_of(self, columns: Sequence[Any]) -> Read:
        return Read(columns, shape(self.wanted) if is_sample(columns) else None)

    def _found(self, statement: Any, key: Key | None, columns: Sequence[Any]) -> Found:
        """Read the rows, or what is wanted of them."""
        values = self._given | given_place(key)
        if is_sample(columns):
            rows = self._read(statement, values | given_tally(self.wanted))
            return Found(rows, tallied(rows).number)
        rows = self._read(statement, values)
        if columns is NUMBERED:
            ((number, place, oid),) = rows
            return Found([], number, newest=Key(place, oid) if number else None)
        return Found(rows, len(rows))

    def _read(self, statement: Any, values: dict[str, Any]) -> list[Any]:
        with self._transactions.reading() as connection:
            return list(connection.execute(statement, values).all())


def _passing(columns: Sequence[Any]) -> int:
    """Return past how many rows a walk goes: a sample is of the newest only."""
    return SAMPLE if is_sample(columns) else WALK


def _edge(plan: Plan, row: Any, key: Key | None) -> Key:
    """Return the key of the row at which a walk stopped."""
    value = None if plan.place is sql.OBJECTS.c.id else row.place
    return Key(value, row.oid, bool(key and key.backwards))


_SOMEWHERE = Key(None, 0)
#: Before the first of the objects that have no such sort key.
_THE_REST = Key(None, 2**63 - 1, without=True)
