"""What an attacker sends, and what strangers' texts carry: nothing comes of it."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask_wtf import CSRFProtect
from people import PEN, Browser, PenSite
from sqlalchemy import event

from invenio_workflows import comment, edit, start
from invenio_workflows.encoding import DEEPEST
from invenio_workflows.errors import DatabaseUnavailable

#: More than any record's number.
MISSING = 999_999
HALF = "\ud800"
STRANGE = (
    *("\0", "a\0b", "%00", "\r\nSet-Cookie: a=b", "\u202e", "9" * 400, "-1", "²"),
    *("../../etc/passwd", "{{7*7}}", "'; DROP TABLE workflows_object; --", "[" * 9000),
)


def ask(obj: Any, eng: Any) -> None:
    if isinstance(obj.data, dict) and obj.data.get("says"):
        obj.log.error(obj.data["says"])
        obj.add_task_result(obj.data["says"], {obj.data["says"]: obj.data["says"]})
        eng.halt(obj.data["says"], action="approval")
    eng.halt("Is it ours?", action="approval")


def keyed(password: str) -> Any:
    def upload(obj: Any, eng: Any) -> None:
        """Send it to ``address``."""
        assert password and address

    address = "https://ann:s3cret@example.org/"
    return upload


@pytest.fixture
def pen(ready_url: str) -> Iterator[PenSite]:
    site = PenSite(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    for name in ("review", "other"):
        site.register(name, ask, keyed("s3cret"), get_title=staticmethod(title))
    yield site
    site.close()


def title(obj: Any) -> str:
    return str(obj.data["title"])


def put(pen: PenSite, data: Any) -> int:
    with pen.app.app_context():
        return int(start("review", [data]).halted_objects[0].id)


@pytest.fixture
def oid(pen: PenSite) -> int:
    return put(pen, {"title": "A"})


def rules(pen: PenSite, method: str) -> list[str]:
    """The addresses of the pen that take a method; ``{oid}`` for a record's number."""
    return [
        rule.rule.removeprefix(PEN)
        .replace("<form>", "jsonl")
        .replace("<int:oid>", "{oid}")
        .replace("<path:name>", "review")
        for rule in pen.app.url_map.iter_rules()
        if rule.endpoint.startswith("holdingpen.")
        and rule.endpoint != "holdingpen.static"
        and method in (rule.methods or ())
    ]


# --- what an address or a form says ---------------------------------------------------

NAMES = (
    *("walk", "run", "after", "mark", "before", "event", "from", "to", "level", "of"),
    *("q", "sort", "size", "group", "workflow", "owner", "age", "type", "object"),
)


def test_no_address_breaks_a_page(pen: PenSite, oid: int) -> None:
    browser = pen.browser("admin")
    for path in rules(pen, "GET"):
        for value in STRANGE:
            for names in (NAMES[:10], NAMES[10:]):
                query = dict.fromkeys(names, value[:2000])
                answer = browser.get(path.format(oid=oid), query_string=query)
                assert answer.data is not None  # a stream is read to its end
                assert answer.status_code < 500, (path, value)
                assert "Set-Cookie: a=b" not in str(answer.headers)


@pytest.mark.parametrize("name", ["walk", "run", "after", "mark", "sort", "q"])
def test_no_argument_breaks_a_page_alone(pen: PenSite, oid: int, name: str) -> None:
    browser = pen.browser("admin")
    for path in ("/", "/arrivals", "/start", "/{oid}", "/export.jsonl"):
        for value in STRANGE:
            query = {name: value[:2000]}
            answer = browser.get(path.format(oid=oid), query_string=query)
            assert answer.data is not None  # a stream is read to its end
            assert answer.status_code < 500, (path, value)


@pytest.mark.parametrize(
    "value",
    ["x", None, "\\ud800", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 7],
)
@pytest.mark.parametrize("sort", ["updated", "title", "newest", "least_updated"])
def test_a_forged_key_of_a_page_leads_to_the_first(
    pen: PenSite, oid: int, sort: str, value: Any
) -> None:
    browser = pen.browser("admin")
    for number in (0, -1, 2**63 - 1, 2**64, "1", None):
        parts = json.dumps([sort, value, number, 0, 0]).replace("\\\\ud", "\\ud")
        key = base64.urlsafe_b64encode(parts.encode()).decode().rstrip("=")
        query = {"sort": sort, "after": key, "mark": key}
        for path in ("/", "/arrivals", "/export.csv", f"/{oid}"):
            answer = browser.get(path, query_string=query)
            assert answer.status_code in (200, 303), (path, number)
    deep = base64.urlsafe_b64encode(b"[" * 200_000).decode().rstrip("=")
    for path in ("/", "/arrivals"):
        query = {"sort": sort, "after": deep, "mark": deep}
        assert browser.get(path, query_string=query).status_code == 200


