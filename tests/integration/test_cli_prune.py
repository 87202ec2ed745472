"""``flask workflows prune``: what goes, and what never does."""

from __future__ import annotations

import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sites import Site
from sqlalchemy import event
from terminals import Terminal

from invenio_workflows import WorkflowObject, api
from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import ObjectStatus
from invenio_workflows.store import drafts, files

DAY = 86_400
OLD = ("--older-than", "90d")


def one(obj: Any, eng: Any) -> None:
    obj.log.info("one")
    eng.log.info("of the run")
    if obj.data.get("halt"):
        eng.halt("Why?", action="approval")
    if obj.data.get("bad"):
        raise ValueError("bad")


@pytest.fixture
def desk(make_site: Callable[..., Site], ready_url: str) -> Iterator[Terminal]:
    site = make_site(ready_url, tables=False)
    site.register("one", one)
    with site.app.app_context():
        yield Terminal(site.app, site)


def run_of(*data: Any, days: int = 100, site: Site) -> str:
    """Run objects, and let the run be that old; return its uuid."""
    uuid = str(api.start("one", list(data), stop_on_error=False).uuid)
    age(site, uuid, days)
    return uuid


def age(site: Site, uuid: str, days: int) -> None:
    past = f"now() - interval '{days} days'"
    if site.ext.engine.dialect.name == "sqlite":
        past = f"strftime('%Y-%m-%d %H:%M:%f000', 'now', '-{days} days')"
    with site.ext.engine.begin() as connection:
        for table, key in (("run", "uuid"), ("object", "id_workflow")):
            connection.exec_driver_sql(
                f"UPDATE workflows_{table} SET modified={past} WHERE {key}='{uuid}'"
            )


def uuids(site: Site) -> set[str]:
    return {row.uuid for row in site.rows("SELECT uuid FROM workflows_run")}


