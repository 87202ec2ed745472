"""What is delayed is accepted at once, and moved by threads of this process."""

from __future__ import annotations

import sqlite3
import threading
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sites import Site
from sqlalchemy import event

from invenio_workflows import Retry, task
from invenio_workflows.api import (
    WorkerBackend,
    cancel,
    continue_oid,
    continue_oid_delayed,
    delete,
    resolve,
    send_event,
    start,
    start_by_oids_delayed,
    start_by_wid_delayed,
    start_delayed,
)
from invenio_workflows.calls import Call
from invenio_workflows.errors import (
    ConfigurationError,
    DataNotSerializable,
    DataTooLarge,
    IllegalMove,
    ObjectNotFound,
    WorkflowAPIError,
    WorkflowDefinitionError,
    WorkflowError,
    WorkflowNotFound,
    WorkflowWorkerError,
)
from invenio_workflows.jobs import move, perform, sweep
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import ObjectStatus, WorkflowStatus
from invenio_workflows.tasks import workflows_tasks as library
from invenio_workflows.worker_result import uuid_to_workflow

S, R = ObjectStatus, WorkflowStatus
SOON = 60.0


def step(obj: Any, eng: Any) -> None:
    obj.data["n"] += 1


def halt(obj: Any, eng: Any) -> None:
    eng.halt("?", action="approval")


def halt_at_two(obj: Any, eng: Any) -> None:
    if obj.data["n"] == 2:
        eng.halt()


def live(uuid: str) -> list[WorkflowObject]:
    query = WorkflowObject.query.filter_by(id_workflow=uuid, id_parent=None)
    found: list[WorkflowObject] = query.order_by("position").all()
    return found


def snapshots(uuid: str) -> list[WorkflowObject]:
    query = WorkflowObject.query.filter_by(id_workflow=uuid)
    found: list[WorkflowObject] = query.order_by("position").all()
    return [obj for obj in found if obj.id_parent is not None]


def statuses(uuid: str) -> list[str]:
    return [obj.status.name for obj in live(uuid)]


@pytest.fixture
def idle(make_site: Callable[..., Site], ready_url: str) -> Iterator[Site]:
    """A site that leaves everything to worker processes, of which there is none."""
    site = make_site(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    with site.app.app_context():
        yield site


def work(uuid: str) -> None:
    """Do what a worker would do with the messages of a run."""
    perform(Call(tuple(obj.id for obj in live(uuid))))


# --- accepted, then moved -------------------------------------------------------------


def test_many_objects_arrive_and_the_run_ends_with_the_last(site: Site) -> None:
    site.register("steps", step, step, step)
    result = start_delayed("steps", [{"n": n} for n in range(20)], colour="red")
    eng = result.get(timeout=SOON)
    assert (eng.uuid, eng.status) == (result.uuid, R.COMPLETED)
    assert [obj.data["n"] for obj in eng.processed_objects] == list(range(3, 23))
    assert eng.extra_data == {"colour": "red"}
    assert result.get(uuid_to_workflow).status == R.COMPLETED
    assert result.get(lambda uuid: uuid, timeout=1) == result.uuid
    assert "ix" not in repr(result) and result.uuid in repr(result)


def test_new_objects_are_made_in_their_queue_beside_those_that_exist(
    make_site: Callable[..., Site], ready_url: str
) -> None:
    few = {"WORKFLOWS_LOCAL_THREADS": 0, "WORKFLOWS_BATCH_SIZE": 2}
    site = make_site(ready_url, tables=False, **few)
    site.register("steps", step)
    with site.app.app_context():
        old = WorkflowObject({"n": 2})
        old.save()
        given = [{"n": 0}, {"n": 1}, old, {"n": 3}, {"n": 4}]
        uuid = start_delayed("steps", given, priority=7).uuid
        assert uuid_to_workflow(uuid).status == R.NEW
        queued = live(uuid)
        assert [obj.data["n"] for obj in queued] == list(range(5))
        assert [obj.position for obj in queued] == list(range(5))
        for obj in queued:
            assert (obj.status, obj.waits_for) == (S.WAITING, "queue")
            stands = [obj.columns[name] for name in ("rank", "start_point", "in_start")]
            assert stands == [-7, None, 0]
        assert queued[2].id == old.id
        copies = snapshots(uuid)
        assert [copy.id_parent for copy in copies] == [obj.id for obj in queued]
        for obj, copy in zip(queued, copies, strict=True):
            assert (copy.status, copy.waits_for) == (S.INITIAL, None)
            assert (copy.data, copy.position) == (obj.data, obj.position)
            assert copy.columns["lease_until"] is copy.columns["wake_at"] is None
            assert copy.kept == obj.kept and copy.created is not None
        work(uuid)
        assert statuses(uuid) == ["COMPLETED"] * 5
        assert [obj.data["n"] for obj in snapshots(uuid)] == list(range(5))


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt, CancelledError])
def test_a_task_that_would_end_the_process_ends_its_object_alone(
    site: Site, end: type[BaseException]
) -> None:
    def leave(obj: Any, eng: Any) -> None:
        if obj.data["n"] < 5:
            raise end

    site.register("leaves", leave, step)
    items = [{"n": n} for n in range(10)]
    result = start_delayed("leaves", items, stop_on_error=False)
    assert result.get(timeout=SOON).status == R.ERROR
    assert statuses(result.uuid) == ["ERROR"] * 5 + ["COMPLETED"] * 5
    threads = site.ext.state.worker._threads[:2]
    assert [each.is_alive() for each in threads] == [True, True]


