"""The verbs, and the methods of an object: the tables of the reference that list
functions, row by row, as the design corrects them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sites import Site

from invenio_workflows import signals
from invenio_workflows.api import (
    cancel,
    continue_oid,
    delete,
    resolve,
    resume_objects_in_workflow,
    start,
    start_by_oids,
    start_by_wid,
)
from invenio_workflows.encoding import loads
from invenio_workflows.errors import (
    ActionNotFound,
    ConfigurationError,
    IllegalMove,
    ObjectNotFound,
    WorkflowAPIError,
    WorkflowDefinitionError,
    WorkflowError,
    WorkflowNotFound,
)
from invenio_workflows.models import Workflow
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.patterns import FOR, IF_ELSE, WHILE
from invenio_workflows.states import ObjectStatus, WorkflowStatus
from invenio_workflows.tasks.sample_tasks import (
    add_data,
    reduce_data_by_one,
)

S, R = ObjectStatus, WorkflowStatus


def halt(obj: Any, eng: Any) -> None:
    eng.halt("look")


def note(obj: Any, eng: Any) -> None:
    """Note which object came."""
    eng.append("came", obj.data)


def stored(oid: int) -> WorkflowObject:
    found: WorkflowObject = WorkflowObject.query.one_by_id(oid)
    return found


@pytest.fixture
def demo(site: Site) -> Site:
    """The workflow that the old test suite used most."""

    def halt_if_less_than_20(obj: Any, eng: Any) -> None:
        if obj.data < 20:
            eng.halt("Data less than 20.")

    site.register("demo", halt_if_less_than_20, add_data(20), reduce_data_by_one(2))
    return site


# --- API-1: start ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "items"),
    [
        ([1, 2], [1, 2]),
        ((1, 2), [1, 2]),
        (lambda: (n for n in (1, 2)), [1, 2]),
        (lambda: iter([1, 2]), [1, 2]),
        ({"a": [1]}, [{"a": [1]}]),
        ("ab", ["ab"]),
        (b"ab", [b"ab"]),
        ({1, 2}, [{1, 2}]),
        (7, [7]),
        (None, [None]),
        ([[1, 2]], [[1, 2]]),
        ([{"a": 1}, (1, 2)], [{"a": 1}, (1, 2)]),
    ],
    ids=range(12),
)
def test_many_are_a_list_a_tuple_or_an_iterator(
    site: Site, data: Any, items: list[Any]
) -> None:
    """API-1."""
    site.register("notes", note)
    eng = start("notes", data() if callable(data) else data)
    assert eng.extra_data["came"] == items
    assert [obj.data for obj in eng.completed_objects] == items
    assert eng.has_completed()


def test_start_keeps_the_order_and_gives_the_snapshots_the_next_ids(
    site: Site,
) -> None:
    """API-1, SNAP-1: the live object is followed by its snapshot."""
    site.register("notes", note)
    eng = start("notes", [3, 1, 2], id_user=7, colour="red")
    assert eng.extra_data == {"came": [3, 1, 2], "colour": "red"}
    assert eng.id_user == 7
    pairs = list(zip(eng.objects[::2], eng.objects[1::2], strict=True))
    assert [live.data for live, _ in pairs] == [3, 1, 2]
    for live, snapshot in pairs:
        assert (live.id_parent, snapshot.id_parent) == (None, live.id)
        assert snapshot.id == live.id + 1
        assert snapshot.data == live.data
        assert snapshot.id_workflow == live.id_workflow == eng.uuid
    assert [(n, obj.data) for n, obj in eng.getObjects()] == [(0, 3), (1, 1), (2, 2)]


def test_2_15_2_the_demo_workflow(demo: Site) -> None:
    """2.15-2: 20 becomes 38; 2 stays 2; two objects and two snapshots."""
    eng = start("demo", [1, 20])
    assert len(eng.objects) == 4
    assert [obj.data for obj in eng.initial_objects] == [1, 20]
    assert [obj.data for obj in eng.completed_objects] == [38]
    (halted,) = eng.halted_objects
    assert halted.data == 1
    assert eng.status == R.HALTED
    assert start("demo", [2]).halted_objects[0].data == 2


def test_2_15_1_a_halt_inside_a_branch(site: Site) -> None:
    """2.15-1, SP-2: HALTED; going on, the other branch is not run."""
    ran: list[str] = []
    yes = [lambda obj, eng: ran.append("yes"), halt]
    no = [lambda obj, eng: ran.append("no")]
    site.register(
        "branch",
        IF_ELSE(lambda obj, eng: True, yes, no),
        lambda obj, eng: ran.append("after"),
    )
    eng = start("branch", [1])
    (obj,) = eng.halted_objects
    assert obj.get_log(level=logging.ERROR) == []
    assert continue_oid(obj.id).status == R.COMPLETED
    assert ran == ["yes", "after"]


def test_2_15_3_a_task_that_halts_again_and_again(site: Site) -> None:
    """2.15-3: fifteen times restart_task, then COMPLETED with 0."""

    def down(obj: Any, eng: Any) -> None:
        if obj.data > 0:
            obj.data -= 1
            eng.halt("again")

    site.register("hardcore", add_data(0), [down])
    (obj,) = start("hardcore", [16]).halted_objects
    for left in range(14, -1, -1):
        eng = continue_oid(obj.id, "restart_task")
        assert (stored(obj.id).data, eng.status) == (left, R.HALTED)
    assert continue_oid(obj.id, "restart_task").status == R.COMPLETED
    assert stored(obj.id).data == 0


def test_2_15_5_start_points(demo: Site) -> None:
    """2.15-5: halts again; 1 becomes 19; restart_prev makes it 37 (SP-6)."""
    (obj,) = start("demo", [1]).halted_objects
    assert continue_oid(obj.id, "restart_task").status == R.HALTED
    assert continue_oid(obj.id, "continue_next").status == R.COMPLETED
    assert stored(obj.id).data == 19
    assert continue_oid(obj.id, "restart_prev").status == R.COMPLETED
    assert stored(obj.id).data == 37


def test_2_15_6_a_failed_object_in_another_workflow(demo: Site) -> None:
    """2.15-6."""
    demo.register("fails", lambda obj, eng: 1 / 0)
    with pytest.raises(WorkflowError) as caught:
        start("fails", [2])
    obj = stored(caught.value.id_object)  # type: ignore[arg-type]
    eng = start_by_oids("demo", [obj.id])
    assert [each.id for each in eng.halted_objects] == [obj.id]
    assert stored(obj.id).get_error_message() is None


def test_the_data_given_is_not_touched(site: Site) -> None:
    """P23: nor do two objects of the same data share it."""
    site.register("tags", lambda obj, eng: obj.data["tags"].append(obj.position))
    item: dict[str, Any] = {"tags": []}
    eng = start("tags", [item, item, {"tags": item["tags"]}])
    assert item == {"tags": []}
    assert [obj.data["tags"] for obj in eng.completed_objects] == [[0], [1], [2]]
    shared: dict[str, Any] = {"tags": []}
    eng = start("tags", [WorkflowObject(shared), WorkflowObject(shared)])
    assert [obj.data["tags"] for obj in eng.completed_objects] == [[0], [1]]


def test_many_objects_over_many_batches(make_site: Any, ready_url: str) -> None:
    site = make_site(ready_url, tables=False, WORKFLOWS_BATCH_SIZE=2)
    with site.app.app_context():
        site.register("notes", note)
        saved = [WorkflowObject.create_object(data=n) for n in range(3)]
        mixed = [10, saved[2], 11, WorkflowObject(12), saved[0], 13, saved[1]]
        eng = start("notes", mixed)
        assert eng.extra_data["came"] == [10, 2, 11, 12, 0, 13, 1]
        assert eng.status == R.COMPLETED
        assert [obj.status for obj in saved] == [S.COMPLETED] * 3
        assert len(eng.objects) == 14


# --- SNAP -----------------------------------------------------------------------------


def test_snapshots_of_saved_objects(demo: Site) -> None:
    """SNAP-2, SNAP-3, SNAP-6, SNAP-7: one per start, all children of the live row."""
    obj = WorkflowObject.create_object(data=20)
    first, second = start("demo", [obj]), start("demo", [obj])
    assert obj.data == 56
    snapshots = WorkflowObject.query.filter_by(id_parent=obj.id).order_by("id").all()
    assert [each.data for each in snapshots] == [20, 38]
    assert [each.id_workflow for each in snapshots] == [first.uuid, second.uuid]
    assert WorkflowObject.query.filter_by(id_parent=None).count() == 1


def test_a_snapshot_is_as_the_object_was(site: Site) -> None:
    """SNAP-4: position, results and action of the moment of the start."""

    def ask(obj: Any, eng: Any) -> None:
        obj.add_task_result("found", 3)
        eng.halt("ok?", action="approval")

    site.register("asks", add_data(1), ask)
    obj = WorkflowObject.create_object(data=1)
    start("asks", [obj])
    eng = start("asks", [obj])
    (snapshot,) = eng.initial_objects
    assert snapshot.status == S.INITIAL
    assert snapshot.data == 2
    assert snapshot.extra_data["_task_counter"] == [1]
    assert snapshot.get_action() == "approval"
    assert list(snapshot.get_tasks_results()) == ["found"]


def test_continuing_takes_no_snapshot(demo: Site) -> None:
    """SNAP-5."""
    eng = start("demo", [1])
    continue_oid(eng.halted_objects[0].id)
    assert len(eng.objects) == 2
    start_by_wid(eng.uuid)
    assert len(eng.objects) == 2


def test_a_snapshot_does_not_move(demo: Site) -> None:
    eng = start("demo", [1])
    (snapshot,) = eng.initial_objects
    before = demo.rows("SELECT * FROM workflows_object")
    with pytest.raises(IllegalMove, match="snapshot of object"):
        start_by_oids("demo", [snapshot.id])
    with pytest.raises(IllegalMove, match="snapshot of object"):
        cancel(snapshot.id)
    with pytest.raises(IllegalMove):
        continue_oid(snapshot.id)
    assert demo.rows("SELECT * FROM workflows_object") == before


# --- API-3: start_by_wid --------------------------------------------------------------


def test_a_run_begins_again_with_what_it_was_given(site: Site) -> None:
    """API-3, SNAP-5: data and extra_data back, the run's emptied, no rows added."""

    def change(obj: Any, eng: Any) -> None:
        eng.add("rounds")
        obj.extra_data["seen"] = obj.extra_data.get("seen", 0) + 1
        obj.data += 1
        if obj.data > 10:
            eng.halt("much", action="approval")

    site.register("changes", change)
    obj = WorkflowObject.create_object(data=10, extra_data={"mine": 1})
    eng = start("changes", [obj, 1], extra=1)
    before = site.counts()
    again = start_by_wid(eng.uuid, given="now")
    after = site.counts()
    assert again.uuid == eng.uuid
    assert (after["workflows_object"], after["workflows_run"]) == (
        before["workflows_object"],
        before["workflows_run"],
    )
    assert [each.data for each in again.processed_objects] == [11, 2]
    assert [each.extra_data["seen"] for each in again.processed_objects] == [1, 1]
    assert stored(obj.id).extra_data["mine"] == 1
    assert again.extra_data == {"rounds": 2, "given": "now"}
    assert again.status == R.HALTED
    (kept,) = site.rows("SELECT extra_data FROM workflows_run")
    assert loads(kept[0] if isinstance(kept[0], str) else json.dumps(kept[0])) == (
        again.extra_data
    )


