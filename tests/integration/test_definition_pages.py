"""The pages of the definitions: what they tell, to whom, and what that costs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from markupsafe import Markup
from people import PEN, PenSite, texts
from sqlalchemy import event, text

from invenio_workflows import api, task
from invenio_workflows.definition.loops import FOR
from invenio_workflows.errors import WorkflowError
from invenio_workflows.patterns import IF, PARALLEL
from invenio_workflows.store import standing
from invenio_workflows.store.kinds import UTCDateTime


def begin(obj: Any, eng: Any) -> None:
    """Look whether it is well-formed."""


def odd(obj: Any, eng: Any) -> bool:
    return bool(obj.data % 2)


def ask(obj: Any, eng: Any) -> None:
    eng.halt("Is it ours?", action="approval")


def fail(obj: Any, eng: Any) -> None:
    raise ConnectionError("The source answers 503")


@pytest.fixture
def pen(ready_url: str) -> Iterator[PenSite]:
    site = PenSite(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    site.register(
        "review",
        *(begin, IF(odd, [ask]), fail),
        title="Review of <records>",
        __doc__="Look at each.\n\nThen decide & go on.",
        get_title=lambda obj: f"Nr {obj.data}",
    )
    site.register("other", ask)
    site.ext.state.embeds = False
    with site.app.app_context():
        yield site
    site.close()


def started(pen: PenSite, *data: int) -> None:
    api.start("review", list(data), stop_on_halt=False, stop_on_error=False)


def read(pen: PenSite, path: str = "/definitions/review", who: str = "viewer") -> str:
    answer = pen.browser(who).get(path)
    assert answer.status_code == 200, texts(answer.text)
    return str(answer.text)


def test_a_page_says_what_it_does_and_who_stands_where(pen: PenSite) -> None:
    started(pen, 1, 2, 3, 5)
    html = read(pen)
    told = texts(html)
    assert "Review of &lt;records&gt;" in html and "Then decide &amp; go on." in html
    assert re.search(r"ask 3 Need action at ask the longest for less than a min", told)
    assert "half of them" not in told
    assert re.search(r"fail 1 Failed at fail", told)
    assert "IF(odd) yes ask" in re.sub(r"\s+", " ", told) or "IF(odd) ask" in told
    assert f'href="{PEN}/?group=need_action&amp;workflow=review"' in html
    assert "3 Need action" in told and "1 Failed" in told


def test_how_long_they_stand_there_is_told_of_the_first_and_of_half(
    pen: PenSite,
) -> None:
    started(pen, 1, 3, 5)
    ids = [row.id for row in pen.rows("SELECT id FROM workflows_object ORDER BY id")]
    with pen.ext.engine.begin() as connection:
        for days, oid in zip((30, 3, 1), ids[::2], strict=True):
            since = datetime.now(UTC) - timedelta(days=days, hours=1)
            at = since.isoformat(" ", "microseconds")
            connection.exec_driver_sql(
                f"UPDATE workflows_object SET stands_since = '{at[:26]}' "
                f"WHERE id = {oid}"
            )
    told = texts(read(pen))
    assert "the longest for 30 days, half of them for 3 days or more" in told


def test_each_number_leads_to_those_who_stand_there(pen: PenSite) -> None:
    started(pen, 1, 2, 3)
    html = read(pen)
    (path,) = set(re.findall(r"place=([\d/%F]+)#here", html)) - {"2"}
    told = texts(read(pen, f"/definitions/review?place={path}"))
    assert "At ask Nr 1 Need action · less than a minute Nr 3" in told
    assert "Nr 2" not in told
    for nowhere in ("0", "9/9", "x", "1/", "-1", "1" * 5000, "²"):
        answer = pen.browser("viewer").get(f"/definitions/review?place={nowhere}")
        assert answer.status_code == 404


def test_the_drawing_is_told_as_text_with_its_numbers(pen: PenSite) -> None:
    started(pen, 1, 2)
    lines = re.search(r"<pre>(begin[^<]*)</pre>", read(pen))
    assert lines is not None
    assert lines[1].splitlines() == [
        "begin – Look whether it is well-formed.",
        "IF(odd)",
        "  ask: 1 Need action, the longest for less than a minute",
        "fail: 1 Failed, the longest for less than a minute",
    ]


def test_nobody_is_there_is_said(pen: PenSite) -> None:
    told = texts(read(pen))
    assert "No records yet." in told and "Nobody stands anywhere in it now." in told
    pen.register("review")
    assert "It has no tasks." in texts(read(pen))
    assert "No records yet." in texts(read(pen, "/definitions"))


def test_those_that_have_not_begun_are_counted(pen: PenSite) -> None:
    api.start_delayed("review", [1, 2])
    started(pen, 1)
    assert "2 are accepted and have not begun." in texts(read(pen))


def test_one_that_runs_is_shown_where_it_is(pen: PenSite) -> None:
    seen = []

    def look(obj: Any, eng: Any) -> None:
        seen.append(texts(read(pen)))

    pen.register("review", begin, look)
    api.start("review", 1)
    assert "begin" in seen[0] and "1 Running" in seen[0]


def test_after_an_edit_they_stand_where_their_task_is_now(pen: PenSite) -> None:
    started(pen, 1, 2, 3)
    pen.register("review", begin, begin, [ask])
    html = read(pen)
    assert re.search(r"ask 2 Need action", texts(html))
    assert "1 record stands at a task that is gone." in texts(html)
    told = texts(read(pen, "/definitions/review?place=lost"))
    assert "At tasks that are gone Nr 2 Failed" in told


def test_a_branch_stands_in_its_branch_and_who_waits_for_it_around(
    pen: PenSite,
) -> None:
    pen.register("review", PARALLEL([begin, ask], [fail]), FOR([1], "n", ask))
    with pytest.raises(WorkflowError):
        api.start("review", 1)
    told = texts(read(pen))
    assert "PARALLEL, join all 1 Waiting" in told
    assert "1 Need action at ask" in told and "1 Failed at fail" in told


def test_a_workflow_that_the_code_has_no_more_is_there_for_who_sees_all(
    pen: PenSite, ready_url: str
) -> None:
    started(pen, 1)
    site = PenSite(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    told = texts(site.browser("admin").get("/definitions/review").text)
    assert "This workflow is no longer in the code." in told and "1 Need action" in told
    assert "It is no longer in the code." in texts(
        site.browser("admin").get("/definitions").text
    )
    assert site.browser("viewer").get("/definitions/review").status_code == 404
    site.close()


def test_who_may_not_see_a_workflow_learns_nothing_of_it(pen: PenSite) -> None:
    api.start("other", 1)
    hidden = pen.browser("viewer").get("/definitions/other")
    absent = pen.browser("viewer").get("/definitions/nothing")
    assert (hidden.status_code, hidden.text) == (404, absent.text)
    assert "other" not in texts(read(pen, "/definitions"))
    assert pen.browser("nobody").get("/definitions").status_code == 403
    assert pen.browser("nobody").get("/definitions/review").status_code == 404
    html = read(pen, "/definitions", "admin")
    assert "other" in html and "Review of &lt;records&gt;" in html


def test_the_pages_are_linked_from_the_list_and_from_a_record(pen: PenSite) -> None:
    started(pen, 1)
    oid = pen.value("SELECT id FROM workflows_object WHERE status = 2")
    link = f'href="{PEN}/definitions/review"'
    assert link in read(pen, f"/{oid}")
    assert link in read(pen, "/?workflow=review")
    assert f'href="{PEN}/definitions"' in read(pen, "/")


def test_a_hostile_name_is_only_text(pen: PenSite) -> None:
    name = 'a/b "><script>alert(1)</script> %2F?x#y'
    pen.register(name, ask, title="")
    api.start(name, 1)
    html = read(pen, "/definitions", "admin")
    assert "<script>alert" not in html
    (path,) = re.findall(r'href="([^"]*definitions/a[^"]*)"', html)
    page = pen.browser("admin").client.get(
        path.replace("&amp;", "&"), headers={"X-Person": "admin"}
    )
    assert page.status_code == 200 and "<script>alert" not in page.text
    assert "1 Need action" in texts(page.text)


def test_a_hostile_title_and_task_are_only_text(pen: PenSite) -> None:
    bad = "<img src=x onerror=alert(1)>"

    @task(bad, description=bad)
    def hostile(obj: Any, eng: Any) -> None:
        eng.halt(bad)

    pen.register(
        "review",
        hostile,
        get_title=lambda obj: bad if obj.data == 1 else Markup(f"<b>fine</b> {bad}"),
        __doc__=bad,
    )
    api.start("review", [1, 2], stop_on_halt=False)
    html = read(pen, "/definitions/review?place=0")
    assert "<img" not in html and "&lt;img" in html
    assert "<b>fine</b>" not in html and "fine" in html


def statements(pen: PenSite, path: str) -> list[str]:
    seen: list[str] = []

    def listen(on: Any, cursor: Any, said: str, *more: Any) -> None:
        seen.append(said)

    engine = pen.ext.engine
    event.listen(engine, "before_cursor_execute", listen)
    read(pen, path, "admin")
    event.remove(engine, "before_cursor_execute", listen)
    return [said for said in seen if "SELECT" in said]


def test_a_page_asks_as_much_of_one_record_as_of_many(
    pen: PenSite, monkeypatch: Any
) -> None:
    started(pen, 1, 2)
    paths = ("/definitions", "/definitions/review", "/definitions/review?place=2")
    few = [len(statements(pen, path)) for path in paths]
    started(pen, *range(1, 20))
    assert [len(statements(pen, path)) for path in paths] == few == [1, 4, 5]


def test_more_than_are_counted_end_in_a_plus(pen: PenSite, monkeypatch: Any) -> None:
    few = str(standing._CROWDS).replace(str(standing.COUNTED + 1), "4")
    times = {"oldest": UTCDateTime, "middle": UTCDateTime}
    monkeypatch.setattr(standing, "_CROWDS", text(few).columns(**times))
    monkeypatch.setattr(standing, "COUNTED", 3)
    started(pen, 1, 3, 5)
    assert "3 Need action at ask" in texts(read(pen))
    started(pen, 7)
    told = texts(read(pen))
    assert "3+ Need action at ask" in told
