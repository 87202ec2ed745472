"""The pen as an attacker meets it: every route, every method, everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from people import PEN, PEOPLE, Browser, PenSite

from invenio_workflows import start

#: What each address needs. A new one has to be put in here.
NEEDS = {
    **dict.fromkeys("index arrivals export".split(), "view"),
    **dict.fromkeys("record details data changes fields results file".split(), "view"),
    **dict.fromkeys("definitions definition".split(), "view"),
    **dict.fromkeys("resolve form comment".split(), "decide"),
    **dict.fromkeys("continue restart restart_task".split(), "restart"),
    **dict.fromkeys("restart_from restart_alike cancel".split(), "restart"),
    **dict.fromkeys("edit save".split(), "edit"),
    **dict.fromkeys("remove delete".split(), "delete"),
    **dict.fromkeys("start start_run".split(), "start"),
    **dict.fromkeys("audit audit_page".split(), "admin"),
}
#: Those that are not about one record.
WIDE = {"index", "arrivals", "export", "start", "start_run"}
WIDE |= {"audit", "audit_page", "definitions", "definition"}
#: More than any record's number.
MISSING = 999_999


def ask(obj: Any, eng: Any) -> None:
    eng.halt("Is it ours?", action="approval")


@pytest.fixture
def pen(sqlite_ready_url: str) -> Iterator[PenSite]:
    site = PenSite(sqlite_ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    site.register("review", ask)
    site.register("other", ask)
    with site.app.app_context():
        start("review", [{"title": "A"}])
    yield site
    site.close()


@pytest.fixture
def oid(pen: PenSite) -> int:
    found: int = pen.value("SELECT min(id) FROM workflows_object WHERE status = 2")
    return found


def routes(site: PenSite) -> Iterator[tuple[str, str, str]]:
    """Every endpoint of the pen with method and path; ``{oid}`` for a record's id."""
    for rule in site.app.url_map.iter_rules():
        name = rule.endpoint.removeprefix("holdingpen.")
        if not rule.endpoint.startswith("holdingpen.") or name == "static":
            continue
        path = rule.rule.removeprefix(PEN).replace("<form>", "csv")
        path = path.replace("<path:name>", "review")
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield name, method, path.replace("<int:oid>", "{oid}")


def state_of(site: PenSite) -> Any:
    """Everything that a request could have changed."""
    return site.counts(), site.rows(
        "SELECT id, status, waits_for FROM workflows_object"
    )


def may(name: str, verb: str) -> bool:
    return PEOPLE[name][1].get(verb) in ("*", "review")


def test_every_address_of_the_pen_is_in_the_table(pen: PenSite) -> None:
    assert {name for name, _, _ in routes(pen)} == set(NEEDS)


def test_what_changes_something_is_asked_for_by_post_alone(
    pen: PenSite, oid: int
) -> None:
    changing = {path for _, method, path in routes(pen) if method == "POST"}
    assert not changing & {path for _, method, path in routes(pen) if method == "GET"}
    for path in changing:
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
            answer = pen.browser("admin").open(method, path.format(oid=oid))
            assert answer.status_code == 405, (method, path)


def test_who_is_not_logged_in_is_sent_to_log_in(pen: PenSite, oid: int) -> None:
    before = state_of(pen)
    for _, method, path in routes(pen):
        for number in (oid, MISSING):
            send_ = pen.browser().post if method == "POST" else pen.browser().get
            answer = send_(path.format(oid=number))
            assert answer.status_code == 302, (method, path)
            assert answer.location.startswith("/login?next=%2Fadmin%2Fholdingpen%2F")
    # Then to the record, where what was typed is as a draft.
    answer = pen.browser().post(f"/{oid}/resolve")
    assert answer.location == f"/login?next=%2Fadmin%2Fholdingpen%2F{oid}"
    assert state_of(pen) == before