def test_no_form_breaks_a_page(pen: PenSite, oid: int) -> None:
    browser = pen.browser("admin")
    # Those of one request are read whatever is said in the others of it.
    fields = (
        *(("_walk",), ("_back",), ("_action",), ("next", "canned", "task", "text")),
        *(("value",), ("confirm", "reason"), ("confirm",), ("data",)),
        *(("workflow",), ("processor",)),
    )
    start_one = {"workflow": "review", "data": '{"title": "A"}'}
    for path in rules(pen, "POST"):
        for value in STRANGE:
            for names in fields:
                well = {"value": "accept"} if "resolve" in path else start_one
                form = {**well, "_revision": "2", **dict.fromkeys(names, value)}
                answer = browser.post(path.format(oid=oid), form)
                assert answer.status_code < 500, (path, names, value)
                if answer.status_code == 303 and "{oid}" in path:  # it waits no more
                    oid = put(pen, {"title": "A"})
                where = answer.headers.get("Location", PEN)
                assert where.startswith(PEN), where
                assert where.isprintable()


@pytest.mark.parametrize(
    "to",
    [
        *(
            "//evil.org",
            "\\\\evil.org",
            "/\\evil.org",
            "https://evil.org/",
            "/%09/evil",
        ),
        *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "///evil"),
        *("/\t/evil.org", "https:evil.org", "@evil.org", "/admin/..//evil.org?a"),
        *("//evil.org/admin/holdingpen/?q=1", "/x\r\nLocation: //evil.org", "?\0"),
    ],
)
def test_nobody_is_led_to_another_site(pen: PenSite, oid: int, to: str) -> None:
    for name in ("_back", "next"):
        for form in ({name: to}, {}):
            browser = pen.browser("admin")
            path = f"/{put(pen, {'title': 'B'})}/resolve"
            seq = {"_revision": "2", "value": "accept"}
            answer = browser.post(path, form | seq, query_string={name: to})
            assert answer.status_code == (422 if "next" in form else 303)
            where = answer.headers.get("Location", PEN + "/")
            assert where.startswith(PEN + "/"), where
            assert where.isprintable() and "evil.org" not in where.partition("?")[0]
    where = pen.browser().get("/", query_string={"next": to}).location
    assert where.startswith("/login?next=%2Fadmin%2Fholdingpen%2F%3Fnext%3D")


# --- ids that one may not see ---------------------------------------------------------


def same(answer: Any) -> Any:
    """All that an answer tells, byte for byte, but for the time."""
    headers = [each for each in answer.headers if each[0] != "Date"]
    return answer.status, sorted(headers), answer.data


TAILS = ("?event=1", "?walk=x", "?from=list", "?before=1.1.1", "?of=hd", "?level=error")


def test_what_one_may_not_see_answers_as_what_is_not_there(
    pen: PenSite, oid: int
) -> None:
    walk = pen.browser("admin").get(f"/{oid}?from=list").location.partition("=")[2]
    for name in ("stranger", "nobody", "blind"):
        browser = pen.browser(name)
        browser.post(f"/{MISSING}/comment")  # it gets its cookie
        for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS"):
            for rule in {*rules(pen, "GET"), *rules(pen, "POST")}:
                for tail in ("", *TAILS, f"?walk={walk}") if "{oid}" in rule else ():
                    told = [
                        ask_for(browser, method, rule, number, tail)
                        for number in (oid, MISSING)
                    ]
                    assert told[0] == told[1], (name, method, rule, tail)


def ask_for(browser: Browser, method: str, rule: str, oid: int, tail: str) -> Any:
    form = {"_revision": "1", "_walk": tail[6:], "value": "accept"}
    path, headers = rule.format(oid=oid) + tail, {"If-None-Match": "*"}
    if method == "POST":
        return same(browser.post(path, form, headers=headers))
    return same(browser.open(method, path, headers=headers))


