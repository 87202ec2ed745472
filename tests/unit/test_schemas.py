"""What a model makes of an answer, and what is said of one that is not valid."""

from __future__ import annotations

import dataclasses
import logging
import math
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    SecretStr,
    field_validator,
    model_validator,
)
from typing_extensions import TypedDict

from invenio_workflows import schemas
from invenio_workflows.errors import InputNotValid, WorkflowDefinitionError
from invenio_workflows.json_schema import check_json
from invenio_workflows.schemas import (
    MASK,
    address_of,
    check_schema,
    find,
    json_schema,
    masked,
    remember,
    validated,
)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Author(BaseModel):
    name: str
    born: date | None = None


class Extra(TypedDict):
    note: str


@dataclasses.dataclass
class Place:
    city: str


class Names(RootModel[list[Author]]):
    pass


class Record(BaseModel):
    title: str
    authors: list[Author] = []
    by_colour: dict[Colour, Author] = {}
    extra: Extra | None = None
    place: Place | None = None
    more: Names | None = None
    either: Author | int = 0
    price: Decimal = Decimal(1)
    kind: Literal["paper", "thesis"] = "paper"


def locs(model: Any, data: Any) -> list[list[Any]]:
    with pytest.raises(InputNotValid) as refused:
        validated(model, data)
    assert all(set(each) == {"loc", "msg", "type"} for each in refused.value.errors)
    return [each["loc"] for each in refused.value.errors]


AUTHOR = {"name": "Ann"}
STRANGE = {"name": "Ann", "age": 3}


def test_a_valid_answer_is_an_instance() -> None:
    made = validated(
        Record,
        {
            "title": "On Ice",
            "authors": [{"name": "Ann", "born": "1970-01-02"}],
            "by_colour": {"red": AUTHOR},
            "extra": {"note": "x"},
            "place": {"city": "Bern"},
            "more": [AUTHOR],
            "either": AUTHOR,
            "price": 1.1,
        },
    )
    assert isinstance(made, Record)
    assert made.authors[0].born == date(1970, 1, 2)
    assert made.by_colour[Colour.RED].name == "Ann"
    assert made.price == Decimal("1.1")


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"titel": "x"}, [["title"], ["titel"]]),
        ({"authors": [AUTHOR, STRANGE]}, [["authors", 1, "age"]]),
        ({"by_colour": {"red": STRANGE}}, [["by_colour", "red", "age"]]),
        ({"extra": {"note": "x", "age": 1}}, [["extra", "age"]]),
        ({"place": {"city": "x", "age": 1}}, [["place", "age"]]),
        ({"more": [STRANGE]}, [["more", 0, "age"]]),
        ({"either": STRANGE}, [["either", "age"]]),
        (
            {"authors": [{"born": "x"}]},
            [["authors", 0, "name"], ["authors", 0, "born"]],
        ),
    ],
)
def test_no_unknown_key_is_let_pass_however_deep(data: Any, where: Any) -> None:
    given = data if "titel" in data else {"title": "x", **data}
    assert locs(Record, given) == where


def test_aliases_are_known_and_what_a_model_allows() -> None:
    class Aliased(BaseModel):
        one: int = Field(alias="uno")
        two: int = Field(0, validation_alias=AliasChoices("due", AliasPath("deux", 0)))

    class Named(Aliased):
        model_config = ConfigDict(populate_by_name=True)

    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")

    validated(Aliased, {"uno": 1, "due": 2})
    validated(Aliased, {"uno": 1, "deux": [2]})
    assert locs(Aliased, {"uno": 1, "two": 2}) == [["two"]]
    validated(Named, {"one": 1, "two": 2})
    validated(Open, {"anything": 1})


def test_a_strict_model_takes_what_json_can_say() -> None:
    class Strict(BaseModel):
        model_config = ConfigDict(strict=True)
        when: date
        number: int

    assert validated(Strict, {"when": "2026-01-02", "number": 1})
    assert validated(Strict, {"when": date(2026, 1, 2), "number": 1})
    assert locs(Strict, {"when": "2026-01-02", "number": "1"}) == [["number"]]


class Measured(BaseModel):
    width: float = Field(0, alias="wide")
    known: dict[str, list[float]] = {}
    limit: float = math.inf


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"wide": "nan"}, ["wide"]),
        ({"wide": "-Infinity"}, ["wide"]),
        ({"wide": 10**400}, ["wide"]),
        ({"known": {"a": [1, "inf"]}}, ["known", "a", 1]),
        ({"limit": float("inf")}, ["limit"]),
    ],
)
def test_what_is_no_number_in_json_is_none_in_an_answer(data: Any, where: Any) -> None:
    assert locs(Measured, data) == [where]
    validated(Measured, {"wide": 1e300, "known": {"a": [0.5]}})


def test_half_of_a_character_is_refused_at_its_field() -> None:
    assert locs(Author, {"name": "a \ud800"}) == [["name"]]


def test_validators_of_ones_own_are_asked_and_say_it_in_their_words() -> None:
    class Range(BaseModel):
        low: int
        high: int

        @model_validator(mode="after")
        def in_order(self) -> Range:
            if self.low > self.high:
                raise ValueError("low is above high")
            return self

    with pytest.raises(InputNotValid, match=r"^The input is not valid\. low is above"):
        validated(Range, {"low": 2, "high": 1})