def test_an_accepted_object_is_queued_until_a_worker_holds_it(idle: Site) -> None:
    idle.register("steps", step, step)
    given = WorkflowObject({"n": 1})
    result = start_delayed("steps", [given, {"n": 5}], priority=7)
    assert result.status() == R.NEW
    assert [(o.status, o.waits_for) for o in live(result.uuid)] == [
        (S.WAITING, "queue"),
        (S.WAITING, "queue"),
    ]
    assert (given.status, given.waits_for) == (S.WAITING, "queue")
    with pytest.raises(IllegalMove, match="Queued"):
        continue_oid(given.id)
    with pytest.raises(WorkflowWorkerError, match=r"still moves after 0.05 seconds"):
        result.get(timeout=0.05)
    work(result.uuid)
    assert result.get(timeout=0).status == R.COMPLETED


def test_a_message_that_comes_twice_or_late_does_nothing(
    idle: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    idle.register("steps", step)
    result = start_delayed("steps", [{"n": 1}])
    work(result.uuid)
    before = idle.counts()
    work(result.uuid)
    assert idle.counts() == before
    assert "is not queued; there is nothing to do" in caplog.text
    assert live(result.uuid)[0].data == {"n": 2}


def test_a_halted_run_is_a_success_and_is_decided_through_a_worker(site: Site) -> None:
    site.register("asks", step, halt, step)
    eng = start_delayed("asks", [{"n": 1}]).get(timeout=SOON)
    (obj,) = eng.halted_objects
    assert eng.status == R.HALTED
    result = resolve(obj.id, "approval", {"value": "accept"}, delayed=True)
    eng = result.get(timeout=SOON)
    (done,) = eng.completed_objects
    assert (done.data, done.extra_data["approved"]) == ({"n": 3}, True)
    kinds = [event.kind for event in done.history()]
    assert kinds.index("Resolved") < kinds.index("TaskFinished", 3)


def test_what_a_person_decided_has_left_the_list_at_once(idle: Site) -> None:
    idle.register("asks", halt, step)
    (obj,) = start("asks", [{"n": 1}]).halted_objects
    continue_oid_delayed(obj.id, colour="blue")
    (queued,) = live(obj.id_workflow)
    assert (queued.status, queued.waits_for) == (S.WAITING, "queue")
    assert (queued.get_action(), queued.get_action_message()) == (None, "")
    with pytest.raises(IllegalMove):
        continue_oid_delayed(obj.id)
    work(obj.id_workflow)
    assert statuses(obj.id_workflow) == ["COMPLETED"]
    shared = "SELECT extra_data FROM workflows_run"
    assert "blue" in str(idle.value(shared))


def test_an_error_is_raised_and_those_that_never_ran_are_left(idle: Site) -> None:
    def fail(obj: Any, eng: Any) -> None:
        if obj.data["n"] == 3:
            raise ValueError("no")

    idle.register("fails", step, fail)
    result = start_delayed("fails", [{"n": n} for n in range(1, 5)])
    work(result.uuid)
    assert statuses(result.uuid) == ["COMPLETED", "ERROR", "INITIAL", "INITIAL"]
    with pytest.raises(WorkflowError, match="ValueError: no"):
        result.get(timeout=1)
    work(result.uuid)  # a message for an INITIAL object does nothing
    assert statuses(result.uuid) == ["COMPLETED", "ERROR", "INITIAL", "INITIAL"]
    again = start_delayed("fails", [{"n": 2}, {"n": 3}], stop_on_error=False)
    work(again.uuid)
    assert statuses(again.uuid) == ["ERROR", "COMPLETED"]
    assert again.get(timeout=1).status == R.ERROR


def test_a_stop_or_a_halt_that_stops_leaves_the_later_ones(idle: Site) -> None:
    idle.register("halts", step, halt_at_two)
    result = start_delayed("halts", [{"n": n} for n in (0, 1, 2)], stop_on_halt=True)
    work(result.uuid)
    assert statuses(result.uuid) == ["COMPLETED", "HALTED", "INITIAL"]
    assert result.status() == R.HALTED


def test_objects_and_runs_go_through_again(site: Site) -> None:
    site.register("steps", step)
    first = start_delayed("steps", [{"n": 1}, {"n": 5}])
    first.get(timeout=SOON)
    ids = [obj.id for obj in live(first.uuid)]
    second = start_by_oids_delayed("steps", ids, colour="red")
    assert [o.data["n"] for o in second.get(timeout=SOON).processed_objects] == [3, 7]
    assert second.uuid != first.uuid
    again = start_by_wid_delayed(second.uuid, colour="blue")
    eng = again.get(timeout=SOON)
    assert [o.data["n"] for o in eng.processed_objects] == [3, 7]
    assert (again.uuid, eng.extra_data) == (second.uuid, {"colour": "blue"})


def test_one_of_a_larger_priority_is_taken_first(idle: Site) -> None:
    idle.register("steps", step)
    first = start_delayed("steps", [{"n": 1}])
    urgent = start_delayed("steps", [{"n": 2}], priority=5)
    queue = idle.ext.state.queue
    assert queue.take_first(["default"])[1].uuid == urgent.uuid
    assert queue.take_first(["default"])[0].id_workflow == first.uuid
    assert queue.take_first(["default"]) is None


def test_a_workflow_may_have_a_queue_of_its_own(
    make_site: Callable[..., Site], ready_url: str
) -> None:
    config = {"WORKFLOWS_QUEUES": {"slow": "night"}, "WORKFLOWS_LOCAL_THREADS": 0}
    site = make_site(ready_url, tables=False, **config)
    with site.app.app_context():
        site.register("slow", step)
        result = start_delayed("slow", [{"n": 1}])
        assert site.ext.state.queue.take_first(["default"]) is None
        assert site.ext.state.queue.take_first(["default", "night"]) is not None
        assert result.status() == R.RUNNING


# --- refused --------------------------------------------------------------------------


def test_what_is_refused_leaves_nothing(idle: Site) -> None:
    idle.register("steps", step)
    before = idle.counts()
    refused: list[tuple[Callable[[], Any], type[Exception], str]] = [
        (lambda: start_delayed("gone", [1]), WorkflowDefinitionError, "gone"),
        (lambda: start_delayed("steps", []), WorkflowAPIError, "no data"),
        (lambda: start_delayed("steps", [print]), DataNotSerializable, "data of item"),
        (lambda: start_delayed("steps", 1, priority="x"), WorkflowAPIError, "priority"),
        (lambda: start_by_oids_delayed("steps", [9]), ObjectNotFound, "9"),
        (lambda: start_by_oids_delayed("steps", []), WorkflowAPIError, "No Object"),
        (lambda: start_by_wid_delayed("x"), WorkflowNotFound, "x"),
        (lambda: continue_oid_delayed(9), ObjectNotFound, "9"),
        (lambda: continue_oid_delayed(9, "next"), ValueError, "start point"),
        (lambda: send_event("", 1), ValueError, "1 to 100"),
        (lambda: send_event("e", "k" * 256), ValueError, "255"),
        (lambda: send_event("a\0b", 1), ValueError, "1 to 100"),
        (lambda: send_event("e", "\ud800"), ValueError, "255"),
        (lambda: send_event("e", 1, print), DataNotSerializable, "payload"),
        (lambda: send_event("e", 1, "x" * 10**7 * 2), DataTooLarge, "payload has 2"),
    ]
    for verb, kind, text in refused:
        with pytest.raises(kind, match=text):
            verb()
    assert idle.counts() == before


def test_a_database_in_memory_is_refused(make_site: Callable[..., Site]) -> None:
    site = make_site("sqlite://")
    with site.app.app_context():
        site.register("steps", step)
        with pytest.raises(ConfigurationError, match="Keep it in a file"):
            start_delayed("steps", [{"n": 1}])
        assert site.counts()["workflows_run"] == 0


def test_an_unknown_worker_is_named_with_those_that_are(
    make_site: Callable[..., Site], ready_url: str
) -> None:
    site = make_site(ready_url, tables=False, WORKFLOWS_WORKER="nobody")
    with site.app.app_context():
        with pytest.raises(ConfigurationError, match="no worker 'nobody'.*local"):
            WorkerBackend().worker  # noqa: B018
        site.register("steps", step)
        with pytest.raises(ConfigurationError, match="no worker 'nobody'"):
            start_delayed("steps", [{"n": 1}])
        assert site.counts()["workflows_run"] == 0


@pytest.mark.parametrize(
    ("worker", "url"), [("celery", ""), ("rq", "http://localhost")]
)
def test_what_nobody_could_ever_carry_is_not_accepted(
    make_site: Callable[..., Site], sqlite_ready_url: str, worker: str, url: str
) -> None:
    configured = {"WORKFLOWS_WORKER": worker, "WORKFLOWS_RQ_URL": url}
    site = make_site(sqlite_ready_url, tables=False, **configured)
    site.register("halts", halt)
    with site.app.app_context():
        with pytest.raises(ConfigurationError, match="Celery app|not a URL"):
            start_delayed("halts", [1])
        assert site.counts()["workflows_run"] == 0
        (obj,) = start("halts", [1]).halted_objects
        with pytest.raises(ConfigurationError, match="Celery app|not a URL"):
            continue_oid_delayed(obj.id)
        assert WorkflowObject.query.get(obj.id).status == S.HALTED
    del site.ext.state.worker  # it has no threads to be stopped


# --- the caller's transaction ---------------------------------------------------------


def test_without_commit_nothing_is_started_before_the_callers(site: Site) -> None:
    site.register("steps", step)
    lost = start_delayed("steps", [{"n": 1}], commit=False)
    site.session.rollback()
    with pytest.raises(WorkflowNotFound, match="was it committed"):
        lost.get(timeout=1)
    kept = start_delayed("steps", [{"n": 1}], commit=False)
    with site.session.begin_nested():
        pass  # the release of a savepoint is no commit
    assert site.counts()["workflows_run"] == 0
    site.session.commit()
    assert kept.get(timeout=SOON).status == R.COMPLETED
    (obj,) = live(kept.uuid)
    again = continue_oid_delayed(obj.id, "restart_first", commit=False)
    site.session.commit()
    assert again.get(timeout=SOON).completed_objects[0].data == {"n": 3}


def test_inside_a_task_it_joins_the_checkpoint(idle: Site) -> None:
    begun: list[str] = []

    def begin(obj: Any, eng: Any) -> None:
        begun.append(start_delayed("steps", [{"n": 1}]).uuid)
        if obj.data == "fails":
            raise ValueError("no")

    idle.register("steps", step)
    idle.register("begins", begin)
    start("begins", ["works"])
    from_task = begun.pop()
    idle.session.rollback()
    work(from_task)
    assert statuses(from_task) == ["COMPLETED"]
    with pytest.raises(WorkflowError):
        start("begins", ["fails"])
    assert uuid_to_workflow(begun.pop()) is None


# --- retries and time -----------------------------------------------------------------


def test_a_task_is_tried_again_after_a_while(site: Site) -> None:
    failed: list[int] = []

    @task(retry=Retry(times=2, backoff=[0.01, 0.02], on=ValueError))
    def flaky(obj: Any, eng: Any) -> None:
        obj.data["n"] += 10
        if len(failed) < 2:
            failed.append(1)
            raise ValueError("not yet")

    site.register("flaky", step, flaky, step)
    (obj,) = start_delayed("flaky", [{"n": 0}]).get(timeout=SOON).completed_objects
    assert obj.data == {"n": 12}
    kinds = [event.kind for event in obj.history()]
    assert kinds.count("TaskPostponed") == 2 and kinds.count("TaskFinished") == 3
    log = [line.message for line in obj.get_log()]
    assert log[0] == "flaky failed: ValueError: not yet; again in 0.01 s"


def test_waiting_for_the_next_attempt_holds_no_worker(idle: Site) -> None:
    @task(retry=Retry(times=1, backoff=3600))
    def flaky(obj: Any, eng: Any) -> None:
        raise ValueError("not yet")

    idle.register("flaky", flaky)
    result = start_delayed("flaky", [{"n": 0}])
    work(result.uuid)
    (obj,) = live(result.uuid)
    assert (obj.status, obj.waits_for) == (S.WAITING, "timer")
    assert obj.columns["tries"] == 1 and obj.columns["lease_owner"] is None
    assert sweep().woken == 0
    assert 590 < idle.ext.state.queue.next_wake() <= 600  # the longest


def test_when_all_attempts_failed_it_is_an_error(site: Site) -> None:
    @task(retry=Retry(times=2, backoff=0, on=ValueError))
    def flaky(obj: Any, eng: Any) -> None:
        raise obj.data["kind"] == "value" and ValueError("no") or KeyError("no")

    site.register("flaky", flaky)
    for kind, postponed in (("value", 2), ("key", 0)):
        result = start_delayed("flaky", [{"kind": kind}])
        with pytest.raises(WorkflowError):
            result.get(timeout=SOON)
        (obj,) = live(result.uuid)
        kinds = [event.kind for event in obj.history()]
        assert kinds.count("TaskPostponed") == postponed
        assert kinds[-1] == "Failed"


def test_a_task_over_its_time_is_an_error_and_undone(site: Site) -> None:
    @task(timeout=0.05)
    def slow(obj: Any, eng: Any) -> None:
        obj.data["n"] = 99
        threading.Event().wait(0.2)

    site.register("slow", slow)
    result = start_delayed("slow", [{"n": 1}])
    with pytest.raises(WorkflowError, match="longer than its timeout of 0.05 seconds"):
        result.get(timeout=SOON)
    assert live(result.uuid)[0].data == {"n": 1}
    with pytest.raises(WorkflowError, match="longer than its timeout"):
        start("slow", [{"n": 1}])


def test_an_object_sleeps_for_seconds_or_until_a_time(site: Site) -> None:
    def seconds(obj: Any, eng: Any) -> None:
        eng.wait("a while", seconds=0.05)

    def until(obj: Any, eng: Any) -> None:
        eng.wait(until=datetime.now(UTC) + timedelta(seconds=0.05))

    site.register("sleeps", step, seconds, until, step)
    result = start_delayed("sleeps", [{"n": 0}])
    assert result.get(timeout=SOON).completed_objects[0].data == {"n": 2}


def test_a_time_far_away_is_kept_as_it_was_given(idle: Site) -> None:
    when = datetime(2999, 5, 6, 7, 8, 9, 120000, tzinfo=UTC)
    idle.register("sleeps", lambda obj, eng: eng.wait(until=when))
    result = start_delayed("sleeps", [1])
    work(result.uuid)
    assert live(result.uuid)[0].columns["wake_at"] == when


def test_one_that_was_woken_meanwhile_and_sleeps_anew_is_left(
    make_site: Callable[..., Site], sqlite_ready_url: str
) -> None:
    """SQLite locks no row: another worker may come between a look and a write."""
    site = make_site(sqlite_ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    site.register(
        "naps",
        lambda obj, eng: eng.wait(seconds=0),
        lambda obj, eng: eng.wait(seconds=3600),
    )

    def other(*_: Any) -> None:
        if not came:
            came.append(True)
            assert queue.wake(10) == 1
            move(*queue.take_one(obj.id))

    came: list[bool] = []

    with site.app.app_context():
        queue = current_workflows.queue
        result = start_delayed("naps", {})
        work(result.uuid)
        (obj,) = live(result.uuid)
        event.listen(site.ext.engine, "after_cursor_execute", other)
        queue.wake(10)
        assert [each.kind for each in obj.history()][-1] == "Waiting"
        assert live(result.uuid)[0].waits_for == "timer"


def test_what_was_looked_at_before_it_is_deleted_is_what_is_deleted(
    sqlite_site: Site,
) -> None:
    """The revision that a person saw: nobody writes between the look and the act."""
    sqlite_site.register("halts", halt)
    (obj,) = start("halts", [{"n": 1}]).halted_objects
    path = sqlite_site.ext.engine.url.database
    locked: list[bool] = []

    def other(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT workflows_object"):
            with suppress(sqlite3.OperationalError):
                beside.execute("BEGIN IMMEDIATE")
            locked.append(not beside.in_transaction)
            beside.rollback()

    event.listen(sqlite_site.ext.engine, "after_cursor_execute", other)
    with closing(sqlite3.connect(path, timeout=0)) as beside:
        delete(obj.id, revision=obj.revision)
    # What is read before is for the errors' sake: object and branches are read anew.
    assert locked[-2:] == [True, True]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"seconds": -1}, "from 0 to"),
        ({"seconds": "1"}, "number of seconds"),
        ({"until": datetime(2026, 1, 1)}, "time zone"),
        ({"until": 5}, "time zone"),
        ({"seconds": 1, "event": "e"}, "one of"),
        ({"event": ""}, "1 to 100"),
        ({"key": 1}, "together with event"),
        ({"event": "e", "timeout": 1, "then": "never"}, "start point"),
        ({"event": "e", "then": "error"}, "then together with timeout"),
    ],
)
def test_a_wait_that_makes_no_sense_is_an_error(
    idle: Site, arguments: dict[str, Any], text: str
) -> None:
    idle.register("waits", lambda obj, eng: eng.wait(**arguments))
    with pytest.raises(WorkflowError, match=text):
        start("waits", [1])


