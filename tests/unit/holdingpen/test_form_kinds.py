"""Every kind of field: drawn, typed into as a person does, and read by its model."""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections import OrderedDict
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from forms import html_of, sent_by
from pydantic import (
    AnyUrl,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FutureDate,
    HttpUrl,
    Json,
    JsonValue,
    NaiveDatetime,
    PastDate,
    RootModel,
    SecretBytes,
    SecretStr,
    constr,
    create_model,
)
from pydantic.dataclasses import dataclass

from invenio_workflows.errors import InputNotValid
from invenio_workflows.holdingpen import texts
from invenio_workflows.holdingpen.form_faults import put_faults
from invenio_workflows.holdingpen.form_fields import Field as Drawn
from invenio_workflows.holdingpen.form_fields import fields
from invenio_workflows.holdingpen.form_reading import Reading, read
from invenio_workflows.holdingpen.form_shape import Schema, named
from invenio_workflows.schemas import check_schema, json_schema, validated


class Level(IntEnum):
    one, two, three, four, five, six = range(1, 7)


class Mixed(Enum):
    x, y = "X", 2


class Part(BaseModel):
    name: str
    n: int = 3


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Tree(BaseModel):
    name: str
    below: list[Tree] = []


class Pair(NamedTuple):
    x: int
    y: str = "q"


@dataclass
class Box:
    x: int
    y: str = "q"


class Numbers(RootModel[list[int]]):
    pass


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    n: int
    day: date
    id: uuid.UUID
    price: Decimal
    level: Literal["a", "b"]


class Odd(BaseModel):
    a: int = Field(alias="a/~b")


ID = uuid.UUID("12345678-1234-4678-9234-567812345678")
Pet = Annotated[Cat | Dog, Field(discriminator="kind")]
URL = "https://example.org/x"
STRICT = {
    **{"/x/n": "1", "/x/day": "2026-01-31", "/x/id": str(ID), "/x/price": "1.50"},
    "/x/level": '"b"',
}
STRICTLY = Strict(n=1, day=date(2026, 1, 31), id=ID, price=Decimal("1.50"), level="b")


def number(**limits: Any) -> Any:
    return Annotated[int, Field(**limits)]


