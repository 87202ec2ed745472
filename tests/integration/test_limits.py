"""No more objects of one key run at a time than its limit says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import Result
from sites import Site
from sqlalchemy import event

from invenio_workflows import Retry, task
from invenio_workflows.api import (
    cancel,
    continue_oid,
    continue_oid_delayed,
    start,
    start_by_wid_delayed,
    start_delayed,
)
from invenio_workflows.calls import Call
from invenio_workflows.cli.group import workflows as group
from invenio_workflows.errors import WorkflowDefinitionError
from invenio_workflows.jobs import move, perform, sweep
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.patterns import PARALLEL
from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import ObjectStatus, WorkflowStatus

S, R = ObjectStatus, WorkflowStatus
SOON = 60.0
LIMITED = {"concurrency_limit": 1}


def step(obj: Any, eng: Any) -> None:
    obj.data["n"] += 1


def halt(obj: Any, eng: Any) -> None:
    eng.halt("?")


def doze(obj: Any, eng: Any) -> None:
    eng.wait(seconds=3600)


def by_host(obj: Any) -> Any:
    return obj.data["host"]


def live(uuid: str) -> list[WorkflowObject]:
    query = WorkflowObject.query.filter_by(id_workflow=uuid, id_parent=None)
    found: list[WorkflowObject] = query.order_by("position").all()
    return found


def ids(result: Any) -> list[int]:
    return [obj.id for obj in live(result.uuid)]


def queued(n: int, name: str = "work", **data: Any) -> list[int]:
    return ids(start_delayed(name, [{"n": k, **data} for k in range(n)]))


def take() -> int | None:
    """Take the first object as a local worker does, and return its id."""
    taken = current_workflows.queue.take_first(["default"])
    return None if taken is None else taken[0].id


def taken(oid: int) -> tuple[Any, Any]:
    """Take an object as a worker does that is alive, and return it and its run."""
    found = current_workflows.queue.take_one(oid)
    current_workflows.store.moving.begins(oid, found[0].columns["fence"])
    return found


class Messages:
    """A broker that keeps what is sent to it."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    def send(self, calls: Any) -> None:
        self.sent += [oid for call in calls for oid in call.oids]

    def stop(self) -> None:
        """Nothing to stop."""

    def given(self) -> list[int]:
        """Return what was sent since the last time."""
        given, self.sent = self.sent, []
        return given