# --- events ---------------------------------------------------------------------------


def paid(obj: Any, eng: Any) -> None:
    eng.wait("payment", event="paid", key=obj.data.get("key"))


def take_note(obj: Any, eng: Any) -> None:
    obj.data["got"] = obj.extra_data["_events"]["paid"]


def test_an_event_wakes_all_that_wait_for_it(site: Site) -> None:
    site.register("pays", paid, take_note)
    one = start_delayed("pays", [{}])
    two = start_delayed("pays", [{"key": "k"}, {"key": "k"}, {"key": "other"}])
    for result in (one, two):
        assert result.get(timeout=SOON).status == R.HALTED
    (obj,) = live(one.uuid)
    assert (obj.status, obj.waits_for) == (S.WAITING, "event")
    assert obj.get_action_message() == "payment"
    assert send_event("paid", obj.id, {"sum": 3}) == 1
    assert one.get(timeout=SOON).completed_objects[0].data == {"got": {"sum": 3}}
    assert send_event("paid", "k", 7) == 2
    eng = two.get(timeout=SOON)
    assert [obj.data.get("got") for obj in eng.processed_objects] == [7, 7, None]


def test_an_event_that_came_first_is_kept_for_one(site: Site) -> None:
    site.register("pays", paid, take_note)
    assert send_event("paid", "k", "first") == 0
    assert send_event("paid", "k", "second") == 0
    for expected in ("first", "second"):
        result = start_delayed("pays", [{"key": "k"}])
        (obj,) = result.get(timeout=SOON).completed_objects
        assert obj.data["got"] == expected
    assert site.counts()["workflows_kept_event"] == 0
    waits = start_delayed("pays", [{"key": "k"}]).get(timeout=SOON)
    assert len(waits.waiting_objects) == 1


