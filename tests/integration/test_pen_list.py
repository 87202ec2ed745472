"""The list of the pen: what it shows, what it says, what is sent from it."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from markupsafe import Markup
from people import Browser, PenSite, texts
from sqlalchemy import event

from invenio_workflows import WorkflowObject, start, start_delayed
from invenio_workflows.actions.approval import Approval
from invenio_workflows.errors import ConfigurationError
from invenio_workflows.holdingpen import exporting
from invenio_workflows.store import list_find, look

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
TURN = "\N{RIGHT-TO-LEFT OVERRIDE}"


def decide(obj: Any, eng: Any) -> None:
    """Halt, fail or go on, as the data say."""
    if obj.data.get("fail"):
        raise ValueError(obj.data["fail"])
    if "ask" in obj.data:
        eng.halt(obj.data["ask"], action="approval")


def title(obj: Any) -> Any:
    return obj.data["title"]


@pytest.fixture
def pen(ready_url: str) -> Iterator[PenSite]:
    site = PenSite(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    site.register("review", decide, get_title=staticmethod(title))
    site.register("other", decide, get_title=staticmethod(title))
    yield site
    site.close()


@pytest.fixture
def admin(pen: PenSite) -> Browser:
    return pen.browser("admin")


def put(pen: PenSite, *data: dict[str, Any], workflow: str = "review") -> list[int]:
    """Run these through a workflow; return the ids, in order."""
    with pen.app.app_context():
        objects = [WorkflowObject(each, id_user=1) for each in data]
        start(workflow, objects, stop_on_error=False)
        return [obj.id for obj in objects]


def rows(page: Any) -> list[str]:
    """The titles of a page's rows."""
    found = re.findall(r'class="hp-open"[^>]*><bdi>(.*?)</bdi>', page.text, re.DOTALL)
    return [unescape(each) for each in found]


def tabs(page: Any) -> dict[str, str]:
    """The groups with their counts."""
    nav = page.text.partition('class="hp-tabs"')[2].partition("</nav>")[0]
    links = [texts(each) for each in re.findall(r"<a .*?</a>", nav, re.DOTALL)]
    return {each.rstrip("0123456789,+ "): each.split()[-1] for each in links}


def links(page: Any, words: str) -> list[str]:
    """The addresses of the links that say this."""
    found = re.findall(r'<a [^>]*?href="([^"]*)"[^>]*>(.*?)</a>', page.text, re.DOTALL)
    return [unescape(url) for url, inner in found if words in unescape(texts(inner))]


def follow(browser: Browser, url: str) -> Any:
    assert url.startswith("/admin/holdingpen/")
    return browser.get(url.removeprefix("/admin/holdingpen"))


# --- what it shows --------------------------------------------------------------------


def test_what_needs_somebody_is_shown_first_and_counted(
    pen: PenSite, admin: Browser
) -> None:
    put(
        pen,
        {"title": "A", "ask": "Is it ours?"},
        {"title": "B", "fail": "no host"},
        {"title": "C"},
    )
    page = admin.get("/")
    assert rows(page) == ["A"]
    assert "Is it ours?" in texts(page.text)
    counts = tabs(page)
    assert (counts["Need action"], counts["Failed"], counts["Done"]) == ("1", "1", "1")
    failed = follow(admin, links(page, "Failed")[0])
    assert rows(failed) == ["B"]
    assert "no host" in texts(failed.text)
    assert sorted(rows(follow(admin, links(page, "All")[0]))) == ["A", "B", "C"]