#: What is asked for, what is typed where, what the model makes of it.
KINDS: list[tuple[Any, dict[str, str], Any]] = [
    (int, {"/x": "7"}, 7),
    (number(gt=1, lt=9, multiple_of=2), {"/x": "4"}, 4),
    (float, {"/x": "7.5"}, 7.5),
    (int | float, {"/x": "7.5"}, 7.5),
    (Decimal, {"/x": "0.10000000000000000001"}, Decimal("0.10000000000000000001")),
    (Decimal | None, {"/x": ""}, None),
    (str, {"/x": "7"}, "7"),
    (constr(pattern="^[a-z]+$", max_length=5), {"/x": "abc"}, "abc"),
    (Annotated[str, Field(max_length=900)], {"/x": "a\r\nb"}, "a\nb"),
    (HttpUrl, {"/x": URL}, HttpUrl(URL)),
    (AnyUrl | None, {"/x": ""}, None),
    (uuid.UUID, {"/x": str(ID)}, ID),
    (date, {"/x": "2026-01-31"}, date(2026, 1, 31)),
    (date | None, {"/x": ""}, None),
    (NaiveDatetime, {"/x": "2026-01-31T14:30"}, datetime(2026, 1, 31, 14, 30)),
    (
        AwareDatetime,
        {"/x": "2026-01-31T14:30Z"},
        datetime.fromisoformat("2026-01-31T14:30Z"),
    ),
    (time, {"/x": "14:30"}, time(14, 30)),
    (timedelta, {"/x": "01:30:00"}, timedelta(minutes=90)),
    (timedelta, {"/x": "P2DT3H"}, timedelta(days=2, hours=3)),
    (bool, {"/x": "1"}, True),
    (bool | None, {"/x": "null"}, None),
    (Level, {"/x": "6"}, Level.six),
    (Mixed, {"/x": "2"}, Mixed.y),
    (Mixed | None, {"/x": "null"}, None),
    (Literal["a", 1, None], {"/x": "1"}, 1),
    (Literal["only"], {}, "only"),
    (list[int], {"/x/0": "1"}, [1]),
    (list[int] | None, {}, None),
    (list[Mixed], {"/x/0": '"X"'}, [Mixed.x]),
    (set[str], {"/x/0": "a"}, {"a"}),
    (list[list[int]], {"+": "/x", "/x/0/0": "1"}, [[1]]),
    (list[bool], {"+": "/x", "/x/0": "1"}, [True]),
    (list[bool], {}, []),
    (tuple[int, ...], {"/x/0": "1"}, (1,)),
    (tuple[int, str], {"/x~json": '[1, "a"]'}, (1, "a")),
    (dict[str, int], {"/x~json": '{"a": 1}'}, {"a": 1}),
    (dict[str, Part], {"/x~json": '{"a": {"name": "b"}}'}, {"a": Part(name="b")}),
    (dict[int, date], {"/x~json": '{"1": "2026-01-31"}'}, {1: date(2026, 1, 31)}),
    (OrderedDict[str, int], {"/x~json": '{"a": 1}'}, {"a": 1}),
    (dict[str, int] | None, {"/x~json": ""}, None),
    (Any, {"/x~json": "[null]"}, [None]),
    (JsonValue, {"/x~json": '"a"'}, "a"),
    (Json[list[int]], {"/x": "[1]"}, [1]),
    (Part, {"/x/name": "a"}, Part(name="a")),
    (Part | None, {}, None),
    (Part | None, {"+": "/x", "/x/name": "a"}, Part(name="a")),
    (list[Part], {"+": "/x", "/x/0/name": "a"}, [Part(name="a")]),
    (Tree, {"/x/name": "a"}, Tree(name="a")),
    (Pet, {"?": "/x=Cat", "/x/lives": "9"}, Cat(kind="cat", lives=9)),
    (Cat | Dog, {"?": "/x=Dog", "/x/name": "a"}, Dog(kind="dog", name="a")),
    (
        list[Pet],
        {"+": "/x", "?": "/x/0=Dog", "/x/0/name": "a"},
        [Dog(kind="dog", name="a")],
    ),
    (int | str, {"/x~json": "7"}, 7),
    (int | str, {"/x~json": "seven"}, "seven"),
    (int | str, {"/x~json": '"7"'}, "7"),
    (date | bool, {"/x~json": "2026-01-31"}, date(2026, 1, 31)),
    (Part | str, {"/x~json": '{"name": "a"}'}, Part(name="a")),
    (SecretStr, {"/x~secret": "s"}, SecretStr("s")),
    (SecretBytes | None, {"/x~secret": ""}, None),
    (ipaddress.IPv4Address, {"/x": "1.2.3.4"}, ipaddress.ip_address("1.2.3.4")),
    (bytes, {"/x": "a"}, b"a"),
    (Pair, {"/x~json": '[1, "a"]'}, Pair(1, "a")),
    (Box, {"/x/x": "1"}, Box(1)),
    (Numbers, {"/x/0": "1"}, Numbers([1])),
    (Strict, STRICT, STRICTLY),
    (Odd, {"/x/a%2F%7Eb": "1"}, Odd.model_validate({"a/~b": 1})),
    (Annotated[int, BeforeValidator(int)], {"/x": "1"}, 1),
]


class Person:
    """Who sees a form as it is drawn, presses its buttons and types into it."""

    def __init__(self, kind: Any) -> None:
        #: As of any that may be left out, of what takes None and of lists too.
        takes_none = kind == Part | None or "None" in str(kind)
        model = create_model("Asked", x=(kind, None if takes_none else ...))
        self.model = check_schema(model, "It")
        self.schema = Schema(json_schema(self.model))
        self.draw(fields(self.schema))

    def draw(self, top: Drawn) -> None:
        html = html_of(top)
        self.sent = sent_by(html)
        self.names = {named(each) for each in re.findall(r'name="([^"]+)"', html)}

    def presses(self, name: str, value: str) -> None:
        assert name in self.names
        self.sent[name] = value
        typed = read(self.schema, self.sent, found, as_typed=True)
        self.draw(fields(self.schema, typed.data))

    def types(self, typed: dict[str, str]) -> Reading:
        for name, value in typed.items():
            if name == "+":
                has_rows = f"{value}~rows" in self.names
                self.presses(f"{value}~{'rows' if has_rows else 'open'}", "1")
            elif name == "?":
                place, which = value.split("=")
                self.presses(f"{place}~which", which)
            else:
                assert name in self.names
                self.sent[name] = value
        return read(self.schema, self.sent, found)

    def told(self, typed: dict[str, str]) -> list[str]:
        """Return what is told of an answer that is not valid, at its fields."""
        reading = self.types(typed)
        errors = reading.errors
        if not errors:
            with pytest.raises(InputNotValid) as raised:
                validated(self.model, reading.data)
            errors = raised.value.errors
        data = read(self.schema, self.sent, found, as_typed=True).data
        top = fields(self.schema, data)
        faults = put_faults(top, errors, reading.rows)
        assert [fault.id for fault in faults if fault.id == top.id] == []
        return [fault.said for fault in faults]


