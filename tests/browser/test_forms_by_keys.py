"""Every kind of field, wrong and mended, by the keyboard alone, in each language."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from browser.conftest import Readers
from browser.pen import Pen
from browser.reader import Reader
from browser.test_forms import Author, Journal, Subject, got, make_known
from playwright.sync_api import Keyboard, Page, expect
from pydantic import AnyUrl, BaseModel, Field, ValidationInfo, field_validator

from invenio_workflows import File, start
from invenio_workflows.definitions import WorkflowBase


class Thesis(BaseModel):
    kind: Literal["thesis"]
    university: str


class Strict(BaseModel):
    """A field of each kind, in which something can be wrong."""

    title: str
    abstract: str = Field("", max_length=500, min_length=3)
    subject: Subject
    language: Literal["en", "fr", "de", "it", "es", "pt"] = "en"
    pages: int = Field(1, le=2000)
    score: float | None = Field(None, le=1)
    received: datetime.date
    seen_at: Annotated[
        datetime.datetime | None, Field(lt=datetime.datetime(2027, 1, 1))
    ]
    opens: Annotated[datetime.time, Field(ge=datetime.time(8))]
    contact: Annotated[str, Field(pattern="@", json_schema_extra={"format": "email"})]
    homepage: AnyUrl
    token: Annotated[str, Field(min_length=4, json_schema_extra={"format": "password"})]
    is_core: bool = False
    is_open: bool | None = None
    collections: Annotated[set[Subject], Field(min_length=1)]
    keywords: Annotated[list[str], Field(min_length=1)]
    authors: list[Author] = Field(min_length=1)
    contact_person: Author | None = None
    published: Annotated[Journal | Thesis, Field(discriminator="kind")]
    version: Literal[2] = 2
    more: dict[str, Any] = {}
    scan: File

    @field_validator("language", "is_core", "is_open")
    @classmethod
    def as_it_should_be(cls, value: Any, info: ValidationInfo) -> Any:
        if value in {"language": ("nl", "pt"), "is_open": (False,)}.get(
            str(info.field_name), (False,)
        ):
            raise ValueError("not like this")
        return value


def ask(obj: Any, eng: Any) -> None:
    """Ask a curator for all that is not known."""
    obj.data["got"] = eng.ask(Strict, "What is known?").model_dump(mode="json")


class Strictly(WorkflowBase):
    workflow = [ask]


def asked(pen: Pen) -> int:
    make_known(pen, "strictly", Strictly)
    with pen.app.app_context():
        return int(start("strictly", [{}]).halted_objects[0].id)


class Keys:
    """Goes through a form by the keyboard, always on."""

    def __init__(self, page: Page) -> None:
        self.page, self.keys = page, page.keyboard

    def at(self) -> str:
        """Return the name of what has the focus; of a button, what it does."""
        return str(
            self.page.evaluate(
                "((e) => (e.name === '_do' || !e.name ? e.value : e.name) || "
                "(e.type === 'submit' ? 'send' : ''))(document.activeElement)"
            )
        )

    def to(self, name: str) -> Keyboard:
        """Press Tab until the focus is there, at most once around the form."""
        for _ in range(120):
            if self.at() == name:
                return self.keys
            self.keys.press("Tab")
        raise AssertionError(f"no Tab leads to {name}")

    def choose(self, name: str, steps: int) -> None:
        """Choose the first of some radio buttons, or one that is so many from there."""
        self.to(name).press("Space")
        for _ in range(abs(steps)):
            self.keys.press("ArrowDown" if steps > 0 else "ArrowUp")

    def does(self, what: str, then: str) -> None:
        """Press a button that draws the form anew; wait for what is there then."""
        self.to(what).press("Enter")
        expect(self.page.locator(f"[name='{then}']")).to_be_visible()

    def at_moment(self, name: str, day: str, time: str) -> None:
        """Type a date and a time into their one field."""
        self.to(name).type(day)
        self.keys.press("Tab")
        self.keys.type(time)

    def write(self, **fields: str) -> None:
        """Type into fields, in their order."""
        for name, text in fields.items():
            self.to(name).press("Control+a")
            self.keys.type(text)


def wrongly(form: Keys) -> None:
    """Fill in every field so that it is wrong, from the first to the last."""
    form.write(abstract="ab", language="p", pages="5000", score="2")
    form.at_moment("seen_at", "02022028", "0930AM")
    form.write(opens="0500AM", contact="nobody")
    form.write(homepage="nowhere", **{"token~secret": "hush"})
    form.choose("is_open", 2)
    form.write(**{"authors/0/orcid": "0000"})
    form.does("open:/contact_person", "contact_person/name")
    form.write(**{"published~which": "T"})
    form.does("show:/published", "published/university")
    form.write(**{"more~json": "{"})
    form.to("send").press("Enter")


def rightly(form: Keys, scan: Path) -> None:
    """Mend every field, from the first to the last."""
    form.write(title="Masses", abstract="About it")
    form.choose("subject", 1)
    form.write(language="f", pages="12", score="0.25", received="02022026")
    form.at_moment("seen_at", "02022026", "0930AM")
    form.write(opens="0915AM", contact="a@b.example")
    form.write(homepage="https://b.example/", **{"token~secret": "hush"})
    form.to("is_core").press("Space")
    form.choose("is_open", -1)
    form.to("collections").press("Space")
    form.write(**{"keywords/0": "neutrino", "authors/0/name": "Noether, E."})
    form.write(**{"contact_person/name": "Curie"})
    form.write(**{"published/university": "Göttingen", "more~json": '{"a": [1]}'})
    with form.page.expect_file_chooser() as chosen:
        form.to("scan~file").press("Enter")
    chosen.value.set_files(scan)
    form.to("send").press("Enter")


FAULTS = (
    *("title", "abstract", "subject", "language", "pages", "score", "received"),
    *("seen_at", "opens", "contact", "homepage", "token~secret", "is_core", "is_open"),
    *("collections", "add:/keywords", "authors/0/name", "contact_person/name"),
    *("published/university", "more~json", "scan~file"),
)
GIVEN = {
    **{"title": "Masses", "abstract": "About it", "subject": "Lattice"},
    **{"language": "fr", "pages": 12, "score": 0.25, "received": "2026-02-02"},
    **{"seen_at": "2026-02-02T09:30:00", "opens": "09:15:00"},
    **{"contact": "a@b.example", "homepage": "https://b.example/", "token": "hush"},
    **{"is_core": True, "is_open": True, "collections": ["Theory"]},
    **{"keywords": ["neutrino"], "authors": [{"name": "Noether, E.", "orcid": "0000"}]},
    **{"contact_person": {"name": "Curie", "orcid": None}, "version": 2},
    **{"published": {"kind": "thesis", "university": "Göttingen"}, "more": {"a": [1]}},
}
SAID = {
    "en": ("21 fields are wrong", "has your answer"),
    "fr": ("21 champs ne conviennent pas", "Votre réponse à la notice"),
}


@pytest.mark.parametrize("language", SAID)
def test_each_kind_of_field_is_wrong_and_mended_by_keys_alone(
    pen: Pen, reader_of: Readers, tmp_path: Path, language: str
) -> None:
    oid = asked(pen)
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(b"%PDF")
    reader: Reader = reader_of(pen, locale=language)
    reader.expected = ("422",)
    page = reader.open(str(oid))
    reader.press("i")
    form, (faults, thanks) = Keys(page), SAID[language]
    expect(page.locator("[name=title]")).to_be_focused()
    wrongly(form)
    expect(page.locator("#faults")).to_contain_text(faults)
    expect(page.locator("[name=title]")).to_be_focused()
    assert page.locator("html").get_attribute("lang") == language
    assert reader.violations() == []
    marked = page.evaluate(
        "[...document.querySelectorAll('#faults a')].map((a) => "
        "((e) => e.name === '_do' ? e.value : e.name)"
        "(document.getElementById(a.hash.slice(1))))"
    )
    assert marked == list(FAULTS)
    rightly(form, scan)
    expect(page.get_by_text(thanks)).to_be_visible()
    answer = got(pen, oid)
    assert answer.pop("scan")["name"] == "scan.pdf"
    assert answer == GIVEN
