"""A worker that dies, at any point: nothing is lost, and nothing happens twice."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from acceptance.crash import processes
from flask import Flask
from servers import PostgreSQL
from sqlalchemy import text

from invenio_workflows import WorkflowObject, api
from invenio_workflows.errors import LeaseLost
from invenio_workflows.states import ObjectStatus

CRASH = Path(__file__).parent / "crash"
sys.path.insert(0, str(CRASH))

import scenario  # noqa: E402
from scenario import Ledger, db  # noqa: E402

Rows = list[dict[str, Any]]

#: Another file for the table, beside the output of the test.
TABLE = "CRASH_TABLE"


# --- every point ----------------------------------------------------------------------


class Enumeration:
    """The points of one database, killed in a process of their own."""

    def __init__(self, url: str, folder: Path) -> None:
        folder.mkdir()
        self._result = folder / "result.json"
        self._errors = (folder / "errors").open("w+")
        runner = [sys.executable, CRASH / "runner.py", url, self._result]
        here = [str(CRASH.parents[1]), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            runner,
            stderr=self._errors,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(here)},
        )

    def result(self) -> dict[str, Any]:
        self._process.wait(timeout=1800)
        self._errors.seek(0)
        assert self._result.exists(), self._errors.read()[-5000:]
        found: dict[str, Any] = json.loads(self._result.read_text())
        return found

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._errors.close()


@pytest.fixture(scope="module")
def enumerations(
    postgresql_server: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Enumeration]]:
    """Both databases at the same time."""
    folder = tmp_path_factory.mktemp("crash")
    url = postgresql_server.create_database()
    found = {
        "postgresql": Enumeration(url, folder / "postgresql"),
        "sqlite": Enumeration(f"sqlite:///{folder}/sqlite/site.db", folder / "sqlite"),
    }
    yield found
    for each in found.values():
        each.stop()
    postgresql_server.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def enumerated(
    request: pytest.FixtureRequest, enumerations: dict[str, Enumeration]
) -> dict[str, Any]:
    found = enumerations[request.param].result()
    return found | {"database": request.param}


def show(title: str, rows: Rows) -> None:
    """Print the table of the points, and append it to the file that is asked for."""
    lines = [f"\n{title}", f"{'':>4} {'kind':<14} {'at':<64} outcome"]
    for row in rows:
        what = row["what"][:64]
        lines.append(
            f"{row['number']:>4} {row['kind']:<14} {what:<64} {row['outcome'][:300]}"
        )
    kinds = [row["kind"] for row in rows]
    counts = [f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)]
    lines.append(f"{len(rows)} points: {', '.join(counts)}")
    print("\n".join(lines))
    if file := os.environ.get(TABLE):
        with open(file, "a") as table:
            print("\n".join(lines), file=table)


def test_killed_at_any_point_all_is_as_if_it_had_not_been(
    enumerated: dict[str, Any],
) -> None:
    rows: Rows = enumerated["points"]
    seconds = f"{enumerated['seconds']:.0f} s"
    show(f"Killed once, {enumerated['database']}, {seconds} with the next", rows)
    assert {row["kind"] for row in rows} == {
        "before commit",
        "after commit",
        "task",
        "statement",
    }
    assert [row for row in rows if not row["same"]] == []


def test_a_recovery_that_is_killed_is_itself_recovered(
    enumerated: dict[str, Any],
) -> None:
    rows: Rows = enumerated["recovery"]
    show(f"The recovery killed too, {enumerated['database']}", rows)
    assert len(rows) > 50
    assert [row for row in rows if not row["same"]] == []


def test_the_scenario_goes_every_way(enumerated: dict[str, Any]) -> None:
    outcome = enumerated["normal"]["outcome"]
    objects = outcome["objects"]
    assert [objects[str(n)]["status"] for n in range(5)] == [
        "COMPLETED",
        "COMPLETED",
        "ERROR",
        "COMPLETED",
        "COMPLETED",
    ]
    assert outcome["runs"] == [
        ["Crash", "ERROR", {"batch": "b1", "even": 4, "odd": [1, 3], "total": 5}]
    ]
    kinds = {event[0] for events in outcome["events"].values() for event in events}
    assert kinds == {
        "Started",
        "TaskFinished",
        "Halted",
        "Failed",
        "Finished",
        "Resolved",
    }
    # The rows of the task that failed are undone, its log line is kept.
    assert [2, "judge", ""] not in outcome["ledger"]
    assert [30, "judge", "this one is broken"] in outcome["logs"]["2"]
    assert objects["1"]["numbered"] and not objects["1"]["leased"]


# --- leases ---------------------------------------------------------------------------


@dataclass
class Site:
    """The app, and what its processes do."""

    app: Flask
    stopped: list[int] = field(default_factory=list)

    def dies(self, *steps: Callable[[], Any]) -> None:
        """A process that does the steps is killed by one of them."""
        assert self.process(*steps) == -signal.SIGKILL

    def process(self, *steps: Callable[[], Any]) -> int:
        return processes.forked(lambda: scenario.inside(self.app, *steps))

    def stops(self, *steps: Callable[[], Any]) -> int:
        """A process that does the steps is stopped by one of them; return its id."""
        pid = processes.fork(lambda: scenario.inside(self.app, *steps))
        self.stopped.append(pid)
        os.waitpid(pid, os.WUNTRACED)
        return pid

    def end(self) -> None:
        """End what a test that failed left stopped."""
        for pid in self.stopped:
            with suppress(ChildProcessError):
                if os.waitpid(pid, os.WNOHANG) == (0, 0):
                    os.kill(pid, signal.SIGKILL)
                    processes.ended(pid)

    def sql(self, statement: str, **parameters: Any) -> None:
        with self.app.app_context():
            db.session.execute(text(statement), parameters)
            db.session.commit()

    def recover(self) -> list[api.Recovered]:
        with self.app.app_context():
            return scenario.recover()

    def objects(self) -> list[WorkflowObject]:
        with self.app.app_context():
            found: list[WorkflowObject] = (
                WorkflowObject.query.filter_by(id_parent=None).order_by("position")
            ).all()
            return found

    def ledger(self) -> list[str]:
        with self.app.app_context():
            return [row.task for row in db.session.query(Ledger).order_by(Ledger.id)]


def start_signals(number: int = 1, **kwargs: Any) -> Callable[[], Any]:
    return lambda: api.start("Signals", scenario.items(number), **kwargs)


@pytest.fixture
def site(database_url: str) -> Iterator[Site]:
    app = scenario.make_app(database_url)
    scenario.create_tables(app)
    with app.app_context():
        db.engine.dispose()
    site = Site(app)
    yield site
    site.end()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def killing(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The second task of the workflow kills its process."""
    with monkeypatch.context() as patch:
        patch.setenv("CRASH_SIGNAL", "SIGKILL")
        yield patch


