"""Where objects sleep: a column that says what the cursor says, whatever was done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from sites import Site

from invenio_workflows import api
from invenio_workflows.errors import LeaseLost, WorkflowError
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.patterns import PARALLEL
from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import ObjectStatus
from invenio_workflows.store import standing
from invenio_workflows.store.rows import stands_at


def begin(obj: Any, eng: Any) -> None: ...


def ask(obj: Any, eng: Any) -> None:
    eng.halt("Is it ours?", action="approval")


def fail(obj: Any, eng: Any) -> None:
    if not obj.data.get("well"):
        raise ValueError("It is not well.")


def doze(obj: Any, eng: Any) -> None:
    eng.wait(seconds=3600)


@pytest.fixture
def site(make_site: Callable[..., Site], ready_url: str) -> Iterator[Site]:
    site = make_site(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    with site.app.app_context():
        current_workflows.embeds = False
        yield site


def stand(site: Site) -> None:
    """Compare the column with the cursor, for every object that sleeps."""
    columns = "id, status, stands_at, stands_since, CAST(cursor AS TEXT) AS cursor"
    rows = site.rows(
        f"SELECT {columns} FROM workflows_object WHERE id_parent IS NULL "
        "AND status IN (2, 4, 5)"
    )
    assert rows
    for row in rows:
        assert row.stands_at == stands_at(row.cursor), row
        assert (row.stands_since is None) <= (row.stands_at is None), row


def test_the_place_is_that_of_the_cursor_whatever_is_done(site: Site) -> None:
    site.register("all", begin, ask, [doze, fail], ask)
    (obj,) = api.start("all", {}).halted_objects
    stand(site)
    api.continue_oid(obj.id)
    stand(site)
    with pytest.raises(WorkflowError):
        api.continue_oid(obj.id)
    assert WorkflowObject.query.get(obj.id).status == ObjectStatus.ERROR
    stand(site)
    obj = WorkflowObject.query.get(obj.id)
    obj.save(task_counter=[0])
    stand(site)
    api.continue_oid_delayed(obj.id)
    stand(site)
    api.cancel(obj.id)
    obj = WorkflowObject.query.get(obj.id)
    obj.save(status=ObjectStatus.HALTED)
    stand(site)
    api.start_by_wid(obj.id_workflow)
    stand(site)


def test_branches_stand_where_they_begin_and_where_they_stop(site: Site) -> None:
    site.register("split", begin, PARALLEL([begin, ask], [doze], [ask]))
    api.start("split", {})
    stand(site)
    stand(site)
    found = current_workflows.standing.crowds("split")
    assert sum(crowd.count.number for crowd in found) == 4


def test_one_that_lost_its_worker_stands_where_it_came_to(site: Site) -> None:
    def lose(obj: Any, eng: Any) -> None:
        current_workflows.recovery.give_back()

    site.register("lost", begin, [begin, begin, lose])
    with suppress(LeaseLost):
        api.start("lost", {})
    stand(site)
    (crowd,) = current_workflows.standing.crowds("lost")
    assert crowd.at.endswith(":1/1") and crowd.statuses == {None: 1}


def test_a_crowd_tells_how_many_stand_there_and_how_long(
    site: Site, monkeypatch: Any
) -> None:
    site.register("all", begin, ask, fail)
    site.register("others", ask)
    api.start("others", [{}, {}], stop_on_halt=False)
    objects = api.start(
        "all", [{} for _ in range(5)], stop_on_halt=False
    ).halted_objects
    with pytest.raises(WorkflowError):
        api.continue_oid(objects[0].id)
    (here, there) = current_workflows.standing.crowds("all")
    assert (here.count.number, here.statuses) == (4, {ObjectStatus.HALTED: 4})
    assert (there.count.number, there.statuses) == (1, {ObjectStatus.ERROR: 1})
    with site.ext.engine.begin() as connection:
        for age, obj in enumerate(objects[1:], 1):
            then = f"20{age + 10}-01-01 00:00:00.000000"
            zone = "+00" if connection.dialect.name == "postgresql" else ""
            connection.exec_driver_sql(
                f"UPDATE workflows_object SET stands_since = '{then}{zone}' "
                f"WHERE id = {obj.id}"
            )
    here = current_workflows.standing.crowds("all")[0]
    year = 365.25 * 86_400
    assert here.median is not None
    assert 0.99 < (here.oldest - here.median) / year < 1.01
    rows = current_workflows.standing.at("all", [here.at], 3)
    assert [row.id for row in rows] == [obj.id for obj in objects[1:4]]
    assert current_workflows.standing.crowds("nobody") == []


def test_the_check_goes_on_where_a_batch_ended(site: Site, monkeypatch: Any) -> None:
    monkeypatch.setattr(standing, "_BATCH", 2)
    site.register("all", begin, ask)
    started = [api.start("all", [{}] * 3, stop_on_halt=False) for _ in range(2)]
    sleepers = current_workflows.standing
    at = sleepers.crowds("all")[0].at
    found = [row.id for row in sleepers.standing("all", at)]
    assert found == [obj.id for run in started for obj in run.halted_objects]
    assert list(sleepers.others("all", at.partition(":")[0])) == []
    assert [r.id for r in sleepers.others("all", "0")] == found
    asked = [oid for oid, _ in sleepers.asking("all", "approval")]
    assert asked == sorted(found) and sleepers.workflows() == ["all"]