def statements(pen: PenSite, act: Any) -> list[str]:
    """What an act asks the database."""
    found: list[str] = []

    def note(*given: Any) -> None:
        found.append(re.sub(r"\d+", "N", str(given[2])))

    event.listen(pen.ext.engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(pen.ext.engine, "before_cursor_execute", note)
    return found


def test_nothing_of_what_one_may_not_see_is_read(pen: PenSite, oid: int) -> None:
    """So it takes no longer, however much there is."""
    browser = pen.browser("stranger")
    for method, ask_for in (("GET", browser.get), ("POST", browser.post)):
        for rule in (each for each in rules(pen, method) if "{oid}" in each):
            there, missing = (
                statements(pen, lambda n=n, rule=rule: ask_for(rule.format(oid=n)))  # noqa: B023
                for n in (oid, MISSING)
            )
            assert there == missing, rule
            assert not any("data" in each for each in there), there


def test_a_walk_of_somebody_else_shows_only_what_one_may_see(pen: PenSite) -> None:
    with pen.app.app_context():
        mine = start("other", {"title": "Mine"}).halted_objects[0].id
        start("review", {"title": "Theirs"})
    walk = pen.browser("admin").get(f"/{mine}?from=list").location
    page = pen.browser("stranger").get(walk.removeprefix(PEN))
    assert page.status_code == 200
    assert "Mine" in page.text and "Theirs" not in page.text


# --- forms of another site ------------------------------------------------------------


def test_without_the_token_nothing_is_looked_up(pen: PenSite, oid: int) -> None:
    browser = pen.browser("admin")
    browser.token()
    for path in rules(pen, "POST"):
        for number in (oid, MISSING):
            answers = []
            asked = statements(
                pen,
                lambda path=path, number=number, answers=answers: answers.append(
                    browser.open("POST", path.format(oid=number))
                ),
            )
            assert [each.status_code for each in answers] == [400], path
            assert asked == [], path


@pytest.mark.parametrize(
    ("site", "is_ours"),
    [
        ("same-origin", True),
        ("none", True),
        ("cross-site", False),
        ("same-site", False),
    ],
)
def test_a_form_that_the_browser_says_is_of_another_site_is_refused(
    pen: PenSite, oid: int, site: str, is_ours: bool
) -> None:
    """Even with the right token: a neighbour's cookie may have planted it."""
    headers = {"Sec-Fetch-Site": site}
    answer = pen.browser("admin").post(
        f"/{oid}/comment", {"text": "x"}, headers=headers
    )
    assert answer.status_code == (303 if is_ours else 400)
    assert pen.browser("admin").get(f"/{oid}", headers=headers).status_code == 200


def test_a_token_of_before_the_login_is_not_of_another_session(
    pen: PenSite, oid: int
) -> None:
    planted = pen.browser("stranger").token()
    answer = pen.browser("admin").open(
        "POST", f"/{oid}/delete", data={"csrf_token": planted, "_revision": "2"}
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("ssl_strict", [True, False])
def test_a_site_that_checks_all_its_forms_takes_ours(
    pen: PenSite, oid: int, ssl_strict: bool
) -> None:
    pen.app.config["WTF_CSRF_SSL_STRICT"] = ssl_strict
    CSRFProtect(pen.app)
    browser = pen.browser("curator")
    assert (
        browser.open("POST", f"/{oid}/comment", data={"text": "x"}).status_code == 400
    )
    page = browser.get(f"/{oid}").text
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
    for given in (
        {"data": {"text": "x", "csrf_token": token}},
        {"data": {"text": "y"}, "headers": {"X-CSRFToken": token}},
    ):
        answer = browser.open("POST", f"/{oid}/comment", **given)
        assert answer.status_code == 303, answer.text


def test_a_session_that_ended_takes_its_token_with_it(pen: PenSite, oid: int) -> None:
    browser = pen.browser("admin")
    token = browser.token()
    browser.client.delete_cookie("session")
    form = {"csrf_token": token, "_revision": "2"}
    answer = browser.open("POST", f"/{oid}/delete", data=form)
    assert answer.status_code == 400
    forged = "session=eyJjc3JmX3Rva2VuIjoiMDAwMCJ9.aaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaa"
    answer = browser.open(
        "POST", f"/{oid}/delete", data=form, headers={"Cookie": forged}
    )
    assert answer.status_code == 400


# --- what every answer carries --------------------------------------------------------


def test_what_a_page_shows_is_kept_nowhere(pen: PenSite, oid: int) -> None:
    for name in ("admin", "stranger", None):
        for path in rules(pen, "GET"):
            answer = pen.browser(name).get(path.format(oid=oid))
            kept = answer.headers["Cache-Control"]
            assert kept == f"private, no-{'cache' if 'arr' in path else 'store'}", path
            assert {"Cookie", "Accept"} <= {*answer.headers["Vary"].split(", ")}


def test_refusals_below_our_path_are_hardened_too(pen: PenSite, oid: int) -> None:
    browser = pen.browser("admin")
    asked = [("GET", f"/{oid}/resolve"), ("GET", "/x/y"), ("PUT", "/"), ("GET", "/-1")]
    for method, path in asked:
        answer = browser.open(method, path)
        assert answer.status_code in (404, 405)
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
    elsewhere = browser.client.get("/nowhere")
    assert "Content-Security-Policy" not in elsewhere.headers


def test_what_fails_in_our_code_tells_nothing_of_it(
    pen: PenSite, oid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pen.app.config["PROPAGATE_EXCEPTIONS"] = False
    for error in (RuntimeError("s3cret"), DatabaseUnavailable("at s3cret:5432")):

        def fail(*given: Any, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(type(pen.ext.state.records), "workflow_of", fail)
        for method, path in (("GET", f"/{oid}"), ("POST", f"/{oid}/resolve")):
            browser = pen.browser("admin")
            answer = (browser.post if method == "POST" else browser.get)(path)
            assert answer.status_code in (500, 503)
            assert "s3cret" not in answer.text
            assert answer.headers["Content-Security-Policy"]


def test_no_file_of_the_server_is_served(pen: PenSite) -> None:
    browser = pen.browser("admin")
    for path in (
        *("../holdingpen/guard.py", "..%2fholdingpen%2fguard.py", "/etc/passwd"),
        *(
            "workflows/../../ext.py",
            "workflows/..\\..\\ext.py",
            "workflows%00.css",
            ".",
        ),
    ):
        answer = browser.get(f"/static/{path}")
        assert answer.status_code in (301, 302, 308, 404), path
        assert "import" not in answer.text
    taking = [r.endpoint for r in pen.app.url_map.iter_rules() if "path:" in r.rule]
    assert [each for each in taking if each.startswith("holdingpen.")] == [
        "holdingpen.static",
        "holdingpen.definition",  # the name of a workflow, of whatever letters
    ]


# --- strangers' texts -----------------------------------------------------------------

HOSTILE = f"<script>alert(1)</script>\u202egnp\x1b[31m\0{HALF} javascript:alert(1)"
TURNS = re.compile("[\u202a-\u202e\u2066-\u2069\x00\x1b]")


def test_half_a_letter_and_other_bytes_break_nothing(pen: PenSite) -> None:
    oid = put(pen, {"title": HOSTILE, "says": HOSTILE, HOSTILE: [HOSTILE, HALF]})
    with pen.app.app_context():
        comment(oid, HOSTILE, HOSTILE)
    browser = pen.browser("admin")
    for path in rules(pen, "GET"):
        tail = "?name=<script>" if "oid" in path else "?group=all"
        answer = browser.get(path.format(oid=oid) + tail)
        none = path.endswith(("/results", "/file/<name>"))  # of that name
        assert answer.status_code in ((404,) if none else (200, 301)), path
        assert "<script>alert" not in answer.text or answer.mimetype != "text/html"
        if answer.mimetype == "text/html" and "edit" not in path:
            assert not TURNS.search(answer.text), path
    (line,) = browser.get("/export.jsonl").text.splitlines()
    assert json.loads(line)["data"][HOSTILE] == [HOSTILE, HALF]
    assert browser.get(f"/{oid}/data.json").json["title"] == HOSTILE


def test_a_megabyte_of_text_is_cut_wherever_it_stands(pen: PenSite) -> None:
    long = "ab " * 350_000
    oid = put(pen, {"title": long, "says": long, long: [long]})
    with pen.app.app_context():
        comment(oid, long[:10_000], long)
    browser = pen.browser("admin")
    for path in rules(pen, "GET"):
        if path not in ("/{oid}/data.json", "/export.<form>"):
            answer = browser.get(path.format(oid=oid))
            none = path.endswith(("/results", "/file/<name>"))
            assert answer.status_code < 400 or none, path
            if answer.mimetype == "text/html":
                assert len(answer.data) < 200_000, (path, len(answer.data))
    for field in ("reason", "canned", "_walk", "_back", "_action", "task", "text"):
        for verb in ("resolve", "restart_from", "comment"):
            form = {"_revision": "2", "value": "no", field: long}
            answer = browser.post(f"/{oid}/{verb}", form)
            assert answer.status_code in (409, 413, 422), (field, verb)
            assert len(answer.data) < 200_000


def test_what_is_edited_may_hold_half_a_letter(pen: PenSite) -> None:
    oid = put(pen, {"title": HALF})
    page = pen.browser("editor").get(f"/{oid}/edit")
    assert r"\ud800" in page.text
    form = {"_revision": "2", "data": r'{"title": "\ud800\u0000"}', "confirm": "1"}
    answer = pen.browser("editor").post(f"/{oid}/save", form)
    assert answer.status_code in (303, 422)


def test_a_refusal_turns_nothing_round(pen: PenSite, oid: int) -> None:
    form = {"_revision": "2", "_action": "\u202egnp\x1b<b>", "value": "accept"}
    answer = pen.browser("curator").post(f"/{oid}/resolve", form)
    assert answer.status_code == 409
    assert not TURNS.search(answer.text) and "<b>" not in answer.text
    told = {"Accept": "application/json"}
    answer = pen.browser("curator").post(f"/{oid}/resolve", form, headers=told)
    assert not TURNS.search(answer.json["error"])


@pytest.mark.parametrize(
    "text",
    [*"=+-@", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201"],
)
def test_no_spreadsheet_reckons_with_a_title(pen: PenSite, text: str) -> None:
    oid = put(pen, {"title": f"{text}cmd|' /C calc'!A0", "says": f"{text}1"})
    answer = pen.browser("admin").get("/export.csv")
    (row,) = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert row["id"] == str(oid)
    for cell in (row["title"], row["message"]):
        assert cell.startswith("'"), cell
    sent = answer.headers["Content-Disposition"]
    assert sent == "attachment; filename=records.csv"


def test_a_password_in_a_definition_is_not_shown(pen: PenSite, oid: int) -> None:
    page = pen.browser("viewer").get(f"/{oid}").text
    assert "s3cret" not in page
    assert "<code>password</code>" in page and "https://ann:…@example.org/" in page


# --- what is uploaded -----------------------------------------------------------------


@pytest.mark.parametrize("processor", ["json", "jsonl"])
@pytest.mark.parametrize(
    "text",
    [
        *("[" * 100_000, '{"a":' * 50_000, "[" * 900 + "]" * 900, "1" * 5000),
        *("1e999", "NaN", "-Infinity", '"\\ud800"', '{"a": "\\u0000"}', "\ufeff{}"),
        *('{"$date": "x"}', '{"$": {"$": 1}}', "", "null", "[[]]", '"\x00"'),
    ],
)
def test_no_upload_breaks_a_page(pen: PenSite, processor: str, text: str) -> None:
    form = {
        "workflow": "review",
        "processor": processor,
        "file": (io.BytesIO(text.encode()), "../../x\r\n.json"),
    }
    answer = pen.browser("admin").post("/start/run", form)
    assert answer.status_code in (303, 422), text[:20]
    form = {"workflow": "review", "data": text}
    assert pen.browser("admin").post("/start/run", form).status_code in (303, 422, 413)


@pytest.mark.parametrize("kind", [dict, list])
def test_data_as_deep_as_they_may_be_break_no_page(pen: PenSite, kind: type) -> None:
    def nested(bottom: str, depth: int = DEEPEST - 2) -> Any:
        value: Any = bottom
        for _ in range(depth):
            value = {"in": value} if kind is dict else [value]
        return {"title": "A", "deep": value}

    oid = put(pen, nested("x"))
    with pen.app.app_context():
        edit(oid, nested("y"), "ann")
    for name in ("viewer", "admin"):
        for path in rules(pen, "GET"):
            answer = pen.browser(name).get(path.format(oid=oid))
            assert answer.status_code < 500, path
            assert answer.data is not None
    for more in ({}, {"confirm": "1"}):
        form = {"_revision": "3", "data": json.dumps(nested("z")), **more}
        answer = pen.browser("admin").post(f"/{oid}/save", form)
        assert answer.status_code == (303 if more else 200)
    form = {"workflow": "review", "data": json.dumps(nested("z", DEEPEST))}
    answer = pen.browser("admin").post("/start/run", form)
    assert answer.status_code == 422 and "too deep" in answer.text


def test_whatever_a_decision_holds_is_only_text_in_the_audit(
    pen: PenSite, oid: int
) -> None:
    bad = "<script>alert(1)</script>\u202e\x1b[31m\"'><img src=x> " + "x" * 100_000
    with pen.app.app_context():
        comment(oid, bad[:9000], bad)
        edit(oid, {"title": "A", bad[:60]: bad}, bad, reason=bad)
    admin = pen.browser("admin")
    for path in ("/audit", f"/{oid}"):
        text = admin.get(path).text
        assert "&lt;script&gt;alert(1)" in text and "<script>alert" not in text
        assert "<img src=x" not in text and "\u202e" not in text and "\x1b" not in text
        assert len(text) < 100_000, path