def test_a_lease_of_another_machine_is_waited_for(
    site: Site, killing: pytest.MonkeyPatch
) -> None:
    site.dies(start_signals())
    killing.delenv("CRASH_SIGNAL")
    site.sql("UPDATE workflows_object SET lease_owner = 'elsewhere:1:1:1'")

    (found,) = site.recover()
    assert found.outcome is None
    assert found.owner == "elsewhere:1:1:1"
    assert 30 < found.seconds <= 60
    assert site.ledger() == ["check"]

    site.sql("UPDATE workflows_object SET lease_until = '2020-01-01 00:00:00'")
    (found,) = site.recover()
    assert found.outcome == ObjectStatus.COMPLETED
    assert site.ledger() == ["check", "signals", "publish"]
    assert site.recover() == []


def test_what_a_run_shares_is_the_same_for_who_takes_it_over(
    site: Site, killing: pytest.MonkeyPatch
) -> None:
    site.dies(start_signals(pair=(1, 2), letters={"a"}))
    killing.delenv("CRASH_SIGNAL")
    site.recover()
    (obj,) = site.objects()
    with site.app.app_context():
        shared = site.app.extensions["invenio-workflows"].store.run_info(
            obj.id_workflow
        )
    assert shared.extra_data == {"pair": (1, 2), "letters": {"a"}, "survived": 1}


def test_a_lease_that_was_renewed_meanwhile_is_left_alone(
    site: Site, killing: pytest.MonkeyPatch
) -> None:
    site.dies(start_signals())
    killing.delenv("CRASH_SIGNAL")
    site.sql(
        "UPDATE workflows_object SET lease_owner = 'elsewhere:1:1:1', "
        "lease_until = '2020-01-01 00:00:00'"
    )
    recovery = site.app.extensions["invenio-workflows"].recovery
    with site.app.app_context():
        (held,) = recovery.held()
    site.sql("UPDATE workflows_object SET lease_until = '2999-01-01 00:00:00'")
    with site.app.app_context():
        assert recovery.take_over(held) is None


def test_what_a_living_process_of_this_machine_holds_is_left_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRASH_IDLE", "1")
    monkeypatch.setenv("CRASH_SIGNAL", "SIGSTOP")
    pid = site.stops(start_signals())
    monkeypatch.delenv("CRASH_SIGNAL")

    (found,) = site.recover()
    assert found.outcome is None
    assert f":{pid}:" in found.owner

    os.kill(pid, signal.SIGKILL)
    assert processes.ended(pid) == -signal.SIGKILL
    (found,) = site.recover()
    assert found.outcome == ObjectStatus.COMPLETED


def loses_its_lease(step: Callable[[], Any]) -> Callable[[], Any]:
    """A step of a process that ends well if it is told so, and no other error."""

    def told() -> None:
        with pytest.raises(LeaseLost):
            step()

    return told