@pytest.mark.parametrize("token", [None, "x", "other session"])
def test_who_is_not_logged_in_needs_the_token_too(
    pen: PenSite, oid: int, token: str | None
) -> None:
    browser, before = pen.browser(), state_of(pen)
    theirs = pen.browser("admin").token()
    form = {"csrf_token": theirs if token == "other session" else token}
    for path in posts(pen):
        answer = browser.open("POST", path.format(oid=oid), data=form)
        assert answer.status_code == 400, path
        assert "You are not logged in." in answer.text
        assert 'href="/login?next=%2Fadmin%2Fholdingpen%2F' in answer.text
    browser.token()
    assert browser.open("POST", path.format(oid=oid), data=form).status_code == 400
    assert state_of(pen) == before


def test_without_a_page_to_log_in_the_answer_is_401(
    sqlite_ready_url: str, oid: int
) -> None:
    site = PenSite(sqlite_ready_url, tables=False, login_page=False)
    for _, method, path in routes(site):
        send_ = site.browser().post if method == "POST" else site.browser().get
        answer = send_(path.format(oid=oid))
        assert answer.status_code == 401, (method, path)
        assert "Log in to see the Holding Pen." in answer.text
    site.close()


def test_a_program_that_is_not_logged_in_is_answered_in_json(pen: PenSite) -> None:
    answer = pen.browser().get("/", headers={"Accept": "application/json"})
    assert answer.status_code == 401
    assert answer.json == {"error": "Log in to see the Holding Pen."}


@pytest.mark.parametrize("name", ["viewer", "curator", "stranger", "nobody", "blind"])
def test_what_one_may_not_is_refused_and_changes_nothing(
    pen: PenSite, oid: int, name: str
) -> None:
    browser, before = pen.browser(name), state_of(pen)
    for endpoint, method, path in routes(pen):
        verb = NEEDS[endpoint]
        if may(name, verb) and (endpoint in WIDE or may(name, "view")):
            continue
        answer = send(browser, method, path.format(oid=oid))
        sees = may(name, "view") or endpoint in WIDE
        if endpoint in WIDE and PEOPLE[name][1].get("view") == "other":
            continue  # a list of what is theirs
        assert answer.status_code in ((403, 404) if sees else (404,)), (method, path)
    assert state_of(pen) == before


@pytest.mark.parametrize("name", ["stranger", "nobody", "blind"])
def test_what_one_may_not_see_answers_as_if_it_was_not_there(
    pen: PenSite, oid: int, name: str
) -> None:
    browser = pen.browser(name)
    for endpoint, method, path in routes(pen):
        if endpoint in WIDE:
            continue
        send(browser, method, path.format(oid=MISSING))  # it gets its cookie
        missing = send(browser, method, path.format(oid=MISSING))
        hidden = send(browser, method, path.format(oid=oid))
        assert hidden.status_code == missing.status_code == 404, (method, path)
        assert hidden.text == missing.text
        assert set(hidden.headers.keys()) == set(missing.headers.keys())


def test_an_administrator_is_refused_nothing(pen: PenSite, oid: int) -> None:
    for endpoint, method, path in routes(pen):
        answer = send(pen.browser("admin"), method, path.format(oid=oid))
        refused = answer.status_code in (401, 403, 500)
        assert not refused, (endpoint, answer.status_code)


def send(browser: Browser, method: str, path: str) -> Any:
    if method == "POST":
        return browser.post(path, {"workflow": "review", "data": "{}"})
    return browser.get(path)


def test_a_stranger_sees_nothing_of_another_workflow_in_a_list(pen: PenSite) -> None:
    for path in ("/?group=all", "/?group=all&workflow=review", "/export.csv?group=all"):
        page = pen.browser("stranger").get(path)
        assert page.status_code == 200
        assert "Is it ours?" not in page.text
        assert "#1<" not in page.text
    assert "Is it ours?" in pen.browser("viewer").get("/?group=all").text


