"""A form that asks for input: all kinds of fields, by keys, without a script."""

from __future__ import annotations

import datetime
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from browser.conftest import Readers
from browser.pen import Pen
from browser.reader import Reader
from browser.test_decide import release
from playwright.sync_api import Page, Route, expect
from pydantic import BaseModel, Field

from invenio_workflows import File, WorkflowObject, start
from invenio_workflows.calls import Call
from invenio_workflows.definitions import WorkflowBase
from invenio_workflows.jobs import perform


class Subject(StrEnum):
    theory = "Theory"
    lattice = "Lattice"
    experiment = "Experiment"


class Author(BaseModel):
    name: str = Field(description="As in the paper")
    orcid: str | None = None


class Journal(BaseModel):
    kind: Literal["journal"]
    journal_title: str


class Thesis(BaseModel):
    kind: Literal["thesis"]
    university: str
    year: int = Field(ge=1900, le=2100)


class Every(BaseModel):
    """Every kind of field."""

    title: str = Field(max_length=80, examples=["On the origin of mass"])
    abstract: str = Field("", max_length=5000, description="In a few sentences")
    subject: Subject = Field(description="What it is about")
    language: Literal["en", "fr", "de", "it", "es", "pt", "nl"] = "en"
    pages: int = Field(1, ge=1, le=2000)
    score: float | None = Field(None, ge=0, le=1)
    received: datetime.date
    seen_at: datetime.datetime | None = None
    opens: datetime.time | None = None
    contact: Annotated[str, Field(json_schema_extra={"format": "email"})] = ""
    homepage: Annotated[str, Field(json_schema_extra={"format": "uri"})] = ""
    token: Annotated[str, Field(json_schema_extra={"format": "password"})] = ""
    is_core: bool = Field(False, title="A core paper")
    is_open: bool | None = Field(None, title="Open access")
    collections: set[Subject] = set()
    keywords: list[str] = []
    authors: list[Author] = []
    contact_person: Author | None = None
    published: Annotated[Journal | Thesis, Field(discriminator="kind")] | None = None
    more: dict[str, Any] = {}
    scan: File | None = None


def ask(obj: Any, eng: Any) -> None:
    """Ask a curator for all that is not known."""
    answer = eng.ask(Every, "What is known of this paper?")
    obj.data["got"] = answer.model_dump(mode="json", exclude={"token"})


class Asking(WorkflowBase):
    workflow = [ask]

    @staticmethod
    def get_title(obj: Any) -> str:
        return str(obj.data["title"])


def make_known(pen: Pen, name: str, workflow: Any) -> None:
    """Let a site have a workflow that asks for input."""
    pen.site.ext.register_workflow(name, workflow)


@pytest.fixture
def asking(pen: Pen) -> Pen:
    make_known(pen, "asking", Asking)
    return pen


def asked(pen: Pen, title: str = "On the mass of neutrinos") -> int:
    with pen.app.app_context():
        return int(start("asking", [{"title": title}]).halted_objects[0].id)


def got(pen: Pen, oid: int) -> Any:
    with pen.app.app_context():
        perform(Call((oid,)))
        return WorkflowObject.get(oid).data.get("got")


def fill(page: Page, scan: Path) -> None:
    """Fill in every field."""
    page.get_by_label("Title (needed)").fill("Masses")
    page.get_by_label("Abstract").fill("First line\nsecond line")
    page.get_by_role("radio", name="Lattice").check()
    page.get_by_label("Language").select_option("fr")
    page.get_by_label("Pages").fill("12")
    page.get_by_label("Score").fill("0.25")
    page.get_by_label("Received").fill("2026-01-31")
    page.get_by_label("Seen at").fill("2026-02-01T14:30")
    page.get_by_label("Opens").fill("09:15")
    page.get_by_label("Contact (optional)").fill("a@example.org")
    page.get_by_label("Homepage").fill("https://example.org/")
    page.get_by_label("Token").fill("hush")
    page.get_by_label("A core paper").check()
    page.get_by_role("radiogroup", name="Open access").get_by_label("Yes").check()
    page.get_by_role("group", name="Collections").get_by_label("Theory").check()
    page.get_by_role("button", name="Add: Keywords").click()
    page.get_by_role("textbox", name="Keywords 1").fill("neutrino")
    page.get_by_role("button", name="Add: Authors").click()
    first = page.get_by_role("group", name="Authors 1")
    expect(first).to_be_visible()
    first.get_by_label("Name (needed)").fill("Noether, E.")
    page.get_by_role("button", name="Add: Contact person").click()
    person = page.get_by_role("group", name="Contact person (optional)")
    expect(person.get_by_label("Name")).to_be_visible()
    person.get_by_label("Name").fill("Curie, M.")
    page.get_by_label("Kind of Published").select_option("Thesis")
    page.get_by_role("button", name="Show its fields: Published").click()
    page.get_by_label("University").fill("Göttingen")
    page.get_by_label("Year").fill("1907")
    page.get_by_label("More").fill('{"a": [1, 2]}')
    page.get_by_label("Scan").set_input_files(scan)


