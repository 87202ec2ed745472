"""What each end of a task leaves behind: the table S0 to S18 of the reference, as
the design corrects it; and which move is legal when."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sites import Site

from invenio_workflows import signals
from invenio_workflows.api import (
    cancel,
    continue_oid,
    delete,
    resolve,
    start,
    start_by_oids,
    start_by_wid,
)
from invenio_workflows.errors import (
    AbortProcessing,
    IllegalMove,
    SkipToken,
    WorkflowError,
    WorkflowHalt,
    WorkflowObjectVersionError,
)
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.states import (
    ALLOWED,
    ObjectStatus,
    WorkflowStatus,
    may,
    run_status,
)
from invenio_workflows.store.sql import settle_run

S, R = ObjectStatus, WorkflowStatus


def add_one(obj: Any, eng: Any) -> None:
    obj.data += 1


def stored(oid: int) -> WorkflowObject:
    found: WorkflowObject = WorkflowObject.query.one_by_id(oid)
    return found


@contextmanager
def listening() -> Iterator[list[tuple[str, Any]]]:
    """Collect the signals: their name, and the object's id or the run's uuid."""
    heard: list[tuple[str, Any]] = []

    def ear(name: str) -> Callable[..., None]:
        def hear(sender: Any, **values: Any) -> None:
            heard.append((name, getattr(sender, "id", getattr(sender, "uuid", None))))

        return hear

    names = ("started", "finished", "halted", "error")
    ears = {name: ear(name) for name in names}
    for name, function in ears.items():
        getattr(signals, f"workflow_{name}").connect(function)
    try:
        yield heard
    finally:
        for name, function in ears.items():
            getattr(signals, f"workflow_{name}").disconnect(function)


class Outcome:
    """Two objects are run; the task does something to the first only."""

    def __init__(self, site: Site, what: Callable[[Any, Any], None], **options: Any):
        self.error: BaseException | None = None
        ran: list[int] = []

        def middle(obj: Any, eng: Any) -> None:
            if obj.position == 0:
                obj.data += 10
                what(obj, eng)

        def last(obj: Any, eng: Any) -> None:
            ran.append(obj.position)
            obj.data += 100

        site.register("outcome", add_one, middle, last)
        uuids: list[str] = []
        with listening() as heard:
            try:
                start("outcome", [0, 0], before=uuids, **options)
            except BaseException as error:
                self.error = error
        self.ran = ran
        self.uuid = site.value("SELECT uuid FROM workflows_run")
        query = WorkflowObject.query.filter_by(id_workflow=self.uuid, id_parent=None)
        self.first, self.second = query.order_by("position").all()
        self.run = R(site.run_status(self.uuid))
        self.heard = [
            name if who == self.uuid else (name, who - self.first.id)
            for name, who in heard
        ]


def test_s0_an_object_is_claimed_before_its_first_task(site: Site) -> None:
    """S0: RUNNING in the database, of this run, its old error gone, then announced."""
    seen: list[Any] = []

    def look(obj: Any, eng: Any) -> None:
        row = site.rows(
            "SELECT status, id_workflow, error, lease_owner FROM workflows_object "
            "WHERE id = :id",
            id=obj.id,
        )[0]
        seen.append((row[0], row[1] == eng.uuid, row[2], bool(row[3])))
        seen.append((obj.status, eng.status, obj.get_error_message()))

    site.register("look", look)
    obj = WorkflowObject.create_object(data=1)
    obj.set_error_message("an old one")
    obj.save(status=S.ERROR)
    with listening() as heard:
        eng = start("look", [obj])
    assert seen == [(S.RUNNING, True, None, True), (S.RUNNING, R.RUNNING, None)]
    assert heard == [("started", eng.uuid), ("finished", eng.uuid)]
    assert stored(obj.id).get_error_message() is None


def test_s1_a_normal_end(site: Site) -> None:
    """S1."""
    got = Outcome(site, lambda obj, eng: None)
    assert (got.first.status, got.second.status, got.run) == (S.COMPLETED,) * 2 + (
        R.COMPLETED,
    )
    assert (got.first.data, got.second.data) == (111, 101)
    assert got.first.get_current_task() == [2]
    assert got.first.extra_data["_last_task_name"] == "last"
    assert got.heard == ["started", "finished"]
    assert got.error is None


def test_s2_a_halt(site: Site) -> None:
    """S2: HALTED without an action too, its message kept; the next object runs."""
    got = Outcome(site, lambda obj, eng: eng.halt("look at this"))
    assert (got.first.status, got.second.status, got.run) == (
        S.HALTED,
        S.COMPLETED,
        R.HALTED,
    )
    assert got.first.data == 11, "what a halting task changed is kept"
    assert got.first.get_current_task() == [1]
    assert got.first.get_action() is None
    assert got.first.get_action_message() == "look at this"
    assert got.heard == ["started", ("halted", 0)]
    assert got.error is None


def test_s3_a_halt_with_an_action(site: Site) -> None:
    """S3."""
    got = Outcome(site, lambda obj, eng: eng.halt("ok?", action="approval", why="?"))
    assert (got.first.status, got.run) == (S.HALTED, R.HALTED)
    assert got.first.get_action() == "approval"
    assert got.first.get_action_message() == "ok?"
    assert got.first.extra_data["_payload"] == {"why": "?"}
    row = site.rows(
        "SELECT action, message FROM workflows_object WHERE id = :id", id=got.first.id
    )
    assert [tuple(each) for each in row] == [("approval", "ok?")]


def test_s4_a_halt_that_stops_the_run(site: Site) -> None:
    """S4: with stop_on_halt the later objects stay INITIAL."""
    got = Outcome(site, lambda obj, eng: eng.halt(), stop_on_halt=True)
    assert (got.first.status, got.second.status) == (S.HALTED, S.INITIAL)
    assert got.run == R.HALTED
    assert got.second.data == 0
    assert got.error is None


def test_a_wait_leaves_the_object_waiting(site: Site) -> None:
    """WAITING, and the next object runs."""
    got = Outcome(site, lambda obj, eng: eng.wait("for the mail"))
    assert (got.first.status, got.second.status, got.run) == (
        S.WAITING,
        S.COMPLETED,
        R.HALTED,
    )
    assert got.first.waits_for == "event"
    assert got.first.get_action_message() == "for the mail"
    assert got.first.data == 11
    assert got.heard == ["started", ("halted", 0)]


def test_s5_an_exception(site: Site) -> None:
    """S5: undone, ERROR with the traceback, raised; later ones stay INITIAL."""

    def fail(obj: Any, eng: Any) -> None:
        obj.extra_data["half"] = True
        eng.extra_data["half"] = True
        raise ZeroDivisionError("by nothing")

    got = Outcome(site, fail)
    assert (got.first.status, got.second.status, got.run) == (
        S.ERROR,
        S.INITIAL,
        R.ERROR,
    )
    assert got.first.data == 1, "back to the last checkpoint"
    assert "half" not in got.first.extra_data
    title, traceback = got.first.get_error_message()
    assert title == "ZeroDivisionError: by nothing"
    assert "in fail" in traceback
    assert got.first.get_current_task() == [1]
    assert got.first.extra_data["_last_task_name"] == "middle"
    assert isinstance(got.error, WorkflowError)
    assert isinstance(got.error.__cause__, ZeroDivisionError)
    assert got.error.id_object == got.first.id
    assert got.error.id_workflow == got.uuid
    assert "in fail" in str(got.error)
    assert got.heard == ["started", ("error", 0)]
    shared = site.value("SELECT extra_data FROM workflows_run")
    assert "half" not in str(shared)


def test_s5_a_workflow_error_of_a_task_is_raised_as_it_is(site: Site) -> None:
    """S5: with its payload."""
    mine = WorkflowError("two of them", payload=["a", "b"])

    def fail(obj: Any, eng: Any) -> None:
        raise mine

    got = Outcome(site, fail)
    assert got.error is mine
    assert mine.payload == ["a", "b"]
    assert mine.id_object == got.first.id


def test_s6_an_exception_that_does_not_stop_the_run(site: Site) -> None:
    """S6: nothing is raised, the next runs, and the run is ERROR."""

    def fail(obj: Any, eng: Any) -> None:
        raise ValueError

    got = Outcome(site, fail, stop_on_error=False)
    assert (got.first.status, got.second.status) == (S.ERROR, S.COMPLETED)
    assert got.run == R.ERROR
    assert got.error is None
    assert got.heard == ["started", ("error", 0)]


@pytest.mark.parametrize("wish", ["skip_token", "continue_next_token"])
def test_s7_and_s10_an_object_that_ends_early(site: Site, wish: str) -> None:
    """S7, S10: COMPLETED with the reason; the next runs from its first task."""
    got = Outcome(site, lambda obj, eng: getattr(eng, wish)())
    assert (got.first.status, got.second.status, got.run) == (
        S.COMPLETED,
        S.COMPLETED,
        R.COMPLETED,
    )
    assert (got.first.data, got.second.data) == (11, 101)
    assert got.first.get_current_task() == [1]
    assert got.first.history()[-1].message == wish
    assert got.heard == ["started", "finished"]


def test_s8_an_abort(site: Site) -> None:
    """S8: undone, CANCELLED; later ones stay INITIAL; nothing is raised."""
    got = Outcome(site, lambda obj, eng: eng.abort())
    assert (got.first.status, got.second.status) == (S.CANCELLED, S.INITIAL)
    assert got.run == R.HALTED
    assert got.first.data == 1
    assert got.error is None


def test_s8_an_abort_of_the_only_object(site: Site) -> None:
    """S8: the run is CANCELLED."""
    site.register("aborts", add_one, lambda obj, eng: eng.abort())
    assert start("aborts", [1]).status == R.CANCELLED


def test_s9_a_stop(site: Site) -> None:
    """S9: COMPLETED, its rest skipped; later ones stay INITIAL."""
    got = Outcome(site, lambda obj, eng: eng.stop())
    assert (got.first.status, got.second.status) == (S.COMPLETED, S.INITIAL)
    assert (got.first.data, got.run) == (11, R.HALTED)
    assert got.ran == []
    assert got.error is None


def test_s9_a_stop_of_the_only_object(site: Site) -> None:
    """S9: the run is COMPLETED."""
    site.register("stops", add_one, lambda obj, eng: eng.stop(), add_one)
    with listening() as heard:
        eng = start("stops", [1])
    assert eng.status == R.COMPLETED
    assert heard == [("started", eng.uuid), ("finished", eng.uuid)]


@pytest.mark.parametrize("offset", [2, 0, -1])
def test_s11_and_s12_jumps_between_objects_are_refused(site: Site, offset: int) -> None:
    """S11, S12: with a sentence, as an error of the task."""
    got = Outcome(site, lambda obj, eng: eng.jump_token(offset))
    assert (got.first.status, got.second.status) == (S.ERROR, S.INITIAL)
    assert "move on their own" in str(got.error)


def test_s13_an_object_that_was_never_saved(site: Site) -> None:
    """S13: is kept with a snapshot like any other, and the run completes."""
    site.register("adds", add_one)
    obj = WorkflowObject(1)
    with listening() as heard:
        eng = start("adds", [obj])
    assert eng.status == R.COMPLETED
    assert (obj.status, obj.data) == (S.COMPLETED, 2)
    assert len(eng.initial_objects) == 1
    assert ("finished", eng.uuid) in heard


def test_s13_whatever_status_it_was_given(site: Site) -> None:
    """S13: one that never was in the database is new to it."""
    site.register("adds", add_one)
    eng = start("adds", [WorkflowObject(n, status=n) for n in (1, 5, 2, 0)])
    assert [obj.data for obj in eng.completed_objects] == [2, 6, 3, 1]
    assert [obj.status for obj in eng.initial_objects] == [S.INITIAL] * 4


def test_s14_a_completed_object_is_started_again(site: Site) -> None:
    """S14: with its present data, from its first task, in the new run."""
    site.register("demo", lambda obj, eng: None, add_one)
    obj = WorkflowObject.create_object(data=20)
    first = start("demo", [obj])
    assert obj.data == 21
    second = start("demo", [obj])
    assert obj.data == 22
    assert obj.id_workflow == second.uuid != first.uuid
    assert [each.id_parent for each in first.objects] == [obj.id]
    assert second.status == R.COMPLETED == R(site.run_status(first.uuid))


@pytest.mark.parametrize("status", [S.HALTED, S.WAITING, S.ERROR, S.CANCELLED])
def test_s15_a_stopped_object_is_started_again(
    site: Site, status: ObjectStatus
) -> None:
    """S15: the snapshot is INITIAL whatever the object was; the run completes."""
    ends = {
        S.HALTED: lambda obj, eng: eng.halt("?", action="approval"),
        S.WAITING: lambda obj, eng: eng.wait("?"),
        S.ERROR: lambda obj, eng: 1 / 0,
        S.CANCELLED: lambda obj, eng: eng.abort(),
    }
    site.register("ends", add_one, ends[status])
    site.register("adds", add_one)
    obj = WorkflowObject.create_object(data=1)
    old = None
    try:
        old = start("ends", [obj])
    except WorkflowError:
        pass
    assert obj.status == status
    eng = start("adds", [obj])
    assert eng.status == R.COMPLETED
    assert [each.status for each in eng.objects] == [S.COMPLETED, S.INITIAL]
    again = stored(obj.id)
    assert (again.get_action(), again.get_action_message()) == (None, "")
    assert again.get_error_message() is None
    assert "_payload" not in again.extra_data
    if old is not None:
        assert old.status == R.COMPLETED, "it has no object any more"


def test_s16_an_object_that_runs_is_not_started(site: Site) -> None:
    """S16: refused, and no row is left behind."""
    refused: list[Any] = []

    def restart(obj: Any, eng: Any) -> None:
        before = site.counts()
        for given in ([obj], [5, stored(obj.id)]):
            try:
                start("adds", given)
            except WorkflowObjectVersionError as error:
                refused.append((error.id_object, error.obj_version, str(error)))
        assert site.counts() == before

    site.register("adds", add_one)
    site.register("restarts", restart)
    start("restarts", [1])
    assert len(refused) == 2
    for oid, version, text in refused:
        assert version == S.RUNNING
        assert f"Object {oid} is already in RUNNING state" in text


def test_s17_an_unknown_status_cannot_be_given(site: Site) -> None:
    """S17."""
    with pytest.raises(ValueError, match="9"):
        WorkflowObject(1, status=9)
    obj = WorkflowObject.create_object(data=1)
    with pytest.raises(ValueError, match="9"):
        obj.save(version=9)
    assert stored(obj.id).status == S.INITIAL


def test_s18_continuing_one_of_two(site: Site) -> None:
    """S18: only that one moves; the run is COMPLETED when all are."""
    site.register("halts", add_one, lambda obj, eng: eng.halt(), add_one)
    eng = start("halts", [0, 10])
    one, two = eng.halted_objects
    with listening() as heard:
        assert continue_oid(one.id).status == R.HALTED
    assert heard == [("started", eng.uuid)]
    assert (stored(one.id).data, stored(two.id).data) == (2, 11)
    with listening() as heard:
        assert continue_oid(two.id).status == R.COMPLETED
    assert heard == [("started", eng.uuid), ("finished", eng.uuid)]


# --- interrupted ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interrupted_task_leaves_no_object_running(
    site: Site, kind: type[BaseException]
) -> None:
    def interrupt(obj: Any, eng: Any) -> None:
        if "once" not in eng.extra_data:
            raise kind

    got = Outcome(site, interrupt)
    assert isinstance(got.error, kind)
    assert (got.first.status, got.second.status, got.run) == (
        S.ERROR,
        S.INITIAL,
        R.ERROR,
    )
    assert got.first.data == 1
    assert got.first.extra_data["_last_task_name"] == "middle"
    assert kind.__name__ in got.first.get_error_message()[0]
    eng = continue_oid(got.first.id, "restart_task", once=1)
    assert stored(got.first.id).data == 111
    assert eng.uuid == got.uuid


def test_an_interrupt_stops_a_run_that_goes_on_after_errors(site: Site) -> None:
    def interrupt(obj: Any, eng: Any) -> None:
        raise KeyboardInterrupt

    got = Outcome(site, interrupt, stop_on_error=False)
    assert isinstance(got.error, KeyboardInterrupt)
    assert (got.first.status, got.second.status) == (S.ERROR, S.INITIAL)


@pytest.mark.parametrize(
    "damage",
    [
        lambda obj, eng: setattr(obj, "extra_data", None),
        lambda obj, eng: delattr(obj, "data"),
        lambda obj, eng: delattr(obj, "extra_data"),
        lambda obj, eng: setattr(obj, "data", object()),
        lambda obj, eng: eng.extra_data.update(bad=object()),
        lambda obj, eng: eng.halt("?", action="approval", form=object()),
        lambda obj, eng: (setattr(obj, "extra_data", []), eng.halt("?")),
        lambda obj, eng: obj.set_data(float("nan")),
    ],
    ids=range(8),
)
def test_a_task_that_breaks_its_object_is_an_error(
    site: Site, damage: Callable[[Any, Any], None]
) -> None:
    got = Outcome(site, damage)
    assert (got.first.status, got.run) == (S.ERROR, R.ERROR)
    assert got.first.data == 1
    assert isinstance(got.error, WorkflowError)


@pytest.mark.parametrize("text", ["a\0b", "\ud800 alone", "x" * 100_000])
def test_any_text_may_be_said(site: Site, text: str) -> None:
    """Neither database holds NUL or half a surrogate in a text of its own."""

    def fail(obj: Any, eng: Any) -> None:
        obj.log.warning(text)
        raise ValueError(text)

    got = Outcome(site, fail)
    assert got.first.status == S.ERROR
    site.register("says", lambda obj, eng: eng.halt(text, action=text[:90]))
    (halted,) = start("says", [1]).halted_objects
    assert halted.get_action_message() == text
    assert len(got.first.get_log()) == 1


class Mute(Exception):
    """An error that cannot be said."""

    def __str__(self) -> str:
        raise RuntimeError("no")


def test_an_error_that_cannot_be_said_is_kept_all_the_same(site: Site) -> None:
    def fail(obj: Any, eng: Any) -> None:
        raise Mute

    got = Outcome(site, fail)
    assert got.first.status == S.ERROR
    title, traceback = got.first.get_error_message()
    assert title == "Mute: it does not say what, for its __str__ fails"
    assert "raise Mute" in traceback


def test_what_a_store_cannot_keep_is_the_tasks_error(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is that nobody thought of: no object is left RUNNING by it."""
    store = site.ext.state.store
    record = store.record

    def refuse(point: Any) -> Any:
        if point.events[0].kind == "Halted":
            raise OverflowError("a number is too long")
        return record(point)

    monkeypatch.setattr(store, "record", refuse)
    got = Outcome(site, lambda obj, eng: eng.halt("?"))
    assert (got.first.status, got.run) == (S.ERROR, R.ERROR)
    assert got.first.get_error_message()[0] == "OverflowError: a number is too long"