def test_an_event_at_the_moment_of_going_to_sleep_is_not_lost(site: Site) -> None:
    site.register("pays", paid, take_note)
    context = site.app.app_context
    ready = threading.Barrier(2)

    def send() -> None:
        with context():
            for number in range(20):
                ready.wait(SOON)
                send_event("paid", str(number), number)

    sender = threading.Thread(target=send)
    sender.start()
    runs = []
    for number in range(20):
        ready.wait(SOON)
        runs.append(start_delayed("pays", [{"key": str(number)}]))
    sender.join()
    for number, result in enumerate(runs):
        (obj,) = result.get(timeout=SOON).completed_objects
        assert obj.data["got"] == number


def test_an_event_that_does_not_come_in_time(site: Site) -> None:
    def wait(obj: Any, eng: Any) -> None:
        eng.wait(event="never", timeout=0.05, then=obj.data["then"])

    def after(obj: Any, eng: Any) -> None:
        obj.data["went on"] = True

    site.register("waits", wait, after)
    result = start_delayed("waits", [{"then": "continue_next"}, {"then": "task:after"}])

    def ended() -> bool:
        return statuses(result.uuid) == ["COMPLETED", "COMPLETED"]

    wait_for(ended)
    late = start_delayed("waits", [{"then": "error"}])
    wait_for(lambda: late.status() == R.ERROR)
    assert "did not come in time" in str(live(late.uuid)[0].get_error_message())