def test_a_validator_that_breaks_is_an_answer_that_could_not_be_checked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(BaseModel):
        password: SecretStr

        @field_validator("password")
        @classmethod
        def look_up(cls, value: SecretStr) -> SecretStr:
            raise KeyError(value.get_secret_value())

    with pytest.raises(InputNotValid, match="could not be checked \\(KeyError\\)"):
        validated(Broken, {"password": "hunter2"})
    assert "raised KeyError" in caplog.text and "hunter2" not in caplog.text
    assert caplog.records[0].levelno == logging.ERROR


def test_what_is_secret_is_quoted_nowhere() -> None:
    class Login(BaseModel):
        password: SecretStr

        @field_validator("password")
        @classmethod
        def quotes(cls, value: SecretStr) -> SecretStr:
            raise ValueError(f"{value.get_secret_value()} is no password")

    with pytest.raises(InputNotValid) as refused:
        validated(Login, {"password": "hunter2"})
    error = refused.value
    assert "hunter2" not in f"{error} {error.errors} {error.to_dict()}"
    assert error.__cause__ is error.__context__ is None
    nested = {"all": [{"login": {"password": "hunter2"}}], "by": {"x": "y"}}

    class One(BaseModel):
        login: Login | None

    class Many(BaseModel):
        all: list[One]
        by: dict[str, SecretStr]

    assert masked(json_schema(Many), nested) == {
        "all": [{"login": {"password": MASK}}],
        "by": {"x": MASK},
    }


def test_a_short_secret_is_not_told_by_what_is_masked() -> None:
    class Pin(BaseModel):
        pin: SecretStr = Field(min_length=3)
        other: SecretStr

        @field_validator("other")
        @classmethod
        def quotes(cls, value: SecretStr) -> SecretStr:
            raise ValueError(f"{value.get_secret_value()} is no answer")

    with pytest.raises(InputNotValid) as refused:
        validated(Pin, {"pin": "s", "other": "an"})
    said = [each["msg"] for each in refused.value.errors]
    assert "at least 3" in said[0] and MASK not in said[0]
    assert said[1] == f"{MASK} is no answer"


def test_what_is_no_model_is_refused() -> None:
    class Odd(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        thing: logging.Logger

    for wrong in (dict, Names, Record(title="x"), None, BaseException):
        with pytest.raises(WorkflowDefinitionError, match=r"subclass of pydantic\."):
            check_schema(wrong, "That")
    with pytest.raises(WorkflowDefinitionError, match="cannot be shown as JSON Schema"):
        check_schema(Odd, "That")
    assert check_schema(Record, "That") is Record


def test_the_json_schema_is_ones_own_copy_and_allows_nothing_unknown() -> None:
    schema = json_schema(Record)
    schema["properties"].clear()
    fresh = json_schema(Record)
    assert list(fresh["properties"])[0] == "title"
    assert fresh["additionalProperties"] is False
    assert fresh["$defs"]["Author"]["additionalProperties"] is False


def test_a_model_is_found_where_it_lies_and_a_local_one_where_it_was_used() -> None:
    def made(kind: Any) -> Any:
        class Local(BaseModel):
            __annotations__ = {"value": kind}

        return Local

    one, two = made(int), made(str)
    assert address_of(one) == address_of(two)
    assert find(address_of(one), json_schema(one)) is None
    remember(one)
    remember(two)
    assert find(address_of(one), json_schema(one)) is one
    assert find(address_of(two), json_schema(two)) is two
    address = "invenio_workflows.schemas:BaseModel"
    assert find(address, {}) is BaseModel
    assert find("no.such:Module", {}) is None
    assert find("invenio_workflows.schemas:find", {}) is None


def test_only_so_many_local_models_are_kept_in_mind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schemas, "_known", {})
    monkeypatch.setattr(schemas, "_MOST", 2)
    models = [type(f"M{n}", (BaseModel,), {}) for n in range(3)]
    for model in models:
        remember(model)
    assert list(schemas._known.values()) == models[1:]


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({}, [["title"]]),
        ({"title": 1}, [["title"]]),
        ({"title": "x", "titel": "y"}, [["titel"]]),
        ({"title": "x", "kind": "book"}, [["kind"]]),
        ({"title": "x", "authors": [STRANGE]}, [["authors", 0, "age"]]),
        ({"title": "x", "authors": [{}]}, [["authors", 0, "name"]]),
        ({"title": "x", "either": "y"}, [["either"]]),
    ],
)
def test_the_json_schema_alone_refuses_too(data: Any, where: Any) -> None:
    with pytest.raises(InputNotValid) as refused:
        check_json(json_schema(Record), data)
    assert [each["loc"] for each in refused.value.errors] == where
    check_json(json_schema(Record), {"title": "x", "authors": [AUTHOR]})


def test_the_json_schema_quotes_nothing_that_was_given() -> None:
    class Login(BaseModel):
        password: SecretStr = Field(min_length=20, pattern="^x")

    with pytest.raises(InputNotValid) as refused:
        check_json(json_schema(Login), {"password": "hunter2"})
    assert "hunter2" not in f"{refused.value} {refused.value.errors}"
    assert [each["type"] for each in refused.value.errors] == ["minLength"]
