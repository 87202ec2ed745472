"""Giving input in the pages: a form of a JSON Schema, drafts and files."""

from __future__ import annotations

import hashlib
import io
import re
import threading
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from curators import PEN, Browser, admit
from forms import sent_by
from pydantic import BaseModel, Field, field_validator
from sites import Site
from werkzeug.datastructures import MultiDict

from invenio_workflows import File, WorkflowObject
from invenio_workflows.actions import InputForm
from invenio_workflows.api import delete, edit, provide_input, start
from invenio_workflows.calls import Call
from invenio_workflows.errors import DataTooLarge, InputNotValid, ObjectNotFound
from invenio_workflows.jobs import perform
from invenio_workflows.proxies import current_workflows


class Author(BaseModel):
    name: str
    born: int | None = None


class Answer(BaseModel):
    """What we need to know."""

    category: Literal["paper", "thesis"]
    pages: int = Field(1, ge=1, description="Without the cover")
    until: date | None = None
    authors: list[Author] = []
    tags: list[str] = []
    secret: Annotated[str, Field(json_schema_extra={"format": "password"})] = ""
    scan: File | None = None

    @field_validator("pages")
    @classmethod
    def not_thirteen(cls, pages: int) -> int:
        if pages == 13:
            raise ValueError("13 is <b>no</b> good number")
        return pages


GOT: list[Any] = []


def ask(obj: Any, eng: Any) -> None:
    answer = eng.ask(Answer, "Which category?")
    obj.data["got"] = answer.model_dump(mode="json", exclude={"secret"})
    if answer.scan is not None:
        GOT.append(answer.scan.open().read())


@pytest.fixture
def pen(site: Site) -> Site:
    admit(site.app)
    current_workflows.embeds = False
    if "input" not in current_workflows.actions:
        site.ext.register_action("input", InputForm)
    site.register("asking", ask, hidden_fields=["got.scan"])
    GOT.clear()
    return site


def halted(**data: Any) -> int:
    oid: int = start("asking", [data or {"title": "A"}]).halted_objects[0].id
    return oid


def state(oid: int) -> tuple[str, str | None]:
    obj = WorkflowObject.get(oid)
    return obj.status.name, obj.waits_for


def form_in(text: str) -> MultiDict[str, str]:
    """What the browser sends of the form in a page, untouched."""
    found = re.search(r'<form class="hp-form hp-input".*?</form>', text, re.DOTALL)
    assert found, text[:3000]
    return sent_by(found[0])


class Curator(Browser):
    """Somebody's browser, who fills in forms."""

    accept = "text/html"

    def form(self, oid: int) -> MultiDict[str, str]:
        return form_in(self.get(f"/{oid}").get_data(as_text=True))

    def fill(self, oid: int, to: str = "resolve", **given: Any) -> Any:
        """Send the form of a record with some fields changed."""
        form = self.form(oid)
        files = given.pop("files", {})
        for name, value in given.items():
            form[name if name[:1] == "_" else f"/{name}"] = value
        return self.send_form(oid, form, to, files)

    def file(self, oid: int, key: str) -> Any:
        return self.get(f"/{oid}/file/{key}", buffered=True)

    def send_form(
        self, oid: int, form: MultiDict[str, str], to: str = "resolve", files: Any = ()
    ) -> Any:
        data: Any = MultiDict(form)
        for name, (content, filename) in dict(files).items():
            data.add(name, (io.BytesIO(content), filename))
        headers = {**self._headers, "Accept": self.accept}
        return self._ask("POST", f"/{oid}/{to}", data=data, headers=headers)


def test_an_answer_that_is_valid_goes_on_to_the_next_record(pen: Site) -> None:
    first, second = halted(), halted()
    browser = Curator(pen.app, "curator")
    answer = browser.fill(
        second, category='"paper"', pages="3", **{"secret~secret": "hush"}
    )
    assert answer.status_code == 303 and answer.location == f"{PEN}/{first}"
    assert state(second) == ("WAITING", "queue")
    perform(Call((second,)))
    got = WorkflowObject.get(second).data["got"]
    assert (got["category"], got["pages"]) == ("paper", 3)
    assert f"Record {second} has your answer." in browser.get("/").get_data(
        as_text=True
    )
    (row,) = list(current_workflows.audit.all())
    assert (row.actor, row.origin, row.action) == ("curator", "page", "input")


