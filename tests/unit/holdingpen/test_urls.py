"""The state of a list in its address: read, written, changed; never broken by it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_workflows.groups import Group
from invenio_workflows.holdingpen.query import parse
from invenio_workflows.holdingpen.urls import AGES, LARGEST, ListState

ARGUMENTS = "group workflow action type owner age q sort size after".split()
VALUES = st.text('abcé:,&=?# "', min_size=1, max_size=12).map(lambda text: f"v{text}")


class Args:
    """Arguments of an address, as Werkzeug gives them."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs

    def get(self, key: str) -> str | None:
        return next(iter(self.getlist(key)), None)

    def getlist(self, key: str) -> list[str]:
        return [value for name, value in self.pairs if name == key]


def read(*pairs: tuple[str, str]) -> ListState:
    return ListState.read(Args(list(pairs)))


def test_an_address_without_arguments_is_the_usual_list() -> None:
    assert read() == ListState()
    assert ListState().args() == {}


@given(
    st.builds(
        ListState,
        groups=st.sets(st.sampled_from(list(Group))).map(
            lambda chosen: tuple(group for group in Group if group in chosen)
        ),
        everything=st.just(False),
        workflows=st.lists(VALUES, unique=True, max_size=3).map(tuple),
        actions=st.lists(VALUES, unique=True, max_size=3).map(tuple),
        types=st.lists(VALUES, unique=True, max_size=3).map(tuple),
        owners=st.lists(st.sampled_from(["me", "7"]), unique=True).map(tuple),
        age=st.sampled_from([None, *AGES]),
        text=VALUES.map(lambda text: " ".join(text.split())),
        sort=VALUES.map(str.strip).map(lambda text: " ".join(text.split())),
        size=st.integers(10, 500),
        after=st.one_of(st.none(), VALUES),
    )
)
def test_what_is_written_into_an_address_is_read_from_it(state: ListState) -> None:
    assert read(*state.pairs()) == state


@given(st.lists(st.tuples(st.sampled_from(ARGUMENTS), st.text(max_size=300))))
def test_no_address_breaks_a_list(pairs: list[tuple[str, str]]) -> None:
    state = read(*pairs)
    assert 10 <= state.size <= LARGEST
    assert read(*state.pairs()) == state
    for name in ("workflows", "actions", "types", "owners"):
        assert all(value.isprintable() for value in getattr(state, name))


@pytest.mark.parametrize(
    ("size", "rows"),
    [("10", 10), ("1", 10), ("501", 500), ("9" * 5000, 500), ("x", 25), ("٣٠", 25)],
)
def test_a_page_has_10_to_500_rows(size: str, rows: int) -> None:
    assert read(("size", size)).size == rows


def test_another_filter_begins_at_the_first_page() -> None:
    state = ListState(after="key", workflows=("a",))
    assert state.toggled("workflows", "b").after is None
    assert state.in_group(Group.FAILED).after is None
    assert state.changed(sort="title").after is None


def test_a_value_is_chosen_and_taken_away_again() -> None:
    state = ListState(workflows=("a",))
    assert state.toggled("workflows", "b").workflows == ("a", "b")
    assert state.toggled("workflows", "a").workflows == ()


def test_a_group_that_is_clicked_wins_over_one_that_was_typed() -> None:
    state = ListState(text="dark is:new")
    assert state.in_group(Group.DONE) == ListState(groups=(Group.DONE,), text="dark")
    assert state.in_group(None) == ListState(everything=True, text="dark")


def test_clearing_keeps_the_group_the_order_and_the_size() -> None:
    kept = {"groups": (Group.DONE,), "sort": "title", "size": 50}
    full: dict[str, Any] = {
        "workflows": ("a",),
        "owners": ("me",),
        "age": "7d",
        "text": "dark is:new older:3d",
        "after": "key",
    }
    assert ListState(**kept, **full).cleared() == ListState(**kept, text="is:new")


def test_a_part_of_the_text_is_taken_away() -> None:
    state = ListState(text="dark older:3d", after="key")
    (part,) = parse(state.text).parts
    assert state.without_part(part) == ListState(text="dark")