@pytest.mark.parametrize("wish", [SkipToken, AbortProcessing, WorkflowHalt])
def test_what_a_wish_says_becomes_text(site: Site, wish: Any) -> None:
    def asks(obj: Any, eng: Any) -> None:
        raise wish(b"5")

    got = Outcome(site, asks)
    assert got.first.status in (S.COMPLETED, S.CANCELLED, S.HALTED)


# --- the status of a run --------------------------------------------------------------


def test_the_run_status_in_sql_is_that_of_the_table(sqlite_site: Site) -> None:
    check_run_status(sqlite_site, 150)


def test_the_run_status_in_postgresql_too(make_site: Any, postgresql_url: str) -> None:
    check_run_status(make_site(postgresql_url), 40)


def check_run_status(site: Site, examples: int) -> None:
    site.register("adds", add_one)
    with site.app.app_context():
        eng = start("adds", [0] * 4)
        snapshots = [each.id for each in eng.initial_objects]
        ids = [each.id for each in eng.completed_objects]
    choices = [(status, None) for status in S if status != S.WAITING]
    choices += [(S.WAITING, "event"), (S.WAITING, "queue"), (S.WAITING, "timer")]
    dice = random.Random(4)
    for _ in range(examples):
        drawn = [dice.choice(choices) for _ in ids]
        if dice.random() < 0.5:  # mostly quiet ones, so that the later rules are met
            drawn = [dice.choice(choices[:2] + choices[-4:-3]) for _ in ids]
        with site.ext.engine.begin() as connection:
            for oid, (status, waits) in zip(ids, drawn, strict=True):
                connection.exec_driver_sql(
                    f"UPDATE workflows_object SET status = {int(status)}, waits_for = "
                    + (f"'{waits}'" if waits else "NULL")
                    + f" WHERE id = {oid}"
                )
            settle_run(connection, eng.uuid)
        assert site.run_status(eng.uuid) == run_status(drawn), drawn
    assert len(snapshots) == 4