def wait_for(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("it did not come about")


def test_events_that_nobody_came_for_are_forgotten(
    make_site: Callable[..., Site], ready_url: str
) -> None:
    config = {"WORKFLOWS_EVENT_TTL": 60, "WORKFLOWS_LOCAL_THREADS": 0}
    site = make_site(ready_url, tables=False, **config)
    with site.app.app_context():
        send_event("paid", 1)
        sweep()
        assert site.counts()["workflows_kept_event"] == 1
        with site.ext.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE workflows_kept_event SET created = '2020-01-01 00:00:00.000'"
            )
        sweep()
        assert site.counts()["workflows_kept_event"] == 1, "it is not looked each time"
        site.ext.state.queue._next_forget = 0.0
        sweep()
        assert site.counts()["workflows_kept_event"] == 0


# --- cancel ---------------------------------------------------------------------------


def test_what_is_queued_or_sleeps_is_cancelled_now(idle: Site) -> None:
    idle.register("waits", lambda obj, eng: eng.wait(seconds=3600))
    result = start_delayed("waits", [1, 2, 3])
    first, second, third = live(result.uuid)
    cancel(first.id)
    perform(Call((second.id,)))
    assert cancel(second.id).status == S.CANCELLED
    cancel(result.uuid)
    assert statuses(result.uuid) == ["CANCELLED"] * 3
    assert result.get(timeout=1).status == R.CANCELLED
    work(result.uuid)
    assert statuses(result.uuid) == ["CANCELLED"] * 3
    with pytest.raises(IllegalMove):
        cancel(third.id)
    assert idle.value("SELECT count(wake_at) FROM workflows_object") == 0