WANTED = {
    "title": "Masses",
    "abstract": "First line\nsecond line",
    "subject": "Lattice",
    "language": "fr",
    "pages": 12,
    "score": 0.25,
    "received": "2026-01-31",
    "seen_at": "2026-02-01T14:30:00",
    "opens": "09:15:00",
    "contact": "a@example.org",
    "homepage": "https://example.org/",
    "is_core": True,
    "is_open": True,
    "collections": ["Theory"],
    "keywords": ["neutrino"],
    "authors": [{"name": "Noether, E.", "orcid": None}],
    "contact_person": {"name": "Curie, M.", "orcid": None},
    "published": {"kind": "thesis", "university": "Göttingen", "year": 1907},
    "more": {"a": [1, 2]},
}


@pytest.mark.parametrize("scripts", [True, False])
def test_every_kind_of_field_is_filled_in(
    asking: Pen, reader_of: Readers, tmp_path: Path, scripts: bool
) -> None:
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(b"%PDF" * 1000)
    oid = asked(asking)
    reader = reader_of(asking, java_script_enabled=scripts)
    page = reader.open(str(oid))
    fill(page, scan)
    page.get_by_role("button", name="Send").last.click()
    expect(page.get_by_text(f"Record {oid} has your answer")).to_be_visible()
    answer = got(asking, oid)
    file = answer.pop("scan")
    assert answer == WANTED
    assert (file["name"], file["size"], file["type"]) == (
        "scan.pdf",
        4000,
        "application/pdf",
    )


def test_what_is_wrong_is_told_and_gone_to(asking: Pen, reader_of: Readers) -> None:
    for language, needed, wrong in (
        ("en", "This is needed.", "3 fields are wrong"),
        ("fr", "Ce champ est obligatoire.", "3 champs ne conviennent pas"),
    ):
        oid = asked(asking)
        reader = reader_of(asking, locale=language)
        reader.expected = ("422",)
        page = reader.open(str(oid))
        page.locator("[name='title']").press("Enter")  # which sends it
        expect(page.locator("#faults")).to_contain_text(wrong)
        expect(page.locator("#faults")).to_contain_text(needed)
        expect(page.locator("[name='title']")).to_be_focused()
        assert page.locator("[name='title']").get_attribute("aria-invalid") == "true"
        assert reader.violations() == []
        page.locator("#faults a").nth(1).press("Enter")
        expect(page.locator("[name='subject']").first).to_be_focused()
        assert page.locator("html").get_attribute("lang") == language


def test_by_the_keyboard_alone(asking: Pen, reader_of: Readers) -> None:
    oid = asked(asking)
    reader = reader_of(asking)
    page = reader.open(str(oid))
    reader.press("i")
    expect(page.locator("[name='title']")).to_be_focused()
    keys = page.keyboard
    keys.type("aejk?u/r")  # no key of the page is heard while one types
    expect(page.locator("[name='title']")).to_have_value("aejk?u/r")
    keys.press("Tab")
    keys.type("An abstract")
    keys.press("Tab")
    keys.press("Space")
    keys.press("ArrowDown")
    expect(page.get_by_role("radio", name="Lattice")).to_be_checked()
    page.get_by_role("button", name="Add: Keywords").focus()
    keys.press("Enter")
    expect(page.get_by_role("textbox", name="Keywords 1")).to_be_focused()
    keys.type("one")
    keys.press("Tab")
    keys.press("Enter")  # takes the row away
    expect(page.get_by_role("textbox", name="Keywords 1")).to_have_count(0)
    expect(page.get_by_role("button", name="Add: Keywords")).to_be_focused()
    page.get_by_label("Received").fill("2026-01-31")
    page.get_by_label("Title (needed)").focus()
    keys.press("Enter")
    expect(page.get_by_text(f"Record {oid} has your answer")).to_be_visible()
    assert got(asking, oid)["abstract"] == "An abstract"