def test_a_bad_answer_leaves_the_record_and_what_was_typed(pen: Site) -> None:
    oid = halted()
    browser = Curator(pen.app, "curator")
    before = WorkflowObject.get(oid).revision
    answer = browser.fill(
        oid,
        pages="13",
        until="soon",
        **{"tags~rows": "1", "tags/0": "x"},
        **{"secret~secret": "hush"},
    )
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert WorkflowObject.get(oid).revision == before
    assert state(oid) == ("HALTED", None)
    assert "3 fields are wrong" in text and "13 is &lt;b&gt;no&lt;/b&gt; good" in text
    assert "hush" not in text
    wrong = re.findall(r'<a href="#(f\d+)"><bdi>(\w+)', text)
    assert [title for _, title in wrong] == ["Category", "Pages", "Until"]
    for each, _title in wrong:
        assert f'id="{each}"' in text
    (focused,) = re.findall(r'id="(f\d+)"[^>]* autofocus', text)
    assert focused == wrong[0][0]
    form = form_in(text)
    kept = {name: form[f"/{name}"] for name in ("pages", "until", "tags/0")}
    assert kept == {"pages": "13", "until": "soon", "tags/0": "x"}
    form["/pages"], form["/until"], form["/category"] = "12", "", '"thesis"'
    assert browser.send_form(oid, form).status_code == 303


def test_a_stranger_to_the_schema_is_refused(pen: Site) -> None:
    oid = halted()
    browser = Curator(pen.app, "curator")
    answer = browser.fill(oid, category='"novel"')
    assert answer.status_code == 422
    form = browser.form(oid)
    form["/category"] = '"paper"'
    for name in ("_action", "_halt"):
        bad = form.copy()
        bad[name] = "another"
        assert browser.send_form(oid, bad).status_code in (303, 409), name


