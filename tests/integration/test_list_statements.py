"""The statements of lists: one for each shape, and given all that it asks for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from invenio_workflows.groups import Group
from invenio_workflows.states import ObjectStatus
from invenio_workflows.store.list_arms import NUMBERED, ROW, TALLIED, Arm
from invenio_workflows.store.list_plan import Plan
from invenio_workflows.store.list_shape import (
    given,
    given_place,
    given_tally,
    shape,
    shape_of,
)
from invenio_workflows.store.list_statements import (
    Read,
    ending,
    gathering,
    planned,
    walking,
)
from invenio_workflows.store.wanted import Key, Term, Wanted

DIALECTS = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}
THEN, LATER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
HALTED = (Arm(ObjectStatus.HALTED, None, ("w",)),)
LIST = Wanted(
    ("w",),
    groups=(Group.NEED_ACTION,),
    since=THEN,
    until=LATER,
    terms=(Term(("7",), text="7"), Term(("not", "so"), phrase=True, negative=True)),
)
OTHER = replace(
    LIST,
    since=LATER,
    until=datetime.now(UTC),
    terms=(Term(("12",), text="12"), Term(("nor", "that"), phrase=True, negative=True)),
    limit=100,
    after="a key",
)
KEYS = [None, Key(THEN, 3), Key("a", 4, backwards=True), Key(None, 5, without=True)]


def statements(wanted: Wanted, dialect: str, key: Key | None) -> list[Any]:
    """Return every statement for a list."""
    plan = planned(shape(wanted), HALTED, dialect)
    found = [ending(plan, shape_of(key), 9)]
    for columns in (ROW, TALLIED, NUMBERED):
        read = Read(columns, shape(wanted) if columns is TALLIED else None)
        found.append(walking(plan, read, shape_of(key), 10, 20))
        found += [
            gathering(plan, candidates, read, shape_of(key), 10)
            for candidates in (Plan.members, Plan.matched)
        ]
    return found


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("sort", ["updated", "oldest", "title", "-title"])
@pytest.mark.parametrize("key", KEYS, ids=str)
def test_a_statement_is_made_once_and_given_all_that_it_asks_for(
    key: Key | None, sort: str, dialect: str
) -> None:
    wanted, other = replace(LIST, sort=sort), replace(OTHER, sort=sort)
    values = given(wanted, dialect) | given_place(key) | given_tally(wanted)
    made = statements(wanted, dialect, key)
    again = statements(other, dialect, None if key is None else replace(key, id=99))
    for statement, same in zip(made, again, strict=True):
        assert statement is same
        binds = statement.compile(dialect=DIALECTS[dialect]).binds.values()
        asked = {bind.key for bind in binds if bind.required}
        assert asked - {"ids"} <= values.keys()


def test_lists_of_another_shape_have_statements_of_their_own() -> None:
    wordy = replace(LIST, terms=(Term(("a", "b"), phrase=True),))
    shapes = [
        shape(each)
        for each in (
            *(LIST, wordy, replace(LIST, since=None), replace(LIST, owners=(1,))),
            *(replace(LIST, sort="title"), replace(LIST, terms=())),
            replace(wordy, terms=(Term(("a", "b")),)),
            replace(LIST, terms=(Term(("word",), text="word"), LIST.terms[1])),
        )
    ]
    assert len(set(shapes)) == len(shapes)