@pytest.fixture
def idle(make_site: Callable[..., Site], ready_url: str) -> Iterator[Site]:
    """A site whose messages are kept, and brought by the test."""
    site = make_site(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    with site.app.app_context():
        site.ext.state.worker = Messages()
        yield site


@pytest.fixture
def sent(idle: Site) -> Messages:
    messages: Messages = idle.ext.state.worker
    return messages


# --- taken ----------------------------------------------------------------------------


def test_no_more_than_the_limit_are_taken(idle: Site) -> None:
    idle.register("work", step, concurrency_limit=2)
    first, second, third = queued(3)
    assert [take(), take(), take()] == [first, second, None]
    assert current_workflows.queue.take_one(third) is None


def test_a_full_key_does_not_stand_before_others(idle: Site) -> None:
    idle.register("work", step, concurrency_key=by_host, concurrency_limit=1)
    idle.register("free", step)
    a, blocked = queued(2, host="a")
    (b,) = queued(1, host="b")
    (none,) = queued(1, host=None)
    (free,) = queued(1, "free")
    assert [take() for _ in range(5)] == [a, b, none, free, None]
    assert current_workflows.places.usage(blocked) == ("work:a", 1, 1)


def test_workflows_share_a_key_that_is_a_string(idle: Site) -> None:
    shared = {"concurrency_key": "arxiv", **LIMITED}
    idle.register("one", step, **shared)
    idle.register("two", step, **shared)
    idle.register("own", step, **LIMITED)
    (first,), (second,) = queued(1, "one"), queued(1, "two")
    (own,) = queued(1, "own")
    assert [take() for _ in range(3)] == [first, own, None]
    with pytest.raises(WorkflowDefinitionError, match="give both the same"):
        idle.register("three", step, concurrency_key="arxiv", concurrency_limit=2)
    idle.register("one", step)  # it may say something else of itself
    assert current_workflows.places.usage(second) == ("arxiv", 1, 1)


def test_what_has_no_key_pays_no_statement(idle: Site) -> None:
    idle.register("free", step)

    def statements() -> int:
        queued(1, "free")
        told: list[str] = []

        def executed(on: Any, cursor: Any, statement: str, *rest: Any) -> None:
            if not statement.startswith("BEGIN"):  # else SQLite's driver says it
                told.append(statement)

        event.listen(idle.ext.engine, "before_cursor_execute", executed)
        assert take() is not None
        event.remove(idle.ext.engine, "before_cursor_execute", executed)
        return len(told)

    statements()  # the first asks the server's version too
    before = statements()
    idle.register("work", step, **LIMITED)
    assert statements() == before


def test_a_limit_that_is_changed_holds_for_what_is_queued(idle: Site) -> None:
    idle.register("work", step, **LIMITED)
    first, second, third = queued(3)
    assert [take(), take()] == [first, None]
    idle.register("work", step, concurrency_limit=2)
    assert [take(), take()] == [second, None]
    idle.register("work", step)
    assert take() == third


def test_a_hook_that_fails_is_an_error_at_once(idle: Site) -> None:
    idle.register("work", halt, step, concurrency_key=by_host, concurrency_limit=1)
    before = idle.counts()
    for verb in (start, start_delayed):
        with pytest.raises(WorkflowDefinitionError, match="KeyError: 'host'"):
            verb("work", [{"host": "a"}, {}])
    assert idle.counts() == before
    (obj,) = start("work", {"host": "a", "n": 0}).halted_objects
    obj.data.pop("host")
    for again in (continue_oid, continue_oid_delayed):
        with pytest.raises(WorkflowDefinitionError, match="KeyError: 'host'"):
            again(obj)
    assert WorkflowObject.query.get(obj.id).status == S.HALTED


def test_the_key_is_asked_again_whenever_it_is_queued(idle: Site) -> None:
    def to_b(obj: Any, eng: Any) -> None:
        obj.data["host"] = "b"
        eng.wait(seconds=0)

    idle.register("work", to_b, step, concurrency_key=by_host, concurrency_limit=1)
    (oid,) = queued(1, host="a")
    move(*current_workflows.queue.take_one(oid))
    current_workflows.queue.wake(10)
    assert current_workflows.places.usage(oid) == ("work:b", 0, 1)
    result = start_by_wid_delayed(live_run(oid))
    assert ids(result) == [oid]
    assert current_workflows.places.usage(oid) == ("work:a", 0, 1)


def live_run(oid: int) -> str:
    move(*current_workflows.queue.take_one(oid))
    uuid: str = WorkflowObject.query.get(oid).id_workflow
    return uuid


# --- two at once ----------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 3])
def test_workers_that_take_at_once_do_not_exceed_it(
    make_site: Callable[..., Site], ready_url: str, limit: int
) -> None:
    site = make_site(
        ready_url,
        tables=False,
        WORKFLOWS_LOCAL_THREADS=0,
        SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 10},
    )
    site.register("work", step, concurrency_limit=limit)
    workers, rounds, most = 8, 12, []
    together = threading.Barrier(workers)

    def work() -> None:
        with site.app.app_context(), current_workflows.store.held():
            for _ in range(rounds):
                together.wait(SOON)
                taken = current_workflows.queue.take_first(["default"])
                if together.wait(SOON) == 0:
                    running = "SELECT count(*) FROM workflows_object WHERE status = 3"
                    most.append(site.value(running))
                together.wait(SOON)
                if taken is not None:
                    move(*taken)

    with site.app.app_context():
        queued(limit * rounds)
        threads = [threading.Thread(target=work) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON)
    # Never more; and never fewer, though all but some had to let go again.
    assert most == [limit] * rounds