def test_a_search_finds_words_phrases_and_what_is_not_there(
    pen: PenSite, admin: Browser
) -> None:
    put(
        pen,
        {"title": "Dark matter in the halo of Müller", "ask": "?"},
        {"title": "Matter that is dark", "ask": "?"},
        {"title": "Light"},
    )
    for text, titles in (
        ("dark matter", 2),
        ('"dark matter"', 1),
        ("matter -muller", 1),
        ("MÜLL", 1),
        ("is:done light", 1),
        ("-is:done", 2),
        ("workflow:other", 0),
        ("owner:me", 2),
        ("owner:99", 0),
        ("older:1h", 0),
        ("newer:1h dark", 2),
        ("action:approval", 2),
    ):
        page = admin.get("/", query_string={"q": text})
        assert page.status_code == 200
        assert len(rows(page)) == titles, text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("oai:arXiv.org:1101.4388", ["B"]),
        ("arxiv:1101.4388", ["B"]),
        ("doi:10.1103/PhysRevD.66", ["A"]),
        ("hep-th/9901001v2", ["A"]),
        ("physrevd", ["A"]),
    ],
)
def test_a_search_finds_identifiers(
    pen: PenSite, admin: Browser, text: str, found: list[str]
) -> None:
    pen.register(
        "review",
        decide,
        get_title=staticmethod(title),
        get_search_text=staticmethod(lambda obj: obj.data.get("ids", "")),
    )
    put(pen, {"title": "A", "ask": "?", "ids": "10.1103/PhysRevD.66 hep-th/9901001v2"})
    uri = "oai:arXiv.org:1101.4388"
    with pen.app.app_context():
        start("review", WorkflowObject({"title": "B", "ask": "?"}, uri=uri))
    page = admin.get("/", query_string={"q": text})
    assert rows(page) == found
    assert 'aria-describedby="faults"' not in page.text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("older:soon", "“soon” is not an age."),
        ("title:x", "There is no filter “title:”."),
        ("is:<b>", "A record is never “<b>”."),
        ('"', ""),
        ("-", ""),
        ("x" * 5000, "Only the first 1000 characters count."),
        ("\x00\u202e", ""),
        ("%", "“%” has neither letters nor digits."),
        ("'; DROP TABLE workflows_object --", "“';” has neither"),
    ],
)
def test_what_is_not_understood_is_told_beside_the_box(
    admin: Browser, text: str, sentence: str
) -> None:
    page = admin.get("/", query_string={"q": text})
    assert page.status_code == 200
    assert sentence in unescape(texts(page.text))
    assert ('aria-describedby="faults"' in page.text) == bool(sentence)


@pytest.mark.parametrize(
    "query",
    [
        "after=x",
        "after=W10",
        "sort=nothing",
        "sort=-nothing&after=" + "A" * 3000,
        "size=0",
        "size=-1",
        "group=x&group=failed&group=failed",
        "workflow=%00&action=%00&type=%00&owner=%00&age=%00&q=%00&sort=%00&after=%00",
        "owner=999999999999999999",
        "age=older&age=1d",
        "q=" + "a+" * 400,
    ],
)
def test_no_address_breaks_the_list(pen: PenSite, admin: Browser, query: str) -> None:
    put(pen, {"title": "A", "ask": "?"})
    for path in ("/", "/arrivals", "/export.csv", "/export.jsonl"):
        assert admin.get(f"{path}?{query}").status_code == 200


def test_every_filter_that_is_on_can_be_taken_away(
    pen: PenSite, admin: Browser
) -> None:
    put(pen, {"title": "Dark", "ask": "?"}, {"title": "Light", "ask": "?"})
    on = "/?workflow=gone&action=approval&owner=me&age=1d&q=dark+older:3d+type:x"
    page = admin.get(on)
    assert rows(page) == []
    chips = ["workflow: gone", "action: approval", "owner: me", "age: less than a day"]
    for chip in (*chips, "older:3d", "type:x", "“dark”"):
        (without,) = links(page, f"Remove {chip}")
        assert not links(follow(admin, without), f"Remove {chip}")
    (cleared,) = links(page, "Clear filters")
    assert sorted(rows(follow(admin, cleared))) == ["Dark", "Light"]


def test_facets_count_and_narrow_the_list(pen: PenSite, admin: Browser) -> None:
    put(pen, {"title": "A", "ask": "?"}, {"title": "B", "ask": "?"})
    put(pen, {"title": "C", "ask": "?"}, workflow="other")
    (facet,) = (each for each in links(admin.get("/"), "other 1"))
    page = follow(admin, facet)
    assert rows(page) == ["C"]
    assert links(page, "review 2")  # what else there is can still be chosen