def test_a_stranger_learns_not_by_what_other_workflows_are_sorted(
    pen: PenSite,
) -> None:
    def rank(obj: Any) -> dict[str, int]:
        return {"embargo": 1}

    pen.register("sorted", ask, get_sort_data=staticmethod(rank))
    with pen.app.app_context():
        start("sorted", [{"title": "B"}])
        start("other", [{"title": "C"}])
    assert "embargo" in pen.browser("admin").get("/").get_data(as_text=True)
    seen = pen.browser("stranger").get("/").get_data(as_text=True)
    assert "C" in seen and "embargo" not in seen


def test_who_may_see_nothing_is_told_so(pen: PenSite) -> None:
    for name in ("nobody", "blind"):
        answer = pen.browser(name).get("/")
        assert answer.status_code == 403
        assert "You may not see any records." in answer.text


def test_an_identity_without_a_login_is_nobody_where_there_is_a_login(
    pen: PenSite,
) -> None:
    manager: Any = pen.app.login_manager  # type: ignore[attr-defined]
    manager.request_loader(lambda asked: None)  # logged out; the identity lingers
    assert pen.browser("admin").get("/").status_code == 302


# --- forms of another site ---------------------------------------------------------


def posts(site: PenSite) -> list[str]:
    return [path for _, method, path in routes(site) if method == "POST"]


@pytest.mark.parametrize("token", [None, "", "x", "x" * 10_000, "other session", "old"])
def test_a_form_without_the_token_of_its_session_changes_nothing(
    pen: PenSite, oid: int, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, before = pen.browser("admin"), state_of(pen)
    form = {} if token is None else {"csrf_token": token}
    mine = browser.token()
    if token == "other session":
        form = {"csrf_token": pen.browser("admin").token()}
    if token == "old":
        form = {"csrf_token": mine}
        monkeypatch.setattr("invenio_workflows.holdingpen.flask_wtf.LIFETIME", -1)
    for path in posts(pen):
        answer = browser.open("POST", path.format(oid=oid), data=form)
        assert answer.status_code == 400, path
        assert "Load it again" in answer.text
    assert state_of(pen) == before


def test_the_token_is_asked_for_where_the_site_has_switched_it_off(
    pen: PenSite, oid: int
) -> None:
    pen.app.config["WTF_CSRF_ENABLED"] = False
    assert pen.browser("admin").open("POST", f"/{oid}/delete").status_code == 400


def test_the_token_may_come_in_a_header(pen: PenSite, oid: int) -> None:
    browser = pen.browser("curator")
    headers = {"X-CSRFToken": browser.token()}
    answer = browser.open(
        "POST", f"/{oid}/comment", data={"text": "x"}, headers=headers
    )
    assert answer.status_code == 303


def test_what_is_too_large_is_refused_before_it_is_read(pen: PenSite, oid: int) -> None:
    most = pen.ext.state.settings.max_upload_size
    for sent, status in (
        ({"CONTENT_LENGTH": str(most + 1)}, 413),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, 411),
    ):
        given: Any = {"environ_overrides": sent}
        answer = pen.browser("admin").open("POST", f"/{oid}/comment", **given)
        assert answer.status_code == status


# --- what every answer carries -----------------------------------------------------


def test_every_page_forbids_what_is_not_ours(pen: PenSite, oid: int) -> None:
    for name in ("admin", "stranger", None):
        for _, method, path in routes(pen):
            answer = pen.browser(name).open(method, path.format(oid=oid))
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'self';")
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "Cookie" in answer.headers["Vary"]


def test_no_page_has_a_script_or_a_style_within(pen: PenSite, oid: int) -> None:
    for name in ("admin", "viewer", None):
        for _, method, path in routes(pen):
            answer = send(pen.browser(name), method, path.format(oid=oid))
            if answer.mimetype != "text/html":
                continue
            assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", answer.text)
            for script in re.findall(r"<script[^>]*>", answer.text):
                assert " src=" in script


def test_what_a_person_sees_is_kept_by_no_proxy(pen: PenSite) -> None:
    assert "private" in pen.browser("viewer").get("/").headers["Cache-Control"]