# --- whose turn it is -----------------------------------------------------------------


def test_who_was_held_back_is_sent_when_one_stops(
    idle: Site, sent: Messages, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    idle.register("work", step, **LIMITED)
    first, second, third = queued(3)
    assert sent.given() == [first, second, third]
    at_work = taken(first)
    perform(Call((second, third)))
    assert f"Object {second} waits: 1 of 1 run under the key 'work:'" in caplog.text
    assert sweep().sent == 0
    move(*at_work)
    assert sent.given() == [second]
    assert sweep().sent == 0  # it is on its way
    perform(Call((second,)))
    assert sent.given() == [third]
    perform(Call((third,)))
    assert sent.given() == []
    assert idle.value(f"SELECT count(*) FROM workflows_object WHERE {DONE}") == 3


DONE = "status = 1 AND id_parent IS NULL"


@pytest.mark.parametrize("ending", ["halts", "dozes", "fails", "retries", "cancelled"])
def test_however_it_stops_the_next_is_sent(
    idle: Site, sent: Messages, ending: str
) -> None:
    @task(retry=Retry(times=1, backoff=3600))
    def fail(obj: Any, eng: Any) -> None:
        raise ValueError

    def cancelled(obj: Any, eng: Any) -> None:
        cancel(obj.id)

    def bare(obj: Any, eng: Any) -> None:
        raise ValueError

    tasks = {"halts": halt, "dozes": doze, "fails": bare, "retries": fail}
    idle.register("work", tasks.get(ending, cancelled), step, **LIMITED)
    first, second = queued(1) + queued(1)
    at_work = taken(first)
    perform(Call((second,)))
    sent.given()
    if ending == "cancelled":
        cancel(first)
    move(*at_work)
    assert sent.given() == [second]
    assert take() == second


def test_the_one_of_the_largest_priority_is_next(idle: Site, sent: Messages) -> None:
    idle.register("work", step, **LIMITED)
    first, low = queued(2)
    (high,) = ids(start_delayed("work", {"n": 0}, priority=5))
    at_work = taken(first)
    perform(Call((low, high)))
    sent.given()
    move(*at_work)
    assert sent.given() == [high]


def test_a_worker_that_needs_no_message_is_woken(idle: Site, sent: Messages) -> None:
    idle.register("work", step, concurrency_limit=2)
    first, second, third = queued(3)
    one, two = (current_workflows.queue.take_first(["default"]) for _ in range(2))
    sent.given()
    move(*one)
    assert sent.given() == [third]
    move(*two)
    assert sent.given() == []  # the key was not full, so nobody was held back


def test_a_place_that_nobody_called_for_is_found_by_a_sweep(
    idle: Site, sent: Messages
) -> None:
    idle.register("work", step, concurrency_limit=2)
    oids = queued(5)
    one, two = map(taken, oids[:2])
    perform(Call(tuple(oids[2:])))
    with killed_before_it_tells():
        move(*one)
    sent.given()
    assert sweep().sent == 1
    assert sent.given() == [oids[2]]
    assert sweep().sent == 0
    with killed_before_it_tells():
        move(*two)
    assert sweep().sent == 1
    assert sent.given() == [oids[3]]


@contextmanager
def killed_before_it_tells() -> Iterator[None]:
    places = current_workflows.places
    places.next_of = lambda keys: []
    yield
    del places.next_of


def test_what_is_held_back_without_a_limit_any_more_is_sent(
    idle: Site, sent: Messages
) -> None:
    idle.register("work", step, **LIMITED)
    first, *others = queued(3)
    taken(first)
    perform(Call(tuple(others)))
    idle.register("work", step)
    sent.given()
    assert sweep().sent == 2
    assert sent.given() == others


def test_a_dead_workers_place_is_free_again(idle: Site, sent: Messages) -> None:
    idle.register("work", step, **LIMITED)
    first, second = queued(2)
    current_workflows.queue.take_one(first)
    perform(Call((second,)))
    sent.given()
    (held,) = current_workflows.recovery.held()
    assert current_workflows.recovery.put_back(held, "default")
    assert take() == first
    assert take() is None


def test_what_is_given_back_frees_its_place(idle: Site) -> None:
    def told(obj: Any, eng: Any) -> None:
        current_workflows.store.stopping.set()

    idle.register("work", told, step, **LIMITED)
    first, second = queued(2)
    perform(Call((first, second)))
    current_workflows.store.stopping.clear()
    assert WorkflowObject.query.get(first).waits_for == "queue"
    assert [take(), take()] == [first, None]


# --- callers who wait -----------------------------------------------------------------


def test_a_caller_who_waits_counts_and_is_not_held_back(
    idle: Site, sent: Messages
) -> None:
    seen = []

    def look(obj: Any, eng: Any) -> None:
        seen.append(take())
        if obj.data["n"] == 1:
            perform(Call((waiting,)))

    idle.register("work", look, step, **LIMITED)
    (waiting,) = queued(1)
    sent.given()
    assert start("work", [{"n": 0}, {"n": 1}]).status == R.COMPLETED
    assert seen == [None, None]
    assert sent.given() == [waiting]
    assert take() == waiting
    assert start("work", {"n": 2}).status == R.COMPLETED
    assert seen == [None] * 3


def test_a_caller_sits_out_a_retry_although_the_key_is_full(idle: Site) -> None:
    tries = []

    @task(retry=Retry(times=1, backoff=0.05))
    def once_more(obj: Any, eng: Any) -> None:
        tries.append(take())
        if len(tries) == 1:
            raise ValueError

    idle.register("work", once_more, **LIMITED)
    (other,) = queued(1)
    engine = start("work", {"n": 0})
    assert engine.status == R.COMPLETED
    assert tries in ([None, None], [None, other])


# --- to the end -----------------------------------------------------------------------


def test_threads_finish_all_and_never_run_more(site: Site) -> None:
    counts = {"now": 0, "most": 0}
    lock = threading.Lock()

    def work(obj: Any, eng: Any) -> None:
        with lock:
            counts["now"] += 1
            counts["most"] = max(counts.values())
        time.sleep(0.005)
        with lock:
            counts["now"] -= 1

    site.register("work", work, concurrency_limit=2)
    began = time.monotonic()
    result = start_delayed("work", [{"n": n} for n in range(20)])
    assert result.get(timeout=SOON).status == R.COMPLETED
    assert counts["most"] <= 2
    assert time.monotonic() - began < SOON


def test_branches_count_and_their_origin_does_not_meanwhile(idle: Site) -> None:
    idle.register("work", PARALLEL(step, halt), step, concurrency_limit=2)
    (first,), (other,) = queued(1), queued(1)
    move(*current_workflows.queue.take_one(first))
    branches = [
        oid
        for (oid,) in idle.rows(
            f"SELECT id FROM workflows_object WHERE id_fork = {first} ORDER BY id"
        )
    ]
    assert len(branches) == 2
    assert [take() for _ in range(3)] == [other, branches[0], None]


def test_the_command_line_says_what_is_waited_for(idle: Site) -> None:
    idle.register("work", step, **LIMITED)
    first, second = queued(2)
    take()
    run = idle.app.test_cli_runner()

    def shown(oid: int, *more: str) -> str:
        told: Result = run.invoke(group, args=["object", str(oid), *more])
        return told.output

    assert "waits       1 of 1 run under the key 'work:'" in shown(second)
    assert json.loads(shown(second, "--json"))["held_back"].startswith("1 of 1")
    assert "run under the key" not in shown(first)