def test_a_worker_that_wakes_up_too_late_writes_nothing_more(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A stopped process that has written holds a SQLite file; it is stopped before.
    if site.app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        monkeypatch.setenv("CRASH_IDLE", "1")
    monkeypatch.setenv("CRASH_SIGNAL", "SIGSTOP")
    pid = site.stops(loses_its_lease(start_signals(2, total=0)))
    monkeypatch.delenv("CRASH_SIGNAL")

    site.sql(
        "UPDATE workflows_object SET lease_until = '2020-01-01 00:00:00' "
        "WHERE status = 3"
    )
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(socket, "gethostname", lambda: "elsewhere")
        (found,) = site.recover()
    assert found.outcome == ObjectStatus.COMPLETED
    before = everything(site)

    os.kill(pid, signal.SIGCONT)
    assert processes.ended(pid) == 0
    assert everything(site) == before
    assert [obj.status for obj in site.objects()] == [ObjectStatus.COMPLETED] * 2


def test_a_worker_that_wakes_up_while_another_one_works_writes_nothing_more(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    if site.app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        monkeypatch.setenv("CRASH_IDLE", "1")
    monkeypatch.setenv("CRASH_SIGNAL", "SIGSTOP")
    stale = site.stops(loses_its_lease(start_signals()))
    site.sql("UPDATE workflows_object SET lease_until = '2020-01-01 00:00:00'")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(socket, "gethostname", lambda: "elsewhere")
        fresh = site.stops(scenario.recover)
    before = everything(site)
    assert [obj.status for obj in site.objects()] == [ObjectStatus.RUNNING]

    os.kill(stale, signal.SIGCONT)
    assert processes.ended(stale) == 0
    assert everything(site) == before

    os.kill(fresh, signal.SIGCONT)
    assert processes.ended(fresh) == 0
    (obj,) = site.objects()
    assert obj.status == ObjectStatus.COMPLETED
    assert obj.data["done"] == ["check", "signals", "publish"]


def everything(site: Site) -> list[list[Any]]:
    tables = ["run", "object", "event", "log"]
    names = [f"workflows_{name}" for name in tables] + ["ledger"]
    with site.app.app_context():
        return [
            db.session.execute(text(f"SELECT * FROM {name} ORDER BY 1")).all()
            for name in names
        ]


# --- lost too often -------------------------------------------------------------------


def lose_often(site: Site, number: int, **kwargs: Any) -> None:
    site.dies(start_signals(number, **kwargs))
    for _ in range(2):
        site.dies(scenario.recover)


def test_an_object_whose_worker_is_lost_too_often_becomes_an_error(
    site: Site, killing: pytest.MonkeyPatch
) -> None:
    lose_often(site, 2)
    assert site.process(scenario.recover) == 0
    first, second = site.objects()
    assert first.status == ObjectStatus.ERROR
    assert "Worker lost 3 times in task signals_itself." in str(
        first.get_error_message()
    )
    # The run stops on errors, so the next one never began.
    assert second.status == ObjectStatus.INITIAL
    assert site.ledger() == ["check"]


@pytest.mark.parametrize("again", ["restart_task", "resume", "continue_next"])
def test_one_that_was_lost_too_often_goes_on_where_it_was(
    site: Site, killing: pytest.MonkeyPatch, again: str
) -> None:
    lose_often(site, 1)
    site.process(scenario.recover)
    killing.delenv("CRASH_SIGNAL")
    (obj,) = site.objects()
    with site.app.app_context():
        if again == "resume":
            list(api.resume_objects_in_workflow(obj.id_workflow))
        else:
            api.continue_oid(obj.id, again)
    assert [obj.status for obj in site.objects()] == [ObjectStatus.COMPLETED]
    assert site.ledger() == ["check", "signals", "publish"]


def test_the_others_of_a_start_go_on_when_one_was_lost_too_often(
    site: Site, killing: pytest.MonkeyPatch
) -> None:
    lose_often(site, 3, stop_on_error=False)
    killing.delenv("CRASH_SIGNAL")
    site.recover()
    assert [obj.status for obj in site.objects()] == [
        ObjectStatus.ERROR,
        ObjectStatus.COMPLETED,
        ObjectStatus.COMPLETED,
    ]


def test_a_definition_that_is_gone_makes_errors_and_no_one_stays_running(
    site: Site, killing: pytest.MonkeyPatch
) -> None:
    site.dies(start_signals(2, stop_on_error=False))
    site.dies(start_signals(2))
    site.sql("UPDATE workflows_run SET name = 'Gone' WHERE stop_on_error = 0")
    killing.delenv("CRASH_SIGNAL")
    assert [found.outcome for found in site.recover()] == [
        ObjectStatus.ERROR,
        ObjectStatus.COMPLETED,
    ]
    assert [obj.status.name for obj in site.objects()].count("RUNNING") == 0
    assert [obj.status.name for obj in site.objects()].count("ERROR") == 2


# --- the command ----------------------------------------------------------------------


def test_the_command_recovers_and_says_what_it_found(
    site: Site, killing: pytest.MonkeyPatch
) -> None:
    site.dies(start_signals(2))
    killing.delenv("CRASH_SIGNAL")
    url = site.app.config["SQLALCHEMY_DATABASE_URI"]
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "scenario", "workflows", "recover"],
        env={**os.environ, "CRASH_DATABASE": url},
        cwd=CRASH,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert [obj.status for obj in site.objects()] == [ObjectStatus.COMPLETED] * 2
    assert site.ledger() == ["check", "signals", "publish"] * 2
