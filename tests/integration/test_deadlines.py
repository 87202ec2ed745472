"""A halt that nobody answers: reminded of, and left behind as it said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, SecretStr
from sites import Site
from sqlalchemy import event, text
from terminals import Terminal

from invenio_workflows import START, Decision, Step, WorkflowObject, signals
from invenio_workflows.actions import Action, Approval, Resolution
from invenio_workflows.api import (
    cancel,
    continue_oid,
    edit,
    resolve,
    start,
    start_by_wid,
    start_delayed,
)
from invenio_workflows.calls import Call
from invenio_workflows.errors import IllegalMove, OwnSubmission, WorkflowError
from invenio_workflows.groups import Group
from invenio_workflows.jobs import perform, sweep
from invenio_workflows.patterns import PARALLEL
from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import ObjectStatus as S
from invenio_workflows.states import WorkflowStatus
from invenio_workflows.store.list_plan import Plan
from invenio_workflows.store.wanted import Wanted

REJECT = {"value": "reject", "reason": "Nobody answered."}
SOON = 60.0


def publish(obj: Any, eng: Any) -> None:
    obj.data = [*obj.data, obj.extra_data.get("approved")]


def asking(**how: Any) -> Callable[[Any, Any], None]:
    """A task that asks for approval."""

    def ask(obj: Any, eng: Any) -> None:
        eng.halt("Well?", action="approval", **how)

    return ask


@pytest.fixture
def idle(make_site: Callable[..., Site], ready_url: str) -> Iterator[Site]:
    """A site whose worker is the test itself."""
    site = make_site(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    with site.app.app_context():
        yield site


@contextmanager
def heard(*named: Any) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    told: list[tuple[str, dict[str, Any]]] = []
    keep = []
    for each in named:

        def listen(sender: Any, _name: str = each.name, **values: Any) -> None:
            told.append((_name, {"id": sender.id, **values}))

        each.connect(listen)
        keep.append((each, listen))
    try:
        yield told
    finally:
        for each, listen in keep:
            each.disconnect(listen)


def halted(site: Site, *tasks: Any) -> WorkflowObject:
    """The one object of a run that has halted."""
    site.register("asks", *tasks, publish)
    (obj,) = start("asks", [[]]).halted_objects
    return stored(obj.id)


def stored(oid: int) -> WorkflowObject:
    obj: WorkflowObject = WorkflowObject.get(oid)
    return obj


def pass_time(site: Site, oid: int, seconds: float = 86400) -> None:
    """Let the deadline and the next look come nearer."""
    engine = site.ext.engine
    names = ("deadline", "wake_at")
    if engine.dialect.name == "sqlite":
        past = "strftime('%Y-%m-%d %H:%M:%f000', {}, :s || ' seconds')"
    else:
        past = "{} + CAST(:s AS float) * interval '1 second'"
    sets = ", ".join(f"{name} = {past.format(name)}" for name in names)
    with engine.begin() as connection:
        connection.execute(
            text(f"UPDATE workflows_object SET {sets} WHERE id = :id"),
            {"id": oid, "s": -seconds},
        )


def settle(oid: int) -> WorkflowObject:
    """Sweep, do what was queued, and return the object as it is then."""
    sweep()
    perform(Call((oid,)))
    return stored(oid)


def row(site: Site, oid: int, names: str) -> Any:
    return site.rows(f"SELECT {names} FROM workflows_object WHERE id = :id", id=oid)[0]


# --- the halt -------------------------------------------------------------------------


def test_a_deadline_is_kept_by_the_databases_clock(idle: Site) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    obj = halted(idle, asking(deadline=timedelta(hours=1), on_deadline=REJECT))
    assert obj.deadline is not None
    assert timedelta(hours=1) <= obj.deadline - before < timedelta(hours=1, minutes=1)
    assert (obj.status, obj.waits_for) == (S.HALTED, None)
    assert obj.extra_data["_deadline"] == {"then": REJECT, "remind": []}
    sweep()
    assert stored(obj.id).status == S.HALTED


def test_a_synchronous_start_does_not_wait_for_it(idle: Site) -> None:
    obj = halted(idle, asking(deadline=2, on_deadline=REJECT))
    assert obj.status == S.HALTED, "no worker is there who would decide it"


WRONG = [
    ({"deadline": datetime(2030, 1, 1)}, "time zone"),
    ({"deadline": datetime(2020, 1, 1, tzinfo=UTC)}, "has passed"),
    ({"deadline": -5}, "later than now"),
    ({"deadline": timedelta(0)}, "later than now"),
    ({"deadline": True}, "timedelta or a number"),
    ({"deadline": "soon"}, "timedelta or a number"),
    ({"on_deadline": REJECT}, "give one"),
    ({"deadline": 60, "on_deadline": 3}, "on_deadline is an answer"),
    ({"deadline": 60, "on_deadline": "eror"}, "no on_deadline='eror'.*restart_first"),
    ({"deadline": 60, "on_deadline": "task:nowhere"}, "task:<name> .*publish"),
    ({"deadline": 60, "on_deadline": {"value": "maybe"}}, "approval refuses .*maybe"),
    ({"deadline": 60, "on_deadline": {"why": "?"}}, "approval refuses the answer"),
    (
        {
            "deadline": 60,
            "on_deadline": {"value": "reject"},
            "needs_reason": ["reject"],
        },
        "Say why",
    ),
    ({"deadline": 60, "on_deadline": {"value": "accept", "reason": {1j}}}, "complex"),
    ({"deadline": 60, "remind": [60]}, "before the halt"),
    ({"remind": "1 day"}, "list of timedeltas"),
    ({"remind": range(1, 30)}, "20 at most"),
    ({"four_eyes": "anybody"}, "four_eyes is True"),
]


@pytest.mark.parametrize(("how", "told"), WRONG, ids=[told for _, told in WRONG])
def test_what_cannot_be_is_the_tasks_error_at_the_halt(
    idle: Site, how: dict[str, Any], told: str
) -> None:
    idle.register("asks", asking(**how), publish)
    with pytest.raises(WorkflowError, match=told) as raised:
        start("asks", [[]])
    obj = stored(raised.value.id_object or 0)
    assert (obj.status, obj.deadline) == (S.ERROR, None)
    assert obj.extra_data["_last_task_name"] == "ask"
    assert "_deadline" not in obj.extra_data
    assert row(idle, obj.id, "deadline, wake_at") == (None, None)


def test_an_answer_without_an_action_is_refused(idle: Site) -> None:
    idle.register("asks", lambda obj, eng: eng.halt("?", deadline=9, on_deadline={}))
    with pytest.raises(WorkflowError, match="the halt has no action"):
        start("asks", [[]])
    idle.register(
        "asks", lambda o, eng: eng.halt("?", "vote", deadline=9, on_deadline={})
    )
    with pytest.raises(WorkflowError, match="There is no action 'vote'"):
        start("asks", [[]])


# --- what is done at the deadline -----------------------------------------------------


def test_the_answer_that_was_left_is_given(idle: Site) -> None:
    obj = halted(idle, asking(deadline=timedelta(hours=3), on_deadline=REJECT))
    sweep()
    assert stored(obj.id).status == S.HALTED, "not before its time"
    pass_time(idle, obj.id)
    with heard(signals.deadline_passed) as told:
        after = settle(obj.id)
    assert (after.status, after.data) == (S.COMPLETED, [False])
    assert after.extra_data["reason"] == "Nobody answered."
    assert (after.deadline, "_deadline" in after.extra_data) == (None, False)
    (audited,) = current_workflows.audit.of(obj.id)
    assert (audited.actor, audited.origin, audited.verb) == (
        None,
        "deadline",
        "resolve",
    )
    assert (audited.action, audited.value) == ("approval", "reject")
    assert (audited.reason, audited.form) == ("Nobody answered.", REJECT)
    assert audited.revision == obj.revision
    (passed,) = [each for each in after.history() if each.kind == "DeadlinePassed"]
    assert passed.message == "reject"
    assert passed.payload["actor"] is None and passed.payload["action"] == "approval"
    assert [name for name, _ in told] == ["deadline-passed"]
    assert told[0][1]["then"] == REJECT
    assert told[0][1]["halt"].startswith(f"{obj.id}-")
    with pytest.raises(IllegalMove, match="The deadline decided meanwhile"):
        resolve(obj.id, "approval", {"value": "accept"}, "ann", obj.revision)


def test_who_answers_too_late_is_told_that_the_deadline_decided(idle: Site) -> None:
    obj = halted(idle, asking(deadline=60, on_deadline=REJECT))
    pass_time(idle, obj.id)
    sweep()
    with pytest.raises(IllegalMove, match="The deadline decided meanwhile: approval"):
        resolve(obj.id, "approval", {"value": "accept"}, "ann", obj.revision)


def test_it_goes_on_elsewhere(idle: Site) -> None:
    def escalate(obj: Any, eng: Any) -> None:
        obj.data = ["escalated"]

    obj = halted(idle, asking(deadline=60, on_deadline="task:escalate"), escalate)
    pass_time(idle, obj.id)
    after = settle(obj.id)
    assert after.data == ["escalated", None]
    (audited,) = current_workflows.audit.of(obj.id)
    assert (audited.verb, audited.action) == ("continue", "task:escalate")
    assert audited.origin == "deadline"


def test_a_node_of_a_graph_goes_on_along_an_edge(idle: Site) -> None:
    ran: list[str] = []

    class Ask(Decision):
        def execute(self, _input: Any, external_input: Any) -> None:
            self.eng.halt("Which?", deadline=60, on_deadline="Late")

        def transition(self, _input: Any, external_input: Any) -> str:
            return "Fine"

    class Fine(Step):
        def execute(self, _input: Any, external_input: Any) -> None:
            ran.append("fine")

    class Late(Step):
        def execute(self, _input: Any, external_input: Any) -> None:
            ran.append("late")

    class Far(Step):
        def execute(self, _input: Any, external_input: Any) -> None:
            ran.append("far")

    graph = {START: [Ask], Ask: [Fine, Late], Fine: [Far], Late: [Far]}
    idle.ext.register_workflow("graph", type("G", (), {"graph": graph}), replace=True)
    (obj,) = start("graph", [1]).halted_objects
    pass_time(idle, obj.id)
    assert settle(obj.id).status == S.COMPLETED
    assert ran == ["late", "far"]


def test_a_node_goes_on_to_no_node_to_which_it_does_not_lead(idle: Site) -> None:
    def ask(obj: Any, eng: Any) -> None:
        eng.halt("?", deadline=60, on_deadline="last")

    def middle(obj: Any, eng: Any) -> None: ...
    def last(obj: Any, eng: Any) -> None: ...

    graph = {START: [ask], ask: [middle], middle: [last]}
    idle.ext.register_workflow("graph", type("G", (), {"graph": graph}), replace=True)
    with pytest.raises(WorkflowError, match=r"an edge \(middle\)"):
        start("graph", [1])


def test_an_error_stands_at_the_question(idle: Site) -> None:
    """Who runs the failed task again asks again: nothing is passed over unseen."""
    obj = halted(idle, asking(deadline=60, on_deadline="error"))
    pass_time(idle, obj.id)
    after = settle(obj.id)
    assert after.status == S.ERROR
    title = after.get_error_message()[0]
    assert title.startswith("DeadlinePassed: Nobody answered by the deadline, 20")
    assert after.deadline is None
    continue_oid(obj.id, "restart_task")
    again = stored(obj.id)
    assert (again.status, again.data) == (S.HALTED, [])
    assert again.deadline is not None and again.deadline > datetime.now(UTC)


def test_without_a_word_it_is_overdue_and_stays(idle: Site) -> None:
    obj = halted(idle, asking(deadline=60))
    pass_time(idle, obj.id)
    with heard(signals.deadline_passed) as told:
        sweep()
        sweep()
    assert [(name, each["then"]) for name, each in told] == [("deadline-passed", None)]
    after = stored(obj.id)
    assert (after.status, after.revision) == (S.HALTED, obj.revision)
    assert after.deadline < datetime.now(UTC)
    assert row(idle, obj.id, "wake_at") == (None,)
    resolve(obj.id, "approval", {"value": "accept"}, "ann", obj.revision)
    assert stored(obj.id).data == [True]


def test_an_answer_that_the_action_refuses_then_is_an_error(idle: Site) -> None:
    obj = halted(idle, asking(deadline=60, on_deadline={"value": "reject"}))
    strict = Approval(needs_reason=["reject"])
    idle.ext.register_action("approval", strict, replace=True)
    pass_time(idle, obj.id)
    try:
        after = settle(obj.id)
    finally:
        idle.ext.register_action("approval", Approval(), replace=True)
    assert after.status == S.ERROR
    assert "is refused: InputNotValid: Say why" in after.get_error_message()[0]
    assert after.extra_data.get("approved") is None


def test_an_action_that_moves_its_object_itself_does_so_once(idle: Site) -> None:
    class Own(Action):
        name = "own"

        def resolve(self, obj: Any, form: Any, actor: Any) -> Resolution:
            obj.continue_workflow(delayed=True)
            return Resolution("gone")

    idle.ext.register_action("own", Own, replace=True)
    ask = lambda obj, eng: eng.halt("?", "own", deadline=60, on_deadline={})  # noqa: E731
    obj = halted(idle, ask)
    pass_time(idle, obj.id)
    assert settle(obj.id).status == S.COMPLETED
    (audited,) = current_workflows.audit.of(obj.id)
    assert (audited.origin, audited.actor) == ("deadline", None)


def test_a_branch_may_have_one(idle: Site) -> None:
    ask = asking(deadline=60, on_deadline={"value": "accept"})
    idle.register("splits", PARALLEL([ask], [publish]), publish)
    start("splits", [[]])
    (oid,) = [
        each.id
        for each in idle.rows(
            "SELECT id FROM workflows_object WHERE deadline IS NOT NULL"
        )
    ]
    pass_time(idle, oid)
    assert settle(oid).status == S.COMPLETED
    sweep()
    origin = stored(oid).id_fork
    assert settle(origin).status == S.COMPLETED


# --- what clears it -------------------------------------------------------------------


def _restarted(obj: WorkflowObject) -> None:
    continue_oid(obj.id, "continue_next")


def _answered(obj: WorkflowObject) -> None:
    resolve(obj.id, "approval", {"value": "accept"}, "ann", obj.revision)


def _answered_later(obj: WorkflowObject) -> None:
    resolve(obj.id, "approval", {"value": "accept"}, "ann", delayed=True)


def _cancelled(obj: WorkflowObject) -> None:
    cancel(obj.id, "ann")


def _started_over(obj: WorkflowObject) -> None:
    current_workflows.register_workflow("asks", [publish], replace=True)
    start_by_wid(obj.id_workflow)


def _started_anew(obj: WorkflowObject) -> None:
    current_workflows.register_workflow("other", [publish])
    start("other", [stored(obj.id)])


def _saved_elsewhere(obj: WorkflowObject) -> None:
    stored(obj.id).save(status=S.WAITING)


@pytest.mark.parametrize(
    "what",
    [
        *(_restarted, _answered, _answered_later, _cancelled),
        *(_started_over, _started_anew, _saved_elsewhere),
    ],
)
def test_what_clears_a_deadline(idle: Site, what: Callable[..., None]) -> None:
    how = {"deadline": 60, "remind": [30], "on_deadline": REJECT}
    obj = halted(idle, asking(**how))
    what(obj)
    after = stored(obj.id)
    assert after.deadline is None
    assert row(idle, obj.id, "deadline") == (None,)
    if after.waits_for != "queue":
        assert row(idle, obj.id, "wake_at") == (None,)
    pass_time(idle, obj.id)
    with heard(signals.reminder, signals.deadline_passed) as told:
        sweep()
    assert told == []
    assert [e for e in stored(obj.id).history() if e.kind == "DeadlinePassed"] == []


def test_an_edit_leaves_the_question_and_until_when(idle: Site) -> None:
    obj = halted(idle, asking(deadline=60, remind=[30], on_deadline=REJECT))
    edit(obj.id, ["new"], "ann", obj.revision)
    assert stored(obj.id).deadline == obj.deadline
    pass_time(idle, obj.id)
    sweep()
    after = stored(obj.id)
    assert after.data[0] == "new" and after.extra_data["approved"] is False


@pytest.mark.parametrize("anew", [False, True])
def test_one_that_is_to_begin_anew_and_never_does_has_none(
    idle: Site, anew: bool
) -> None:
    idle.register("asks", asking(deadline=60, on_deadline=REJECT), publish)
    eng = start("asks", [[], []])
    second = eng.halted_objects[1]

    def fail(obj: Any, eng: Any) -> None:
        raise ValueError("at once")

    idle.register("asks", fail)
    with pytest.raises(WorkflowError):
        if anew:
            start("asks", [[], stored(second.id)])
        else:
            start_by_wid(eng.uuid)
    assert stored(second.id).status == S.INITIAL
    assert row(idle, second.id, "deadline, wake_at") == (None, None)
    left = idle.rows("SELECT id_object FROM workflows_sort WHERE name = 'deadline'")
    assert second.id not in {each.id_object for each in left}


def test_a_document_that_is_saved_keeps_it(idle: Site) -> None:
    obj = halted(idle, asking(deadline=60, on_deadline=REJECT))
    obj.extra_data["note"] = "by a program"
    obj.save()
    assert stored(obj.id).deadline == obj.deadline is not None
    pass_time(idle, obj.id)
    assert settle(obj.id).data == [False]


# --- reminders ------------------------------------------------------------------------


def test_each_reminder_comes_once(idle: Site) -> None:
    hour = timedelta(hours=1)
    obj = halted(idle, asking(deadline=5 * hour, remind=[hour, 2 * hour]))
    names = signals.reminder, signals.deadline_passed
    with heard(*names) as told:
        sweep()
        assert told == []
        pass_time(idle, obj.id, 3.5 * 3600)
        sweep()
        sweep()
        assert [(n, t["number"], t["of"]) for n, t in told] == [("reminder", 1, 2)]
        pass_time(idle, obj.id, 3600)
        sweep()
        pass_time(idle, obj.id, 3600)
        sweep()
        sweep()
    assert [name for name, _ in told] == ["reminder", "reminder", "deadline-passed"]
    assert len({each["halt"] for _, each in told}) == 1
    assert [each.get("number") for _, each in told] == [1, 2, None]
    assert told[0][1]["deadline"] > datetime.now(UTC) - timedelta(hours=1)


def test_without_a_deadline_reminders_come_after_the_halt(idle: Site) -> None:
    obj = halted(idle, asking(remind=[3600, 7200]))
    assert obj.deadline is None
    with heard(signals.reminder) as told:
        for _ in range(2):
            sweep()
            pass_time(idle, obj.id, 7200)
            sweep()
        sweep()
    assert [each["number"] for _, each in told] == [1, 2]
    assert told[0][1]["deadline"] is None
    assert row(idle, obj.id, "wake_at, reminded") == (None, 2)


def test_reminders_whose_time_was_over_at_the_halt_do_not_come(idle: Site) -> None:
    soon = datetime.now(UTC) + timedelta(hours=2)
    remind = [timedelta(days=1), timedelta(hours=1)]
    obj = halted(idle, asking(deadline=soon, remind=remind))
    with heard(signals.reminder) as told:
        sweep()
        pass_time(idle, obj.id, 5000)
        sweep()
    assert [(each["number"], each["of"]) for _, each in told] == [(2, 2)]


# --- at the same time -----------------------------------------------------------------


def test_two_sweepers_and_a_person_at_once_one_of_them_decides(idle: Site) -> None:
    for _ in range(5):
        obj = halted(idle, asking(deadline=60, on_deadline=REJECT))
        pass_time(idle, obj.id)
        refused: list[Exception] = []
        begin = threading.Barrier(3)

        def person(
            oid: int = obj.id,
            seen: int = obj.revision,
            gate: Any = begin,
            refused: list[Exception] = refused,
        ) -> None:
            with idle.app.app_context():
                gate.wait()
                try:
                    resolve(oid, "approval", {"value": "accept"}, "ann", seen, True)
                except IllegalMove as error:
                    refused.append(error)

        def sweeper(gate: Any = begin) -> None:
            with idle.app.app_context():
                gate.wait()
                sweep()

        threads = [threading.Thread(target=each) for each in (person, sweeper, sweeper)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        perform(Call((obj.id,)))
        (audited,) = current_workflows.audit.of(obj.id)
        after = stored(obj.id)
        if audited.origin == "deadline":
            assert after.data == [False]
            assert len(refused) == 1 and "meanwhile" in str(refused[0])
        else:
            assert after.data == [True] and not refused


def test_who_dies_between_finding_and_doing_is_followed_by_another(
    make_site: Callable[..., Site], ready_url: str
) -> None:
    site = make_site(
        ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0, WORKFLOWS_LEASE_SECONDS=900
    )
    with site.app.app_context():
        obj = halted(site, asking(deadline=60, on_deadline=REJECT))
        pass_time(site, obj.id)
        (found,) = current_workflows.due.take(10)
        assert found.passed and found.oid == obj.id
        pass_time(site, obj.id, 500)
        assert current_workflows.due.take(10) == [], "nobody else looks at it"
        pass_time(site, obj.id, 500)
        assert settle(obj.id).data == [False]


#: A sweeper that is killed while an action, or a receiver, is at work.
KILLED = """
import os, signal, sys
from sites import Site
from invenio_workflows import signals
from invenio_workflows.actions import Approval
from invenio_workflows.jobs import sweep