def test_start_by_wid_is_refused_with_what_to_do(demo: Site) -> None:
    """API-3."""
    eng = start("demo", [20])
    before = demo.counts()
    with pytest.raises(WorkflowNotFound, match="nothing"):
        start_by_wid("nothing")
    with pytest.raises(WorkflowAPIError, match="for other data use start"):
        start_by_wid(eng.uuid, data=[1])
    with pytest.raises(WorkflowAPIError, match="bad"):
        start_by_wid(eng.uuid, bad=object())
    assert demo.counts() == before
    assert [obj.status for obj in eng.processed_objects] == [S.COMPLETED]


# --- API-5: start_by_oids -------------------------------------------------------------


def test_objects_are_started_in_the_order_of_their_ids_given(site: Site) -> None:
    """API-5, C9: ids may be strings."""
    site.register("notes", note)
    ids = [WorkflowObject.create_object(data=n).id for n in range(3)]
    eng = start_by_oids("notes", [ids[2], str(ids[0]), ids[1]], why="so")
    assert eng.extra_data == {"came": [2, 0, 1], "why": "so"}


def test_start_by_oids_is_refused_with_what_to_do(demo: Site) -> None:
    """API-5."""
    obj = WorkflowObject.create_object(data=1)
    before = demo.counts()
    with pytest.raises(WorkflowAPIError, match="No Object IDs are defined"):
        start_by_oids("demo", [])
    with pytest.raises(ObjectNotFound, match=str(obj.id + 99)):
        start_by_oids("demo", [obj.id, obj.id + 99])
    with pytest.raises(WorkflowAPIError, match="twice"):
        start_by_oids("demo", [obj.id, obj.id])
    with pytest.raises(WorkflowDefinitionError, match="Known: demo"):
        start_by_oids("dmeo", [obj.id])
    assert demo.counts() == before
    assert stored(obj.id).id_workflow is None