def test_one_that_runs_is_cancelled_at_its_next_checkpoint(site: Site) -> None:
    began, go_on = threading.Event(), threading.Event()

    def long(obj: Any, eng: Any) -> None:
        began.set()
        assert go_on.wait(SOON)
        obj.data["n"] += 1

    site.register("long", long, step)
    result = start_delayed("long", [{"n": 0}])
    assert began.wait(SOON)
    (obj,) = live(result.uuid)
    cancel(obj.id)
    assert live(result.uuid)[0].status == S.RUNNING
    go_on.set()
    assert result.get(timeout=SOON).status == R.CANCELLED
    (obj,) = live(result.uuid)
    assert obj.data == {"n": 1}  # what the task did is kept
    assert [e.kind for e in obj.history()] == ["Started", "TaskFinished", "Cancelled"]


# --- a worker that is to stop ---------------------------------------------------------


def test_a_worker_that_stops_gives_back_what_it_has(site: Site) -> None:
    began, go_on = threading.Event(), threading.Event()

    def long(obj: Any, eng: Any) -> None:
        began.set()
        assert go_on.wait(SOON)
        obj.data["n"] += 1

    site.register("long", long, step)
    result = start_delayed("long", [{"n": 0}, {"n": 10}, {"n": 20}])
    assert began.wait(SOON)
    worker = WorkerBackend()()
    stopper = threading.Thread(target=worker.stop)  # type: ignore[attr-defined]
    stopper.start()
    assert site.ext.state.store.stopping.wait(SOON)
    go_on.set()
    stopper.join(SOON)
    held = live(result.uuid)
    assert S.RUNNING not in {obj.status for obj in held}
    # A thread that was just taking its next object may have got this one.
    kinds = [[event.kind for event in obj.history()][:3] for obj in held]
    assert ["Started", "TaskFinished", "GivenBack"] in kinds
    site.ext.state.store.stopping.clear()
    work(result.uuid)
    assert [obj.data["n"] for obj in live(result.uuid)] == [2, 12, 22]


def test_one_that_does_not_finish_in_time_loses_its_object(
    make_site: Callable[..., Site], ready_url: str
) -> None:
    site = make_site(ready_url, tables=False, WORKFLOWS_STOP_SECONDS=1)
    began, go_on = threading.Event(), threading.Event()

    def long(obj: Any, eng: Any) -> None:
        if not began.is_set():
            began.set()
            assert go_on.wait(SOON)
        obj.data["n"] += 1

    site.register("long", long)
    with site.app.app_context():
        result = start_delayed("long", [{"n": 0}])
        assert began.wait(SOON)
        worker: Any = WorkerBackend().worker
        threads = list(worker._threads)
        worker.stop()
        (obj,) = live(result.uuid)
        assert (obj.status, obj.waits_for) == (S.WAITING, "queue")
        go_on.set()
        for thread in threads:
            thread.join(SOON)
        assert live(result.uuid)[0].data == {"n": 0}  # too late: not its own any more
        site.ext.state.store.stopping.clear()
        work(result.uuid)
        assert live(result.uuid)[0].data == {"n": 1}