def test_of_two_answers_at_once_one_is_taken(pen: Site) -> None:
    oid = halted()
    answers: list[Any] = []
    browsers = [Curator(pen.app, name) for name in ("curator", "admin")]
    forms = [browser.form(oid) for browser in browsers]
    for form in forms:
        form["/category"] = '"paper"'
        form["/tags~rows"], form["/tags/0"] = "1", "My long reason"

    def send(n: int) -> None:
        with pen.app.app_context():
            answers.append(browsers[n].send_form(oid, forms[n]))

    threads = [threading.Thread(target=send, args=(n,)) for n in (0, 1)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(each.status_code for each in answers) == [303, 409]
    (refused,) = [each for each in answers if each.status_code == 409]
    text = refused.get_data(as_text=True)
    assert "What you had typed" in text and "My long reason" in text
    perform(Call((oid,)))
    assert len(WorkflowObject.get(oid).data["got"]["tags"]) == 1
    assert state(oid)[0] == "COMPLETED"


def test_what_changed_meanwhile_keeps_what_was_typed_in_the_form(pen: Site) -> None:
    oid = halted(title="A")
    browser = Curator(pen.app, "curator")
    form = browser.form(oid)
    form["/category"], form["/pages"] = '"paper"', "7"
    edit(oid, {"title": "B"}, "ann")
    answer = browser.send_form(oid, form)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 409 and "Meanwhile ann" in text
    assert form_in(text)["/pages"] == "7"
    assert browser.send_form(oid, form_in(text)).status_code == 303


def test_rows_are_added_and_taken_away_without_a_script(pen: Site) -> None:
    oid = halted()
    browser = Curator(pen.app, "curator")
    form = browser.form(oid)
    for n, name in enumerate(("Ann", "Ben", "Cy")):
        form["_do"] = "add:/authors"
        answer = browser.send_form(oid, form, "form")
        assert answer.status_code == 200
        form = form_in(answer.get_data(as_text=True))
        form[f"/authors/{n}/name"] = name
    form["_do"] = "remove:/authors/1"
    form = form_in(browser.send_form(oid, form, "form").get_data(as_text=True))
    assert [form[f"/authors/{n}/name"] for n in (0, 1)] == ["Ann", "Cy"]
    form["/category"] = '"paper"'
    assert browser.send_form(oid, form).status_code == 303
    perform(Call((oid,)))
    names = [each["name"] for each in WorkflowObject.get(oid).data["got"]["authors"]]
    assert names == ["Ann", "Cy"]


@pytest.mark.parametrize(
    "what",
    ["add:/nothing", "remove:/authors/99999", "remove:", "add:", "show:\x00", "x" * 999]
    + ["remove:/authors/-1", "open:/pages", "add:/authors/../..", "keep:", "forget:"],
)
def test_what_no_button_says_does_no_harm(pen: Site, what: str) -> None:
    oid = halted()
    browser = Curator(pen.app, "curator")
    form = browser.form(oid)
    form["_do"] = what
    assert browser.send_form(oid, form, "form").status_code in (200, 303)
    assert state(oid) == ("HALTED", None)


# --- drafts ---------------------------------------------------------------------------


def test_a_draft_is_there_again_in_another_browser_of_that_person(pen: Site) -> None:
    oid = halted()
    browser = Curator(pen.app, "curator")
    answer = browser.fill(
        oid, "form", _do="keep:", pages="5", **{"secret~secret": "hush"}
    )
    assert answer.status_code == 303
    before = WorkflowObject.get(oid).revision
    again = Curator(pen.app, "curator")
    text = again.get(f"/{oid}").get_data(as_text=True)
    assert "This is your draft from" in text and form_in(text)["/pages"] == "5"
    assert Curator(pen.app, "admin").form(oid)["/pages"] == "1"
    assert pen.value("SELECT count(*) FROM workflows_draft") == 1
    held = str(pen.value("SELECT form FROM workflows_draft"))
    assert "hush" not in held and "csrf" not in held
    assert WorkflowObject.get(oid).revision == before
    assert again.fill(oid, "form", _do="forget:").status_code == 303
    assert again.form(oid)["/pages"] == "1"


def test_a_draft_is_of_one_question_and_gone_with_the_answer(pen: Site) -> None:
    oid = halted()
    browser = Curator(pen.app, "curator")
    browser.fill(oid, "form", _do="keep:", pages="5")
    Curator(pen.app, "admin").fill(oid, "form", _do="keep:", pages="6")
    old = browser.form(oid)
    assert browser.fill(oid, category='"paper"').status_code == 303
    drafts = "SELECT person FROM workflows_draft"
    assert [row.person for row in pen.rows(drafts)] == ["admin"]
    old["_do"] = "keep:"
    assert browser.send_form(oid, old, "form").status_code == 409
    assert pen.value("SELECT count(*) FROM workflows_draft") == 1
    perform(Call((oid,)))
    delete(oid)
    assert pen.rows(drafts) == []


def test_a_draft_that_another_person_came_before_is_shown_until_it_is_forgotten(
    pen: Site,
) -> None:
    oid = halted()
    mine, other = Curator(pen.app, "curator"), Curator(pen.app, "admin")
    mine.fill(
        oid, "form", _do="keep:", title="<b>Mine</b>", **{"secret~secret": "hush"}
    )
    assert 'id="left"' not in mine.get(f"/{oid}").get_data(as_text=True)
    assert other.fill(oid, category='"paper"').status_code == 303
    text = mine.get(f"/{oid}").get_data(as_text=True)
    left = text[text.index('id="left"') : text.index("Forget it")]
    assert "&lt;b&gt;Mine&lt;/b&gt;" in left and "hush" not in left
    assert 'id="left"' not in other.get(f"/{oid}").get_data(as_text=True)
    assert mine.send(f"/{oid}/form", _do="forget:").status_code == 303
    text = mine.get(f"/{oid}").get_data(as_text=True)
    assert "Your draft is gone." in text and 'id="left"' not in text


def test_a_script_keeps_a_draft_and_is_told(pen: Site) -> None:
    oid = halted()
    browser = Curator(pen.app, "curator")
    form = browser.form(oid)
    form["_do"], form["/pages"] = "keep:", "9"
    browser.accept = "application/json"
    answer = browser.send_form(oid, form, "form")
    assert (answer.status_code, answer.json) == (
        200,
        {"message": "Your draft is kept."},
    )


def test_only_who_decides_has_a_form_and_keeps_drafts(pen: Site) -> None:
    oid = halted()
    form = Curator(pen.app, "curator").form(oid)
    for name, code in (("viewer", 403), ("stranger", 404)):
        browser = Curator(pen.app, name)
        token = dict(form, csrf_token=browser.token())
        for to in ("form", "resolve"):
            answer = browser.send_form(oid, MultiDict({**token, "_do": "keep:"}), to)
            assert answer.status_code == code, (name, to)
    text = Curator(pen.app, "viewer").get(f"/{oid}").get_data(as_text=True)
    assert "hp-input" not in text
    assert pen.value("SELECT count(*) FROM workflows_draft") == 0


# --- files ----------------------------------------------------------------------------

#: More than one part of the table.
CONTENT = bytes(range(256)) * 1200


def given(browser: Curator, oid: int, name: str = "scan.pdf") -> str:
    """Give a file with an answer; return its id."""
    files = {"scan~file": (CONTENT, name)}
    assert browser.fill(oid, category='"paper"', files=files).status_code == 303
    perform(Call((oid,)))
    return str(WorkflowObject.get(oid).data["got"]["scan"]["file"])


def test_a_file_is_kept_with_the_record_and_read_by_the_task(pen: Site) -> None:
    oid = halted()
    key = given(Curator(pen.app, "curator"), oid, "C:/dir/sc\u202ean.pdf")
    assert WorkflowObject.get(oid).data["got"]["scan"] == {
        "file": key,
        "name": "sc_an.pdf",
        "size": len(CONTENT),
        "type": "application/pdf",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    assert GOT == [CONTENT]
    answer = Curator(pen.app, "editor").file(oid, key)
    assert answer.status_code == 200 and answer.data == CONTENT
    headers = answer.headers
    assert headers["Content-Disposition"] == "attachment; filename=sc_an.pdf"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["Content-Length"] == str(len(CONTENT))
    delete(oid)
    for table in ("workflows_file", "workflows_file_part"):
        assert pen.value(f"SELECT count(*) FROM {table}") == 0


def test_a_file_is_hidden_from_whom_its_field_is_hidden(pen: Site) -> None:
    oid, other = halted(), halted()
    key = given(Curator(pen.app, "curator"), oid)
    for name, code in (
        ("editor", 200),
        ("curator", 404),
        ("viewer", 404),
        ("stranger", 404),
    ):
        assert Curator(pen.app, name).file(oid, key).status_code == code, name
    admin = Curator(pen.app, "admin")
    assert admin.file(other, key).status_code == 404
    for bad in ("x", "%00", "..%2f", "x" * 5000, "é"):
        assert admin.file(oid, bad).status_code == 404


def test_a_file_of_another_record_is_refused(pen: Site) -> None:
    oid, other = halted(), halted()
    key = given(Curator(pen.app, "admin"), oid)
    reference = dict(WorkflowObject.get(oid).data["got"]["scan"])
    answer = {"category": "paper", "scan": reference}
    with pytest.raises(InputNotValid) as raised:
        provide_input(other, answer)
    assert [each["type"] for each in raised.value.errors] == ["file_unknown"]
    assert state(other) == ("HALTED", None)
    browser = Curator(pen.app, "admin")
    form = browser.form(other)
    form["/category"], form["/scan"] = '"paper"', key
    assert browser.send_form(other, form).status_code == 303
    perform(Call((other,)))
    assert WorkflowObject.get(other).data["got"]["scan"] is None
    for lie in ({"size": 2}, {"sha256": "0" * 64}, {"name": "other.exe"}):
        oid = halted()
        mine = current_workflows.files.add(oid, io.BytesIO(b"x"), "a.txt").reference
        with pytest.raises(InputNotValid):
            provide_input(oid, {"category": "paper", "scan": {**mine, **lie}})
        provide_input(oid, {"category": "paper", "scan": mine})


def test_a_file_stays_when_the_answer_was_refused(pen: Site) -> None:
    oid = halted()
    browser = Curator(pen.app, "curator")
    answer = browser.fill(oid, pages="0", files={"scan~file": (CONTENT, "a.pdf")})
    assert answer.status_code == 422
    form = form_in(answer.get_data(as_text=True))
    key = form["/scan"]
    assert key and pen.value("SELECT count(*) FROM workflows_file") == 1
    assert browser.file(oid, key).status_code == 200
    # Nobody else sees it before it is given, nor can give it.
    admin = Curator(pen.app, "admin")
    assert admin.file(oid, key).status_code == 404
    theirs = admin.form(oid)
    theirs["/scan"] = key
    shown = form_in(admin.send_form(oid, theirs, "form").get_data(as_text=True))
    assert shown["/scan"] == ""
    form["/pages"], form["/category"] = "1", '"paper"'
    assert browser.send_form(oid, form).status_code == 303
    perform(Call((oid,)))
    assert GOT == [CONTENT]
    assert pen.value("SELECT kept FROM workflows_file") == 1


def test_a_file_for_a_question_that_is_gone_is_kept_and_shown(pen: Site) -> None:
    oid = halted()
    browser = Curator(pen.app, "curator")
    form = browser.form(oid)
    first = browser.fill(oid, pages="0", files={"scan~file": (CONTENT, "first.pdf")})
    before = form_in(first.get_data(as_text=True))
    provide_input(oid, {"category": "thesis"})
    form["/pages"] = "12"
    for to in ("resolve", "form"):
        files = {"scan~file": (CONTENT, "a.pdf")}
        answer = browser.send_form(oid, form, to, files)
        assert answer.status_code == 409
        shown = answer.get_data(as_text=True)
        (link,) = re.findall(rf'href="{PEN}/{oid}/file/([\w-]+)" download>', shown)
        assert "What you had typed" in shown and "<bdi>a.pdf</bdi></a>" in shown
        assert "<dt><bdi>pages</bdi></dt><dd><bdi>12</bdi>" in shown
        assert browser.file(oid, link).data == CONTENT
        assert Curator(pen.app, "admin").file(oid, link).status_code == 404
    # One that was sent before is called by its name, not by its id.
    shown = browser.send_form(oid, before).get_data(as_text=True)
    assert f'/file/{before["/scan"]}" download><bdi>first.pdf</bdi></a>' in shown


def test_what_was_typed_for_a_record_that_is_deleted_is_shown(pen: Site) -> None:
    oid = halted()
    browser = Curator(pen.app, "curator")
    form = browser.form(oid)
    delete(oid, actor="admin")
    form["/pages"] = "12"
    answer = browser.send_form(oid, form, files={"scan~file": (CONTENT, "a.pdf")})
    assert answer.status_code == 409
    shown = answer.get_data(as_text=True)
    assert f"admin deleted record {oid} meanwhile." in shown
    assert "<dt><bdi>pages</bdi></dt><dd><bdi>12</bdi>" in shown
    assert "a.pdf: this file is not kept" in shown
    assert pen.value("SELECT count(*) FROM workflows_file") == 0


def test_what_is_too_large_is_said_before_and_after(pen: Site) -> None:
    oid = halted()
    browser = Curator(pen.app, "curator")
    shown = browser.get(f"/{oid}").get_data(as_text=True)
    most = current_workflows.settings.max_file_size
    assert f"At most {most:,} bytes." in shown
    assert f'data-one="{most}"' in shown
    large = {"CONTENT_LENGTH": str(current_workflows.settings.max_upload_size + 1)}
    answer = browser._ask(
        "POST",
        f"/{oid}/resolve",
        headers={**browser._headers, "Accept": "text/html"},
        environ_overrides=large,
    )
    assert answer.status_code == 413
    shown = answer.get_data(as_text=True)
    assert "nothing of it was kept but your draft" in shown
    assert f'href="{PEN}/{oid}"' in shown


def test_a_file_that_is_too_large_is_refused_and_nothing_stays(pen: Site) -> None:
    oid = halted()
    current_workflows.files._most = 1000
    browser = Curator(pen.app, "curator")
    files = {"scan~file": (b"x" * 1001, "a.pdf")}
    answer = browser.fill(oid, category='"paper"', files=files)
    assert answer.status_code == 422
    text = answer.get_data(as_text=True)
    assert "This file is too large" in text
    assert form_in(text)["/category"] == '"paper"'
    for table in ("workflows_file", "workflows_file_part"):
        assert pen.value(f"SELECT count(*) FROM {table}") == 0
    with pytest.raises(DataTooLarge):
        current_workflows.files.add(oid, io.BytesIO(b"x" * 1001), "a")
    with pytest.raises(ObjectNotFound):
        current_workflows.files.add(10**6, io.BytesIO(b"x"), "a")
    # What no field asks for is not even looked at.
    answer = browser.fill(oid, "form", _do="show:", **{"files": files})
    assert "This file is too large" in answer.get_data(as_text=True)
    answer = browser.fill(oid, "form", files={"/other~file": (b"x", "a.pdf")})
    assert answer.status_code == 200
    assert pen.value("SELECT count(*) FROM workflows_file") == 0


def test_what_no_answer_came_for_is_swept(pen: Site) -> None:
    oid = halted()
    files, drafts = current_workflows.files, current_workflows.drafts
    old = files.add(oid, io.BytesIO(b"old"), "a")
    kept = files.add(oid, io.BytesIO(b"kept"), "b")
    files.keep([kept.id])
    drafts.keep(oid, "ann", "1", [("/a", "b")])
    assert files.sweep() == drafts.sweep() == 0
    past = "2020-01-01 00:00:00.000000"
    if current_workflows.engine.dialect.name == "postgresql":
        past += "+00"
    with current_workflows.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE workflows_file SET created = '{past}'")
        connection.exec_driver_sql(f"UPDATE workflows_draft SET modified = '{past}'")
    assert (files.sweep(), drafts.sweep()) == (1, 1)
    assert files.get(old.id) is None and files.open(kept.id).read() == b"kept"
    assert pen.value("SELECT count(*) FROM workflows_file_part") == 1


# --- attacks --------------------------------------------------------------------------

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}\u202e"


class Hostile(BaseModel):
    a: str = Field(EVIL, title=EVIL, description=EVIL, examples=[EVIL], max_length=900)
    b: Literal["\"'><script>alert(1)</script>", "x"] = "x"
    c: Annotated[list[str], Field(title=EVIL)] = [EVIL]
    d: Annotated[str, Field(alias=EVIL)] = ""
    e: dict[str, Any] = {EVIL: EVIL}


def test_what_a_schema_says_is_text_and_nothing_else(pen: Site) -> None:
    pen.register("hostile", lambda obj, eng: eng.ask(Hostile, EVIL))
    oid = start("hostile", [{}]).halted_objects[0].id
    browser = Curator(pen.app, "curator")
    for answer in (browser.get(f"/{oid}"), browser.fill(oid, b="no")):
        text = answer.get_data(as_text=True)
        assert "<script>alert" not in text and "<img" not in text
        assert "{{ 7 * 7 }}" in text
        form = form_in(text)
        assert form["/a"] == EVIL and form["/c/0"] == EVIL
    assert browser.fill(oid).status_code == 303


def test_a_form_of_another_site_changes_nothing(pen: Site) -> None:
    oid = halted()
    browser = Curator(pen.app, "curator")
    form = browser.form(oid)
    form["_do"], form["/category"] = "keep:", '"paper"'
    for token in ("", "x", None):
        bad = form.copy()
        bad["csrf_token"] = token or ""
        for to in ("form", "resolve"):
            assert browser.send_form(oid, bad, to).status_code == 400
    assert pen.value("SELECT count(*) FROM workflows_draft") == 0
    assert state(oid) == ("HALTED", None)


@pytest.mark.parametrize(
    "more",
    [
        {"/authors~rows": "9999"},
        {"/authors~rows": "99999999999999999999"},
        {f"/authors/{n}~rows": "100" for n in range(100)},
        {"/authors" * n: "x" for n in range(1, 300)},
        {"/tags~rows": "100", **{f"/tags/{n}": "x" * 1000 for n in range(100)}},
        {"~json": "[" * 50_000},
        {"~json": '{"category": 1e999}'},
        {"/pages": "9" * 100_000},
        {"/category": "\x00"},
        {"/scan": "\x00" * 22},
        {"/until": "\ud7ff\uffff" * 100},
    ],
)
def test_a_form_that_no_browser_sends_is_refused(pen: Site, more: Any) -> None:
    oid = halted()
    browser = Curator(pen.app, "curator")
    form = browser.form(oid)
    form["_do"] = "keep:"
    form.update(more)
    for to, codes in (("form", (200, 303, 413)), ("resolve", (422, 413))):
        assert browser.send_form(oid, form, to).status_code in codes
        assert browser.get(f"/{oid}").status_code == 200
    assert state(oid) == ("HALTED", None)