# --- API-7: continue_oid, SP ----------------------------------------------------------


@pytest.fixture
def five(site: Site) -> Site:
    """Five tasks, each noting its name; the third halts when it runs first."""

    def step(name: str) -> Any:
        def task(obj: Any, eng: Any) -> None:
            obj.data.append(name)
            if name == "c" and obj.data.count("c") == 1:
                eng.halt("at c")

        task.task_name = name  # type: ignore[attr-defined]
        return task

    site.register("five", *[step(name) for name in "abcde"])
    return site


@pytest.mark.parametrize(
    ("point", "ran"),
    [
        ("continue_next", "de"),
        ("restart_task", "cde"),
        ("restart_prev", "bcde"),
        ("restart_first", "abcde"),
        ("task:e", "e"),
        ("task:b", "bcde"),
    ],
)
def test_every_start_point(five: Site, point: str, ran: str) -> None:
    """API-7 and 2.11."""
    (obj,) = start("five", [[]]).halted_objects
    eng = continue_oid(obj.id, point, colour="red")
    assert "".join(stored(obj.id).data) == "abc" + ran
    assert eng.status == R.COMPLETED
    assert eng.extra_data["colour"] == "red"
    assert five.value("SELECT count(*) FROM workflows_run") == 1


def test_restart_prev_at_the_first_task_runs_the_first(site: Site) -> None:
    """SP-5."""
    site.register("first", lambda obj, eng: (obj.data.append("a"), halt(obj, eng)))
    (obj,) = start("first", [[]]).halted_objects
    continue_oid(obj.id, "restart_prev")
    assert stored(obj.id).data == ["a", "a"]


