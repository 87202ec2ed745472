"""The lists that people look at: pages, counts, facets; none reads a data column.

Each answer takes a fixed number of statements, and each statement looks at a fixed
number of rows at most, however many objects there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from markupsafe import Markup
from sqlalchemy import Select, func, literal_column, select

from ..objects import WorkflowObject
from ..states import Group, ObjectStatus, group_of
from . import statements as sql
from .list_counts import Alike, fold, read_counts
from .list_models import SORT
from .list_plan import LIGHT, ROW, Arm, Plan
from .sql import SQLStore
from .wanted import MOST_ROWS, SORTS, Count, Key, Page, Row, Wanted, read_key, write_key

#: Up to so many candidates are read and sorted …
FEW = 5_000
#: … but first an index is walked past so many rows: what is common is found there.
FIRST_WALK = 2_000
#: Past so many rows a list walks; then it says that there may be more.
WALK = 10_000
#: A count that is not kept is exact up to here; facets are counted among so many.
SAMPLE = 1_000
#: So many arms are walked at most, each a scan of the index.
_MOST_ARMS = 200
#: So many are walked though the counters may say that there is nothing.
_FEW_ARMS = 24

#: How long ago it changed, at most; in the order shown.
AGES = {
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "365d": timedelta(days=365),
    "older": timedelta.max,
}
Facets = dict[str, list[tuple[Any, Count]]]


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of the database; ``edge`` is where a walk stopped that found too few."""

    rows: list[Any]
    edge: Key | None = None

    @property
    def complete(self) -> bool:
        return self.edge is None


