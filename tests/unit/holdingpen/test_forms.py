"""A form made from a JSON Schema, and what is read from it when it is sent."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from forms import html_of, sent_by
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from properties import examples
from pydantic import AfterValidator, BaseModel, Field, ValidationError, create_model
from werkzeug.datastructures import MultiDict

from invenio_workflows.holdingpen.form_faults import put_faults
from invenio_workflows.holdingpen.form_fields import MOST_FIELDS, fields
from invenio_workflows.holdingpen.form_reading import Reading, read
from invenio_workflows.holdingpen.form_shape import ABSENT, Schema, below

FILES = {"id1": {"file": "id1", "name": "a.pdf", "size": 1}}


def found(upload: str, kept: str) -> Any:
    return FILES.get(kept)


def again(schema: Any, data: Any, as_typed: bool = False) -> Reading:
    """Draw a form with the data, send it as it is, and read that."""
    made = Schema(schema)
    html = html_of(fields(made, data))
    return read(made, sent_by(html), found, as_typed)


class Colour(StrEnum):
    red = "red"
    blue = "blue"


class Author(BaseModel):
    """Who wrote it."""

    name: str
    age: int | None = None
    is_first: bool = False


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    name: str


class Node(BaseModel):
    name: str
    below: list[Node] = []


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]

# --- what is drawn, sent untouched, is what it was ------------------------------------

#: What a page's text can hold: no lone half of a letter, and no end of a line but one.
TEXT = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\x00"),
    min_size=1,
    max_size=20,
)
INT = st.integers(-(10**20), 10**20)
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
SOME: Any = st.recursive(
    st.none() | st.booleans() | INT | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
    ),
    max_leaves=6,
)
AUTHOR = st.fixed_dictionaries(
    {"name": TEXT, "age": st.none() | INT, "is_first": st.booleans()}
)
PET = st.fixed_dictionaries({"kind": st.just("cat"), "lives": INT}) | (
    st.fixed_dictionaries({"kind": st.just("dog"), "name": TEXT})
)
#: Types of fields, and the values that each may have.
TYPES: list[tuple[Any, Any]] = [
    (str, TEXT),
    (Annotated[str, Field(max_length=3000)], TEXT),
    (int, INT),
    (float, FLOAT),
    (bool, st.booleans()),
    (bool | None, st.none() | st.booleans()),
    (Colour, st.sampled_from(["red", "blue"])),
    (Colour | None, st.sampled_from(["red", "blue", None])),
    (Literal[1, "1", "", None, 2, 3, 4], st.sampled_from([1, "1", "", None, 4])),
    (Literal["only"], st.just("only")),
    (date, st.dates().map(str)),
    (str | None, st.none() | TEXT),
    (int | str, INT | TEXT),
    (dict[str, int], st.dictionaries(TEXT, INT, max_size=3)),
    (tuple[int, str], st.tuples(INT, TEXT).map(list)),
    (Any, SOME),
    (list[str], st.lists(TEXT, max_size=4)),
    (list[int | None], st.lists(st.none() | INT, max_size=4)),
    (list[str] | None, st.none() | st.lists(TEXT, max_size=3)),
    (list[list[int]], st.lists(st.lists(INT, max_size=3), max_size=3)),
    (set[Colour], st.lists(st.sampled_from(["red", "blue"]), max_size=1)),
    (Author, AUTHOR),
    (Author | None, st.none() | AUTHOR),
    (list[Author], st.lists(AUTHOR, max_size=3)),
    (Pet, PET),
    (Cat | Dog, PET),
    (Pet | None, st.none() | PET),
    (list[Pet], st.lists(PET, max_size=3)),
]
KEY = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda key: not key.startswith("model_") and not hasattr(BaseModel, key)
)


@st.composite
def forms(draw: Any) -> tuple[Any, dict[str, Any]]:
    chosen = draw(st.dictionaries(KEY, st.sampled_from(TYPES), max_size=6))
    parts = {key: (kind, ...) for key, (kind, _values) in chosen.items()}
    data = {key: draw(values) for key, (_kind, values) in chosen.items()}
    return create_model("Asked", **parts).model_json_schema(), data


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(forms())
def test_a_form_sent_untouched_gives_the_data_back(made: Any) -> None:
    schema, data = made
    reading = again(schema, data)
    assert reading.errors == []
    assert reading.data == data
    assert json.dumps(reading.data, sort_keys=True) == json.dumps(data, sort_keys=True)
    # What is typed and drawn anew is the same form.
    typed = again(schema, data, as_typed=True).data
    first, second = (html_of(fields(Schema(schema), each)) for each in (data, typed))
    assert sent_by(first).to_dict(flat=False) == sent_by(second).to_dict(flat=False)


KEYS = st.text(st.characters(), min_size=1, max_size=8)
HOSTILE: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "$ref $defs anyOf oneOf allOf enum const type properties required "
                "items default title description examples format minimum maximum "
                "maxLength minItems maxItems uniqueItems prefixItems discriminator "
                "additionalProperties multipleOf".split()
            )
            | KEYS,
            inner
            | st.sampled_from(
                ["object", "array", "string", "integer", "boolean", "null", "number"]
            )
            | st.just("#/$defs/a")
            | st.just("#"),
            max_size=6,
        )
    ),
    max_leaves=25,
)


@examples(150)
@given(HOSTILE, HOSTILE)
def test_no_schema_and_no_data_break_the_form(schema: Any, data: Any) -> None:
    made = Schema(schema)
    for each in (ABSENT, data):
        sent = sent_by(html_of(fields(made, each)))
        for as_typed in (False, True):
            read(made, sent, found, as_typed)
    read(made, MultiDict(), found)


def test_what_refers_to_itself_ends() -> None:
    schema = {
        "$defs": {
            "A": {
                "type": "object",
                "properties": {"a": {"$ref": "#/$defs/A"}, "n": {"type": "integer"}},
                "required": ["a"],
            },
            "B": {"$ref": "#/$defs/C"},
            "C": {"$ref": "#/$defs/B"},
        },
        "$ref": "#/$defs/A",
    }
    top = fields(Schema(schema))
    assert len(list(top.all())) < 40
    assert [each.kind for each in top.all()].count("json") == 1
    assert fields(Schema({**schema, "$ref": "#/$defs/B"})).kind == "json"
    deep: dict[str, Any] = {"name": "a"}
    for n in range(100):
        deep = {"name": str(n), "below": [deep]}
    assert again(Node.model_json_schema(), deep).data["below"][0]["name"] == "98"
    assert again(Node.model_json_schema(), deep).data == deep
    sent = MultiDict({"/a" * n + "~rows": "1" for n in range(1, 5000)})
    assert read(Schema(schema), sent, found).errors == []


def test_what_is_too_much_for_a_form_is_json() -> None:
    class Many(BaseModel):
        rows: list[int]
        authors: list[Author] = []

    data = {"rows": list(range(5000)), "authors": [{"name": "a"}] * 5000}
    top = fields(Schema(Many.model_json_schema()), data)
    assert [each.kind for each in top.parts] == ["json", "json"]
    assert again(Many.model_json_schema(), data).data == data
    wide = {"type": "object", "properties": {str(n): {} for n in range(20_000)}}
    top = fields(Schema(wide), {})
    assert top.kind == "json" and len(list(top.all())) <= MOST_FIELDS
    boxes = {str(n): {"type": "boolean"} for n in range(390)}
    inner = {"type": "object", "properties": boxes}
    both = {"type": "object", "properties": {str(n): inner for n in range(390)}}
    sent = sent_by(html_of(fields(Schema(both))))
    assert len(list(sent.items(multi=True))) < 1000  # which is what Werkzeug takes
    sent = MultiDict({"/rows~rows": "9" * 4, "/rows/7": "1", "/authors~rows": "-1"})
    reading = read(Schema(Many.model_json_schema()), sent, found)
    assert reading.data == {"rows": [1], "authors": []}


@pytest.mark.parametrize(
    "key",
    ["a/b", "a~json", "a~rows", "_revision", "csrf_token", "é\r\n\x00", "\ud800", ""],
)
def test_a_name_pretends_to_be_no_other(key: str) -> None:
    name = below("", key)
    assert name.startswith("/") and name.count("/") == 1
    assert "~" not in name and name.isascii() and name.isprintable()
    schema = {"type": "object", "properties": {key: {"type": "string"}}}
    assert again(schema, {key: "x"}).data == {key: "x"}


# --- what is typed --------------------------------------------------------------------


def asked(kind: Any, default: Any = ...) -> Schema:
    return Schema(create_model("Asked", x=(kind, default)).model_json_schema())


@pytest.mark.parametrize(
    ("kind", "default", "text", "data"),
    [
        (int, ..., " 12 ", {"x": 12}),
        (int, ..., "1.5", {"x": "1.5"}),
        (int, ..., "1e3", {"x": "1e3"}),
        (int, ..., "twelve", {"x": "twelve"}),
        (int, ..., "1" * 5000, {"x": "1" * 5000}),
        (int, ..., "", {}),
        (int, 5, "", {"x": ""}),
        (int | None, 5, "", {"x": None}),
        (float, ..., "1e999", {"x": "1e999"}),
        (float, ..., "nan", {"x": "nan"}),
        (float, ..., "1_0.5", {"x": "1_0.5"}),
        (Decimal, ..., "1.10", {"x": "1.10"}),
        (str, ..., "", {}),
        (str, "usual", "", {"x": ""}),
        (str | None, None, "", {"x": None}),
        (str, ..., " a\r\nb ", {"x": " a\nb "}),
        (date, ..., "31.1.2026", {"x": "31.1.2026"}),
        (Colour, ..., "green", {"x": "green"}),
        (Colour, ..., "", {}),
        (Colour | None, None, "null", {"x": None}),
        (bool, ..., "0", {"x": False}),
        (bool, True, "1", {"x": True}),
    ],
)
def test_a_text_becomes_what_its_field_asks_for(
    kind: Any, default: Any, text: str, data: Any
) -> None:
    schema = asked(kind, default)
    assert read(schema, MultiDict({"/x": text}), found).data == data


def test_rows_that_are_left_empty_are_none() -> None:
    schema = asked(list[int])
    sent = MultiDict({"/x~rows": "4", "/x/0": "", "/x/1": "7", "/x/3": "x"})
    reading = read(schema, sent, found)
    assert reading.data == {"x": [7, "x"]}
    assert reading.rows == {"/x": [1, 3]}
    typed = read(schema, sent, found, as_typed=True).data
    assert [each.text for each in fields(schema, typed).parts[0].parts] == [
        "",
        "7",
        "",
        "x",
    ]


def test_what_is_no_json_is_said_and_stays() -> None:
    schema = asked(dict[str, int])
    for text in ("{", "[" * 100_000, '{"a": NaN}', "1" * 10_000):
        reading = read(schema, MultiDict({"/x~json": text}), found)
        assert [error["loc"] for error in reading.errors] == [("x",)], text[:9]
        assert reading.errors[0]["msg"]
        typed = read(schema, MultiDict({"/x~json": text}), found, as_typed=True).data
        assert fields(schema, typed).parts[0].text == text


def test_a_file_is_kept_or_taken_away() -> None:
    schema = asked(
        Annotated[dict[str, Any] | None, Field(json_schema_extra={"format": "file"})],
        None,
    )
    top = fields(schema, {"x": FILES["id1"]})
    assert top.parts[0].kind == "file"
    sent = sent_by(html_of(top))
    assert read(schema, sent, found).data == {"x": FILES["id1"]}
    sent["/x~gone"] = "1"
    assert read(schema, sent, found).data == {"x": None}
    sent = MultiDict({"/x": "another's"})
    assert read(schema, sent, found).data == {"x": None}


def test_a_secret_is_never_shown_again() -> None:
    schema = asked(Annotated[str, Field(json_schema_extra={"format": "password"})])
    assert "hush" not in html_of(fields(schema, {"x": "hush"}))
    assert read(schema, MultiDict({"/x~secret": "hush"}), found).data == {"x": "hush"}


def test_what_is_wrong_stands_at_its_field() -> None:
    class Asked(BaseModel):
        title: str
        pages: Annotated[int, Field(ge=1, le=9)]
        authors: list[Author]
        tags: list[int]
        pet: Pet
        other: Cat | Dog

    sent = MultiDict(
        {
            **{"/title": "", "/pages": "0", "/authors~rows": "2"},
            **{"/authors/0/name": "Ann", "/authors/0/age": "x", "/authors/1/name": ""},
            **{"/tags~rows": "3", "/tags/0": "", "/tags/1": "1", "/tags/2": "two"},
            **{"/pet~which": "Cat", "/pet/lives": "nine"},
            **{"/other~which": "Dog", "/other/name": ""},
        }
    )
    schema = Schema(Asked.model_json_schema())
    reading = read(schema, sent, found)
    with pytest.raises(ValidationError) as raised:
        Asked.model_validate(reading.data)
    errors = raised.value.errors(include_context=False, include_url=False)
    top = fields(schema, read(schema, sent, found, as_typed=True).data)
    told = put_faults(top, errors, reading.rows)  # type: ignore[arg-type]
    wrong = {each.name: each.faults for each in top.all() if each.faults}
    assert wrong == {
        "/title": ["This is needed."],
        "/pages": ["This must be 1 or more."],
        "/authors/0/age": ["This is not a whole number."],
        "/authors/1/name": ["This is needed."],
        "/tags/2": ["This is not a whole number."],
        "/pet/lives": ["This is not a whole number."],
        "/other/name": ["This is needed."],
    }
    assert [each.title for each in told][:3] == [
        "Title",
        "Pages",
        "Authors 1 › Age",
    ]
    assert [each.name for each in top.all() if each.autofocus] == ["/title"]


def test_what_is_common_is_said_in_words_of_ours() -> None:
    class Asked(BaseModel):
        model_config = {"extra": "forbid"}
        short: Annotated[str, Field(max_length=2)]
        long: Annotated[str, Field(min_length=2)]
        more: Annotated[float, Field(gt=1, lt=3)]
        less: Annotated[float, Field(gt=1, lt=3)]
        day: date
        when: datetime
        colour: Colour
        word: Literal["a", "b", "c"]
        some: Annotated[list[int], Field(min_length=2)]
        own: Annotated[str, AfterValidator(refuse)]
        opens: Annotated[time, Field(ge=time(8))]
        until: Annotated[datetime, Field(lt=datetime(2027, 1, 1))]
        mail: Annotated[str, Field(pattern="@")]

    data = {
        **{"short": "abc", "long": "a", "more": 1, "less": 3, "day": "x"},
        **{"when": "x", "colour": "x", "word": "x", "some": [1], "own": "x", "no": 1},
        **{"opens": "07:00", "until": "2027-01-01T00:00", "mail": "nobody"},
    }
    with pytest.raises(ValidationError) as raised:
        Asked.model_validate(data)
    top = fields(Schema(Asked.model_json_schema()), data | {"some": [1]})
    errors = raised.value.errors(include_context=False, include_url=False)
    top = fields(Schema(Asked.model_json_schema()))
    put_faults(top, errors)  # type: ignore[arg-type]
    said = [fault for each in top.all() for fault in each.faults]
    assert said == [
        "no: There is no such field.",
        "This is too long: at most 2 letters.",
        "This is too short: at least 2 letters.",
        "This must be more than 1.",
        "This must be less than 3.",
        "This is not a date; write it like 2026-01-31.",
        "This is not a date with a time: 2026-01-31T14:30.",
        "This is none of the choices.",
        "This is none of the choices.",
        "There are too few: at least 2.",
        "Never that.",
        "This must be 08:00:00 or more.",
        "This must be less than 2027-01-01T00:00:00.",
        "This is not of the form @.",
    ]


def refuse(text: str) -> str:
    raise ValueError("Never that.")


def test_a_new_form_has_the_defaults() -> None:
    class Asked(BaseModel):
        title: str = "usual"
        colour: Colour = Colour.blue
        tags: list[str] = ["a", "b"]
        author: Author = Author(name="ann")

    schema = Schema(Asked.model_json_schema())
    sent = sent_by(html_of(fields(schema)))
    assert read(schema, sent, found).data == Asked().model_dump(mode="json")