def test_continuing_leaves_a_nested_list(site: Site) -> None:
    """SP-1."""
    ran: list[str] = []
    site.register("nested", [[halt]], lambda obj, eng: ran.append("outer"))
    (obj,) = start("nested", [1]).halted_objects
    assert obj.get_current_task() == [0, 0, 0]
    continue_oid(obj.id)
    assert ran == ["outer"]


def test_continuing_inside_a_loop(site: Site) -> None:
    """SP-3: the rest of the body, then the condition again."""

    def body(obj: Any, eng: Any) -> None:
        obj.data += 1
        eng.halt("in the loop")

    rest: list[int] = []
    site.register(
        "loop",
        WHILE(
            lambda obj, eng: obj.data < 3,
            [body, lambda obj, eng: rest.append(obj.data)],
        ),
    )
    (obj,) = start("loop", [0]).halted_objects
    for expected in (R.HALTED, R.HALTED, R.COMPLETED):
        assert continue_oid(obj.id).status == expected
    assert rest == [1, 2, 3]


def test_continuing_inside_a_loop_over_items(site: Site) -> None:
    """SP-4, 2.15-8: on with the next item; the run keeps no variable."""

    def body(obj: Any, eng: Any) -> None:
        obj.data.append(eng.extra_data["item"])
        eng.halt("in the loop")

    site.register("items", FOR([5, 6, 7], "item", [body]), note)
    (obj,) = start("items", [[]]).halted_objects
    for _ in range(2):
        assert continue_oid(obj.id).status == R.HALTED
    eng = continue_oid(obj.id)
    assert eng.status == R.COMPLETED
    assert stored(obj.id).data == [5, 6, 7]
    assert eng.extra_data == {"came": [[5, 6, 7]]}


def test_a_definition_that_changed_never_runs_a_wrong_task(site: Site) -> None:
    """SP-8."""
    ran: list[str] = []
    site.register("edit", halt, lambda obj, eng: ran.append("wrong"))
    one, two = start("edit", [1, 2]).halted_objects
    site.register("edit", lambda obj, eng: ran.append("wrong"))
    with pytest.raises(WorkflowDefinitionError, match="'halt'.*no longer in it"):
        continue_oid(one.id)
    assert stored(one.id).status == S.ERROR
    resumed = list(resume_objects_in_workflow(two.id_workflow))
    assert [eng.status for eng in resumed] == [R.ERROR, R.ERROR]
    assert ran == []


def test_an_object_given_is_saved_as_it_is(demo: Site) -> None:
    """API-7, OBJ-9."""
    (obj,) = start("demo", [1]).halted_objects
    obj.set_data(100)
    continue_oid(obj)
    assert (obj.data, obj.status) == (118, S.COMPLETED)
    assert stored(obj.id) == obj


def test_the_question_is_gone_when_an_object_goes_on(site: Site) -> None:
    """V7-10: an object that is done asks for nothing."""
    site.register("asks", lambda obj, eng: eng.halt("ok?", action="approval", a=1))
    (obj,) = start("asks", [1]).halted_objects
    continue_oid(obj.id)
    done = stored(obj.id)
    assert (done.get_action(), done.get_action_message()) == (None, "")
    assert "_payload" not in done.extra_data


# --- API-9: resume --------------------------------------------------------------------


@pytest.fixture
def mixed(site: Site) -> tuple[Site, str]:
    """A run with an object that halted, one that waits, one in ERROR, one INITIAL."""

    def act(obj: Any, eng: Any) -> None:
        eng.append("came", obj.data)
        if obj.data == "fail" and "mended" not in eng.extra_data:
            raise ValueError("not yet")
        if obj.data in ("halt", "wait"):
            getattr(eng, obj.data)("?")

    def end(obj: Any, eng: Any) -> None:
        eng.append("ended", obj.data)

    site.register("mixed", act, end)
    with pytest.raises(WorkflowError) as caught:
        start("mixed", ["done", "halt", "wait", "fail", "rest", "fail"])
    return site, str(caught.value.id_workflow)


