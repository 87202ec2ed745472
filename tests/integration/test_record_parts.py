"""What a record's page is made of, where there is much of it, or a site has its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from curators import Browser, admit, page
from jinja2 import ChoiceLoader, FileSystemLoader
from people import texts
from sites import Site

from invenio_workflows import WorkflowObject
from invenio_workflows.actions.core import Action
from invenio_workflows.api import continue_oid, edit, start
from invenio_workflows.proxies import current_workflows


def ask(obj: Any, eng: Any) -> None:
    eng.halt("Is it good?", action="approval")


@pytest.fixture
def pen(sqlite_ready_url: str, make_site: Any) -> Any:
    site: Site = make_site(sqlite_ready_url, tables=False)
    admit(site.app)
    with site.app.app_context():
        current_workflows.embeds = False
        site.register("asking", ask)
        yield site


@pytest.fixture
def overlay(pen: Site, tmp_path: Path) -> Path:
    """A folder of templates that the site itself has, before ours."""
    loader = FileSystemLoader(tmp_path)
    pen.app.jinja_loader = ChoiceLoader([loader, pen.app.jinja_loader])  # type: ignore[list-item]
    for name in ("actions", "results"):
        (tmp_path / "workflows" / name).mkdir(parents=True)
    return tmp_path / "workflows"


def begin(workflow: str, data: Any = None) -> int:
    found = start(workflow, [data or {"title": "On Rain"}]).halted_objects
    oid: int = found[0].id
    return oid


def test_all_results_of_each_name_can_be_reached(pen: Site) -> None:
    def report(obj: Any, eng: Any) -> None:
        for n in range(250):
            obj.add_task_result("a & b", f"<{n}>")
        obj.add_task_result("last", "alone")

    pen.register("reporting", report, ask)
    oid = begin("reporting")
    seen: list[int] = []
    text = page(pen, f"/{oid}")
    assert "150 older results" in text and "1 older result<" in text
    last = re.search(r'href="[^"]+(/\d+/results\?name=last[^"]+)"', text)
    assert last and "alone" in page(pen, last[1].replace("&amp;", "&"))
    for _ in range(4):
        found = [int(n) for n in re.findall(r"&lt;(\d+)&gt;", text)]
        seen = sorted(set(found)) + seen
        link = re.search(r'href="[^"]+(/\d+/results\?name=a[^"]+)"', text)
        if link is None:
            break
        text = page(pen, link[1].replace("&amp;", "&"))
    assert seen == list(range(250))
    page(pen, f"/{oid}/results?name=unknown", code=404)
    page(pen, f"/{oid}/results", code=404)


def test_a_site_shows_results_its_own_way(pen: Site, overlay: Path) -> None:
    (overlay / "results" / "table.html").write_text("<p>Ours: {{ result }}</p>")
    (overlay / "results" / "score.html").write_text("<meter>{{ points }}</meter>")

    def report(obj: Any, eng: Any) -> None:
        obj.add_task_result("t", "<5>", "workflows/results/table.html")
        obj.add_task_result("s", {"points": 7}, "workflows/results/score.html")

    pen.register("reporting", report, ask)
    text = page(pen, f"/{begin('reporting')}")
    assert "<p>Ours: &lt;5&gt;</p>" in text and "<meter>7</meter>" in text


def test_templates_are_found_by_the_name_of_their_action(
    pen: Site, overlay: Path
) -> None:
    class Merge(Action):
        name = "merge"
        title = "Merge them"

        def render(self, obj: Any) -> Any:
            return {}

    class Never(Action):
        """Not decided from a row, whatever templates there are."""

        name = "never"

        def render_mini(self, obj: Any) -> None:
            return None

    actions = overlay / "actions"
    for place in ("mini", "side", "main"):
        (actions / f"merge_{place}.html").write_text(f"<b>{place} {{{{ obj.id }}}}</b>")
        (actions / f"never_{place}.html").write_text(f"<b>not {place}</b>")
    (actions / "approval_main.html").write_text("<b>main of approval</b>")
    for action in (Merge(), Never()):
        pen.ext.register_action(action.name, action)
        name = action.name
        pen.register(
            f"with-{name}", lambda obj, eng, name=name: eng.halt("So?", action=name)
        )
    oid, never, asking = begin("with-merge"), begin("with-never"), begin("asking")
    text = page(pen, f"/{oid}", "curator")
    assert f"<b>side {oid}</b>" in text and f"<b>main {oid}</b>" in text
    rows = page(pen, "/", "curator")
    assert f"<b>mini {oid}</b>" in rows and "not mini" not in rows
    assert "not side" in page(pen, f"/{never}", "curator")
    text = page(pen, f"/{asking}", "curator")
    assert "main of approval" in text and 'value="accept"' in text


def test_changed_fields_come_first_however_many_are_new(pen: Site) -> None:
    oid = begin("asking", {"a": {}, "z": 1})
    edit(oid, {"a": {f"new{n}": n for n in range(2500)}, "z": 2}, "ann")
    text = page(pen, f"/{oid}/changes")
    kinds = re.findall(r'<tr class="hp-change-(\w+)">', text)
    assert kinds == ["changed", *["added"] * 499]
    assert "More fields differ; these are 500." in text


def test_data_too_long_for_a_page_say_how_they_are_edited(pen: Site) -> None:
    oid = begin("asking", {"text": "x" * 400_000})
    text = texts(page(pen, f"/{oid}/edit", "editor"))
    assert "These data have 400,016 letters; in a page at most 300,000 are" in text
    assert f"invenio_workflows.api.edit({oid}, data, actor=…)" in text
    assert "textarea" not in page(pen, f"/{oid}/edit", "editor")
    data = WorkflowObject.get(oid).data
    edit(oid, {**data, "more": 1}, "ann")
    other = begin("asking")
    answer = Browser(pen.app, "editor").send(
        f"/{other}/save", f"/{other}/edit", data='"' + "y" * 300_001 + '"'
    )
    assert answer.status_code == 422
    assert f"api.edit({other}, data" in answer.get_data(as_text=True)


def test_the_data_are_shown_in_the_formats_that_the_workflow_names(pen: Site) -> None:
    def formatter(obj: Any, of: str = "hd", **more: Any) -> str:
        return f"{of}: {obj.data['title']}"

    pen.register(
        "formatted", ask, formatter=staticmethod(formatter), formats=("hd", "xm")
    )
    oid = begin("formatted")
    assert '<pre class="hp-text">hd: On Rain</pre>' in page(pen, f"/{oid}")
    assert '<pre class="hp-text">xm: On Rain</pre>' in page(pen, f"/{oid}?of=xm")
    assert '<pre class="hp-text">hd: On Rain</pre>' in page(pen, f"/{oid}?of=odd")
    assert re.findall(r'href="\?of=(\w+)"', page(pen, f"/{oid}")) == ["hd", "xm"]


def test_many_that_failed_alike_run_again_each_audited(pen: Site) -> None:
    def fail(obj: Any, eng: Any) -> None:
        raise ConnectionError("The source answers 503")

    pen.register("failing", fail)
    start("failing", [{"n": n} for n in range(13)], stop_on_error=False)
    oid = WorkflowObject.query.filter_by(status=5).first().id
    answer = Browser(pen.app, "curator").send(f"/{oid}/restart_alike")
    assert answer.status_code == 303
    assert len(WorkflowObject.query.filter_by(waits_for="queue").all()) == 12
    verbs = [row.verb for row in current_workflows.audit.all()]
    assert verbs == ["continue"] * 12


def test_more_than_a_request_has_time_for_are_queued_in_turn(
    pen: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(obj: Any, eng: Any) -> None:
        raise ConnectionError("The source answers 503")

    pen.register("failing", fail)
    start("failing", [{"n": n} for n in range(5)], stop_on_error=False)
    ids = [o.id for o in WorkflowObject.query.filter_by(status=5).order_by("id")]
    curator = Browser(pen.app, "curator")
    monkeypatch.setattr("invenio_workflows.holdingpen.decide._MOST_SECONDS", -1)
    path, asks = f"/{ids[0]}/restart_alike", {"Accept": "application/json"}
    answer = curator.send(path, headers=asks)
    assert answer.json["message"] == "1 record runs again. 3 others are left."
    assert WorkflowObject.get(ids[1]).waits_for == "queue", "who failed first is first"
    continue_oid(ids[2], "restart_task")  # it fails once more
    curator.send(path)
    curator.send(path)
    left = [o.id for o in WorkflowObject.query.filter_by(status=5).order_by("id")]
    assert left == [ids[0], ids[2]], "it comes after those that failed once"
    monkeypatch.setattr("invenio_workflows.holdingpen.decide.MOST_ALIKE", 1)
    start("failing", [{"n": n} for n in range(3)], stop_on_error=False)
    answer = curator.send(path, headers=asks)
    assert answer.json["message"] == "1 record runs again. 1+ others are left."