def test_a_file_that_is_too_large_is_not_even_sent(
    asking: Pen, reader_of: Readers, tmp_path: Path
) -> None:
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(b"%PDF")
    oid = asked(asking)
    page = reader_of(asking).open(str(oid))
    expect(page.get_by_text("At most 20,971,520 bytes.")).to_be_visible()
    page.get_by_label("Title (needed)").fill("Masses")
    page.get_by_label("Scan").set_input_files(scan)
    page.locator(".hp-input").evaluate("form => { form.dataset.one = '3' }")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    for button in ("Send", "Add: Keywords"):
        page.get_by_role("button", name=button).last.click()
        told = "This file is too large: at most 20,971,520 bytes."
        expect(page.get_by_label("Scan")).to_have_js_property("validationMessage", told)
    assert [url for url in sent if "form" not in url] == []
    scan.write_bytes(b"%PD")
    page.get_by_label("Scan").set_input_files(scan)
    page.get_by_role("button", name="Add: Keywords").click()
    expect(page.get_by_role("textbox", name="Keywords 1")).to_be_visible()
    expect(page.get_by_role("link", name="scan.pdf")).to_be_visible()


def test_what_is_typed_is_there_again_elsewhere(
    asking: Pen, reader_of: Readers
) -> None:
    oid = asked(asking)
    page = reader_of(asking).open(str(oid))
    page.get_by_label("Title (needed)").fill("Half a ti")
    expect(page.locator(".hp-kept")).to_have_text("Your draft is kept.")
    other = reader_of(asking)
    page = other.open(str(oid))
    expect(page.get_by_label("Title (needed)")).to_have_value("Half a ti")
    expect(page.locator("#draft")).to_contain_text("This is your draft from")
    assert other.violations() == []
    page.get_by_role("button", name="Begin anew").click()
    expect(page.get_by_label("Title (needed)")).to_have_value("")
    assert reader_of(asking, "second").open(str(oid)).locator("#draft").count() == 0


def test_an_answer_goes_after_the_draft_that_is_on_its_way(
    asking: Pen, reader_of: Readers
) -> None:
    oid = asked(asking)
    reader = reader_of(asking)
    page = reader.open(str(oid))
    held: list[Route] = []

    def keep_back(route: Route) -> None:
        """Let only the draft wait that has half of the title."""
        half = "Half" in str(route.request.post_data)
        held.append(route) if half else route.continue_()

    page.route("**/form", keep_back)
    page.get_by_label("Received").fill("2026-01-31")
    page.get_by_role("radio", name="Lattice").check()
    title = page.get_by_label("Title (needed)")
    with page.expect_request(lambda each: "Half" in str(each.post_data)):
        title.fill("Half a title")
    title.fill("The title")
    title.press("Enter")
    assert not [each for each in reader.asked if each.endswith("/resolve")]
    release(page, held)
    expect(page.get_by_text(f"Record {oid} has your answer")).to_be_visible()
    assert got(asking, oid)["title"] == "The title"
    assert asking.site.value("SELECT count(*) FROM workflows_draft") == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_form_is_for_everybody(
    asking: Pen, reader_of: Readers, width: int, theme: str, tmp_path: Path
) -> None:
    oid = asked(asking)
    size = {"width": width, "height": 900}
    reader: Reader = reader_of(asking, viewport=size, color_scheme=theme)
    reader.expected = ("422",)
    page = reader.open(str(oid))
    for count, name in enumerate(("Keywords", "Authors", "Contact person"), 1):
        page.get_by_role("button", name=f"Add: {name}").click()
        expect(
            page.locator(".hp-f-do[value^=remove], .hp-f-do[value^=close]")
        ).to_have_count(count)
    page.get_by_label("Kind of Published").select_option("Thesis")
    page.get_by_role("button", name="Show its fields: Published").click()
    expect(page.get_by_label("University")).to_be_visible()
    assert reader.violations() == []
    assert reader.width()[0] <= reader.width()[1]
    page.get_by_role("button", name="Send").last.click()
    page.wait_for_selector("#faults")
    assert reader.violations() == []
    assert reader.width()[0] <= reader.width()[1]
    assert not re.search(r" style=| on[a-z]+=", page.content())