def test_resume_is_lazy_and_goes_on_after_an_error(mixed: tuple[Site, str]) -> None:
    """API-9, C3."""
    site, uuid = mixed
    runs = resume_objects_in_workflow(uuid)
    assert isinstance(runs, Iterator)
    query = WorkflowObject.query.filter_by(id_workflow=uuid, id_parent=None)

    def statuses() -> list[ObjectStatus]:
        return [obj.status for obj in query.order_by("position").all()]

    assert statuses() == [1, 2, 4, 5, 0, 0]
    assert next(runs).uuid == uuid
    assert statuses() == [1, 1, 4, 5, 0, 0]
    assert next(runs).uuid == uuid
    assert statuses() == [1, 1, 1, 5, 0, 0]
    assert next(runs).status == R.ERROR
    assert statuses() == [1, 1, 1, 5, 0, 0]
    assert [eng.status for eng in runs] == [R.ERROR, R.ERROR]
    assert statuses() == [1, 1, 1, 5, 1, 5]
    last = resume_objects_in_workflow(uuid, mended=True)
    assert [eng.status for eng in last] == [R.ERROR, R.COMPLETED]
    assert statuses() == [1] * 6
    shared = site.session.get(Workflow, uuid).get_extra_data()
    assert shared["ended"] == ["done", "halt", "wait", "rest", "fail", "fail"]


def test_an_explicit_start_point_is_that_of_all(mixed: tuple[Site, str]) -> None:
    """API-9: continue_next passes over the task that failed; one never ran begins."""
    _, uuid = mixed
    engines = list(resume_objects_in_workflow(uuid, "continue_next", mended=1))
    assert engines[-1].status == R.COMPLETED
    came = engines[-1].extra_data["came"]
    assert came == ["done", "halt", "wait", "rest", "fail"]


def test_resume_gives_every_object_the_keywords(mixed: tuple[Site, str]) -> None:
    """API-9: also the one that never ran."""
    site, uuid = mixed
    delete(WorkflowObject.query.filter_by(status=S.ERROR).one())
    list(resume_objects_in_workflow(uuid, mended=True))
    assert site.run_status(uuid) == R.COMPLETED


def test_resume_is_refused_at_once(demo: Site) -> None:
    """API-9."""
    uuid = start("demo", [1]).uuid
    with pytest.raises(WorkflowNotFound, match="nothing"):
        resume_objects_in_workflow("nothing")
    with pytest.raises(ValueError, match="restart_task"):
        resume_objects_in_workflow(uuid, "restart")
    with pytest.raises(ValueError, match="Its tasks"):
        resume_objects_in_workflow(uuid, "task:none")
    with pytest.raises(WorkflowAPIError, match="bad"):
        resume_objects_in_workflow(uuid, bad=object())


# --- OBJ ------------------------------------------------------------------------------


def test_making_and_copying_objects(demo: Site) -> None:
    """OBJ-1, OBJ-2, OBJ-3, OBJ-19."""
    obj = WorkflowObject.create_object(
        data={"a": [1]}, uri="u", data_type="t", id_user=3, extra_data={"mine": 1}
    )
    assert stored(obj.id) == obj
    fresh = stored(obj.id)
    assert (fresh.uri, fresh.data_type, fresh.id_user) == ("u", "t", 3)
    assert fresh.created.utcoffset().total_seconds() == 0
    assert (obj.created, obj.modified) == (fresh.created, fresh.modified)
    revision = WorkflowObject.create_object_revision(obj, S.HALTED, id_user=4)
    assert revision.id != obj.id
    again = stored(revision.id)
    assert (again.status, again.data, again.uri) == (S.HALTED, {"a": [1]}, "u")
    assert again.id_user == 4
    revision.data["a"].append(2)
    assert obj.data == {"a": [1]}
    twin = WorkflowObject()
    twin.copy(obj)
    assert (twin.id, twin.id_workflow, twin.id_user) == (None, None, 0)
    assert twin == obj
    twin.extra_data["more"] = 1
    assert twin != obj and obj != {"a": [1]}


def test_saving_keeps_everything(demo: Site) -> None:
    """OBJ-4, OBJ-5, C-2.3."""
    (obj,) = start("demo", [1]).halted_objects
    before = obj.modified
    obj.set_data(5)
    obj.set_extra_data({**obj.get_extra_data(), "mine": (1, 2)})
    obj.uri, obj.id_user = "x" * 600, 9
    heard: list[Any] = []
    with signals.workflow_object_saved.connected_to(lambda o, **kw: heard.append(o)):
        obj.save(version=S.WAITING, task_counter=[1])
    assert heard == [obj]
    again = stored(obj.id)
    assert again.modified == obj.modified
    assert (again.data, again.extra_data["mine"]) == (5, (1, 2))
    assert (again.status, again.waits_for, again.id_user) == (S.WAITING, "event", 9)
    assert again.uri == "x" * 500
    assert again.get_current_task() == obj.get_current_task() == [1]
    assert again.modified >= before
    with pytest.raises(ValueError, match="Task counter must be a list!"):
        obj.save(task_counter=1)
    with pytest.raises(ValueError, match=r"no task at \[9\]"):
        obj.save(task_counter=[9])
    continue_oid(obj.id)
    assert stored(obj.id).data == 3