def test_counts_are_of_what_this_person_may_see(pen: PenSite) -> None:
    put(pen, {"title": "A", "ask": "?"}, {"title": "B"})
    put(pen, {"title": "C", "ask": "?"}, {"title": "D"}, workflow="other")
    with pen.app.app_context():
        start("other", [WorkflowObject({"title": "E", "ask": "?"}, data_type="book")])
    for name, halted, approvals in (("admin", "3", "3"), ("viewer", "1", "1")):
        page = pen.browser(name).get("/")
        assert tabs(page)["Need action"] == halted
        assert links(page, f"approval {approvals}")
        for hidden in ("other", "book 1"):
            assert bool(links(page, hidden)) is (name == "admin")
    page = pen.browser("viewer").get("/?workflow=other&group=all")
    assert rows(page) == []
    assert set(tabs(page).values()) <= {"0", "All"}


def test_a_facet_says_how_many_values_it_does_not_show(
    pen: PenSite, admin: Browser
) -> None:
    with pen.app.app_context():
        for owner in range(100, 170):
            start("review", [WorkflowObject({"title": "A"}, id_user=owner)])
    page = admin.get("/?group=done")
    facet = page.text.partition("<h2>Owner")[2].partition("</section>")[0]
    shown, _, folded = facet.partition("<details>")
    assert (shown.count("<li>"), folded.count("<li>")) == (12, 28)
    assert "58 more" in texts(folded)
    assert "30 others are found by owner:17" in texts(folded)
    assert rows(admin.get("/?group=done&q=owner:101")) == ["A"]