# --- a caller who waits ---------------------------------------------------------------


def test_a_synchronous_start_sits_out_short_waits(idle: Site) -> None:
    failed: list[int] = []

    @task(retry=Retry(times=1, backoff=0.02))
    def flaky(obj: Any, eng: Any) -> None:
        if not failed:
            failed.append(1)
            raise ValueError("not yet")

    idle.register("naps", step, lambda obj, eng: eng.wait(seconds=0.02), flaky, step)
    given = WorkflowObject({"n": 0})
    eng = start("naps", [given, {"n": 10}])
    assert eng.status == R.COMPLETED
    assert (given.status, given.data) == (S.COMPLETED, {"n": 2})
    idle.register("sleeps", lambda obj, eng: eng.wait(seconds=3600), step)
    eng = start("sleeps", [{"n": 0}])
    assert (eng.status, eng.waiting_objects[0].waits_for) == (R.HALTED, "timer")
    assert continue_oid(eng.waiting_objects[0].id).status == R.COMPLETED


# --- once, and other runs -------------------------------------------------------------


def test_what_was_done_once_is_not_done_again(idle: Site) -> None:
    sent: list[int] = []

    def send(number: int) -> dict[str, int]:
        sent.append(number)
        return {"mail": number}

    def mail(obj: Any, eng: Any) -> None:
        obj.data["sent"] = eng.once("mail", send, obj.data["n"])
        if obj.data["n"] == 1 and len(sent) == 1:
            obj.data["n"] = 99
            raise ValueError("after the mail")

    idle.register("mails", mail)
    with pytest.raises(WorkflowError):
        start("mails", [{"n": 1}, {"n": 2}], stop_on_error=True)
    (obj,) = WorkflowObject.query.filter_by(status=S.ERROR).all()
    sent.append(0)
    eng = continue_oid(obj.id, "restart_task")
    assert eng.completed_objects[0].data == {"n": 1, "sent": {"mail": 1}}
    assert sent == [1, 0]
    start("mails", [WorkflowObject.query.get(obj.id)])  # another run: another mail
    assert sent == [1, 0, 1]


def test_what_a_lost_worker_did_once_meanwhile_is_kept(idle: Site) -> None:
    """Whoever had lost the object and did the same thing: the task does not fail."""

    def mail(obj: Any, eng: Any) -> None:
        def send() -> str:
            current_workflows.store.keep_once(obj.id, "mail", '"theirs"')
            return "ours"

        obj.data["sent"] = eng.once("mail", send), eng.once("mail", send)

    idle.register("mails", mail)
    (obj,) = start("mails", [{}]).completed_objects
    assert obj.data["sent"] == ("ours", "theirs")


def test_what_was_done_while_another_writes_is_not_done_again(
    make_site: Callable[..., Site], tmp_path: Path
) -> None:
    """It is kept as soon as the SQLite file is free, however short its timeout is."""
    path = tmp_path / "busy.db"
    site = make_site(f"sqlite:///{path}?timeout=0.05")
    beside = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    sent: list[int] = []

    def send() -> int:
        sent.append(1)
        beside.execute("BEGIN IMMEDIATE")
        threading.Timer(0.4, beside.rollback).start()
        return len(sent)

    def mail(obj: Any, eng: Any) -> None:
        obj.data = eng.once("mail", send)

    site.register("mails", mail)
    with site.app.app_context(), closing(beside):
        assert start("mails", [0]).completed_objects[0].data == 1
    assert sent == [1]


def test_once_is_refused_where_it_cannot_be_kept(idle: Site) -> None:
    def writes(obj: Any, eng: Any) -> None:
        idle.session.connection().exec_driver_sql(
            "UPDATE workflows_run SET id_user = 5"
        )
        eng.once("mail", lambda: None)

    idle.register("writes", writes)
    idle.register("wrong", lambda obj, eng: eng.once("", lambda: None))
    if idle.url.startswith("sqlite"):
        with pytest.raises(WorkflowError, match="call it first"):
            start("writes", [1])
    else:
        assert start("writes", [1]).status == R.COMPLETED
    with pytest.raises(WorkflowError, match="1 to 255 letters"):
        start("wrong", [1])


def test_a_task_waits_for_other_runs_without_a_worker(site: Site) -> None:
    def begin(obj: Any, eng: Any) -> None:
        obj.data["runs"] = [
            eng.start_workflow("steps", [{"n": n}, {"n": n}]) for n in range(3)
        ]

    def wait(obj: Any, eng: Any) -> None:
        ended = eng.wait_for(*obj.data["runs"])
        obj.data["ended"] = [status.name for status in ended]

    site.register("steps", step, step)
    site.register("parent", begin, wait, step)
    result = start_delayed("parent", [{"n": 0}])
    eng = result.get(timeout=SOON)
    assert eng.status == R.COMPLETED
    assert eng.completed_objects[0].data["ended"] == ["COMPLETED"] * 3