class Deadly(Approval):
    def expire(self, obj, form):
        os.kill(os.getpid(), signal.SIGKILL)

def die(sender, **values):
    os.kill(os.getpid(), signal.SIGKILL)

site = Site(sys.argv[1], tables=False, WORKFLOWS_LOCAL_THREADS=0,
            WORKFLOWS_LEASE_SECONDS=1)
site.ext.register_action("approval", Deadly, replace=True)
signals.reminder.connect(die)
site.register("asks", lambda obj, eng: None)
with site.app.app_context():
    sweep()
"""


@pytest.mark.parametrize("reminds", [False, True])
def test_a_sweeper_that_is_killed_at_work_is_followed_by_another(
    make_site: Callable[..., Site], ready_url: str, reminds: bool
) -> None:
    site = make_site(
        ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0, WORKFLOWS_LEASE_SECONDS=1
    )
    with site.app.app_context(), heard(signals.reminder) as told:
        how = {"remind": [0.01]} if reminds else {"deadline": 60, "on_deadline": REJECT}
        obj = halted(site, asking(**how))
        pass_time(site, obj.id)
        here = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        done = subprocess.run(
            [sys.executable, "-c", KILLED, ready_url],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(here)},
            check=False,
        )
        assert done.returncode == -signal.SIGKILL
        assert stored(obj.id).status == S.HALTED and told == []
        end = time.monotonic() + SOON
        while time.monotonic() < end:
            sweep()
            if told or stored(obj.id).status != S.HALTED:
                break
            time.sleep(0.1)
        perform(Call((obj.id,)))
        assert stored(obj.id).status == (S.HALTED if reminds else S.COMPLETED)
        assert len(told) == reminds
        assert len(current_workflows.audit.of(obj.id)) == (not reminds)


def test_a_receiver_that_dies_is_told_again(
    make_site: Callable[..., Site], ready_url: str
) -> None:
    site = make_site(
        ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0, WORKFLOWS_LEASE_SECONDS=1
    )
    told: list[Any] = []

    def die(sender: Any, **values: Any) -> None:
        told.append((values["halt"], values["number"]))
        if len(told) == 1:
            raise KeyboardInterrupt

    with site.app.app_context(), signals.reminder.connected_to(die):
        halted(site, asking(remind=[0.01]))
        time.sleep(0.05)
        with pytest.raises(KeyboardInterrupt):
            sweep()
        end = time.monotonic() + SOON
        while len(told) < 2 and time.monotonic() < end:
            sweep()
            time.sleep(0.1)
        sweep()
    assert len(told) == 2 and told[0] == told[1]


def test_a_worker_acts_at_the_deadline_by_itself(
    make_site: Callable[..., Site], ready_url: str
) -> None:
    """The embedded threads wake when the halt is due, not at the next sweep."""
    site = make_site(ready_url, tables=False, WORKFLOWS_SWEEP_SECONDS=3600)
    site.register("asks", asking(deadline=0.3, on_deadline=REJECT), publish)
    with site.app.app_context():
        result = start_delayed("asks", [[]])
        end = time.monotonic() + SOON
        while result.status() != WorkflowStatus.COMPLETED and time.monotonic() < end:
            time.sleep(0.05)
        (obj,) = result.get(timeout=SOON).completed_objects
        assert obj.data == [False]


# --- at a terminal --------------------------------------------------------------------


def test_the_commands_say_until_when(idle: Site) -> None:
    run = Terminal(idle.app)

    def told(*words: str) -> str:
        return " ".join(run(*words).split())

    hours = timedelta(hours=5, minutes=1)
    obj = halted(idle, asking(deadline=hours, on_deadline=REJECT))
    oid, when = str(obj.id), f"{obj.deadline:%Y-%m-%d %H:%M}"
    assert f"answer by {when} UTC (in 5 hours); then it is answered reject" in told(
        "object", oid
    )
    assert f"approval: Well? (answer by {when})" in told("objects")
    assert '"deadline": "20' in told("objects", "--json")
    pass_time(idle, obj.id)
    settle(obj.id)
    words = told("object", oid)
    assert "DeadlinePassed" in words
    assert "nobody answered in time; approval: reject: Nobody answered." in words
    assert "answer by" not in words
    assert "somebody (deadline)" not in told("audit", "--object", oid)
    assert "nobody (deadline)" in told("audit", "--object", oid)
    other = halted(idle, asking(deadline=hours))
    pass_time(idle, other.id)
    assert (
        f"(overdue since {other.deadline - timedelta(days=1):%Y-%m-%d %H:%M})"
        in told("objects")
    )


# --- input ----------------------------------------------------------------------------


class Category(BaseModel):
    name: Literal["paper", "thesis"]
    key: SecretStr = SecretStr("")


PAPER = {"name": "paper", "key": "hidden"}


def asks_for(**how: Any) -> Callable[[Any, Any], None]:
    def sort(obj: Any, eng: Any) -> None:
        obj.data = [*obj.data, eng.ask(Category, "Which?", **how).name]

    return sort


def test_values_are_given_at_the_deadline(idle: Site) -> None:
    obj = halted(idle, asks_for(deadline=60, on_deadline=PAPER, remind=[30]))
    with heard(signals.reminder, signals.deadline_passed) as told:
        pass_time(idle, obj.id, 40)
        sweep()
        pass_time(idle, obj.id, 86400)
        after = settle(obj.id)
    assert (after.status, after.data) == (S.COMPLETED, ["paper", None])
    assert [name for name, _ in told] == ["reminder", "deadline-passed"]
    halts = {each["halt"] for _, each in told}
    assert halts == {obj.extra_data["_payload"]["halt"]}, "as input_required tells it"
    (audited,) = current_workflows.audit.of(obj.id)
    assert (audited.origin, audited.action) == ("deadline", "input")
    assert audited.form["name"] == "paper" and "hidden" not in str(audited.form)


def test_values_that_are_not_valid_are_refused_at_the_halt(idle: Site) -> None:
    for how, match in (
        ({"on_deadline": {"name": "poem"}}, "input refuses the answer"),
        ({"on_deadline": {"name": "paper", "more": 1}}, "input refuses the answer"),
        ({"on_deadline": "continue_next"}, "would pass over the input"),
        ({"on_deadline": "poem"}, "There is no on_deadline='poem'"),
    ):
        idle.register("asks", asks_for(deadline=60, **how))
        with pytest.raises(WorkflowError, match=match):
            start("asks", [[]])


def test_input_that_nobody_gave_may_be_an_error_that_asks_again(idle: Site) -> None:
    obj = halted(idle, asks_for(deadline=60, on_deadline="error"))
    pass_time(idle, obj.id)
    assert settle(obj.id).status == S.ERROR
    continue_oid(obj.id, "restart_task")
    again = stored(obj.id)
    assert (again.status, again.data, again.get_action()) == (S.HALTED, [], "input")
    assert again.deadline is not None
    resolve(obj.id, "input", PAPER, actor="ann")
    assert stored(obj.id).data == ["paper", None]


@pytest.mark.parametrize("then", ["Late", {"name": "thesis"}, None])
def test_a_step_says_until_when_as_attributes(idle: Site, then: Any) -> None:
    ran: list[str] = []

    class Ask(Decision):
        UserInputSchema = Category
        deadline = timedelta(hours=1)
        on_deadline = then
        remind = (60,)
        four_eyes = True

        def transition(self, _input: Any, external_input: Any) -> str:
            return "Fine" if external_input["name"] == "paper" else "Other"

    def note(name: str) -> Any:
        def execute(self: Any, _input: Any, external_input: Any) -> None:
            ran.append(name)

        return type(name, (Step,), {"execute": execute})

    fine, other, late = map(note, ("Fine", "Other", "Late"))
    graph = {START: [Ask], Ask: [fine, other, late]}
    idle.ext.register_workflow("graph", type("G", (), {"graph": graph}), replace=True)
    (obj,) = start("graph", [1], id_user=5).halted_objects
    obj = stored(obj.id)
    assert obj.extra_data["_deadline"]["remind"] == [60]
    with pytest.raises(OwnSubmission):
        resolve(obj.id, "input", PAPER, actor="5")
    if then is None:
        resolve(obj.id, "input", PAPER, actor="6")
    else:
        pass_time(idle, obj.id)
        settle(obj.id)
    assert ran == ["Fine" if then is None else "Late" if then == "Late" else "Other"]
    assert stored(obj.id).status == S.COMPLETED


def test_an_answer_of_the_deadline_needs_no_votes(idle: Site) -> None:
    obj = halted(idle, asking(votes=2, deadline=60, on_deadline=REJECT))
    resolve(obj.id, "approval", {"value": "accept"}, actor="ann")
    assert stored(obj.id).deadline is not None, "a vote takes no deadline away"
    pass_time(idle, obj.id)
    assert settle(obj.id).data == [False]


# --- what it costs --------------------------------------------------------------------


def _sent(site: Site, what: Callable[[], Any]) -> list[tuple[str, Any]]:
    """Return the statements that read objects, with their values."""
    sent: list[tuple[str, Any]] = []

    def note(_c: Any, _r: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.lstrip().startswith("SELECT") and "workflows_object" in statement:
            sent.append((statement, values))

    engine = site.ext.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        what()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return sent


def _plan(site: Site, statement: str, values: Any) -> str:
    sqlite = site.ext.engine.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
    with site.ext.engine.connect() as connection:
        if not sqlite:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        rows = connection.exec_driver_sql(explain + statement, values)
        return " ".join(str(tuple(each)) for each in rows)


def test_looking_for_what_is_due_reads_an_index_of_those_that_have_a_deadline(
    idle: Site,
) -> None:
    idle.register("many", lambda obj, eng: eng.halt())
    start("many", [[n] for n in range(300)])
    halted(idle, asking(deadline=60))
    with idle.ext.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        # What other tests have left dead in the indexes would count.
        is_sqlite = idle.ext.engine.dialect.name == "sqlite"
        connection.exec_driver_sql("ANALYZE" if is_sqlite else "VACUUM (ANALYZE)")
    due = _sent(idle, lambda: current_workflows.due.take(10))
    assert len(due) == 1, "with nothing due it is one statement"
    assert "ix_workflows_object_wake" in _plan(idle, *due[0])
    wanted = Wanted(("asks",), groups=(Group.NEED_ACTION,), overdue=True)
    plan = Plan(wanted, [], idle.ext.engine.dialect.name)
    compiled = plan.overdue().compile(idle.ext.engine)
    assert "ix_workflows_object_deadline" in _plan(idle, str(compiled), ())


def test_a_halt_without_a_deadline_is_in_no_index_of_it(idle: Site) -> None:
    assert row(idle, halted(idle, asking()).id, "deadline, wake_at") == (None, None)