def test_owners_have_the_names_that_the_site_gives_them(
    ready_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[list[str]] = []

    def names(ids: list[str]) -> dict[str, str]:
        asked.append(ids)
        if "13" in ids:
            raise LookupError("no such person")
        return {"1": f"Ada {EVIL}", "99": "Not asked for"}

    site = PenSite(ready_url, tables=False, WORKFLOWS_USER_NAMES=names)
    site.register("review", decide)
    put(site, {"ask": "?"})
    with site.app.app_context():
        start("review", [WorkflowObject({"ask": "?"}, id_user=2)])
    browser = site.browser("admin")
    page = browser.get("/", query_string={"owner": ["1", "2"]})
    said = unescape(texts(page.text))
    assert "owner: Ada" in said
    assert "owner: 2" in said
    assert EVIL not in page.text
    assert links(page, "Ada")[0].endswith("?owner=2")  # it is chosen
    assert sorted(asked.pop()) == ["1", "2"]
    assert not asked
    page = browser.get("/", query_string={"owner": "13"})
    assert "owner: 13" in texts(page.text)
    assert "WORKFLOWS_USER_NAMES failed for" in caplog.text
    site.close()


@pytest.mark.parametrize("given", ["nowhere:names", "invenio_workflows:none", 7])
def test_names_that_cannot_be_asked_for_are_refused_at_once(
    sqlite_ready_url: str, given: Any
) -> None:
    with pytest.raises(ConfigurationError, match="WORKFLOWS_USER_NAMES"):
        PenSite(sqlite_ready_url, tables=False, WORKFLOWS_USER_NAMES=given)


def test_what_the_text_says_of_a_facet_is_chosen_in_it(
    pen: PenSite, admin: Browser
) -> None:
    put(pen, {"title": "Dark A", "ask": "?"}, {"title": "Light", "ask": "?"})
    put(pen, {"title": "Dark B", "ask": "?"}, workflow="other")
    page = admin.get("/", query_string={"q": "dark workflow:review"})
    assert rows(page) == ["Dark A"]
    chosen = re.findall(
        r'<a [^>]*aria-current="true">\s*<span class="hp-tick">', page.text
    )
    assert len(chosen) == 1
    (more,) = links(page, "other 1")
    page = follow(admin, more)
    assert sorted(rows(page)) == ["Dark A", "Dark B"]
    (less,) = links(page, "review 1")
    assert rows(follow(admin, less)) == ["Dark B"]


def test_groups_that_no_tab_stands_for_are_taken_away_by_chips(
    pen: PenSite, admin: Browser
) -> None:
    put(pen, {"title": "A", "ask": "?"}, {"title": "B"}, {"title": "C", "fail": "x"})
    page = admin.get("/?group=done&group=failed")
    assert sorted(rows(page)) == ["B", "C"]
    (without,) = links(page, "Remove Done")
    page = follow(admin, without)
    assert rows(page) == ["C"]
    assert not links(page, "Remove Failed")


@pytest.mark.parametrize(("size", "shown"), [("3", 10), ("500", 500), ("9999", 500)])
def test_a_page_has_from_10_to_500_rows(
    pen: PenSite, admin: Browser, size: str, shown: int
) -> None:
    put(pen, *({"title": f"T{n}", "ask": "?"} for n in range(501)))
    page = admin.get(f"/?size={size}")
    assert len(rows(page)) == shown
    assert links(page, "Next")


def test_pages_go_on_and_back_by_keys(pen: PenSite, admin: Browser) -> None:
    put(pen, *({"title": f"T{n:02}", "ask": "?"} for n in range(23)))
    page = admin.get("/?size=10&sort=title")
    seen = [rows(page)]
    assert not links(page, "Previous")
    while on := links(page, "Next"):
        page = follow(admin, on[0])
        seen.append(rows(page))
    assert [len(each) for each in seen] == [10, 10, 3]
    assert sum(seen, []) == [f"T{n:02}" for n in range(23)]
    back = follow(admin, links(page, "Previous")[0])
    assert rows(back) == seen[1]


class Careful(Approval):
    """Asks for more than is kept of a row, and not everybody."""

    four_eyes, mini_of_row = True, False

    def render_mini(self, obj: Any) -> Any:
        return "workflows/actions/approval_mini.html", {"offered": obj.data["offered"]}


def test_a_page_makes_at_most_eight_statements(
    pen: PenSite, admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever way its rows are found, and with all that code may show in them."""
    pen.ext.register_action("careful", Careful())
    pen.register(
        "whole",
        lambda obj, eng: eng.halt("?", action="careful"),
        get_title=staticmethod(title),
        get_additional=staticmethod(lambda obj: obj.data["title"]),
    )
    offered = {"offered": ["accept"]}
    put(pen, *({"title": f"T{n}"} | offered for n in range(30)), workflow="whole")
    with pen.app.app_context():
        start_delayed("review", [{"title": "queued"}])
    made: list[str] = []

    @event.listens_for(pen.ext.engine, "before_cursor_execute")
    def keep(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        made.append(statement)

    paths = (
        *("/", "/?group=all&q=t1&sort=title", "/?workflow=whole&age=1d"),
        *("/?owner=1", "/?owner=1&age=1d&q=t1", "/?owner=1&sort=title"),
        *("/?q=t1", "/?q=nothing", "/?sort=title&group=all&q=t"),
        *("/?group=all&owner=1&sort=title", "/?group=all&owner=1&sort=title&q=t1"),
        *("/?owner=1&age=1d&sort=title", "/?owner=1&q=t&age=1d&sort=title"),
        *("/?owner=1&sort=none", "/?q=is:overdue&owner=1&sort=title", "/?sort=none"),
    )
    # As if there were many of everything: more than are counted, or passed.
    for few, owned, sample in (
        *((5_000, 20_000, 1_000), (0, 20_000, 1_000), (0, 0, 1_000)),
        *((5_000, 0, 3), (0, 20_000, 3), (0, 0, 3)),
    ):
        monkeypatch.setattr(list_find, "FEW", few)
        monkeypatch.setattr(list_find, "OWNED", owned)
        for room in (list_find, look):
            monkeypatch.setattr(room, "SAMPLE", sample)
        for name in ("WALK", "FIRST_WALK"):
            monkeypatch.setattr(list_find, name, 5 if sample == 3 else 2_000)
        for path in paths:
            made.clear()
            assert admin.get(path).status_code == 200
            assert 0 < len(made) <= 8, (few, owned, path, made)


def test_a_place_that_is_gone_leads_to_the_first_page_in_the_same_order(
    pen: PenSite, admin: Browser
) -> None:
    put(pen, *({"title": f"T{n:02}", "ask": "?"} for n in range(12)))
    page = admin.get("/?size=10&sort=-title&after=gone")
    assert rows(page)[:2] == ["T11", "T10"]


def test_more_than_a_thousand_hits_are_counted_as_what_they_are(
    pen: PenSite, admin: Browser
) -> None:
    put(pen, *({"title": f"Dark {n}", "ask": "?"} for n in range(1002)))
    with pen.app.app_context():
        start_delayed("review", [{"title": "Dark and queued"}])
    assert tabs(admin.get("/"))["Need action"] == "1,002"  # and the counters are folded
    made: list[str] = []

    @event.listens_for(pen.ext.engine, "before_cursor_execute")
    def keep(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        made.append(statement.replace("\n", " "))

    page = admin.get("/?q=dark&sort=title")
    assert len(made) <= 8, made
    assert tabs(page)["Need action"] == "1,000+"
    assert "of the newest 1,000" in page.text


# --- what the code of others gives ----------------------------------------------------


def test_a_text_is_escaped_wherever_it_comes_from(pen: PenSite, admin: Browser) -> None:
    pen.register(
        "review",
        decide,
        get_title=staticmethod(lambda obj: EVIL),
        get_description=staticmethod(lambda obj: EVIL),
        get_additional=staticmethod(lambda obj: EVIL),
    )
    put(pen, {"title": "", "ask": EVIL}, {"title": "", "fail": EVIL})
    path = f"/?group=all&workflow={EVIL}&action={EVIL}&type={EVIL}&sort={EVIL}"
    for page in (
        admin.get("/?group=all"),
        admin.get(path),
        admin.get("/", query_string={"q": f'{EVIL} is:"{EVIL}" {EVIL}:x'}),
    ):
        assert "<script>alert" not in page.text
        assert "<img" not in page.text


def test_only_markup_is_html(pen: PenSite, admin: Browser) -> None:
    pen.register(
        "review",
        decide,
        get_title=staticmethod(lambda obj: Markup("<i>slanted</i>")),
        get_additional=staticmethod(lambda obj: Markup("<b>bold</b>")),
    )
    put(pen, {"ask": "?"})
    page = admin.get("/")
    assert "<i>slanted</i>" in page.text
    assert "<b>bold</b>" in page.text


def test_a_title_is_a_line_that_turns_nothing_round(
    pen: PenSite, admin: Browser
) -> None:
    put(pen, {"title": f"a{TURN}b\n\x07c " + "x" * 1_000_000, "ask": "?"})
    page = admin.get("/")
    (shown,) = rows(page)
    assert shown.startswith("ab c xxx")
    assert len(shown) <= 300
    assert len(page.text) < 100_000


def test_a_hook_that_fails_leaves_a_placeholder_and_a_line(
    pen: PenSite, admin: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        name, mini_of_row = "broken", False

        def render_mini(self, obj: Any) -> Any:
            raise RuntimeError("no mini")

        def resolve(self, obj: Any, form: Any, actor: Any) -> Any: ...

    def additional(obj: Any) -> str:
        raise RuntimeError("no additional")

    pen.ext.register_action("broken", Broken())
    pen.register(
        "review",
        lambda obj, eng: eng.halt("?", action="broken"),
        get_title=staticmethod(lambda obj: 1 / 0),
        get_additional=staticmethod(additional),
    )
    with caplog.at_level(logging.CRITICAL):
        (oid,) = put(pen, {})
    caplog.clear()
    page = admin.get("/")
    assert rows(page) == [f"Record {oid}"]
    assert "(what else there is cannot be shown)" in page.text
    assert "(the decision cannot be shown; open the record)" in page.text
    assert {"no additional", "no mini"} <= {
        str(line.exc_info[1]) for line in caplog.records if line.exc_info
    }


def test_a_record_whose_workflow_is_gone_is_still_listed(
    pen: PenSite, admin: Browser
) -> None:
    put(pen, {"title": "A", "ask": "?"}, workflow="other")
    state = pen.ext.state
    del state.workflows._things["other"], state.catalogue._definitions["other"]
    assert rows(admin.get("/")) == ["A"]


# --- deciding in the row --------------------------------------------------------------


def test_a_row_is_decided_by_the_form_in_it(pen: PenSite) -> None:
    put(pen, {"title": "A", "ask": "?"})
    curator = pen.browser("curator")
    page = curator.get("/")
    form = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page.text))
    (action,) = re.findall(r'class="hp-mini" method="post" action="([^"]+)"', page.text)
    data = {**form, "value": "accept"}
    path = action.removeprefix("/admin/holdingpen")
    answer = curator.open("POST", path, data=data)
    assert answer.status_code == 303
    assert answer.location.startswith("/admin/holdingpen/")
    after = curator.get("/")
    assert rows(after) == []
    assert tabs(after)["In process"] == "1"


def test_who_may_not_decide_has_no_form_in_the_row(pen: PenSite) -> None:
    put(pen, {"title": "A", "ask": "?"})
    page = pen.browser("viewer").get("/")
    assert rows(page) == ["A"]
    assert 'class="hp-mini"' not in page.text


def test_what_is_decided_on_its_own_page_is_opened_from_the_row(pen: PenSite) -> None:
    class Choose:
        name, title = "choose", "Which one?"

        def resolve(self, obj: Any, form: Any, actor: Any) -> Any: ...

    pen.ext.register_action("choose", Choose())
    asks = {"get_title": staticmethod(title)}
    pen.register("review", lambda obj, eng: eng.halt("?", action="choose"), **asks)
    (first,) = put(pen, {"title": "A"})
    pen.register("review", lambda obj, eng: eng.halt("?"), **asks)
    (second,) = put(pen, {"title": "B"})
    page = pen.browser("curator").get("/")
    for oid in (first, second):
        (shown,) = re.findall(
            f'<a class="hp-button hp-look"[^>]*Open {oid}"', page.text
        )
        assert f'href="/admin/holdingpen/{oid}?' in shown
    assert "hp-look" not in pen.browser("viewer").get("/").text


# --- nothing to show ------------------------------------------------------------------


def test_nothing_to_do_is_told_apart_from_nothing_found(
    pen: PenSite, admin: Browser
) -> None:
    put(pen, {"title": "A"})
    assert "All caught up" in admin.get("/").text
    nothing = admin.get("/?q=zebra")
    assert "Nothing matches" in nothing.text
    assert links(nothing, "Clear filters")
    elsewhere = admin.get("/", query_string={"q": "a"})
    assert rows(follow(admin, links(elsewhere, "Look in all groups 1")[0])) == ["A"]
    assert "There is nothing here" in admin.get("/?group=failed").text


def test_a_queue_that_nobody_serves_is_told_of(pen: PenSite, admin: Browser) -> None:
    with pen.app.app_context():
        start_delayed("review", [{"title": "A"}])
    assert "No worker has run" not in admin.get("/").text
    with pen.ext.engine.begin() as connection:
        old = "'2020-01-01 00:00:00.000000'"
        if connection.dialect.name == "postgresql":
            old = "now() - interval '12 minutes'"
        connection.exec_driver_sql(f"UPDATE workflows_object SET modified = {old}")
    assert "No worker has run for" in admin.get("/").text


@pytest.mark.parametrize(
    ("worker", "command"),
    [
        ("local", "flask workflows worker"),
        ("celery", "celery -A YOUR.MODULE.celery_app worker"),
        ("rq", "flask workflows rq-worker"),
    ],
)
def test_who_is_told_of_a_stop_is_told_what_begins_that_worker(
    pen: PenSite, monkeypatch: pytest.MonkeyPatch, worker: str, command: str
) -> None:
    with pen.app.app_context():
        start_delayed("review", [{"title": "A"}])
    monkeypatch.setattr("invenio_workflows.holdingpen.listing.idle", lambda _: 720.0)
    url = pen.ext.engine.url.render_as_string(hide_password=False)
    site = PenSite(url, tables=False, WORKFLOWS_WORKER=worker)
    page = texts(site.browser("admin").get("/").text)
    assert "No worker has run for 12 minutes." in page
    assert f"{command} " in page
    site.close()


# --- news -----------------------------------------------------------------------------


def test_news_are_told_once_something_came(pen: PenSite, admin: Browser) -> None:
    put(pen, {"title": "A", "ask": "?"})
    page = admin.get("/")
    (address,) = re.findall(r'data-src="([^"]+)"', page.text)
    path = unescape(address).removeprefix("/admin/holdingpen")
    first = admin.get(path)
    assert first.json == {"count": 0, "text": ""}
    known = {"If-None-Match": first.headers["ETag"]}
    assert admin.get(path, headers=known).status_code == 304
    put(pen, {"title": "B", "ask": "?"}, {"title": "C", "ask": "?"}, {"title": "D"})
    second = admin.get(path, headers=known)
    assert second.json == {"count": 2, "text": "2 new"}
    put(pen, {"title": "E"})
    again = {"If-None-Match": second.headers["ETag"]}
    assert admin.get(path, headers=again).status_code == 304


# --- files ----------------------------------------------------------------------------


def test_a_list_is_a_file_with_the_same_filters(pen: PenSite, admin: Browser) -> None:
    put(pen, *({"title": f"T{n:03}", "ask": "?", "n": n} for n in range(230)))
    put(pen, {"title": "=1+1", "ask": "@SUM(A1)"}, workflow="other")
    answer = admin.get("/export.csv?sort=title")
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(lines) == 231
    assert lines[0]["title"] == "'=1+1"
    assert lines[0]["message"] == "'@SUM(A1)"
    assert [each["title"] for each in lines[1:]] == [f"T{n:03}" for n in range(230)]
    text = admin.get("/export.jsonl?q=t229").text
    (line,) = map(json.loads, text.splitlines())
    assert line["data"] == {"title": "T229", "ask": "?", "n": 229}
    assert line["group"] == "need_action"


@pytest.mark.parametrize(
    "evil",
    ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1", "|x", "%x"],
)
def test_no_cell_of_a_file_is_a_formula(
    pen: PenSite, admin: Browser, evil: str
) -> None:
    put(pen, {"title": evil, "ask": f"{evil}?"})
    (line,) = csv.DictReader(io.StringIO(admin.get("/export.csv").text, newline=""))
    for cell in line.values():
        assert not cell.lstrip().startswith(tuple("=+-@|%\uff1d"))
    assert line["title"].lstrip("'").strip() == evil.strip()


def test_a_file_is_sent_while_it_is_read(pen: PenSite, admin: Browser) -> None:
    put(pen, *({"title": f"T{n}", "ask": "?"} for n in range(601)))
    made: list[str] = []

    @event.listens_for(pen.ext.engine, "before_cursor_execute")
    def keep(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        made.append(statement)

    for form, header in (("csv", 1), ("jsonl", 0)):
        answer = admin.get(f"/export.{form}", buffered=False)
        parts = answer.iter_encoded()
        made.clear()
        first = next(parts) + next(parts)
        early = len(made)
        rest = b"".join(parts)
        assert b"T600" in first
        assert b"T0" in rest
        assert early < len(made)
        lines = (first + rest).decode().splitlines()
        assert len(lines) == 601 + header
        answer.close()


@pytest.mark.parametrize("sort", ["updated", "least_updated"])
def test_what_changes_while_a_file_is_sent_is_in_it_once(
    pen: PenSite, admin: Browser, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    monkeypatch.setattr(exporting, "BATCH", 2)
    ids = put(pen, *({"title": f"T{n}", "ask": "?"} for n in range(6)))
    answer = admin.get(f"/export.csv?sort={sort}", buffered=False)
    lines = iter(answer.response)
    begun = next(lines) + next(lines)
    with pen.app.app_context():
        for oid in (ids[1], ids[-2]):
            WorkflowObject.query.get(oid).save()
    text = (begun + b"".join(lines)).decode()
    found = [int(row["id"]) for row in csv.DictReader(io.StringIO(text))]
    assert sorted(found) == ids
    answer.close()


def test_a_file_has_what_its_reader_may_see(pen: PenSite) -> None:
    put(pen, {"title": "A", "ask": "?"})
    put(pen, {"title": "C", "ask": "?"}, workflow="other")
    for name, seen in (("admin", {"A", "C"}), ("viewer", {"A"}), ("stranger", {"C"})):
        browser = pen.browser(name)
        lines = csv.DictReader(io.StringIO(browser.get("/export.csv?group=all").text))
        assert {line["title"] for line in lines} == seen
        found = browser.get("/export.jsonl?group=all").text.splitlines()
        assert {json.loads(line)["title"] for line in found} == seen
    assert pen.browser("nobody").get("/export.csv").status_code == 403


def test_hidden_fields_are_in_no_file_but_an_editors(pen: PenSite) -> None:
    pen.register(
        "review",
        decide,
        hidden_fields=["secret", "author.mail"],
        get_additional=staticmethod(lambda obj: json.dumps(obj.data)),
    )
    put(pen, {"secret": "hush", "author": {"mail": "a@b", "name": "N"}, "ask": "?"})
    for name, seen in (("viewer", False), ("admin", True)):
        browser = pen.browser(name)
        for path in ("/export.jsonl", "/"):
            text = browser.get(path).text
            assert ("hush" in text) is seen
            assert ("a@b" in text) is seen
            assert "author" in text


# --- starting -------------------------------------------------------------------------


def test_a_workflow_is_started_with_json(pen: PenSite, admin: Browser) -> None:
    data = json.dumps([{"title": "A"}, {"title": "B"}])
    answer = admin.post("/start/run", {"workflow": "review", "data": data})
    assert answer.status_code == 303
    page = follow(admin, answer.location)
    assert "2 records were accepted" in page.text
    assert (
        pen.value("SELECT count(*) FROM workflows_object WHERE waits_for='queue'") == 2
    )
    with pen.app.app_context():
        (obj, *_) = WorkflowObject.query.filter_by(waits_for="queue").all()
        assert (obj.data, obj.id_user) == ({"title": "A"}, 1)


def test_a_workflow_is_started_with_a_file(pen: PenSite, admin: Browser) -> None:
    def send(content: bytes, processor: str = "jsonl") -> Any:
        file = (io.BytesIO(content), "records.jsonl")
        form = {"workflow": "review", "processor": processor, "file": file}
        return admin.post("/start/run", form)

    assert send(b'{"title": "A"}\n{"title": "B"}\n').status_code == 303
    for answer, said in (
        (send(b'{"title": "A"}\n{'), "This is not JSON: line 2"),
        (send(b""), "There is no data to start with"),
        (send(b"{}", "nothing"), "Choose how the file is to be read."),
        (send(b"\xff"), "is not UTF-8"),
    ):
        assert answer.status_code == 422
        assert said in unescape(answer.text)
    assert pen.counts()["workflows_run"] == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "Give data, or a file."),
        ("{", "This is not JSON: line 1, column 2"),
        ("[]", "There is no data to start with"),
        ("[NaN]", "NaN is not a number in JSON."),
        ("[" * 100_000, "This is nested too deep."),
        ('{"a": "\\u0000"}', None),
    ],
)
def test_data_that_cannot_be_started_stay_in_the_form(
    pen: PenSite, admin: Browser, data: str, said: str | None
) -> None:
    answer = admin.post("/start/run", {"workflow": "review", "data": data})
    if said is None:
        assert answer.status_code in (303, 422)
        return
    assert answer.status_code == 422
    assert said in unescape(answer.text)
    assert f">{data}</textarea>" in unescape(answer.text)
    assert 'id="fault-data"' in answer.text
    assert pen.counts()["workflows_run"] == 0


def test_a_workflow_that_one_may_not_start_is_as_if_there_was_none(
    pen: PenSite,
) -> None:
    form = {"workflow": "other", "data": "{}"}
    hidden = pen.browser("curator").post("/start/run", form)
    missing = pen.browser("curator").post("/start/run", {**form, "workflow": "x"})
    assert hidden.status_code == missing.status_code == 404
    assert hidden.text == missing.text
    assert pen.counts()["workflows_run"] == 0


def test_a_run_that_one_may_not_see_is_as_if_there_was_none(pen: PenSite) -> None:
    put(pen, {"title": "A"})
    uuid = pen.value("SELECT uuid FROM workflows_run")
    stranger = pen.browser("stranger")
    hidden = stranger.get(f"/start?run={uuid}")
    missing = stranger.get("/start?run=x")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.text == missing.text
