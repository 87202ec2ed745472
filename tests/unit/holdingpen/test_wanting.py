"""Whose records `owner:me` finds, and what is said to whom it finds none."""

from __future__ import annotations

import pytest

from invenio_workflows.holdingpen import permissions
from invenio_workflows.holdingpen.urls import ListState
from invenio_workflows.holdingpen.wanting import Person, asked

ALL = ("article",)


@pytest.mark.parametrize(
    "state", [ListState(text="owner:me"), ListState(owners=("me",))]
)
def test_who_has_no_number_is_told_that_nothing_is_theirs(state: ListState) -> None:
    found = asked(state, Person(ALL))
    assert found.wanted.workflows == ()  # not those of everybody
    (fault,) = found.query.faults
    assert "your id is none" in fault.message
    known = asked(state, Person(ALL, 7))
    assert (known.wanted.owners, known.query.faults) == ((7,), [])


@pytest.mark.parametrize(
    ("name", "number"),
    [("7", 7), ("0", None), ("007", None), ("ann", None), (None, None)],
)
def test_a_number_is_one_as_it_is_written(
    monkeypatch: pytest.MonkeyPatch, name: str | None, number: int | None
) -> None:
    """``007`` is the id of another person than 7, and 0 is nobody."""
    monkeypatch.setattr(permissions, "actor", lambda: name)
    assert permissions.user_id() == number
