"""Branches side by side: objects of their own, and the object that waits for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sites import Site

from invenio_workflows.api import (
    cancel,
    continue_oid,
    delete,
    resolve,
    resume_objects_in_workflow,
    start,
    start_by_wid,
    start_delayed,
)
from invenio_workflows.calls import Call
from invenio_workflows.errors import DefinitionChanged, IllegalMove, WorkflowError
from invenio_workflows.jobs import perform, sweep
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.patterns import FOR, IF, PARALLEL, TRY
from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import ObjectStatus, WorkflowStatus

S, R = ObjectStatus, WorkflowStatus
SOON = 60.0


def put(key: str, value: Any = 1) -> Callable[[Any, Any], None]:
    def put(obj: Any, eng: Any) -> None:
        obj.data[key] = value

    return put


def ask(obj: Any, eng: Any) -> None:
    eng.halt("Is it right?", action="approval")


def decided(obj: Any, eng: Any) -> None:
    obj.data["approved"] = obj.extra_data["approved"]


def fail(obj: Any, eng: Any) -> None:
    if not obj.data.get("mended"):
        raise ValueError("broken")


@pytest.fixture
def idle(make_site: Callable[..., Site], ready_url: str) -> Iterator[Site]:
    """A site that leaves everything to worker processes, of which there is none."""
    site = make_site(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    with site.app.app_context():
        yield site


def branches(obj: Any) -> list[WorkflowObject]:
    oid = obj if isinstance(obj, int) else obj.id
    query = WorkflowObject.query.filter_by(id_fork=oid)
    found: list[WorkflowObject] = query.order_by("id").all()
    return found


def now(obj: Any) -> WorkflowObject:
    found: WorkflowObject = WorkflowObject.get(obj if isinstance(obj, int) else obj.id)
    return found


def named(*objects: Any) -> list[str]:
    return [now(obj).status.name for obj in objects]


def kinds(obj: Any) -> list[str]:
    return [event.kind for event in current_workflows.queries.history(obj.id)]


def no_lease_is_left(site: Site) -> bool:
    held = "lease_owner IS NOT NULL OR lease_until IS NOT NULL OR status = 3"
    return site.value(f"SELECT count(*) FROM workflows_object WHERE {held}") == 0


# --- now and here ---------------------------------------------------------------------


def test_what_the_branches_changed_is_put_together(site: Site) -> None:
    def result(obj: Any, eng: Any) -> None:
        obj.add_task_result("checks", {"of": obj.branch})

    site.register(
        "both",
        put("before"),
        PARALLEL([put("a"), result], [result, put("b", [2])]),
        put("after"),
    )
    eng = start("both", [{"n": 0}, {"n": 1}])
    assert (eng.status, len(eng.processed_objects)) == (R.COMPLETED, 2)
    for n, obj in enumerate(eng.processed_objects):
        assert obj.data == {"n": n, "before": 1, "a": 1, "b": [2], "after": 1}
        found = obj.extra_data["_tasks_results"]["checks"]
        assert [each["result"]["of"] for each in found] == [0, 1]
        assert named(*branches(obj)) == ["COMPLETED", "COMPLETED"]
        assert [b.id_fork for b in branches(obj)] == [obj.id, obj.id]
    assert no_lease_is_left(site)


def test_a_branch_halts_for_a_person_and_the_others_go_on(site: Site) -> None:
    site.register("two", PARALLEL([ask, decided], [put("b")]), put("after"))
    eng = start("two", {})
    (obj,) = eng.processed_objects
    asked, done = branches(obj)
    assert named(obj, asked, done) == ["WAITING", "HALTED", "COMPLETED"]
    assert (eng.status, now(obj).waits_for) == (R.HALTED, "join")
    listed = current_workflows.queries.objects()
    assert sorted(each.id for each in listed) == [obj.id, asked.id]
    assert current_workflows.queries.counts() == {S.WAITING: 1, S.HALTED: 1}
    resolve(asked.id, "approval", {"value": "accept"})
    assert named(obj, asked) == ["COMPLETED", "COMPLETED"]
    assert now(obj).data == {"approved": True, "b": 1, "after": 1}
    assert eng.status == R.COMPLETED and no_lease_is_left(site)
    assert [o.id for o in current_workflows.queries.objects()] == [obj.id]


def test_the_first_that_is_done_is_enough_for_any(site: Site) -> None:
    site.register(
        "any", PARALLEL([ask], [put("b")], [put("c")], join="any"), put("after")
    )
    eng = start("any", {})
    (obj,) = eng.processed_objects
    assert named(*branches(obj)) == ["CANCELLED", "COMPLETED", "CANCELLED"]
    assert (now(obj).data, eng.status) == ({"b": 1, "after": 1}, R.COMPLETED)
    assert kinds(branches(obj)[2]) == ["Branched", "Cancelled"]
    assert no_lease_is_left(site)


def test_two_different_values_are_an_error_that_names_the_key(site: Site) -> None:
    site.register("clash", PARALLEL(put("x", 1), put("x", 2), put("y")), put("after"))
    with pytest.raises(WorkflowError, match=r"branches 0 and 1 .* data\['x'\].*merge"):
        start("clash", {})
    (obj,) = WorkflowObject.query.filter_by(status=S.ERROR).all()
    assert obj.data == {} and named(*branches(obj)) == ["COMPLETED"] * 3

    def larger(obj: Any, branches: list[Any]) -> None:
        obj.data["x"] = max(branch.data.get("x", 0) for branch in branches)

    block = PARALLEL(put("x", 1), put("x", 2), put("y"), merge=larger)
    site.register("clash", block, put("after"))
    continue_oid(obj.id, "restart_task")
    assert now(obj).data == {"x": 2, "after": 1}
    assert len(branches(obj)) == 3


def test_what_is_no_dictionary_is_taken_as_a_whole(site: Site) -> None:
    def double(obj: Any, eng: Any) -> None:
        obj.data = obj.data * 2

    site.register("whole", PARALLEL(double, [double], put_nothing))
    assert start("whole", 4).processed_objects[0].data == 8


def put_nothing(obj: Any, eng: Any) -> None:
    pass


def test_a_branch_that_fails_does_not_stop_the_others(site: Site) -> None:
    site.register("one fails", PARALLEL(fail, put("b")), put("after"))
    with pytest.raises(WorkflowError, match="broken"):
        start("one fails", [{}, {}])
    obj, later = WorkflowObject.query.filter_by(id_parent=None, id_fork=None).order_by(
        "position"
    )
    broken, done = branches(obj)
    assert named(obj, broken, done, later) == [
        *("WAITING", "ERROR", "COMPLETED", "INITIAL")
    ]
    assert site.run_status(obj.id_workflow) == R.ERROR
    mended = now(broken)
    mended.data["mended"] = True
    mended.save()
    continue_oid(broken.id, "restart_task")
    assert now(obj).data == {"mended": True, "b": 1, "after": 1}
    assert named(obj, broken) == ["COMPLETED", "COMPLETED"]
    assert no_lease_is_left(site)


@pytest.mark.parametrize("stop_on_halt", [False, True])
def test_objects_behind_one_that_waits_for_a_person(
    site: Site, stop_on_halt: bool
) -> None:
    site.register("queue up", PARALLEL(ask, put("b")))
    eng = start("queue up", [{}, {}, {}], stop_on_halt=stop_on_halt)
    statuses = [obj.status.name for obj in eng.processed_objects]
    rest = "INITIAL" if stop_on_halt else "WAITING"
    assert statuses == ["WAITING", rest, rest]
    for engine in resume_objects_in_workflow(eng.uuid):
        assert engine.uuid == eng.uuid
    assert (eng.status, no_lease_is_left(site)) == (R.COMPLETED, True)


def test_blocks_stand_in_loops_and_in_each_other(site: Site) -> None:
    def seen(obj: Any, eng: Any) -> None:
        obj.data[f"{eng.extra_data['item']}"] = obj.branch

    inner = PARALLEL([seen], [put_nothing])
    site.register(
        "nested", FOR([1, 2], "item", [PARALLEL([inner], [put("b")])]), put("after")
    )
    eng = start("nested", {})
    (obj,) = eng.processed_objects
    assert obj.data == {"1": 0, "2": 0, "b": 1, "after": 1}
    assert len(branches(obj)) == 4 and eng.status == R.COMPLETED
    assert no_lease_is_left(site)


def test_a_try_around_the_block_is_not_the_branches_own(site: Site) -> None:
    site.register("tried", TRY([PARALLEL(fail, put("b"))], retry=3), put("after"))
    with pytest.raises(WorkflowError, match="broken"):
        start("tried", {})
    (broken,) = WorkflowObject.query.filter_by(status=S.ERROR).all()
    assert broken.branch == 0 and kinds(broken).count("Failed") == 1


@pytest.mark.parametrize("start_point", ["restart_first", "restart_prev"])
def test_a_branch_starts_over_in_its_own_list(site: Site, start_point: str) -> None:
    seen = []

    def first(obj: Any, eng: Any) -> None:
        seen.append("first")

    site.register("own", put("x"), PARALLEL([first, ask], [put("b")]), put("after"))
    start("own", {})
    (asked,) = WorkflowObject.query.filter_by(status=S.HALTED).all()
    continue_oid(asked.id, start_point)
    assert (seen, named(asked)) == (["first", "first"], ["HALTED"])
    continue_oid(asked.id)
    assert named(asked, asked.id_fork) == ["COMPLETED", "COMPLETED"]


def test_nobody_goes_into_a_branch_from_outside_or_out_of_one(site: Site) -> None:
    def inside(obj: Any, eng: Any) -> None:
        pass

    def outside(obj: Any, eng: Any) -> None:
        pass

    site.register("walls", PARALLEL([ask, inside], [put("b")]), outside)
    start("walls", {})
    (asked,) = WorkflowObject.query.filter_by(status=S.HALTED).all()
    for oid, task in ((asked.id, "outside"), (asked.id_fork, "inside")):
        with pytest.raises(DefinitionChanged, match="a branch keeps to its own"):
            continue_oid(oid, f"task:{task}")


def test_an_object_that_is_restarted_leaves_its_branches(site: Site) -> None:
    site.register("again", PARALLEL([ask, put("a")], [put("b")]), put("after"))
    eng = start("again", {})
    (obj,) = eng.processed_objects
    continue_oid(obj.id, "restart_first")
    assert named(obj, *branches(obj)) == [
        *("WAITING", "CANCELLED", "COMPLETED", "HALTED", "COMPLETED")
    ]
    continue_oid(obj.id)  # nothing to do but to wait on
    assert (now(obj).status, now(obj).waits_for) == (S.WAITING, "join")
    continue_oid(branches(obj)[2].id)
    assert now(obj).data == {"a": 1, "b": 1, "after": 1}
    assert eng.status == R.COMPLETED and no_lease_is_left(site)


def test_who_cancels_the_object_cancels_its_branches(site: Site) -> None:
    site.register("off", PARALLEL([PARALLEL(ask, put("x"))], [put("b")], [ask]))
    eng = start("off", {})
    (obj,) = eng.processed_objects
    inner = branches(branches(obj)[0])
    cancel(obj.id)
    assert named(obj, *branches(obj), *inner) == [
        *("CANCELLED", "CANCELLED", "COMPLETED", "CANCELLED"),
        *("CANCELLED", "COMPLETED"),
    ]
    assert eng.status == R.CANCELLED


def test_branches_that_were_cancelled_may_be_too_many(site: Site) -> None:
    site.register("lost", PARALLEL(ask, ask, put("b"), join=2), put("after"))
    start("lost", {})
    one, other = WorkflowObject.query.filter_by(status=S.HALTED).order_by("id")
    cancel(one.id)
    assert named(one.id_fork) == ["WAITING"]
    cancel(other.id)
    obj = now(one.id_fork)
    if obj.waits_for == "queue":  # a worker takes it
        perform(Call((obj.id,)))
    wait_for(lambda: now(obj).status == S.ERROR)
    assert (
        "2 of 3 branches must be done, and 2 were cancelled"
        in now(obj).get_error_message()[0]
    )


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end, "It did not come to pass."
        time.sleep(0.02)


def test_a_branch_is_no_object_to_start_or_to_delete(site: Site) -> None:
    site.register("part", PARALLEL([ask, put("a")], [put("b")]))
    eng = start("part", {})
    (obj,) = eng.processed_objects
    asked = branches(obj)[0]
    for verb in (lambda: start("part", [asked]), lambda: delete(asked.id)):
        with pytest.raises(IllegalMove, match=f"is a branch of object {obj.id}"):
            verb()
    start("part", [now(obj)])
    assert named(asked, branches(obj)[2]) == ["CANCELLED", "HALTED"]
    delete(obj.id)
    assert site.counts()["workflows_object"] == 0
    assert site.counts()["workflows_event"] == 0


def test_a_run_that_begins_again_makes_its_branches_anew(site: Site) -> None:
    site.register("anew", PARALLEL([ask, put("a")], [put("b")]))
    eng = start("anew", [{}, {}])
    start_by_wid(eng.uuid)
    assert len(eng.processed_objects) == 2
    for obj in eng.processed_objects:
        assert named(obj, *branches(obj)) == [
            *("WAITING", "CANCELLED", "COMPLETED", "HALTED", "COMPLETED")
        ]


def test_the_definition_may_change_while_branches_sleep(site: Site) -> None:
    site.register("edited", PARALLEL([ask, put("a")], [put("b")]), put("after"))
    start("edited", {})
    (asked,) = WorkflowObject.query.filter_by(status=S.HALTED).all()
    block = PARALLEL([put("new")], [put_nothing, ask, put("a2")], [put("b")])
    site.register("edited", put("first"), block, put("last"))
    continue_oid(asked.id)
    assert now(asked.id_fork).data == {"a2": 1, "b": 1, "last": 1}


def test_a_branch_does_not_run_on_where_its_task_is_in_none_any_more(
    site: Site,
) -> None:
    site.register("flat", PARALLEL([ask, put("a")], [put("b")]), put("after"))
    start("flat", {})
    (asked,) = WorkflowObject.query.filter_by(status=S.HALTED).all()
    site.register("flat", ask, put("a"), put("b"), put("after"))
    with pytest.raises(DefinitionChanged, match="a branch keeps to its own"):
        continue_oid(asked.id)
    assert named(asked) == ["ERROR"]


# --- delayed --------------------------------------------------------------------------


def test_workers_share_the_branches(site: Site) -> None:
    site.register(
        "shared",
        PARALLEL([put("a")], [put("b")], [put("c")], [IF(lambda o, e: True, put("d"))]),
        put("after"),
    )
    result = start_delayed("shared", [{"n": n} for n in range(10)])
    eng = result.get(timeout=SOON)
    assert eng.status == R.COMPLETED
    for n, obj in enumerate(eng.processed_objects):
        assert obj.data == {"n": n, **dict.fromkeys("abcd", 1), "after": 1}
    assert no_lease_is_left(site)


def test_a_delayed_halt_lets_the_caller_go(site: Site) -> None:
    site.register("asking", PARALLEL(ask, put("b")), put("after"))
    result = start_delayed("asking", {})
    assert result.get(timeout=SOON).status == R.HALTED
    (asked,) = WorkflowObject.query.filter_by(status=S.HALTED).all()
    resolve(asked.id, "approval", {"value": "accept"}, delayed=True)
    assert result.get(timeout=SOON).status == R.COMPLETED


def test_a_worker_sends_what_comes_of_an_object(idle: Site) -> None:
    sent: list[int] = []

    class Noted:
        def send(self, calls: Any) -> None:
            # Branches in one call would run one after the other.
            assert all(len(call.oids) == 1 for call in calls)
            sent.extend(oid for call in calls for oid in call.oids)

        def stop(self) -> None:
            pass

    vars(current_workflows._get_current_object())["worker"] = Noted()
    idle.register("told", PARALLEL(put("a"), put("b")))
    result = start_delayed("told", {})
    (oid,) = sent
    perform(Call((oid,)))
    made = [branch.id for branch in branches(oid)]
    assert sent == [oid, *made] and named(*made) == ["WAITING", "WAITING"]
    perform(Call((made[1],)))
    assert sent == [oid, *made]
    perform(Call((made[0],)))
    assert sent == [oid, *made, oid]
    perform(Call((oid,)))
    assert result.get(timeout=0).status == R.COMPLETED


def test_what_goes_on_when_a_branch_is_cancelled_is_sent_by_the_next_sweep(
    idle: Site,
) -> None:
    sent: list[int] = []

    class Noted:
        def send(self, calls: Any) -> None:
            sent.extend(oid for call in calls for oid in call.oids)

        def stop(self) -> None:
            pass

    vars(current_workflows._get_current_object())["worker"] = Noted()
    idle.register("one less", PARALLEL(ask, put("b"), join=2))
    (obj,) = start("one less", {}).processed_objects
    cancel(branches(obj)[0].id)
    assert now(obj).waits_for == "queue"
    sweep()
    assert sent == [obj.id]


def test_what_a_dead_caller_held_is_taken_up(idle: Site) -> None:
    def interrupt(obj: Any, eng: Any) -> None:
        if obj.branch == 0 and "again" not in obj.data:
            raise KeyboardInterrupt

    idle.register("cut", PARALLEL([interrupt], [put("b")], [put("c")]), put("after"))
    with pytest.raises(KeyboardInterrupt):
        start("cut", {})
    (obj,) = WorkflowObject.query.filter_by(id_fork=None, id_parent=None).all()
    assert named(obj, *branches(obj)) == ["WAITING", "ERROR", "RUNNING", "RUNNING"]
    sweep()
    for branch in branches(obj)[1:]:
        perform(Call((branch.id,)))
    broken = branches(obj)[0]
    broken.data["again"] = True
    broken.save()
    continue_oid(broken.id, "restart_task")
    assert now(obj).data == {"again": True, "b": 1, "c": 1, "after": 1}
    assert no_lease_is_left(idle)


def test_two_that_end_at_once_wake_the_object_once(site: Site) -> None:
    gate = threading.Barrier(4)

    def meet(obj: Any, eng: Any) -> None:
        gate.wait(SOON)

    site.app.config["WORKFLOWS_LOCAL_THREADS"] = 4
    site.register("race", PARALLEL(ask, ask, ask, ask, join="all"), put("after"))
    eng = start("race", {})
    (obj,) = eng.processed_objects

    def go(oid: int) -> None:
        with site.app.app_context():
            gate.wait(SOON)
            continue_oid(oid)

    threads = [threading.Thread(target=go, args=(b.id,)) for b in branches(obj)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert named(obj, *branches(obj)) == ["COMPLETED"] * 5
    assert kinds(obj).count("Started") == 2 and no_lease_is_left(site)