class Look:
    """One look at a list: what its parts have in common is asked once."""

    def __init__(self, store: SQLStore, wanted: Wanted) -> None:
        self._store = store
        self.wanted = wanted
        self._transactions = store.transactions
        self._dialect = store.transactions.database.engine.dialect.name
        self._counters: list[Alike] | None = None
        self._matches: int | None = None
        self._are_few: dict[str, bool] = {}
        #: Whether the words were met at once.
        self._common = False

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
        first, last = self._ends(rows, found.edge, more, key)
        sort = wanted.sort
        return Page(
            [as_row(row) for row in rows],
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
        wanted = self.wanted
        if not self._is_sampled(wanted):
            alike = self._alike(wanted)
            return Count(sum(each.number for each in alike))
        found = self.find(replace(wanted, sort="updated"), None, SAMPLE + 1, LIGHT)
        number = min(len(found.rows), SAMPLE)
        return Count(number, found.complete and len(found.rows) <= SAMPLE)

    def groups(self) -> dict[Group, Count]:
        """Return how many rows there would be in each group."""
        wanted = replace(self.wanted, groups=())
        if not self._is_sampled(wanted):
            counts = Counter[Group]()
            for each in self._alike(wanted):
                counts[each.group] += each.number
            return {group: Count(counts[group]) for group in Group}
        found = self.find(replace(wanted, sort="updated"), None, SAMPLE, LIGHT)
        exact = found.complete and len(found.rows) < SAMPLE
        counts = Counter(group_of(row.status, row.waits_for) for row in found.rows)
        return {group: Count(counts[group], exact) for group in Group}

    def facets(self) -> Facets:
        """Return how many rows each value has, ignoring the filter on it itself.

        Owner and age, and all of them while text, owner or age is asked for, are
        counted among the newest 1,000.
        """
        wanted = self.wanted
        visible = wanted.visible or wanted.workflows
        broad = replace(
            wanted, workflows=visible, actions=(), data_types=(), sort="updated"
        )
        searched = bool(wanted.terms)
        if searched or not self._is_sampled(wanted):
            broad = replace(broad, owners=(), since=None, until=None)
        found = self.find(broad, None, SAMPLE, LIGHT)
        exact = found.complete and len(found.rows) < SAMPLE
        facets = self._sampled(found.rows, exact)
        if not self._is_sampled(wanted):
            facets |= self._counted()
        return facets

    # --- counting -------------------------------------------------------------------

    @staticmethod
    def _is_sampled(wanted: Wanted) -> bool:
        """Say whether something is asked for that no counter knows."""
        return bool(wanted.terms or wanted.owners or wanted.since or wanted.until)

    @property
    def counters(self) -> list[Alike]:
        """The kept counters, read once."""
        if self._counters is None:
            self._counters = read_counts(self._transactions)
        return self._counters

    def _alike(self, wanted: Wanted) -> list[Alike]:
        return [each for each in self.counters if _fits(wanted, each, ())]

    def _counted(self) -> Facets:
        visible = self.wanted.visible or self.wanted.workflows
        facets: Facets = {}
        for name, column in _FACETS.items():
            counts = Counter[Any]()
            for each in self.counters:
                if each.workflow in visible and _fits(self.wanted, each, (name,)):
                    counts[getattr(each, column)] += each.number
            facets[name] = _facet(counts, True)
        return facets

    def _sampled(self, rows: Sequence[Any], exact: bool) -> Facets:
        wanted, now = self.wanted, datetime.now(UTC)
        counts: dict[str, Counter[Any]] = {
            name: Counter() for name in (*_FACETS, "owner", "age")
        }
        for row in rows:
            for name, counter in counts.items():
                if not _fits(wanted, row, (name,)):
                    continue
                if name == "age":
                    counter[_age(now - row.modified)] += 1
                elif name == "owner":
                    counter[row.id_user] += 1
                else:
                    counter[getattr(row, _FACETS[name]) or ""] += 1
        facets = {name: _facet(counter, exact) for name, counter in counts.items()}
        ages = dict(facets["age"])
        facets["age"] = [(age, ages[age]) for age in AGES if age in ages]
        return facets

    # --- finding --------------------------------------------------------------------

    def find(
        self, wanted: Wanted, key: Key | None, most: int, columns: Sequence[Any]
    ) -> Found:
        """Return the rows behind a key, in the order wanted."""
        arms = self._arms(wanted)
        if not arms:
            return Found([])
        plan = Plan(wanted, arms, self._dialect)
        if not plan.filters and not wanted.terms and not plan.sort_name:
            return Found(self._read(plan.walk(columns, key, most, None)))
        if plan.positive:
            return self._search(plan, key, most, columns)
        candidates = self._candidates(plan)
        if candidates is not None:
            statement = plan.gather(candidates, columns, key, most)
            return Found(self._read(statement))
        return self._walk(plan, key, most, columns, WALK)

    def _search(
        self, plan: Plan, key: Key | None, most: int, columns: Sequence[Any]
    ) -> Found:
        """Look for words: where they are common they are met soon."""
        if self._matches is None and not self._common and most <= MOST_ROWS + 1:
            rows = self._read(plan.walk(columns, key, most, FIRST_WALK))
            self._common = len(rows) >= most
            if self._common:
                return Found(rows)
        if self._common:
            return self._walk(plan, key, most, columns, WALK)
        if self._matches is None:
            counted = self._read(plan.how_many_match(FEW + 1))
            self._matches = int(counted[0][0])
        if self._matches <= FEW:
            found = plan.gather(plan.matches(), columns, key, most, matched=True)
            return Found(self._read(found))
        return self._walk(plan, key, most, columns, WALK)

    def _candidates(self, plan: Plan) -> Any:
        """Return few rows among which are all that is wanted; ``None`` if none are."""
        wanted = plan.wanted
        if self._standing(wanted) <= FEW:
            return plan.members()
        if wanted.owners and 0 not in wanted.owners:
            if self._few("owners", plan.owned()):
                return plan.owned()
        if wanted.actions and self._few("actions", plan.acted()):
            return plan.acted()
        return None

    def _standing(self, wanted: Wanted) -> int:
        """Return how many rows the arms have."""
        bare = Wanted(wanted.workflows, groups=wanted.groups)
        return sum(each.number for each in self._alike(bare))

    def _few(self, name: str, candidates: Any) -> bool:
        if name not in self._are_few:
            some = candidates.limit(literal_column(str(FEW + 1))).subquery("some")
            (counted,) = self._read(select(func.count()).select_from(some))
            self._are_few[name] = bool(counted[0] <= FEW)
        return self._are_few[name]

    def _walk(
        self,
        plan: Plan,
        key: Key | None,
        most: int,
        columns: Sequence[Any],
        passing: int,
    ) -> Found:
        """Walk along an index; along a sort key, then those that have none."""
        if not plan.sort_name:
            return self._walked(plan, key, most, columns, passing)
        wanted = replace(plan.wanted, sort="newest")
        rest = Plan(wanted, plan.arms, self._dialect, without=plan.sort_name)
        back = key is not None and key.backwards
        parts = [plan, rest]
        if key is not None and key.without:
            parts = parts[1:] if not back else parts
        elif back:
            parts = parts[:1]
        rows: list[Any] = []
        for part in reversed(parts) if back else parts:
            mine = key if key is not None and key.without == (part is rest) else None
            if mine is None and back:
                mine = Key(None, -1, backwards=True)  # from the end on
            found = self._walked(part, mine, most - len(rows), columns, passing)
            rows += found.rows
            if part is rest and found.edge is not None:
                edge = replace(found.edge, value=None, without=True)
                return Found(rows, edge)
            if found.edge is not None or len(rows) >= most:
                return Found(rows, found.edge)
            if plan.positive and part is plan and not back:
                return Found(rows, _THE_REST)  # more statements would be too many
        return Found(rows)

    def _walked(
        self,
        plan: Plan,
        key: Key | None,
        most: int,
        columns: Sequence[Any],
        passing: int,
    ) -> Found:
        rows = self._read(plan.walk(columns, key, most, passing))
        if len(rows) >= most:
            return Found(rows)
        if not plan.sort_name and self._standing(plan.wanted) <= passing:
            return Found(rows)
        if columns is LIGHT and key is None:  # a sample; nobody goes on from there
            return Found(rows, _SOMEWHERE)
        edges = self._read(plan.edge(key, passing))
        if not edges:
            return Found(rows)
        (edge,) = edges
        value = None if plan.place is sql.OBJECTS.c.id else edge.place
        return Found(rows, Key(value, edge.oid, bool(key and key.backwards)))

    def _arms(self, wanted: Wanted) -> list[Arm]:
        groups = wanted.groups or tuple(Group)
        states = [state for group in groups for state in group.states]
        names = tuple(dict.fromkeys(wanted.workflows))
        if not names:
            return []
        arms = [Arm(*state, (name,)) for state in states for name in names]
        if len(arms) > _FEW_ARMS or wanted.actions or wanted.data_types:
            there = {
                (each.status, each.waits_for, each.workflow)
                for each in self._alike(wanted)
            }
            arms = [a for a in arms if (a.status, a.waits_for, *a.workflows) in there]
        if len(arms) > _MOST_ARMS:
            return [Arm(*state, names) for state in states]
        return arms

    def _read(self, statement: Select[Any]) -> list[Any]:
        with self._transactions.reading() as connection:
            return list(connection.execute(statement))


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
        """Return a mark of the newest change in a list, for :meth:`newer`."""
        rows = self.look(wanted).find(replace(wanted, sort="updated"), None, 1, LIGHT)
        key = Key(datetime(1970, 1, 1, tzinfo=UTC), 0)
        for row in rows.rows:
            key = Key(row.modified, row.id)
        return write_key("least_updated", key)

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

    def sort_keys(self, workflows: Sequence[str] = ()) -> list[str]:
        """Return the names of the sort keys that there are, ``title`` first."""
        names = select(func.min(SORT.c.name).label("name")).cte("names", recursive=True)
        beyond = select(func.min(SORT.c.name)).where(SORT.c.name > names.c.name)
        names = names.union_all(
            select(beyond.scalar_subquery()).where(names.c.name.is_not(None))
        )
        with self._store.transactions.reading() as connection:
            found = connection.execute(select(names.c.name)).scalars()
            return sorted(
                (name for name in found if name is not None),
                key=lambda name: (name != "title", name),
            )

    def fold(self) -> int:
        """Add the deltas to the counters; return how many there were."""
        return fold(self._store.transactions)


_SOMEWHERE = Key(None, 0)
#: Before the first of the objects that have no such sort key.
_THE_REST = Key(None, 2**63 - 1, without=True)

_FACETS = {"workflow": "workflow", "action": "action", "data_type": "data_type"}


def _facet(counts: Counter[Any], exact: bool) -> list[tuple[Any, Count]]:
    ordered = sorted(counts.items(), key=lambda each: (-each[1], str(each[0])))
    return [(value, Count(number, exact)) for value, number in ordered if number > 0]


def _fits(wanted: Wanted, row: Any, but: Sequence[str]) -> bool:
    """Say whether a row, or a counter, is wanted, leaving some filters out."""
    group = group_of(row.status, row.waits_for)
    if wanted.groups and group not in wanted.groups:
        return False
    if "workflow" not in but and row.workflow not in wanted.workflows:
        return False
    if wanted.actions and "action" not in but and row.action not in wanted.actions:
        return False
    types = wanted.data_types
    if types and "data_type" not in but and row.data_type not in types:
        return False
    if isinstance(row, Alike):
        return True
    if wanted.owners and "owner" not in but and row.id_user not in wanted.owners:
        return False
    if "age" in but:
        return True
    since, until = wanted.since, wanted.until
    return (since is None or row.modified >= since) and (
        until is None or row.modified < until
    )


def _age(age: timedelta) -> str:
    return next(name for name, most in AGES.items() if age < most)


def as_row(row: Any) -> Row:
    """Return a row of the database as a list shows it."""
    title, description = row.title, row.description
    if row.markup & 1 and title is not None:
        title = Markup(title)
    if row.markup & 2 and description is not None:
        description = Markup(description)
    return Row(
        row.id,
        title,
        description,
        ObjectStatus(row.status),
        row.waits_for,
        group_of(row.status, row.waits_for),
        row.workflow,
        row.action,
        row.message,
        row.error,
        row.data_type,
        row.uri,
        row.id_user,
        row.created,
        row.modified,
        row.revision,
        row.id_fork,
    )