def test_what_an_order_leaves_open_is_decided_by_the_id(demo: Site) -> None:
    start("demo", [1, 20, 2])
    query = WorkflowObject.query.filter_by(id_parent=None)
    ids = [obj.id for obj in query.order_by("id")]
    # PostgreSQL gives rows as they lie: the first is to lie behind the others.
    for which in ("id > 0", f"id = {ids[0]}"):
        with demo.ext.engine.begin() as connection:
            moved = f"UPDATE workflows_object SET uri = 'same' WHERE {which}"
            connection.exec_driver_sql(moved)
    assert [obj.id for obj in query.order_by("uri")] == ids
    assert [obj.id for obj in query.order_by("-uri")] == ids[::-1]
    assert query.order_by("-uri").first().id == ids[-1]
    assert [obj.id for obj in query.order_by("-uri", "id")] == ids


def test_the_ways_to_query(demo: Site) -> None:
    """OBJ-6, DESIGN 6.19."""
    start("demo", [1, 20, 2])
    query = WorkflowObject.query
    halted = query.filter_by(status=S.HALTED)
    assert [obj.data for obj in halted.order_by("-id").all()] == [2, 1]
    assert halted.count() == len(list(halted)) == 2
    first = halted.first()
    assert query.get(first.id) == first == query.get(str(first.id))
    assert query.get(10**30) is None is query.get(-1)
    assert query.filter_by(status=[S.HALTED, S.COMPLETED]).count() == 3
    assert query.filter_by(id_parent=None, version=1).one().data == 38
    assert query.filter_by(status=S.ERROR).first() is None
    assert WorkflowObject.get(status=S.HALTED).count() == 2
    assert WorkflowObject.get(first.id) == first
    assert halted.limit(1).count() == 1
    with pytest.raises(ObjectNotFound):
        query.filter_by(status=S.ERROR).one()
    with pytest.raises(WorkflowAPIError, match="More than one"):
        halted.one()
    with pytest.raises(TypeError, match="invenio_workflows.store"):
        query.filter_by(Workflow.uuid == "x")
    with pytest.raises(TypeError, match="no column 'colour'"):
        query.filter_by(colour=1)
    with pytest.raises(TypeError, match="no column 'colour'"):
        query.order_by("colour")
    with pytest.raises(WorkflowAPIError, match="is a number"):
        query.get("abc")


@pytest.mark.parametrize("way", ["object", "class by id", "class by object", "verb"])
def test_deleting_takes_everything_with_it(demo: Site, way: str) -> None:
    """OBJ-7, 2.15-11: the run stays; the snapshot goes."""
    demo.register("logs", lambda obj, eng: obj.log.info("a line"), halt)
    eng = start("logs", [1, 2])
    obj, other = eng.halted_objects
    heard: list[Any] = []
    with signals.workflow_object_deleted.connected_to(
        lambda o, **k: heard.append(o.id)
    ):
        if way == "object":
            obj.delete()
        elif way == "class by id":
            WorkflowObject.delete(obj.id)
        elif way == "class by object":
            WorkflowObject.delete(obj)
        else:
            delete(str(obj.id))
    assert heard == [obj.id]
    assert [each.id for each in eng.processed_objects] == [other.id]
    for table in ("event", "log"):
        left = demo.rows(f"SELECT DISTINCT id_object FROM workflows_{table}")
        assert [row[0] for row in left] == [other.id]
    assert demo.counts()["workflows_object"] == 2
    continue_oid(other.id)
    assert eng.status == R.COMPLETED
    with pytest.raises(ObjectNotFound):
        delete(obj.id)


def test_deleting_a_run_deletes_its_objects(demo: Site) -> None:
    """2.15-11: by the keys of the tables; events alone have none, for speed."""
    start("demo", [1, 20])
    with demo.ext.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM workflows_run")
    counts = demo.counts()
    assert counts.pop("workflows_event") > 0
    assert set(counts.values()) == {0}


def test_starting_and_continuing_an_object(demo: Site) -> None:
    """OBJ-8, OBJ-9: the object itself is brought up to date."""
    obj = WorkflowObject(1)
    eng = obj.start_workflow("demo", colour="red")
    assert (obj.status, obj.get_action_message()) == (S.HALTED, "Data less than 20.")
    assert eng.extra_data == {"colour": "red"}
    assert obj.get_workflow_name() == "demo"
    obj.restart_current()
    assert obj.status == S.HALTED
    obj.continue_workflow()
    assert (obj.status, obj.data) == (S.COMPLETED, 19)
    obj.restart_previous()
    assert obj.data == 37
    with pytest.raises(WorkflowAPIError, match="No workflow associated with object"):
        WorkflowObject.create_object().continue_workflow()
    with pytest.raises(WorkflowAPIError, match="No workflow associated with object"):
        continue_oid(WorkflowObject.create_object().id)
    result = obj.start_workflow("demo", delayed=True, colour="blue")
    assert (obj.status, obj.waits_for) == (S.WAITING, "queue")
    assert result.get(timeout=60).extra_data == {"colour": "blue"}
    assert stored(obj.id).data == 37 + 18


