"""What differs between two values, by examples and for any value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_workflows.differences import (
    NOTHING,
    Change,
    blamed,
    difference,
    fields,
    key_paths,
    same,
    without,
    without_anywhere,
)

leaves = st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2)
values: Any = st.recursive(
    leaves | st.floats(-1, 1),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("xyz", max_size=1), inner)
    ),
    max_leaves=12,
)


def applied(value: Any, changes: Sequence[Change]) -> Any:
    """Return ``value`` with the changes of a :func:`difference` in it."""
    for change in changes:
        if not change.path and change.kind == "changed":
            return change.after
    removed = [change for change in changes if change.kind == "removed"]
    others = [change for change in changes if change.kind != "removed"]
    for change in [*reversed(removed), *others]:
        value = _put(value, change.path, change)
    return value


def _put(value: Any, path: tuple[Any, ...], change: Change) -> Any:
    key, *rest = path
    copy = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        copy[key] = _put(copy[key], tuple(rest), change)
    elif change.kind == "removed":
        del copy[key]
    elif change.kind == "added" and isinstance(copy, list):
        copy.insert(key, change.after)
    else:
        copy[key] = change.after
    return copy


@given(values, values)
def test_the_changes_lead_from_one_to_the_other(before: Any, after: Any) -> None:
    assert same(applied(before, difference(before, after)), after)


@given(values, values)
def test_nothing_differs_if_and_only_if_they_are_the_same(one: Any, two: Any) -> None:
    assert (difference(one, two) == []) == same(one, two)


@given(values, values)
def test_backwards_the_same_fields_differ(one: Any, two: Any) -> None:
    there = {(c.path, repr(c.before), repr(c.after)) for c in difference(one, two)}
    back = {(c.path, repr(c.after), repr(c.before)) for c in difference(two, one)}
    assert there == back


@given(st.lists(values, min_size=1, max_size=5))
def test_each_field_is_blamed_on_a_version_that_says_what_it_says(
    versions: list[Any],
) -> None:
    blame: Any = 0
    for number in range(1, len(versions)):
        blame = blamed(versions[number - 1], versions[number], blame, number)
    last = versions[-1]
    found = list(fields(last, blame))
    for field in found:
        assert 0 <= field.by < len(versions)
        then: Any = list(fields(versions[field.by], 0))
        assert any(same(field.value, each.value) for each in then)
    if all(same(version, last) for version in versions):
        assert {field.by for field in found} == {0}


def test_a_field_is_named_by_its_keys() -> None:
    before = {"title": "A", "authors": [{"name": "x"}, {"name": "y"}], "old": 1}
    after = {"title": "B", "authors": [{"name": "x"}, {"name": "z"}], "new": 2}
    assert [(c.where, c.kind) for c in difference(before, after)] == [
        ("title", "changed"),
        ("authors[1].name", "changed"),
        ("old", "removed"),
        ("new", "added"),
    ]


def test_an_item_before_the_others_does_not_change_them() -> None:
    assert difference(["b", "c"], ["a", "b", "c"]) == [Change((0,), NOTHING, "a")]
    assert blamed(["b", "c"], ["a", "b", "c"], 1, 2) == {0: 2, 1: 1, 2: 1}


def test_a_number_is_no_truth() -> None:
    assert difference({"n": 1}, {"n": True}) and difference({"n": 1}, {"n": 1.0})


def test_a_field_set_back_is_of_who_set_it_back() -> None:
    blame = blamed({"a": 1, "b": 1}, {"a": 2, "b": 1}, "first", "second")
    blame = blamed({"a": 2, "b": 1}, {"a": 1, "b": 1}, blame, "third")
    assert {f.where: f.by for f in fields({"a": 1, "b": 1}, blame)} == {
        "a": "third",
        "b": "first",
    }


def test_what_is_hidden_is_not_there() -> None:
    data = {"a": {"b": 1, "c": 2}, "list": [{"mail": "x", "n": 1}], "d": 3}
    hidden = key_paths(["a.b", ["list", "mail"], "gone"])
    assert without(data, hidden) == {"a": {"c": 2}, "list": [{"n": 1}], "d": 3}
    assert data["a"] == {"b": 1, "c": 2}


DOCUMENT: dict[str, Any] = {
    "people": [{"n": 1, "mail": "x"}, {"n": 2, "mail": "y"}],
    "b.c": 3,
}


def test_what_is_hidden_is_named_by_paths_of_keys() -> None:
    assert key_paths("contact.email") == (("contact", "email"),)
    assert key_paths(["a.b", ("a", "b.c")]) == (("a", "b"), ("a", "b.c"))
    assert key_paths(None) == key_paths(()) == ()


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("people.mail", {"people": [{"n": 1}, {"n": 2}], "b.c": 3}),
        ("people.*.mail", {"people": [{"n": 1}, {"n": 2}], "b.c": 3}),
        ("people.1.mail", {"people": [{"n": 1, "mail": "x"}, {"n": 2}], "b.c": 3}),
        ("people.0", {"people": [{"n": 2, "mail": "y"}], "b.c": 3}),
        ("people.*", {"people": [], "b.c": 3}),
        (("b.c",), {"people": [{"n": 1, "mail": "x"}, {"n": 2, "mail": "y"}]}),
        ("mail", DOCUMENT),
    ],
)
def test_a_path_goes_through_lists(path: Any, left: Any) -> None:
    assert without(DOCUMENT, key_paths([path])) == left


def test_what_was_made_of_a_document_hides_the_same_at_any_depth() -> None:
    made = {"all": [{"people": DOCUMENT["people"]}, {"people.mail": 1}], "mail": "z"}
    kept = {"all": [{"people": [{"n": 1}, {"n": 2}]}, {}], "mail": "z"}
    assert without_anywhere(made, key_paths("people.mail")) == kept
    assert without_anywhere(made, key_paths("people.*.mail")) == kept
    kept = without_anywhere(made, key_paths("mail"))
    assert kept["all"][0] == {"people": [{"n": 1}, {"n": 2}]} and "mail" not in kept
    assert DOCUMENT["people"][0]["mail"] == "x", "it is a copy"