@contextmanager
def statements(site: Site) -> Iterator[Counter[str]]:
    """Count the statements between two commits."""
    seen: Counter[str] = Counter()
    number = 0

    def told(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        seen[f"commit {number}"] += 1

    def committed(connection: Any) -> None:
        nonlocal number
        number += 1

    engine = site.ext.engine
    event.listen(engine, "before_cursor_execute", told)
    event.listen(engine, "commit", committed)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", told)
        event.remove(engine, "commit", committed)


def test_an_old_run_that_ended_goes_with_all_that_belongs_to_it(desk: Terminal):
    site = desk.site
    run_of({}, {}, site=site)
    before = site.counts()
    assert all(
        before[f"workflows_{name}"] for name in ("run", "object", "event", "log")
    )
    said = desk("prune", "--older-than", "90d", "--dry-run")
    assert said == "1 run with 2 objects would be deleted.\n"
    assert site.counts() == before
    assert desk("prune", "--older-than", "90d") == "1 run with 2 objects deleted.\n"
    assert not any(site.counts().values())
    assert desk("prune", "--older-than", "90d") == "No run matches.\n"


def test_a_run_with_one_object_that_halted_stays_whole(desk: Terminal):
    site = desk.site
    run_of({}, {}, {"halt": 1}, {}, site=site)
    run_of({}, {"bad": 1}, site=site)
    before = site.counts()
    assert desk("prune", "--older-than", "1h") == "No run matches.\n"
    assert site.counts() == before


def test_a_run_that_was_changed_since_then_stays(desk: Terminal):
    site = desk.site
    new, old = run_of({}, days=5, site=site), run_of({}, days=30, site=site)
    assert desk("prune", "--older-than", "5w") == "No run matches.\n"
    assert desk("prune", "--older-than", "1w") == "1 run with 1 object deleted.\n"
    assert uuids(site) == {new}
    # The run was not written when its object was saved, but the object was.
    (obj,) = WorkflowObject.query.filter_by(id_workflow=new, id_parent=None).all()
    age(site, new, 50)
    obj.data["seen"] = True
    obj.save()
    assert desk("prune", "--older-than", "1w") == "No run matches.\n"
    assert old not in uuids(site)


def test_nothing_of_another_run_goes(desk: Terminal):
    site = desk.site
    kept = run_of({}, {"halt": 1}, {}, site=site)
    alone = WorkflowObject.create_object()
    alone.save()
    before = site.counts()
    for _ in range(3):
        run_of({}, {}, site=site)
    told = desk.json("prune", "--older-than", "90d", "--batch", 1)
    assert told == {"runs": 3, "objects": 6, "dry_run": False}
    assert site.counts() == before and uuids(site) == {kept}
    assert WorkflowObject.get(alone.id).history()


def test_an_object_that_went_on_to_another_run_keeps_its_beginning(desk: Terminal):
    site = desk.site
    first = run_of({"a": 1}, {"a": 2}, site=site)
    obj = WorkflowObject.query.filter_by(id_workflow=first, id_parent=None).first()
    second = str(api.start("one", obj).uuid)
    age(site, first, 100)
    assert desk("prune", "--older-than", "90d") == "No run matches.\n"
    moments = WorkflowObject.get(obj.id).history()
    assert {each.id_workflow for each in moments} == {first, second}
    age(site, second, 100)
    assert desk("prune", "--older-than", "90d") == "2 runs with 2 objects deleted.\n"
    assert not any(site.counts().values())


def test_other_statuses_go_when_they_are_named(desk: Terminal):
    site = desk.site
    failed, halted = run_of({"bad": 1}, site=site), run_of({"halt": 1}, site=site)
    mixed = run_of({"bad": 1}, {}, site=site)
    prune = ("prune", "--older-than", "90d", "--status")
    assert desk(*prune, "error", "--dry-run") == (
        "1 run with 1 object would be deleted.\n"
    )
    assert desk(*prune, "Error", "--status", "completed") == (
        "2 runs with 3 objects deleted.\n"
    )
    assert uuids(site) == {halted} and failed != mixed
    assert desk(*prune, "halted") == "1 run with 1 object deleted.\n"


def test_what_moves_never_goes(desk: Terminal):
    site = desk.site
    assert "never" in desk.refused(
        *("prune", "--older-than", "90d", "--status", "running"), code=2
    )
    for waits in ("queue", "timer", "join"):
        uuid = run_of({"halt": 1}, {}, site=site)
        with site.ext.engine.begin() as connection:
            connection.exec_driver_sql(
                f"UPDATE workflows_object SET status={int(ObjectStatus.WAITING)}, "
                f"waits_for='{waits}' WHERE id_workflow='{uuid}' AND status=2"
            )
    before = site.counts()
    for status in ("waiting", "completed"):
        said = desk(
            "prune", "--older-than", "1d", "--status", "waiting", "--status", status
        )
        assert said == "No run matches.\n"
    assert site.counts() == before


def test_each_batch_is_a_commit_of_as_many_statements(desk: Terminal):
    site = desk.site
    for _ in range(4):
        run_of(*[{}] * 5, site=site)
    with statements(site) as seen:
        assert desk.json("prune", "--older-than", "90d", "--batch", 3)["objects"] == 20
    batches = [count for count in seen.values() if count > 5]
    assert len(batches) >= 7 and max(batches) <= 22 and len(set(batches[1:-1])) == 1
    assert not any(site.counts().values())


def test_what_people_decided_and_gave_stays_or_goes(desk: Terminal):
    site = desk.site
    uuid = run_of({"halt": 1}, site=site)
    oid = WorkflowObject.query.filter_by(status=2).first().id
    current_workflows.files.add(oid, io.BytesIO(b"x"), "a.txt")
    current_workflows.drafts.keep(oid, "ann", "1", [("/a", "b")])
    api.resolve(oid, None, {"value": "accept"}, "ann")
    age(site, uuid, 100)
    assert desk.json("prune", "--older-than", "90d")["objects"] == 1
    left = {table for table, count in site.counts().items() if count}
    assert left == {"workflows_audit"}


def test_old_drafts_and_files_go_all_of_them_in_batches(
    desk: Terminal, monkeypatch: pytest.MonkeyPatch
):
    site = desk.site
    run_of({"halt": 1}, site=site)
    oid = WorkflowObject.query.filter_by(status=2).first().id
    for number in range(3):
        current_workflows.files.add(oid, io.BytesIO(b"x"), f"{number}.txt")
        current_workflows.drafts.keep(oid, f"person {number}", "1", [("/a", "b")])
    monkeypatch.setattr(files, "LAID_BY", -1)
    monkeypatch.setattr(drafts, "KEPT", -1)
    for room in (files, drafts):
        monkeypatch.setattr(room, "_BATCH", 2)
    desk("prune", *OLD)
    left = site.counts()
    assert not any(left[f"workflows_{each}"] for each in ("file", "file_part", "draft"))
    assert left["workflows_object"]


def test_a_run_that_somebody_takes_up_at_that_moment_stays_whole(
    make_site: Callable[..., Site], postgresql_ready_url: str
):
    site = make_site(postgresql_ready_url, tables=False)
    site.register("one", one)
    with site.app.app_context():
        uuid = run_of({}, {}, {}, site=site)
    before = site.counts()
    pruning = threading.Thread(target=lambda: Terminal(site.app)("prune", *OLD))
    with site.ext.engine.begin() as taking:
        taking.exec_driver_sql(
            "UPDATE workflows_object SET status=3, modified=now() WHERE id="
            "(SELECT max(id) FROM workflows_object WHERE id_parent IS NULL)"
        )
        pruning.start()
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE "
            "datname=current_database() AND wait_event_type='Lock'"
        )
        while not site.value(waiting):  # for the object
            assert pruning.is_alive()
            time.sleep(0.01)
        taking.exec_driver_sql(f"UPDATE workflows_run SET status=1 WHERE uuid='{uuid}'")
    pruning.join()
    assert site.counts() == before


def test_pruning_that_was_interrupted_goes_on_with_the_next(desk: Terminal):
    site = desk.site
    run_of(*[{}] * 5, site=site)
    pruner = site.app.extensions["invenio-workflows"].pruner
    first = next(pruner.prune(DAY, batch=2))
    assert (first.runs, first.objects) == (0, 2)
    assert desk("prune", "--older-than", "1d") == "1 run with 3 objects deleted.\n"
    assert not any(site.counts().values())


@pytest.mark.parametrize(
    "text", ["90", "d", "-3d", "1.5h", "3 months", "", "99999999w"]
)
def test_a_duration_that_is_none_is_refused_in_a_sentence(desk: Terminal, text: str):
    said = desk.refused("prune", "--older-than", text, code=2)
    assert "90d" in said.splitlines()[-1]


def test_how_old_must_be_said(desk: Terminal):
    assert "--older-than" in desk.refused("prune", code=2)
    assert json.loads(desk("prune", "--older-than", "1s", "--dry-run", "--json")) == {
        "runs": 0,
        "objects": 0,
        "dry_run": True,
    }