def test_actions_errors_and_messages(site: Site) -> None:
    """OBJ-10, OBJ-11, OBJ-17, C7: kept when saved."""
    obj = WorkflowObject.create_object()
    assert (obj.get_action(), obj.get_action_message()) == (None, "")
    assert obj.get_error_message() is None
    obj.set_action("approval", "why")
    obj.set_error_message("broken")
    obj.change_status("on its way")
    assert stored(obj.id).get_action() is None
    obj.save()
    again = stored(obj.id)
    assert (again.get_action(), again.get_action_message()) == ("approval", "why")
    assert again.get_error_message() == "broken"
    assert again.extra_data["_status_message"] == "on its way"
    assert again.status == S.INITIAL
    again.remove_action()
    again.reset_error_message()
    assert (again.get_action(), again.get_action_message()) == (None, "")
    assert again.get_error_message() is None


def test_results_of_tasks(site: Site) -> None:
    """OBJ-12, OBJ-13, C15."""

    def find(obj: Any, eng: Any) -> None:
        obj.add_task_result("foo", {"n": 1}, "a.html")
        obj.add_task_result("foo", {"n": 2})

    site.register("finds", find)
    (obj,) = start("finds", [1]).completed_objects
    default = "workflows/results/default.html"
    assert obj.get_tasks_results() == {
        "foo": [
            {"name": "foo", "result": {"n": 1}, "template": "a.html"},
            {"name": "foo", "result": {"n": 2}, "template": default},
        ]
    }
    obj.update_task_results("foo", [])
    obj.save()
    assert stored(obj.id).get_tasks_results() == {"foo": []}


def test_data_is_formatted_by_the_hook(make_site: Any, ready_url: str) -> None:
    """OBJ-14: the hook, the default format, and "" where there is none or it fails."""

    def formatter(obj: Any, of: str) -> str:
        return f"{of}:{obj.data}" if obj.data else str(1 / 0)

    name = "WORKFLOWS_HOLDING_PEN_DEFAULT_OUTPUT_FORMAT"
    site = make_site(ready_url, tables=False, **{name: "xm"})
    with site.app.app_context():
        site.register("formats", note, formatter=staticmethod(formatter))
        site.register("plain", note)
        good, bad = start("formats", [1, 0]).completed_objects
        assert good.get_formatted_data() == "xm:1"
        assert good.get_formatted_data(of="hd") == "hd:1"
        assert bad.get_formatted_data() == ""
        assert start("plain", [1]).completed_objects[0].get_formatted_data() == ""
        alone = WorkflowObject.create_object()
        assert (alone.get_formatted_data(), alone.get_workflow_name()) == ("", None)


def test_the_current_task(site: Site) -> None:
    """OBJ-15, REG-3."""

    def described(number: int) -> Any:
        def task(obj: Any, eng: Any) -> None:
            """Look at it."""
            assert number == 7
            assert eng.get_current_task() == [1, 0]
            assert eng.get_current_taskname() == "task"
            assert eng.get_current_object() is obj
            eng.halt("?")

        return task

    site.register("described", note, [described(7)])
    (obj,) = start("described", [1]).halted_objects
    assert obj.get_current_task() == [1, 0]
    info = obj.get_current_task_info()
    assert (info["name"], info["nicename"]) == ("task", "Look at it.")
    assert info["parameters"] == [("number", "7")]
    alone = WorkflowObject.create_object()
    assert (alone.get_current_task(), alone.get_current_task_info()) == ([], "")


def test_saving_to_a_file(site: Site, tmp_path: Path) -> None:
    """OBJ-18."""
    for data, kept in (
        ("text é", "text é".encode()),
        (b"\x00\xff", b"\x00\xff"),
        ({"a": 1}, b'{"a":1}'),
    ):
        path = Path(WorkflowObject(data).save_to_file(str(tmp_path), "p_", ".x"))
        assert path.parent == tmp_path
        assert (path.name[:2], path.suffix, path.read_bytes()) == ("p_", ".x", kept)


# --- registering ----------------------------------------------------------------------


def test_registering_a_workflow(site: Site) -> None:
    """REG-2: a second owner of a name is refused, unless it is to replace it."""

    class one:
        workflow = [add_data(1)]

    class two:
        workflow = [add_data(2)]

    site.ext.register_workflow("numbers", one)
    with pytest.raises(ConfigurationError, match="already"):
        site.ext.register_workflow("numbers", two)
    assert start("numbers", [0]).completed_objects[0].data == 1
    site.ext.register_workflow("numbers", two, replace=True)
    assert start("numbers", [0]).completed_objects[0].data == 2
    with pytest.raises(WorkflowDefinitionError, match="item 0 is 1"):
        site.ext.register_workflow("broken", [1])
    with pytest.raises(WorkflowDefinitionError, match="Known: numbers"):
        start("broken", [0])


