"""The statements of a list: which rows are walked, in which order, from where.

Two plans. *Walk*: go along an index in the order wanted and look at each row, past a
fixed number of rows at most. *Gather*: read a few candidates, then sort them. The
first is for what is common, the second for what is rare.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    null,
    or_,
    select,
    text,
    tuple_,
    union_all,
)

from .kinds import now
from .list_arms import (
    IS_OWNED,
    LEAST,
    MOST,
    NUMBERED,
    OBJECTS,
    Arm,
    in_index,
    number_in_text,
    standing,
)
from .list_match import matched, named
from .list_models import SORT
from .list_words import is_all_looked_up, negative, probe
from .models import IS_LISTED
from .wanted import SORTS, Key, Wanted

_o = OBJECTS.c
#: In a query of its own the time is asked once.
_NOW = select(now()).scalar_subquery()
#: The object of a key.
_OID: Any = bindparam("oid", type_=_o.id.type)
_TIMES = ("since", "until")


class Plan:
    """Makes the statements for the lists of one shape; see :mod:`.list_shape`.

    :param wanted: the shape.
    :param arms: the states of each workflow that may have such rows.
    :param narrow: whether not all workflows are wanted that there are.
    :param without: of the objects that have no such sort key.
    :param along_owners: whether only what belongs to the people asked for is walked.
    """

    def __init__(
        self,
        wanted: Wanted,
        arms: Sequence[Arm],
        dialect: str,
        narrow: bool = True,
        without: str | None = None,
        along_owners: bool = False,
    ) -> None:
        self.wanted, self.arms, self.dialect = wanted, arms, dialect
        self.narrow, self.without = narrow, without
        self.along_owners = along_owners
        column, self.descending = SORTS.get(
            wanted.sort, ("", wanted.sort.startswith("-"))
        )
        #: The name of the sort key; none: a column.
        self.sort_name = "" if column else wanted.sort.removeprefix("-")
        self.place = _o[column] if column else SORT.c.value
        self.oid = _o.id if column else SORT.c.id_object
        self.positive = [term for term in wanted.terms if not term.negative]
        self.negative = [term for term in wanted.terms if term.negative]

    @property
    def walked(self) -> Sequence[Arm]:
        """The parts of an index that are walked together: one, or one for a state."""
        if self.along_owners:
            return [Arm(None, None, owner=each) for each in self.wanted.owners]
        names = tuple(dict.fromkeys(self.wanted.workflows)) if self.narrow else ()
        if not self.wanted.groups:
            return [Arm(None, None, names)]
        if self.place is _o.id:
            return self.arms
        states = dict.fromkeys((arm.status, arm.waits_for) for arm in self.arms)
        return [Arm(status, waits_for, names) for status, waits_for in states]

    def goes_down(self, key: Key | None) -> bool:
        """Say whether the rows are read from the largest on."""
        return self.descending != bool(key and key.backwards)

    # --- what a row must be -----------------------------------------------------------

    @property
    def filters(self) -> list[Any]:
        """The conditions on columns that the index of lists does not have."""
        wanted, found = self.wanted, []
        for column, values in (
            # Not as its own index has it: those rows would have to be sorted.
            (func.coalesce(_o.action, literal_column("''")), wanted.actions),
            (_o.data_type, wanted.data_types),
            (_o.id_user, wanted.owners),
        ):
            if values:
                found.append(column.in_(values))
        if wanted.overdue:
            found.append(func.coalesce(_o.deadline, _o.deadline) <= _NOW)
        if self.place is not _o.modified:
            found += self._times()
        if self.without is not None:
            mine = (SORT.c.id_object == _o.id, SORT.c.name == self.without)
            found.append(~select(SORT.c.name).where(*mine).exists())
        return found

    def _times(self, *unseen: str) -> list[Any]:
        """Return the conditions on the time.

        :param unseen: those that no index is to be looked up by: SQLite takes one bound
            of two, and would pass all that is between them.
        """
        wanted, found = self.wanted, []
        same = func.coalesce(_o.modified, _o.modified)
        since, until = (same if n in unseen else _o.modified for n in _TIMES)
        if wanted.since is not None:
            found.append(since >= bindparam("since"))
        if wanted.until is not None:
            found.append(until < bindparam("until"))
        return found

    def texts(self, oid: Any, gathered: bool = False) -> list[Any]:
        """Return the conditions on the words of the object with this id.

        :param gathered: whether the candidates came of those that must be there.
        """
        found = []
        if gathered and self.dialect == "sqlite":  # the other has looked already
            gathered = is_all_looked_up(self.positive, self.dialect)
        if self.positive and not gathered:
            there = probe(self.positive, oid, self.dialect, "terms")
            found.append(or_(there, *(oid.in_(each) for each in named(self.positive))))
        if self.negative:
            found.append(~negative(self.negative, oid, self.dialect))
        return found

    # --- walking ----------------------------------------------------------------------

    def walk(
        self, columns: Sequence[Any], key: Key | None, most: int, passing: int | None
    ) -> Select[Any]:
        """Return the rows along the index, from a key on.

        :param most: how many are wanted.
        :param passing: past how many rows at most; none: as many as it takes.
        """
        if passing is not None and self.dialect == "postgresql":
            return self._walk_in_two(columns, key, most, passing)
        ahead = self._ahead(key, has_end=passing is not None)
        conditions = [*ahead, *self.filters, *self.texts(_o.id)]
        if self.along_owners:
            conditions.append(standing(self.arms))
        if passing is not None:
            edge = select(self._at(key, passing).c.place).scalar_subquery()
            conditions.append(self._not_beyond(edge, self.goes_down(key)))
        if not self.sort_name:
            return self._walked(columns, conditions, key, most)
        return (
            select(*columns, self.place.label("place"), self.oid.label("oid"))
            .select_from(SORT.join(OBJECTS, _o.id == SORT.c.id_object))
            .where(SORT.c.name == self.sort_name, standing(self.arms), *conditions)
            .order_by(*self._ordered([self.place, self.oid], key))
            .limit(number_in_text(most))
        )

    def _walked(
        self, columns: Sequence[Any], conditions: list[Any], key: Key | None, most: int
    ) -> Select[Any]:
        """Return the rows of all arms, or what of them is in the index itself."""
        more = in_index(columns)
        merged: Select[Any] = self._merged(conditions, key, most, more or ())
        merged = merged.limit(number_in_text(most))
        found = merged.subquery("walked")
        if more is None:
            return self._rows(columns, found, key)
        return merged if columns is NUMBERED else self._counted(found, more)

    @staticmethod
    def _counted(found: Any, more: Sequence[Any]) -> Select[Any]:
        """Return what is counted of rows, without reading them."""
        place = (found.c.place, found.c.place.label("modified"), found.c.oid)
        return select(*(found.c[each.name] for each in more), *place)

    def _walk_in_two(
        self, columns: Sequence[Any], key: Key | None, most: int, passing: int
    ) -> Select[Any]:
        """Return the same; but first those that are passed, and then the wanted.

        PostgreSQL would take all of an owner's, or all that have the words, and sort
        them: behind a limit it cannot. It keeps the order, and stops where it may.
        """
        passing += 1  # with the edge, behind which the next page begins
        more = None if self.filters or self.sort_name else in_index(columns)
        passed = self._along(key, passing, more or ())
        found = passed.limit(number_in_text(passing)).subquery("walked")
        conditions = [*self.filters, *self.texts(found.c.oid)]
        if more is not None:
            order = self._ordered([found.c.place, found.c.oid], key)
            rows = self._counted(found, more).where(*conditions).order_by(*order)
            return rows.limit(number_in_text(most))
        if self.sort_name:
            conditions.append(standing(self.arms))
        rows = self._rows(columns, found, key)
        return rows.where(*conditions).limit(number_in_text(most))

    def edge(self, key: Key | None, passing: int) -> Select[Any]:
        """Return place and id of the row at which a walk stops."""
        found = self._at(key, passing)
        return select(found.c.place, found.c.oid)

    def _at(self, key: Key | None, passing: int) -> Any:
        """Return place and id of one row, so many behind the key."""
        inner = self._along(key, passing + 1).limit(number_in_text(1))
        return inner.offset(number_in_text(passing)).subquery("edge")

    def _along(self, key: Key | None, most: int, more: Sequence[Any] = ()) -> Any:
        """Return place and id of whatever follows the key in the index."""
        ahead = self._ahead(key)
        if not self.sort_name:
            return self._merged(ahead, key, most, more)
        return (
            select(self.place.label("place"), self.oid.label("oid"))
            .where(SORT.c.name == self.sort_name, *ahead)
            .order_by(*self._ordered([self.place, self.oid], key))
        )

    def _not_beyond(self, edge: Any, down: bool) -> Any:
        """Return the condition that a row is not behind the edge, if there is one."""
        kind = "value" if self.sort_name else self.place.name
        end: Any = LEAST[kind] if down else MOST[kind]
        name = _TIMES[0] if down else _TIMES[1]
        if kind == "modified" and getattr(self.wanted, name) is not None:
            end = bindparam(name, type_=_o.modified.type)
        last = func.coalesce(edge, end)
        return self.place >= last if down else self.place <= last

    def _ahead(self, key: Key | None, has_end: bool = False) -> list[Any]:
        """Return the conditions that a row is behind the key, and of its time.

        :param has_end: whether it is said besides where the walk ends.
        """
        # In the order of the changes the times are places, where the walk begins.
        first, last = _TIMES if not self.goes_down(key) else _TIMES[::-1]
        unseen = ([first] if key else []) + ([last] if has_end else [])
        times = self._times(*unseen) if self.place is _o.modified else []
        if key is None or key.id < 0:
            return times
        down = self.goes_down(key)
        if self.place is _o.id:
            return [_o.id < _OID if down else _o.id > _OID]
        here = tuple_(bindparam("place", type_=self.place.type), _OID)
        there = tuple_(self.place, self.oid)
        return [*times, there < here if down else there > here]

    def _merged(
        self,
        conditions: list[Any],
        key: Key | None,
        most: int,
        more: Sequence[Any] = (),
    ) -> Any:
        """Return place and id of the rows of all arms, in the order wanted.

        :param most: so many are looked at; PostgreSQL, which would sort whole arms, is
            told to stop after so many of each. SQLite merges the arms as they are.
        :param more: columns that are wanted besides.
        """
        parts = [
            arm.rows(
                arm.as_place(self.place).label("place"),
                _o.id.label("oid"),
                *more,
                by_time=self.place is _o.modified,
            ).where(*conditions)
            for arm in self.walked
        ]
        if len(parts) == 1:
            return parts[0].order_by(*self._ordered([self.place, _o.id], key))
        if self.dialect == "postgresql":
            order = self._ordered([self.place, _o.id], key)
            parts = [
                part.order_by(*order).limit(number_in_text(most)) for part in parts
            ]
        names: list[Any] = [literal_column("place"), literal_column("oid")]
        return union_all(*parts).order_by(*self._ordered(names, key))

    def _ordered(self, terms: Sequence[Any], key: Key | None) -> list[Any]:
        if terms[0] is _o.id:
            terms = terms[:1]
        return [term.desc() if self.goes_down(key) else term for term in terms]

    def _rows(self, columns: Sequence[Any], found: Any, key: Key | None) -> Select[Any]:
        # A row that has no sort key has no place in its order either.
        place = found.c.place if self.without is None else null().label("place")
        source = found.join(OBJECTS, _o.id == found.c.oid)
        order = self._ordered([found.c.place, found.c.oid], key)
        return select(*columns, place, found.c.oid).select_from(source).order_by(*order)

    # --- gathering --------------------------------------------------------------------

    def members(self) -> Any:
        """Return the ids of all rows of the arms."""
        return union_all(*(arm.rows(_o.id.label("oid")) for arm in self.arms))

    def owned(self) -> Any:
        """Return the ids of the rows that belong to the people asked for."""
        return select(_o.id.label("oid")).where(
            IS_LISTED, IS_OWNED, _o.id_user.in_(self.wanted.owners)
        )

    def acted(self) -> Any:
        """Return the ids of the rows that ask for the actions wanted."""
        return select(_o.id.label("oid")).where(
            IS_LISTED, text("action IS NOT NULL"), _o.action.in_(self.wanted.actions)
        )

    def overdue(self) -> Any:
        """Return the ids of the rows whose deadline is over."""
        return select(_o.id.label("oid")).where(
            IS_LISTED, text("deadline IS NOT NULL"), _o.deadline <= _NOW
        )

    def matched(self) -> Any:
        """Return the ids of the rows that have the words, as they were looked up."""
        return matched(self.positive, self.dialect)

    def gather(
        self,
        candidates: Callable[[Plan], Any],
        columns: Sequence[Any],
        key: Key | None,
        most: int,
    ) -> Select[Any]:
        """Return the rows among candidates that are few, sorted when they are read.

        :param candidates: one of the methods above.
        """
        found = candidates(self).cte("found").prefix_with("MATERIALIZED")
        source = found.join(OBJECTS, _o.id == found.c.oid)
        place = self.place
        if self.sort_name:
            mine = and_(SORT.c.id_object == _o.id, SORT.c.name == self.sort_name)
            source = source.outerjoin(SORT, mine)
            order = self._by_value(key)
            ahead = self._ahead_by_value(key)
        else:
            order = self._ordered([place, _o.id], key)
            ahead = self._ahead(key)
        texts = self.texts(_o.id, candidates is Plan.matched)
        rows = (
            select(*columns, place.label("place"), _o.id.label("oid"))
            .select_from(source)
            .where(standing(self.arms), *self.filters, *texts, *ahead)
            .limit(number_in_text(most))
        )
        return rows if columns is NUMBERED else rows.order_by(*order)

    def _by_value(self, key: Key | None) -> list[Any]:
        """Return the order by a sort key; those without it last, the newest first."""
        none, down = self.place.is_(None), self.goes_down(key)
        among = case((none, _o.id if self.descending else -_o.id), else_=_o.id)
        back = bool(key and key.backwards)
        last = case((none, literal_column("1")), else_=literal_column("0"))
        terms = [self.place, among]
        ordered = [term.desc() if down else term for term in terms]
        return [last.desc() if back else last, *ordered]

    def _ahead_by_value(self, key: Key | None) -> list[Any]:
        if key is None:
            return []
        none = self.place.is_(None)
        if key.without:
            if key.backwards:
                return [or_(~none, _o.id > _OID)]
            return [none, _o.id < _OID]
        (beyond,) = self._ahead(key)
        return [beyond if key.backwards else or_(none, beyond)]