def test_one_that_waits_for_a_run_goes_on_when_a_person_ends_it(idle: Site) -> None:
    def begin(obj: Any, eng: Any) -> None:
        obj.data["run"] = eng.start_workflow("asks", [{"n": 1}])

    def wait(obj: Any, eng: Any) -> None:
        eng.wait_for(obj.data["run"])

    idle.register("asks", halt, step)
    idle.register("parent", begin, wait, step)
    result = start_delayed("parent", [{"n": 0}])
    work(result.uuid)
    (parent,) = live(result.uuid)
    child = parent.data["run"]
    assert (parent.status, parent.waits_for) == (S.WAITING, "join")
    assert idle.ext.state.queries.moves(result.uuid)
    work(child)
    assert not idle.ext.state.queries.moves(result.uuid)
    assert result.get(timeout=1).status == R.HALTED
    continue_oid(live(child)[0].id)
    assert live(result.uuid)[0].waits_for == "queue"
    assert result.status() == R.RUNNING
    work(result.uuid)
    assert statuses(result.uuid) == ["COMPLETED"]


def test_a_run_that_failed_or_was_cancelled_is_not_waited_for(idle: Site) -> None:
    def fail(obj: Any, eng: Any) -> None:
        raise ValueError("no")

    idle.register("fails", fail)
    idle.register("asks", halt)
    failed = start_delayed("fails", [1]).uuid
    asks = start("asks", [1]).uuid

    def wait(obj: Any, eng: Any) -> None:
        obj.data = [status.name for status in eng.wait_for(failed, asks)]

    idle.register("waits", wait)
    result = start_delayed("waits", [0])
    work(result.uuid)
    work(failed)
    work(result.uuid)
    assert live(result.uuid)[0].waits_for == "join"
    cancel(asks)
    work(result.uuid)
    assert live(result.uuid)[0].data == ["ERROR", "CANCELLED"]


def test_a_run_does_not_wait_for_itself(idle: Site) -> None:
    idle.register("waits", lambda obj, eng: eng.wait_for(eng.uuid))
    with pytest.raises(WorkflowError, match="its own end"):
        start("waits", [0])


def test_the_tasks_of_old_releases_that_start_runs(site: Site) -> None:
    """4.4: workflows_tasks."""

    def fail_at_two(obj: Any, eng: Any) -> None:
        if obj.data["n"] == 2:
            raise ValueError("no")

    def next_number(obj: Any, eng: Any) -> None:
        obj.data["n"] += 1

    def look(obj: Any, eng: Any) -> None:
        obj.data["seen"] = [
            library.get_nb_workflow_created(obj, eng),
            library.get_nb_workflow_running(obj, eng),
            library.get_workflows_progress(obj, eng),
            library.num_workflow_running_greater(0)(obj, eng),
        ]

    begin = library.start_async_workflow(
        get_workflow_from=lambda obj, eng: "child", preserve_extra_data_keys=["source"]
    )
    site.register("child", fail_at_two)
    site.register(
        "parent",
        *[begin, next_number] * 3,
        library.wait_for_a_workflow_to_complete(),
        library.wait_for_workflows_to_complete,
        look,
        library.workflows_reviews(clean=False),
        library.workflows_reviews(stop_if_error=True),
    )
    parent = WorkflowObject({"n": 0}, {"source": "here"})
    result = start_delayed("parent", [parent])
    with pytest.raises(WorkflowError, match="These runs failed: "):
        result.get(timeout=SOON)
    (obj,) = live(result.uuid)
    assert obj.data["seen"] == [3, 0, 100.0, False]
    (review,) = obj.get_tasks_results()["review_workflow"]
    assert review["result"] == {"finished": 2, "failed": 1, "total": 3}
    (failed,) = WorkflowObject.query.filter_by(status=S.ERROR, workflow_name="child")
    assert (failed.data, failed.extra_data["source"]) == ({"n": 2}, "here")


def test_a_task_says_how_far_it_is(site: Site) -> None:
    began, go_on = threading.Event(), threading.Event()

    def long(obj: Any, eng: Any) -> None:
        eng.progress(3, 10, "third page")
        began.set()
        assert go_on.wait(SOON)

    site.register("long", long, step)
    result = start_delayed("long", [{"n": 0}])
    assert began.wait(SOON)
    wait_for(lambda: "done" in result.progress()["moving"][0])
    told = result.progress()
    (moving,) = told["moving"]
    assert (told["ended"], told["total"]) == (0, 1)
    assert (moving["done"], moving["total"], moving["message"]) == (3, 10, "third page")
    go_on.set()
    assert result.get(timeout=SOON).status == R.COMPLETED
    assert result.progress() == {"total": 1, "ended": 1, "moving": []}
    assert site.value("SELECT count(progress) FROM workflows_object") == 0