def found(upload: str, kept: str) -> Any:
    return None


@pytest.mark.parametrize(("kind", "typed", "made"), KINDS, ids=lambda it: str(it)[:40])
def test_what_is_typed_into_a_field_is_what_its_model_takes(
    kind: Any, typed: dict[str, str], made: Any
) -> None:
    person = Person(kind)
    given = person.types(typed)
    assert given.errors == []
    assert validated(person.model, given.data).x == made  # type: ignore[attr-defined]
    person.draw(fields(person.schema, given.data))
    if "~secret" not in str(typed):
        assert read(person.schema, person.sent, found).data == given.data


#: What is asked for, what is wrong with it, and what the form says in French.
WRONG: list[tuple[Any, dict[str, str], str]] = [
    (number(gt=0), {"/x": "0"}, "Il faut plus de 0."),
    (
        Annotated[date, Field(ge=date(2026, 1, 1))],
        {"/x": "2025-12-31"},
        "Il faut 2026-01-01 ou plus.",
    ),
    (
        Annotated[Decimal, Field(decimal_places=2)],
        {"/x": "0.125"},
        "Au plus 2 chiffres après la virgule.",
    ),
    (PastDate, {"/x": "2999-01-01"}, "Il faut une date passée."),
    (FutureDate, {"/x": "1999-01-01"}, "Il faut une date à venir."),
    (NaiveDatetime, {"/x": "2026-01-31T14:30Z"}, "Ne donnez pas de fuseau horaire."),
    (
        timedelta,
        {"/x": "long"},
        "Ce n’est pas une durée\xa0; écrivez-la ainsi\xa0: 01:30:00.",
    ),
    (constr(pattern="^[a-z]+$"), {"/x": "A"}, "Ce n’est pas de la forme ^[a-z]+$."),
    (
        HttpUrl,
        {"/x": "gopher://a"},
        "Il faut une adresse qui commence par http: / https:.",
    ),
    (uuid.UUID, {"/x": "a"}, "Ce n’est pas un UUID."),
    (
        Annotated[SecretStr, Field(min_length=3)],
        {"/x~secret": "s"},
        "C’est trop court\xa0: au moins 3 caractères.",
    ),
    (dict[str, int], {"/x~json": "3"}, "Il faut des champs et leurs valeurs\xa0: { }."),
    (
        tuple[int, str],
        {"/x~json": "[1"},
        "Ce n’est pas du JSON\xa0: ligne 1, colonne 3\xa0: il manque une virgule.",
    ),
]


@pytest.mark.parametrize(("kind", "typed", "said"), WRONG, ids=lambda it: str(it)[:40])
def test_what_is_wrong_is_said_in_the_readers_language(
    kind: Any, typed: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = Person(kind).told(typed)
    monkeypatch.setattr(texts, "language", lambda: "fr")
    assert Person(kind).told(typed) == [said]
    assert english != [said] and "nput" not in english[0]


def test_a_secret_that_is_no_string_is_not_shown_either() -> None:
    secret = Field(json_schema_extra={"writeOnly": True})
    person = Person(Annotated[int, secret])
    assert person.types({"/x~secret": "1234"}).data == {"x": "1234"}
    assert validated(person.model, {"x": "1234"}).x == 1234  # type: ignore[attr-defined]
    assert "1234" not in html_of(fields(person.schema, {"x": 1234}))
