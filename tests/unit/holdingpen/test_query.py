"""The language of the search box: what it understands, and how it says what not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_workflows.groups import Group
from invenio_workflows.holdingpen.query import (
    IDENTIFIERS,
    IS,
    KEYS,
    UNITS,
    Said,
    free_text,
    parse,
    quoted,
    without,
    without_key,
)

WORDS = st.text("abcdeü123", min_size=1, max_size=8).map(lambda text: f"w{text}")


def said(query: str) -> str:
    """The first fault, as a person reads it in English."""
    (fault, *_) = parse(query).faults
    return fault.message.format(**fault.values)


def test_words_are_searched_for_one_by_one() -> None:
    assert parse("dark  matter").said == [Said("dark"), Said("matter")]


def test_what_stands_in_quotes_is_a_phrase() -> None:
    assert parse('"dark matter" x').said == [Said("dark matter", True), Said("x")]


def test_a_quote_that_does_not_end_goes_to_the_end() -> None:
    assert parse('a "dark matter').said == [Said("a"), Said("dark matter", True)]


def test_a_minus_says_what_must_not_be_there() -> None:
    query = parse('-dark -"cold matter" a-b')
    assert query.said == [
        Said("dark", negative=True),
        Said("cold matter", True, True),
        Said("a-b"),
    ]


@pytest.mark.parametrize("key", IDENTIFIERS)
def test_an_identifier_is_a_phrase_without_its_name(key: str) -> None:
    found = parse(f"{key}:10.1103/PhysRevD.66")
    assert (found.said, found.faults) == ([Said("10.1103/PhysRevD.66", True)], [])


@pytest.mark.parametrize("name", ["oai:arXiv.org:1101.4388", "URN:isbn:0451450523"])
def test_what_begins_with_its_scheme_is_searched_for_whole(name: str) -> None:
    query = parse(f"{name} -{name}")
    assert query.said == [Said(name, True), Said(name, True, True)]
    assert not query.faults


def test_an_address_is_no_filter() -> None:
    query = parse("https://arxiv.org/abs/1 12:30 title: x")
    assert not query.faults
    assert [each.text for each in query.said] == [
        "https://arxiv.org/abs/1",
        "12:30",
        "title:",
        "x",
    ]


@pytest.mark.parametrize(("word", "group"), IS.items())
def test_is_knows_every_group_by_name(word: str, group: Group) -> None:
    assert parse(f"is:{word}").groups == [group]
    assert parse(f"IS:{word.upper()}").groups == [group]
    assert parse(f"-is:{word}").not_groups == [group]


def test_every_group_can_be_asked_for() -> None:
    assert set(IS.values()) == set(Group)


def test_filters_take_values_with_spaces_in_quotes() -> None:
    query = parse(
        'workflow:a -workflow:"b c" action:approval type:hep owner:me owner:7'
    )
    assert query.workflows == ["a"]
    assert query.not_workflows == ["b c"]
    assert (query.actions, query.types) == (["approval"], ["hep"])
    assert query.owners == ["me", "7"]
    assert not (query.said or query.faults)


def test_of_two_ages_the_stricter_holds() -> None:
    query = parse("older:3d older:12h newer:2w newer:1y")
    assert (query.older, query.newer) == (timedelta(days=3), timedelta(days=14))


def test_an_age_may_be_longer_than_any_calendar() -> None:
    assert parse("older:999999y").older == timedelta(days=365_000)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("is:open", "A record is never “open”. Use is:halted, is:failed, "),
        ("title:x", "There is no filter “title:”. Use is:, workflow:, "),
        ("older:soon", "“soon” is not an age. Write 12h, 3d, 2w, 6m or 1y."),
        ("older:٣d", "“٣d” is not an age."),
        ("newer:3", "“3” is not an age."),
        ("owner:jane", "An owner is “me”, or a number, not “jane”."),
        ("owner:" + "9" * 30, "An owner is “me”, or a number"),
        ("-owner:me", "“-owner:” is not possible"),
        ("???", "“???” has neither letters nor digits."),
        ("a " * 30, "Only the first 20 words count."),
        ("a" * 2000, "Only the first 1000 characters count."),
    ],
)
def test_what_is_not_understood_is_told_in_a_sentence(
    query: str, sentence: str
) -> None:
    assert said(query).startswith(sentence)


def test_the_rest_holds_when_a_part_is_not_understood() -> None:
    query = parse("dark is:open workflow:x")
    assert query.said == [Said("dark")]
    assert query.workflows == ["x"]
    assert [part.understood for part in query.parts] == [False, True]


def test_a_part_is_taken_away_by_itself() -> None:
    text = 'dark is:halted "cold  is:new"  workflow:x'
    first, second = parse(text).parts
    assert without(text, first) == 'dark "cold is:new" workflow:x'
    assert without(text, second) == 'dark is:halted "cold is:new"'
    assert without_key(text, "is") == 'dark "cold is:new" workflow:x'
    assert free_text(text, parse(text).parts) == 'dark "cold is:new"'


@given(st.text())
def test_no_text_breaks_the_search(text: str) -> None:
    query = parse(text)
    for fault in query.faults:
        assert fault.message.format(**fault.values)
    for part in query.parts:
        assert text[part.start : part.end] == part.text
        assert len(parse(without(text, part)).parts) < len(query.parts) or part.text


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("word"), WORDS),
            st.tuples(st.just("is"), st.sampled_from(sorted(IS))),
            st.tuples(st.just("workflow"), WORDS),
            st.tuples(st.just("owner"), st.integers(0, 2**31 - 1).map(str)),
            st.tuples(
                st.just("older"),
                st.tuples(st.integers(1, 99), st.sampled_from(sorted(UNITS))).map(
                    lambda age: f"{age[0]}{age[1]}"
                ),
            ),
        ),
        max_size=12,
    )
)
def test_what_is_written_down_is_what_is_read(parts: list[tuple[str, str]]) -> None:
    text = " ".join(v if k == "word" else f"{k}:{quoted(v)}" for k, v in parts)
    query = parse(text)
    assert not query.faults
    assert [each.text for each in query.said] == [v for k, v in parts if k == "word"]
    assert query.groups == [IS[v] for k, v in parts if k == "is"]
    assert query.workflows == [v for k, v in parts if k == "workflow"]
    assert query.owners == [v for k, v in parts if k == "owner"]
    assert [p.key for p in query.parts] == [k for k, _ in parts if k != "word"]


@given(st.text(min_size=1).filter(lambda v: '"' not in v and v.strip() == v))
def test_any_value_can_be_quoted(value: str) -> None:
    assert parse(f"workflow:{quoted(value)}").workflows == [value][: len(value[:900])]


def test_every_key_is_told_of() -> None:
    sentence = said("nothing:x")
    assert all(f"{key}:" in sentence for key in KEYS)