# --- what is legal when ---------------------------------------------------------------

POINTS = ["continue_next", "restart_task", "restart_prev", "restart_first", "task:tick"]

#: Status, and what it waits for, of an object that is to be moved.
PLACES = [(status, None) for status in S if status != S.WAITING]
PLACES += [(S.WAITING, "event"), (S.WAITING, "queue")]


def tick(obj: Any, eng: Any) -> None:
    obj.data += 1


@pytest.mark.parametrize("place", PLACES, ids=[f"{s.name}-{w}" for s, w in PLACES])
def test_every_move_is_made_or_refused_as_the_table_says(
    site: Site, place: tuple[ObjectStatus, str | None]
) -> None:
    status, waits = place
    site.register("ticks", tick, tick_too := lambda obj, eng: None)
    assert tick_too is not None
    obj = start("ticks", [0]).completed_objects[0]
    moves: dict[str, tuple[str, Callable[[], Any]]] = {
        point: (point.split(":")[0], lambda point=point: continue_oid(obj.id, point))
        for point in POINTS
    }
    moves |= {
        "start": ("start", lambda: start_by_oids("ticks", [obj.id])),
        "resolve": (
            "resolve",
            lambda: resolve(obj.id, "approval", {"value": "accept"}),
        ),
        "cancel": ("cancel", lambda: cancel(obj.id)),
        "save": ("save", lambda: stored(obj.id).save()),
        "delete": ("delete", lambda: delete(obj.id)),
    }
    asking = '{"_action":"approval"}'
    for name, (operation, move) in moves.items():
        site.register("ticks", tick, tick_too)
        with site.ext.engine.begin() as connection:
            connection.exec_driver_sql(
                f"UPDATE workflows_object SET status = {int(status)}, extra_data = "
                f"'{asking}', waits_for = "
                + (f"'{waits}'" if waits else "NULL")
                + f" WHERE id = {obj.id}"
            )
        before = site.rows("SELECT * FROM workflows_object ORDER BY id"), site.counts()
        legal = may(operation, status, waits)
        if name != "cancel":
            assert legal == (waits != "queue" and status in ALLOWED[operation])
        if (name, status) == ("cancel", ObjectStatus.RUNNING):
            move()  # its worker is asked to
            wanted = "SELECT wanted FROM workflows_object WHERE wanted IS NOT NULL"
            assert site.value(wanted) == "cancel"
        elif legal:
            move()
            (now,) = site.rows(
                "SELECT count(*) FROM workflows_object WHERE status = 3"
            )[0]
            assert now == 0, name
        else:
            with pytest.raises(IllegalMove) as caught:
                move()
            label = "Queued" if waits == "queue" else status.name
            assert label in str(caught.value), name
            after = site.rows("SELECT * FROM workflows_object ORDER BY id")
            assert (after, site.counts()) == before, name


def test_a_run_that_moves_is_not_started_over(site: Site) -> None:
    refused: list[str] = []

    def again(obj: Any, eng: Any) -> None:
        with pytest.raises(IllegalMove) as caught:
            start_by_wid(eng.uuid)
        refused.append(str(caught.value))

    site.register("again", again)
    eng = start("again", [1])
    assert eng.status == R.COMPLETED
    assert "is moving" in refused[0]