# --- deciding -------------------------------------------------------------------------


@pytest.fixture
def asking(site: Site) -> tuple[Site, WorkflowObject]:
    """An object that asks for approval."""

    def ask(obj: Any, eng: Any) -> None:
        eng.halt("ok?", action="approval")

    site.register("asks", ask, lambda obj, eng: eng.append("went", obj.data))
    (obj,) = start("asks", [1]).halted_objects
    return site, obj


@pytest.mark.parametrize("value", ["accept", "reject"])
def test_2_15_4_a_decision(asking: tuple[Site, WorkflowObject], value: str) -> None:
    """2.15-4, C4: either way it goes on."""
    _, obj = asking
    form = {"value": value, "reason": "because"}
    eng = resolve(obj.id, "approval", form, actor="ann", revision=obj.revision)
    assert eng is not None and eng.status == R.COMPLETED
    done = stored(obj.id)
    assert done.extra_data["approved"] is (value == "accept")
    assert done.extra_data["reason"] == "because"
    assert done.get_action() is None
    (event,) = [each for each in done.history() if each.kind == "Resolved"]
    assert event.payload == {
        "action": "approval",
        "value": value,
        "reason": "because",
        "actor": "ann",
    }


def test_a_refused_decision_decides_nothing(
    asking: tuple[Site, WorkflowObject],
) -> None:
    site, obj = asking
    accept = {"value": "accept"}
    before = site.rows("SELECT * FROM workflows_object"), site.counts()
    with pytest.raises(IllegalMove, match="asks for approval, not for merge"):
        resolve(obj.id, "merge", accept)
    with pytest.raises(IllegalMove, match="changed since it was seen"):
        resolve(obj.id, "approval", accept, revision=obj.revision - 1)
    with pytest.raises(ValueError, match="value=accept or value=reject"):
        resolve(obj.id, "approval", {"value": "maybe"})
    with pytest.raises(ValueError, match="no field colour"):
        resolve(obj.id, "approval", {**accept, "colour": "red"})
    assert (site.rows("SELECT * FROM workflows_object"), site.counts()) == before
    eng = resolve(obj.id, "approval", accept, revision=obj.revision)
    assert eng is not None and eng.extra_data["went"] == [1]
    with pytest.raises(IllegalMove, match="COMPLETED"):
        resolve(obj.id, "approval", accept)
    with pytest.raises(IllegalMove, match="meanwhile"):
        resolve(obj, "approval", accept)


def test_an_object_that_asks_for_nothing(site: Site) -> None:
    site.register("halts", halt)
    site.register("odd", lambda obj, eng: eng.halt("?", action="odd"))
    (obj,) = start("halts", [1]).halted_objects
    with pytest.raises(IllegalMove, match="continue_oid"):
        resolve(obj.id, "approval", {"value": "accept"})
    (odd,) = start("odd", [1]).halted_objects
    with pytest.raises(ActionNotFound, match="Known: approval"):
        resolve(odd.id, "odd", {})


def test_a_decision_that_leaves_the_object_where_it_is(site: Site) -> None:
    from invenio_workflows.actions import Action, Resolution

    class Comment(Action):
        def resolve(self, obj: Any, form: Any, actor: Any) -> Resolution:
            obj.extra_data.setdefault("comments", []).append(form["text"])
            return Resolution("comment", start_point=None)

    site.ext.register_action("comment", Comment)
    site.register("talks", lambda obj, eng: eng.halt("?", action="comment"))
    (obj,) = start("talks", [1]).halted_objects
    assert resolve(obj.id, None, {"text": "hm"}, actor="bob") is None
    now = stored(obj.id)
    assert (now.status, now.extra_data["comments"]) == (S.HALTED, ["hm"])
    assert now.get_action() == "comment"
    last = now.history()[-1]
    assert (last.kind, last.payload["actor"]) == ("Resolved", "bob")


def test_cancelling_ends_an_object(asking: tuple[Site, WorkflowObject]) -> None:
    site, obj = asking
    cancelled = cancel(obj.id)
    assert cancelled.status == S.CANCELLED == stored(obj.id).status
    assert stored(obj.id).get_action() is None
    assert site.run_status(obj.id_workflow) == R.CANCELLED
    with pytest.raises(IllegalMove, match="CANCELLED"):
        cancel(obj.id)


def test_a_task_offset_is_refused(site: Site):
    """SP-7: it counted positions, which an edit moves; names do not."""
    with pytest.raises(WorkflowAPIError, match="task:<name>"):
        continue_oid(1, "restart_prev", task_offset=2)
