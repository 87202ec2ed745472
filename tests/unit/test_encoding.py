"""JSON that gives back what it was given, or says what it cannot."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

from invenio_workflows.encoding import DEEPEST, Writer, copied, dumps, loads
from invenio_workflows.errors import DataNotSerializable

atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.dates(),
    st.datetimes(timezones=st.sampled_from([None, UTC])),
    st.decimals(allow_nan=False),
    st.uuids(),
)
keys = st.one_of(
    st.text(max_size=3),
    st.sampled_from(["$tuple", "$map", "$set", "$", "$$"]),
    st.integers(),
    st.none(),
    st.tuples(st.integers(), st.text(max_size=2)),
    st.dates(),
)
values = st.recursive(
    atoms,
    lambda part: st.one_of(
        st.lists(part, max_size=4),
        st.lists(part, max_size=4).map(tuple),
        st.dictionaries(keys, part, max_size=4),
        st.sets(st.one_of(st.integers(), st.text(max_size=2), st.dates()), max_size=4),
    ),
    max_leaves=10,
)


def exactly(value: Any) -> Any:
    """Return the value with the types in it, which ``==`` does not compare."""
    if isinstance(value, dict):
        return dict, [(exactly(k), exactly(v)) for k, v in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [exactly(item) for item in value]
    return type(value), value


@given(values)
@examples(150)
def test_everything_comes_back_as_it_was(value: Any) -> None:
    assert exactly(loads(dumps(value))) == exactly(value)


@given(values)
def test_a_copy_is_equal_and_shares_no_container(value: Any) -> None:
    text = dumps(value)
    fresh = copied(value)
    assert exactly(fresh) == exactly(value)
    if isinstance(value, (list, dict, set)):
        assert fresh is not value
        value.clear()
        assert dumps(fresh) == text


@pytest.mark.parametrize(
    "value",
    [
        {"$tuple": [1]},
        {"$map": []},
        {"$unknown": 1},
        {"$map": {"$map": [["a", 1]]}},
        '{"$tuple":[1]}',
        ['{"$set'],
        "\ud800\x00",
        True,
        {1: "a", "1": "b"},
    ],
)
def test_what_looks_like_a_tag_comes_back(value: Any) -> None:
    assert exactly(loads(dumps(value))) == exactly(value)


def test_plain_data_is_plain_json() -> None:
    assert dumps({"a": [1, "é", None, 2.5]}) == '{"a":[1,"\\u00e9",null,2.5]}'


def test_a_set_is_written_in_one_order() -> None:
    assert dumps({3, 1, 2}) == dumps({2, 3, 1}) == '{"$set":[1,2,3]}'


def test_subclasses_of_plain_types_become_plain() -> None:
    class Colour(enum.IntEnum):
        RED = 1

    class Name(str):
        def __str__(self) -> str:
            return "shown"

    assert exactly(loads(dumps([Colour.RED, Name("kept")]))) == exactly([1, "kept"])


class Strange:
    """Nothing that JSON knows."""


@pytest.mark.parametrize(
    ("value", "path", "kind"),
    [
        ({"a": {"b": [0, Strange()]}}, "data.a.b[1]", "Strange"),
        ({"a": float("nan")}, "data.a", "float"),
        ([1, float("inf")], "data[1]", "float"),
        ({1: {"x": Strange()}}, "data[1].x", "Strange"),
        ({"a": {frozenset()}}, "data.a{}", "frozenset"),
        ((1, Strange()), "data[1]", "Strange"),
        ({"n": 10**5000}, "data.n", "int"),
        ({"f": print}, "data.f", "builtin_function_or_method"),
        ({Strange: 1}, "key", "type"),
    ],
)
def test_an_error_names_the_path_and_the_type(value: Any, path: str, kind: str) -> None:
    with pytest.raises(DataNotSerializable) as caught:
        dumps(value)
    assert path in str(caught.value)
    assert kind in caught.value.details["type"]


def test_an_error_says_whose_data_it_is() -> None:
    with pytest.raises(
        DataNotSerializable, match=r"data of object 17\.a is a builtins"
    ):
        dumps({"a": object()}, "data of object 17")


def test_what_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(DataNotSerializable, match="holds itself"):
        dumps(loop)
    with pytest.raises(DataNotSerializable, match="holds itself"):
        dumps({1: loop})


def test_examples_of_each_type() -> None:
    value = {
        "when": datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        "day": date(2026, 1, 2),
        "price": Decimal("1.10"),
        "id": UUID(int=7),
        "raw": b"\x00\xff",
        "pair": (1, (2,)),
        "set": {1, "a"},
        3: None,
    }
    assert exactly(loads(dumps(value))) == exactly(value)


def test_what_was_written_before_is_told_from_what_only_equals_it() -> None:
    values = [{"a": 1}, {"a": True}, {"a": 1.0}, {"a": [1]}, {"a": (1,)}, {"a": "1"}]
    values += [{"a": date(2026, 1, 2)}, {"a": {1: 2}}, {"a": {"1": 2}}, {"$set": [1]}]
    values += [{"a": 1, 1: 2}, {"b": 1, "a": 1}, {"a": 1, "b": 1}, {}, [1], None]
    writer = Writer()
    for _ in range(2):
        for value in values:
            assert writer.dumps(value) == dumps(value)


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "$map"]), values)))
@examples(150)
def test_a_writer_writes_what_dumps_writes(versions: list[dict[str, Any]]) -> None:
    writer = Writer()
    for version in versions:
        assert writer.dumps(version) == dumps(version)


def test_a_writer_sees_what_changed_far_below() -> None:
    value: dict[str, Any] = {"title": "A", "authors": [{"name": "B", "ids": [1, 2]}]}
    writer = Writer()
    writer.dumps(value)
    value["authors"][0]["ids"][1] = 2.0
    assert writer.dumps(value) == dumps(value)


def test_a_writer_forgets_fields_that_come_no_more() -> None:
    writer = Writer()
    for number in range(1000):
        writer.dumps({"a": 1, f"only {number}": number})
    assert all(len(each) <= 3 for each in writer._last[:3])


def test_what_cannot_be_kept_is_refused_each_time() -> None:
    writer = Writer()
    for _ in range(2):
        with pytest.raises(DataNotSerializable, match=r"data\.a is a builtins\.object"):
            writer.dumps({"a": object()})
        with pytest.raises(DataNotSerializable, match=r"data\.a is nan"):
            writer.dumps({"a": float("nan")})


@pytest.mark.parametrize("kind", ["list", "dict", "tuple", "after a tuple"])
def test_what_nests_too_deep_is_refused(kind: str) -> None:
    def nested(depth: int) -> Any:
        value: Any = "x"
        for _ in range(depth):
            value = {"a": value} if kind in ("dict", "after a tuple") else [value]
            value = tuple(value) if kind == "tuple" else value
        return [(1,), value] if kind == "after a tuple" else value

    kept = nested(DEEPEST - 1)
    assert loads(dumps(kept)) == kept
    for write in (dumps, Writer().dumps):
        with pytest.raises(DataNotSerializable, match="too deeply"):
            write(nested(DEEPEST + 1))
