"""What is delayed arrives, whoever carries it and whatever happens to who carries it.

The same tests for every worker: real processes, real brokers.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fleet import STEPS, Fleet, begun
from fleet_app import until
from terminals import Terminal

from invenio_workflows import WorkflowObject
from invenio_workflows.api import (
    continue_oid_delayed,
    resolve,
    start_by_oids_delayed,
    start_by_wid_delayed,
    start_delayed,
)
from invenio_workflows.calls import Call
from invenio_workflows.errors import WorkflowError
from invenio_workflows.states import ObjectStatus, WorkflowStatus

S, R = ObjectStatus, WorkflowStatus
SOON = 60.0

LOCAL = [("local", "postgresql", None), ("local", "sqlite", None)]
BROKERED = [
    ("celery", "postgresql", "redis"),
    ("celery", "postgresql", "rabbitmq"),
    ("rq", "postgresql", "redis"),
]
#: In a list, and in a graph.
KINDS = ["", "forked "]
NOTHING_TO_DO = "is not queued; there is nothing to do"


def name_of(parts: tuple[str | None, ...]) -> str:
    return "-".join(filter(None, parts))


@pytest.fixture(scope="module", params=LOCAL + BROKERED, ids=name_of)
def afloat(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """Two workers that the tests of this module share."""
    with begun(request, tmp_path_factory) as fleet:
        yield fleet


@pytest.fixture
def fleet(afloat: Fleet) -> Iterator[Fleet]:
    """Two workers that are at work, and the application context of who delays."""
    afloat.mend()
    with afloat.app.app_context():
        yield afloat


brokered = pytest.mark.parametrize("afloat", BROKERED, indirect=True, ids=name_of)


# --- what the verbs promise -----------------------------------------------------------


def test_two_workers_share_a_run_and_do_each_task_once(fleet: Fleet) -> None:
    items: list[dict[str, Any]] = [{} for _ in range(20)]
    items[0] = items[-1] = {"meet": {"two": "here"}}
    result = fleet.start(*items)
    engine = result.get(timeout=SOON)
    assert engine.status == R.COMPLETED
    fleet.check(result)


def test_a_halted_run_is_a_success_that_a_worker_goes_on_with(fleet: Fleet) -> None:
    engine = start_delayed("asks", [{"done": []}]).get(timeout=SOON)
    (obj,) = engine.halted_objects
    assert (engine.status, obj.data["done"]) == (R.HALTED, ["one"])
    result = resolve(obj.id, "approval", {"value": "accept"}, delayed=True)
    assert result is not None
    (done,) = result.get(timeout=SOON).completed_objects  # type: ignore[union-attr]
    assert done.data["done"] == ["one", "two"]


def test_an_error_is_raised_and_what_never_ran_is_left(fleet: Fleet) -> None:
    held = fleet.hold("error")
    result = fleet.start({"fail": {"two": "no, thanks"}}, {}, {})
    fleet.open("error")
    with pytest.raises(WorkflowError, match="no, thanks"):
        result.get(timeout=SOON)
    found = [obj.status for obj in fleet.objects(result.uuid)]
    assert found[0] == S.ERROR
    assert set(found[1:]) <= {S.INITIAL, S.COMPLETED}
    if fleet.worker != "local":  # whose two threads take one object each
        assert found == [S.ERROR, S.INITIAL, S.INITIAL]
    for each in held:
        each.get(timeout=SOON)


def test_every_delayed_verb_has_its_worker(fleet: Fleet) -> None:
    first = fleet.start({}, {})
    first.get(timeout=SOON)
    oids = fleet.oids(first)
    second = start_by_oids_delayed("steps", oids)
    second.get(timeout=SOON)
    assert [o.data["done"] for o in fleet.objects(second.uuid)] == [STEPS * 2] * 2
    again = start_by_wid_delayed(second.uuid)
    again.get(timeout=SOON)
    assert [o.data["done"] for o in fleet.objects(second.uuid)] == [STEPS * 2] * 2
    third = continue_oid_delayed(oids[0], "restart_first")
    third.get(timeout=SOON)
    assert [len(o.data["done"]) for o in fleet.objects(second.uuid)] == [9, 6]


def test_nothing_is_started_when_the_caller_rolls_back(fleet: Fleet) -> None:
    lost = fleet.start({}, commit=False)
    fleet.state.db.session.rollback()
    kept = fleet.start({}, commit=False)
    fleet.state.db.session.commit()
    kept.get(timeout=SOON)
    fleet.check(kept)
    assert fleet.state.queries.run_row(lost.uuid) is None


def test_no_more_run_at_once_than_the_limit_says(fleet: Fleet) -> None:
    groups = ["a"] * 12 + ["b"] * 3
    data = [{"done": [], "group": g, "count": {"two": f"group-{g}"}} for g in groups]
    result = start_delayed("limited", data)
    assert result.get(timeout=SOON).status == R.COMPLETED
    fleet.check(result)
    for group in "ab":
        seen = (fleet.directory / f"group-{group}.counted").read_text().split()
        assert seen == ["1"] * groups.count(group)


def split(
    fleet: Fleet, name: str, **data: Any
) -> tuple[Any, Any, list[WorkflowObject]]:
    """Run an object that has branches; return its run, itself, and its branches."""
    result = start_delayed(name, data)
    fleet.mend_until_it_rests(result)
    assert result.get(timeout=0).status == R.COMPLETED
    (obj,) = fleet.objects(result.uuid)
    assert not fleet.leases(result)
    branches = WorkflowObject.query.filter_by(id_fork=obj.id).order_by("id").all()
    kinds = [event.kind for event in obj.history()]
    assert (obj.status, kinds.count("Waiting")) == (S.COMPLETED, 1)
    assert [e.task for e in obj.history() if e.kind == "TaskFinished"] == [
        *("one", "meets" if name.startswith("forked") else "PARALLEL join", "two")
    ]
    held = WorkflowObject.query.filter_by(id_workflow=result.uuid, status=S.RUNNING)
    assert held.count() == 0
    return result, obj, branches


@pytest.mark.parametrize("kind", KINDS)
def test_branches_that_two_workers_end_at_once_meet(fleet: Fleet, kind: str) -> None:
    for number in range(3):
        group = f"{kind}split-{fleet.members[0].name}-{number}"
        meet = {"left2": group, "right2": group}
        # Neither sees the other's end, if it does not wait for it.
        slow = dict.fromkeys(meet, 0.3)
        _, obj, branches = split(fleet, f"{kind}split", meet=meet, slow=slow)
        assert [branch.status for branch in branches] == [S.COMPLETED] * 2
        done = dict.fromkeys(["one", "left", "left2", "right", "right2", "two"], 1)
        assert obj.data == {"meet": meet, "slow": slow} | done
        oids = [obj.id, *(branch.id for branch in branches)]
        steps = [("one", "two"), ("left", "left2"), ("right", "right2")]
        wanted = {(i, t): 1 for i, its in zip(oids, steps, strict=True) for t in its}
        assert fleet.ledger(oids) == wanted


@pytest.mark.parametrize("kind", KINDS)
def test_of_branches_that_race_one_counts_and_the_other_is_cancelled(
    fleet: Fleet, kind: str
) -> None:
    for number in range(3):
        group = f"{kind}race-{fleet.members[0].name}-{number}"
        meet = {"left2": group, "right2": group}
        _, obj, branches = split(fleet, f"{kind}race", meet=meet)
        (won,) = (branch for branch in branches if branch.status == S.COMPLETED)
        (lost,) = (branch for branch in branches if branch.status == S.CANCELLED)
        sides = [("left", "left2"), ("right", "right2")]
        done = dict.fromkeys(["one", *sides[won.branch], "two"], 1)
        assert obj.data == {"meet": meet} | done
        assert [e.kind for e in lost.history()].count("Cancelled") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_branches_whose_workers_are_killed_are_each_done_once(
    fleet: Fleet, kind: str
) -> None:
    die = {"left": "before 1", "right2": "after 1", "two": "now"}
    _, obj, branches = split(fleet, f"{kind}split", die=die)
    oids = [obj.id, *(branch.id for branch in branches)]
    assert set(fleet.ledger(oids).values()) == {1} and len(fleet.ledger(oids)) == 6
    died = [(branches[0], "left"), (branches[1], "right2"), (obj, "two")]
    assert all((fleet.directory / f"{o.id}-{t}.died").exists() for o, t in died)


# --- messages -------------------------------------------------------------------------


def test_a_message_that_comes_twice_at_once_and_late_does_nothing(
    fleet: Fleet,
) -> None:
    held = fleet.hold("twice")
    result = fleet.start({}, {})
    calls = [Call(tuple(fleet.oids(result)))]
    fleet.state.worker.send(calls * 2)
    fleet.open("twice")
    result.get(timeout=SOON)
    told = fleet.log.count(NOTHING_TO_DO)
    fleet.state.worker.send(calls)
    if fleet.broker is not None:
        until(lambda: fleet.log.count(NOTHING_TO_DO) >= told + 2, "the log says so")
    for each in [result, *held]:
        each.get(timeout=SOON)
        fleet.check(each)


def test_a_task_longer_than_its_lease_runs_once(fleet: Fleet) -> None:
    result = fleet.start({"gate": {"two": "long"}})
    (oid,) = fleet.oids(result)
    until(lambda: fleet.began(oid, "two"), "the task begins")
    told = fleet.log.count(NOTHING_TO_DO)
    first = lease(fleet)
    until(lambda: lease(fleet) > first + 2, "the lease is renewed beyond its time")
    if fleet.worker == "celery" and "redis" in fleet.url:
        # Its visibility timeout is 2 seconds.
        until(lambda: fleet.log.count(NOTHING_TO_DO) > told, "the message comes again")
    fleet.open("long")
    result.get(timeout=SOON)
    fleet.check(result)
    assert len(fleet.began(oid, "two")) == 1


def lease(fleet: Fleet) -> float:
    """Return when the only lease ends, in seconds."""
    ((held),) = fleet.state.recovery.held()
    end: float = held.until.timestamp()
    return end


# --- workers that end -----------------------------------------------------------------


def test_a_run_arrives_whose_workers_are_killed(fleet: Fleet) -> None:
    items: list[dict[str, Any]] = [{} for _ in range(20)]
    items[1] = {"die": {"one": "now"}}
    items[4] = {"die": {"two": "before 1"}}
    items[7] = {"die": {"two": "after 1"}}
    items[10] = {"die": {"three": "after 1"}}
    items[13] = {"die": {"three": "after 2"}}
    items[16] = {"die": {"two": "with all"}}
    result = fleet.start(*items)
    died = [
        fleet.directory / f"{oid}-{task}.died"
        for oid, item in zip(fleet.oids(result), items, strict=True)
        for task in item.get("die", ())
    ]
    fleet.mend_until_it_rests(result)
    assert result.get(timeout=0).status == R.COMPLETED
    assert all(file.exists() for file in died)
    fleet.check(result)


#: How a task ends that is killed around the commit which says so, and what is to come
#: of its object.
KINDS: list[tuple[str, str, ObjectStatus, list[str]]] = [
    ("retry", "before 1", S.COMPLETED, STEPS),
    ("retry", "after 1", S.COMPLETED, STEPS),
    ("wait", "before 1", S.COMPLETED, STEPS),
    ("wait", "after 1", S.COMPLETED, STEPS),
    ("halt", "before 1", S.HALTED, STEPS[:2]),
    ("halt", "after 1", S.HALTED, STEPS[:2]),
    ("fail", "before 1", S.ERROR, STEPS[:1]),
    ("fail", "after 1", S.ERROR, STEPS[:1]),
    ("skip_token", "before 1", S.COMPLETED, STEPS[:2]),
]


def test_each_kind_of_event_is_what_a_worker_dies_at(fleet: Fleet) -> None:
    items = [{"turn": {"two": how}, "die": {"two": when}} for how, when, *_ in KINDS]
    results = [fleet.start(item, stop_on_error=False) for item in items]
    for result, (how, when, status, done) in zip(results, KINDS, strict=True):
        fleet.mend_until_it_rests(result)
        (obj,) = fleet.objects(result.uuid)
        assert (obj.status, obj.data["done"]) == (status, done), (how, when)
        assert (fleet.directory / f"{obj.id}-two.died").exists()
        assert fleet.ledger([obj.id]) == {(obj.id, task): 1 for task in done}
        finished = [e.task for e in obj.history() if e.kind == "TaskFinished"]
        assert len(finished) == len(set(finished))
        assert not fleet.leases(result)


def test_a_worker_that_is_to_stop_finishes_its_task(fleet: Fleet) -> None:
    result = fleet.start({"last": {"one": True}}, {}, {}, {})
    first, *_ = fleet.oids(result)
    until(lambda: fleet.began(first, "one"), "the task begins")
    (name,) = fleet.began(first, "one")
    member = fleet.member(name)
    member.process.send_signal(signal.SIGTERM)
    assert member.process.wait(SOON) == 0
    result.get(timeout=SOON)
    fleet.check(result)
    doers = fleet.doers(first)
    assert doers.pop("one") == name
    assert name not in doers.values()


def seen(fleet: Fleet) -> dict[int, dict[str, Any]]:
    """Return what the command says of the workers, by their pids."""
    return {
        each["pid"]: each for each in Terminal(fleet.app).json("workers")["workers"]
    }


def test_workers_are_seen_idle_and_busy_until_they_end(fleet: Fleet) -> None:
    first, second = (member.process.pid for member in fleet.members)
    both = {(pid, "lives") for pid in (first, second)}

    def states() -> set[tuple[int, str]]:
        return {(pid, each["state"]) for pid, each in seen(fleet).items()}

    until(lambda: states() == both, "both are seen, and who died before is forgotten")
    for each in seen(fleet).values():
        assert (each["kind"], each["slots"]) == (fleet.worker, 1)
        assert (each["queues"], each["holds"]) == (["default"], [])
    held = fleet.hold("seen")
    oids = [oid for result in held for oid in fleet.oids(result)]
    holds = [[each["object"] for each in w["holds"]] for w in seen(fleet).values()]
    assert sorted(holds) == sorted([oid] for oid in oids)
    fleet.open("seen")
    for result in held:
        result.get(timeout=SOON)
    fleet.members[0].process.send_signal(signal.SIGTERM)
    assert fleet.members[0].process.wait(SOON) == 0
    assert states() == {(second, "lives")}
    fleet.members[1].kill()
    assert states() == {(second, "dead")}


# --- a database that is away, clocks that are wrong -----------------------------------


@pytest.mark.parametrize("afloat", [LOCAL[0], *BROKERED], indirect=True, ids=name_of)
@pytest.mark.parametrize("early", [{}, {"two": "uses the session"}])
def test_a_connection_that_is_cut_in_a_task_loses_nothing(
    fleet: Fleet, early: dict[str, str]
) -> None:
    gate = f"cut-{len(early)}"
    result = fleet.start({"early": early, "gate": {"two": gate}}, {}, {})
    first, *_ = fleet.oids(result)
    until(lambda: fleet.began(first, "two"), "the task begins")
    fleet.cut()
    fleet.open(gate)
    result.get(timeout=SOON)
    fleet.check(result)
    assert all(member.lives for member in fleet.members)


def test_timers_go_by_the_clock_of_the_database(fleet: Fleet) -> None:
    """On PostgreSQL one worker is ten minutes ahead, the other as much behind."""
    items = [{"turn": {"one": "wait", "two": "retry"}} for _ in range(6)]
    items += [{"turn": {"one": "retry", "three": "wait"}} for _ in range(6)]
    result = fleet.start(*items)
    result.get(timeout=SOON)
    fleet.check(result)
    for obj in fleet.objects(result.uuid):
        history = obj.history()
        kinds = [each.kind for each in history]
        slept = kinds.index("Waiting")
        after = history[slept + 1].created - history[slept].created
        assert 0.9 <= after.total_seconds() < 60


# --- brokers that are away ------------------------------------------------------------


@brokered
def test_what_a_broker_lost_is_sent_again(fleet: Fleet) -> None:
    assert fleet.broker is not None
    held = fleet.hold("lost")
    result = fleet.start({}, {}, {})
    fleet.broker.restart(lose=True)
    fleet.open("lost")
    for each in [*held, result]:
        each.get(timeout=SOON)
        fleet.check(each)


@brokered
def test_what_is_delayed_while_the_broker_is_away_is_sent_later(fleet: Fleet) -> None:
    assert fleet.broker is not None
    fleet.broker.down()
    try:
        began = time.monotonic()
        result = fleet.start({}, {}, {})
        assert time.monotonic() - began < 30
        assert not any(well for well, *_ in fleet.state.worker.doctor())
    finally:
        fleet.broker.up()
    result.get(timeout=SOON)
    fleet.check(result)
    until(
        lambda: all(well for well, *_ in fleet.state.worker.doctor()),
        "all is well again",
    )
