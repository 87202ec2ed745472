"""Check 16 in the pen: what is left of a workflow that is removed is read, deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from curators import Browser, admit, page
from sites import Site

from invenio_workflows import WorkflowObject
from invenio_workflows.api import start
from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import ObjectStatus


def ask(obj: Any, eng: Any) -> None:
    """Ask a person."""
    eng.halt("Is it good?", action="approval")


def fail(obj: Any, eng: Any) -> None:
    raise ConnectionError("no answer")


@pytest.fixture
def pen(site: Site) -> Site:
    """A pen with a workflow that was removed when it had three records."""
    admit(site.app)
    current_workflows.embeds = False
    site.register("asking", ask)
    site.register("failing", fail)
    site.register("left", ask)
    return site


def remove(pen: Site, *names: str, sync: bool = True) -> None:
    catalogue, known = current_workflows.catalogue, current_workflows.known
    known.sync(catalogue.facts())
    for name in names:
        del catalogue.workflows._things[name], catalogue._definitions[name]
    if sync:
        known.sync(catalogue.facts())


def began(name: str) -> int:
    start(name, [{"title": "On Rain"}], stop_on_error=False)
    found = WorkflowObject.query.filter_by(workflow_name=name, id_parent=None)
    oid: int = found.order_by("-id").first().id
    return oid


def since() -> str:
    (row,) = [each for each in current_workflows.known.all() if each.removed]
    return f"{row.removed:%Y-%m-%d %H:%M}"


def test_the_record_says_that_its_workflow_is_removed(pen: Site) -> None:
    oid = began("asking")
    remove(pen, "asking")
    text = page(pen, f"/{oid}", "editor")
    assert "cannot go on" in text and "It was removed" in text
    assert since() in text
    # All that happened is told as before.
    assert "Is it good?" in text and "On Rain" in text and "ask" in text
    for tail in ("/changes", "/fields", "/data.json"):
        page(pen, f"/{oid}{tail}", "editor")
    assert f"/{oid}" in page(pen, "/?workflow=asking", "viewer")


def test_who_has_other_code_is_told_that_a_worker_knows_it(pen: Site) -> None:
    oid = began("asking")
    remove(pen, "asking", sync=False)
    text = page(pen, f"/{oid}", "editor")
    assert "A worker knows it, and first saw it" in text and "was removed" not in text


def test_every_decision_is_refused_with_the_reason(pen: Site) -> None:
    asked, failed, other = began("asking"), began("failing"), began("failing")
    remove(pen, "asking")
    admin = Browser(pen.app, "admin")
    seen = {"_revision": WorkflowObject.get(asked).revision}
    token = admin.token(f"/{asked}")
    for path, form in (
        (f"/{asked}/resolve", {"_action": "approval", "value": "accept"}),
        (f"/{asked}/continue", {}),
        (f"/{asked}/restart", {}),
    ):
        answer = admin.post(path, csrf_token=token, **seen, **form)
        text = answer.get_data(as_text=True)
        assert answer.status_code == 422 and f"removed since {since()}" in text, path
        assert WorkflowObject.get(asked).status == ObjectStatus.HALTED
    remove(pen, "failing")
    answer = admin.post(f"/{failed}/restart_alike", csrf_token=token)
    assert answer.status_code == 409 and "removed since" in answer.text
    assert WorkflowObject.get(other).status == ObjectStatus.ERROR


def test_nothing_of_it_is_started(pen: Site) -> None:
    remove(pen, "asking")
    admin = Browser(pen.app, "admin")
    assert 'value="asking"' not in page(pen, "/start", "admin")
    form = {"workflow": "asking", "data": json.dumps([1])}
    answer = admin.post("/start/run", csrf_token=admin.token("/start"), **form)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422 and f"removed since {since()}" in text
    assert WorkflowObject.query.filter_by(workflow_name="asking").count() == 0


def test_what_is_left_is_cancelled_and_deleted(pen: Site) -> None:
    kept, gone = began("asking"), began("asking")
    remove(pen, "asking")
    admin = Browser(pen.app, "admin")
    assert admin.send(f"/{kept}/cancel").status_code == 303
    assert WorkflowObject.get(kept).status == ObjectStatus.CANCELLED
    assert admin.send(f"/{gone}/delete", f"/{gone}/remove").status_code == 303
    assert WorkflowObject.query.get(gone) is None
