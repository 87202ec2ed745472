"""From an address and a text to what the store is asked for, by whom it is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..folding import words
from ..groups import Group
from ..store.wanted import Term, Wanted
from .query import Query, Said, parse, without_number
from .urls import AGES, ListState


@dataclass(frozen=True, slots=True)
class Person:
    """Who looks.

    :param workflows: those in which this person may see records.
    :param number: the person as an object's ``id_user``.
    """

    workflows: tuple[str, ...]
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list is to show: as it was said, and as the store understands it."""

    state: ListState
    query: Query
    wanted: Wanted


def asked(state: ListState, person: Person, now: datetime | None = None) -> Asked:
    """Return what an address asks for, within what the person may see."""
    query = parse(state.text)
    if person.number is None and "me" in (*state.owners, *query.owners):
        without_number(query)
    now = now or datetime.now(UTC)
    since, until = _between(state.age, query, now)
    workflows = tuple(
        name
        for name in person.workflows
        if _is_in(name, state.workflows)
        and _is_in(name, query.workflows)
        and name not in query.not_workflows
    )
    groups = _groups(state, query)
    actions = _both(state.actions, query.actions)
    types = _both(state.types, query.types)
    owners = _owners(state, query, person)
    possible = None not in (groups, actions, types, owners)
    wanted = Wanted(
        workflows=workflows if possible else (),
        visible=person.workflows,
        groups=groups or (),
        actions=actions or (),
        data_types=types or (),
        owners=owners or (),
        overdue=query.overdue,
        since=since,
        until=until,
        span=_between(None, query, now) if state.age else None,
        terms=tuple(_terms(query.said)),
        sort=state.sort,
        limit=state.size,
        after=state.after,
    )
    return Asked(state, query, wanted)


def _groups(state: ListState, query: Query) -> tuple[Group, ...] | None:
    """Return the groups; none for all of them, ``None`` if no record can be in one."""
    chosen = set(query.groups or state.groups)
    if not chosen and not state.everything and not query.not_groups:
        chosen = {Group.NEED_ACTION}
    if not chosen and not query.not_groups:
        return ()
    left = (chosen or set(Group)) - set(query.not_groups)
    return tuple(group for group in Group if group in left) or None


def _owners(state: ListState, query: Query, person: Person) -> tuple[int, ...] | None:
    names = _both(state.owners, query.owners)
    if not names:
        return () if names is not None else None
    numbers = [person.number if name == "me" else int(name) for name in names]
    return tuple(each for each in numbers if each is not None) or None


def _both(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...] | None:
    """Return what both let through; nothing for all, ``None`` if no value does."""
    first, second = tuple(one), tuple(other)
    if not (first and second):
        return first or second
    return tuple(each for each in first if each in second) or None


def _is_in(name: str, chosen: Iterable[str]) -> bool:
    chosen = tuple(chosen)
    return not chosen or name in chosen


def _between(
    age: str | None, query: Query, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return the span of time in which a record must have changed."""
    newest, oldest = AGES[age] if age else (0, None)
    older = [age for age in (query.older, timedelta(days=newest)) if age]
    newer = [query.newer] if query.newer else []
    if oldest is not None:
        newer.append(timedelta(days=oldest))
    return (
        _before(now, min(newer)) if newer else None,
        _before(now, max(older)) if older else None,
    )


def _before(now: datetime, age: timedelta) -> datetime:
    """Return when that was; as long ago as the calendar knows."""
    try:
        return now - age
    except OverflowError:
        return datetime(1, 1, 2, tzinfo=UTC)


def _terms(said: Iterable[Said]) -> Iterable[Term]:
    for each in said:
        cut = tuple(words(each.text))
        if cut:
            whole = each.phrase or len(cut) > 1
            yield Term(cut, phrase=whole, negative=each.negative, text=each.text)
