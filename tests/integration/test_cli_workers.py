"""``flask workflows worker`` and those around it, as real processes."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import warm
from sites import Site
from terminals import Terminal

from invenio_workflows import WorkflowObject, api

APP = """
import time
from pathlib import Path
from flask import Flask
from invenio_workflows import InvenioWorkflows
from invenio_workflows.proxies import current_workflows

HERE = Path(__file__).parent

def work(obj, eng):
    obj.log.info("at work")
    (HERE / f"began-{{obj.id}}").touch()
    end = time.monotonic() + obj.data.get("seconds", 0)
    while time.monotonic() < end and not (HERE / "go").exists():
        time.sleep(0.01)
    if obj.data.get("last"):
        assert current_workflows.store.stopping.wait(60)
    if obj.data.get("bad"):
        raise ValueError("bad data")

def ask(obj, eng):
    if obj.data.get("halt"):
        eng.halt("Is it?", action="approval")

class Work:
    workflow = [work, ask]

class Big:
    workflow = [work]

def create_app():
    app = Flask("desk")
    app.config["SQLALCHEMY_DATABASE_URI"] = {url!r}
    app.config["WORKFLOWS_QUEUES"] = {{"big": "slow"}}
    app.config["WORKFLOWS_LEASE_SECONDS"] = 60
    app.config["WORKFLOWS_SWEEP_SECONDS"] = 1
    app.config["WORKFLOWS_STOP_SECONDS"] = 30
    ext = InvenioWorkflows(app)
    ext.register_workflow("work", Work)
    ext.register_workflow("big", Big)
    return app
"""


class Desk:
    """Commands in processes of their own, on one database."""

    def __init__(self, home: Path, site: Site) -> None:
        self.home = home
        self.site = site
        (home / "desk.py").write_text(APP.format(url=site.url))
        self.running: list[subprocess.Popen[str]] = []
        #: Wide enough for the name of any machine.
        self.environment = {**os.environ, "COLUMNS": "250"}

    def command(self, *words: Any) -> list[str]:
        return ["--app", "desk", "workflows", *map(str, words)]

    def run(self, *words: Any, input: str = "") -> subprocess.CompletedProcess[str]:
        where: dict[str, Any] = {"cwd": self.home, "env": self.environment}
        done = warm.run(self.command(*words), 60, input, **where)
        assert "Traceback" not in done.stdout + done.stderr
        return done

    def __call__(self, *words: Any, input: str = "") -> str:
        done = self.run(*words, input=input)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def begin(self, *words: Any, **options: Any) -> subprocess.Popen[str]:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options}
        process = warm.Popen(
            self.command(*words),
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            text=True,
            bufsize=1,
            **streams,
        )
        self.running.append(process)
        return process

    def worker(self, *words: Any) -> subprocess.Popen[str]:
        """Begin a worker, and return when it has said that it serves."""
        process = self.begin("worker", *words)
        read_to(process, "stops it.")
        return process

    def delayed(self, *items: Any, workflow: str = "work") -> str:
        """Hand the items over to a worker; return the uuid of the run."""
        lines = "".join(json.dumps(item) + "\n" for item in items)
        words = ("start", workflow, "-i", "-", "-t", "jsonl", "--delayed", "--json")
        uuid: str = json.loads(self(*words, "--keep-going", input=lines))["run"]
        return uuid

    def statuses(self, uuid: str) -> list[int]:
        rows = self.site.rows(
            "SELECT status FROM workflows_object WHERE id_workflow=:uuid "
            "AND id_parent IS NULL ORDER BY id",
            uuid=uuid,
        )
        return [row.status for row in rows]

    def until(self, what: Callable[[], Any]) -> Any:
        end = time.monotonic() + 60
        while not (found := what()):
            assert time.monotonic() < end
            time.sleep(0.02)
        return found

    def close(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


def read_to(process: subprocess.Popen[str], words: str) -> str:
    """Return what a process prints, up to the line with these words."""
    assert process.stdout is not None
    text = ""
    too_long = threading.Timer(60, process.kill)  # ends the output, and so the loop
    too_long.start()
    try:
        for line in process.stdout:
            text += line
            if words in line:
                return text
    finally:
        too_long.cancel()
    raise AssertionError(text)


def ended(process: subprocess.Popen[str], number: int) -> str:
    """End a process by a signal; return what else it printed."""
    process.send_signal(number)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 0, text
    assert "Traceback" not in text
    return text


@pytest.fixture
def desk(
    make_site: Callable[..., Site], ready_url: str, tmp_path: Path
) -> Iterator[Desk]:
    made = Desk(tmp_path, make_site(ready_url, tables=False))
    yield made
    made.close()


@pytest.fixture
def flask(make_site: Callable[..., Site], sqlite_ready_url: str) -> Iterator[Terminal]:
    """Commands in this process, where the work of another is not needed."""
    site = make_site(sqlite_ready_url, tables=False)
    site.register("work", lambda obj, eng: obj.data.update(done=True))
    site.register("ask", lambda obj, eng: eng.halt("Is it?", action="approval"))
    with site.app.app_context():
        yield Terminal(site.app, site)


# --- worker ---------------------------------------------------------------------------


def test_a_worker_says_what_it_serves_and_does_what_is_delayed(desk: Desk):
    uuid = desk.delayed({}, {"halt": 1}, {"bad": 1})
    assert desk.statuses(uuid) == [4, 4, 4]
    worker = desk.begin("worker", "-c", 3)
    said = read_to(worker, "stops it.")
    assert f"The worker local begins, as process {worker.pid}." in said
    assert "queues       default, slow\n" in said
    assert "at a time    3 objects\n" in said
    assert f"database     {desk.site.url}\n" in said
    watched = desk.run("watch", uuid)
    assert watched.returncode == 1
    assert "3 of 3: 1 Done, 1 Need action, 1 Error\n" in watched.stdout
    assert f"Run {uuid} of work: ERROR\n  1  Done\n" in watched.stdout
    assert "Error: 1 object failed; to look at them: flask --app desk" in watched.stderr
    assert ended(worker, signal.SIGINT).endswith("The worker local has stopped.\n")


def test_sigterm_lets_a_worker_finish_its_task_and_gives_the_rest_back(desk: Desk):
    uuid = desk.delayed({"last": True}, {}, {})
    worker = desk.worker("-c", 1)
    first = min(row.id for row in desk.site.rows("SELECT id FROM workflows_object"))
    desk.until((desk.home / f"began-{first}").exists)
    assert "has stopped" in ended(worker, signal.SIGTERM)
    assert desk.statuses(uuid) == [4, 4, 4]
    finished = desk.site.rows("SELECT task FROM workflows_event WHERE task IS NOT NULL")
    assert [task for (task,) in finished] == ["work"]
    leases = "SELECT count(*) FROM workflows_object WHERE lease_owner IS NOT NULL"
    assert desk.site.value(leases) == 0


def test_a_worker_serves_the_queues_that_it_is_told_to(desk: Desk):
    small, big = desk.delayed({}), desk.delayed({}, workflow="big")
    worker = desk.worker("-Q", "slow")
    assert "1 of 1: 1 Done" in desk("watch", big)
    assert desk.statuses(small) == [4]
    told = json.loads(desk("workers", "--json"))
    assert [(q["queue"], q["objects"]) for q in told["queues"]] == [("default", 1)]
    ended(worker, signal.SIGTERM)
    process = desk.begin("worker", "-Q", "slwo,slow")
    said = read_to(process, "stops it.")
    assert "Warning: no workflow is in the queue slwo; " in said
    ended(process, signal.SIGTERM)


def test_a_worker_refuses_a_database_that_it_could_only_wait_for(
    make_site: Callable[..., Site], sqlite_url: str
):
    site = make_site(sqlite_url, tables=False)
    assert "run `flask workflows init`" in Terminal(site.app).refused("worker")
    memory = make_site("sqlite://")
    assert "Keep it in a file" in Terminal(memory.app).refused("worker")


def test_a_worker_that_is_not_there_is_named(
    make_site: Callable[..., Site], sqlite_ready_url: str
):
    site = make_site(sqlite_ready_url, tables=False, WORKFLOWS_WORKER="none-such")
    flask = Terminal(site.app)
    assert "no worker 'none-such'. Known: " in flask.refused("worker")
    done = flask.run("doctor")
    assert done.exit_code == 1 and "fail  worker  " in done.stdout
    assert "no worker 'none-such'" in done.stdout


# --- start, continue and resolve --delayed -------------------------------------------


def test_what_is_handed_over_is_told_with_how_to_watch_it(flask: Terminal):
    first, second = flask("start", "work", "--delayed").splitlines()
    uuid = flask.site.value("SELECT uuid FROM workflows_run")
    assert first == f"Run {uuid} of work: 1 object handed over to a worker."
    assert second == f"To watch it: flask workflows watch {uuid}"
    told = flask.json("start", "work", "--delayed", "--priority", 7)
    assert (told["status"], told["objects"]) == ("NEW", {"WAITING": 1})
    ranks = flask.site.rows(
        "SELECT rank FROM workflows_object WHERE waits_for='queue' ORDER BY id"
    )
    assert [row.rank for row in ranks] == [0, -7]


def test_a_priority_is_refused_where_nothing_waits(flask: Terminal):
    said = flask.refused("start", "work", "--priority", 1, code=2)
    assert "--priority goes with --delayed." in said
    said = flask.refused("start", "work", "--delayed", "--priority", 1001, code=2)
    assert "not in the range -1000<=x<=1000" in said


def test_no_command_but_worker_begins_to_work(flask: Terminal):
    flask("start", "work", "--delayed")
    time.sleep(0.3)
    assert flask.lines("objects")[0]["label"] == "Queued"
    assert not flask.app.extensions["invenio-workflows"].worker._threads


@pytest.mark.parametrize(
    "words", [("continue",), ("resolve", "--accept")], ids=["continue", "resolve"]
)
def test_a_decision_hands_the_rest_to_a_worker(flask: Terminal, words: Any):
    verb, *options = words
    uuid = json.loads(flask("start", "ask", "--json"))["run"]
    (row,) = flask.lines("objects", "--status", "halted")
    said = flask(verb, row["id"], *options, "--delayed").splitlines()
    assert said == [
        f"Object {row['id']} is Queued (WAITING) now.",
        f"To watch it: flask workflows watch {uuid}",
    ]
    again = flask.refused(verb, row["id"], *options, "--delayed")
    assert f"Object {row['id']} is WAITING (Queued), where " in again


def test_what_runs_is_cancelled_when_its_task_ends(desk: Desk):
    uuid = desk.delayed({"seconds": 600})
    desk.worker("-c", 1)
    desk.until(lambda: desk.statuses(uuid) == [3])
    oid = desk.site.value(
        "SELECT min(id) FROM workflows_object WHERE id_parent IS NULL"
    )
    assert desk("cancel", oid) == (
        f"Object {oid} is in process; it is cancelled when its task ends.\n"
    )
    (desk.home / "go").touch()
    assert "1 of 1: 1 Cancelled\n" in desk("watch", uuid)


def test_an_event_wakes_who_waits_for_it_or_is_kept(flask: Terminal):
    def wait(obj: Any, eng: Any) -> None:
        eng.wait(event="paid", key="42")

    flask.site.register("wait", wait)
    uuid = json.loads(flask("start", "wait", "--json"))["run"]
    said = flask("send-event", "paid", "42", "--payload", '{"by": "card"}')
    assert said == "1 object woken.\n"
    (obj,) = WorkflowObject.query.filter_by(id_workflow=uuid, id_parent=None)
    assert obj.waits_for == "queue"
    assert obj.extra_data["_events"]["paid"] == {"by": "card"}
    assert flask("send-event", "paid", "42") == (
        "No object waits for it; it is kept for the first that does.\n"
    )
    assert flask.json("send-event", "paid", "7")["woken"] == 0
    assert flask.refused("send-event", "paid", "7", "--payload", "{").startswith(
        "--payload is not JSON: "
    )
    assert "name of 1 to 100" in flask.refused("send-event", "p" * 101, "7")


# --- watch ----------------------------------------------------------------------------


def test_watching_tells_programs_each_change(desk: Desk):
    uuid = desk.delayed(*[{"seconds": 0.4}] * 2)
    # That nobody works yet is said beside it.
    watching = desk.begin("watch", uuid, "--json", stderr=subprocess.DEVNULL)
    first = read_to(watching, "queued")
    desk.worker("-c", 1)
    rest, _ = watching.communicate(timeout=60)
    lines = [json.loads(line) for line in (first + rest).splitlines()]
    assert lines[0]["queued"] == 2 and len(lines) >= 2
    assert all(line["run"] == uuid and line["total"] == 2 for line in lines)
    done = [line["done"] for line in lines]
    assert done == sorted(done) and done[-1] == 2
    assert [line["moves"] for line in lines] == [True] * (len(lines) - 1) + [False]
    assert lines[-1]["status"] == "COMPLETED"
    assert lines[-1]["objects"] == {"COMPLETED": 2} and lines[-1]["queued"] == 0


def test_watching_that_is_interrupted_leaves_the_run_alone(desk: Desk):
    uuid = desk.delayed({"seconds": 600})
    worker = desk.worker()
    desk.until(lambda: desk.statuses(uuid) == [3])
    watching = desk.begin("watch", uuid)
    assert read_to(watching, " of ") == "0 of 1: 1 In process\n"
    watching.send_signal(signal.SIGINT)
    said, _ = watching.communicate(timeout=60)
    assert watching.returncode == 1
    assert said == (
        "Error: Interrupted; the run goes on. To watch it again: "
        f"flask --app desk workflows watch {uuid}\n"
    )
    (desk.home / "go").touch()
    desk.until(lambda: desk.statuses(uuid) == [1])
    ended(worker, signal.SIGTERM)


def test_on_a_terminal_watching_shows_a_bar_that_moves(desk: Desk):
    uuid = desk.delayed(*[{"seconds": 600}] * 3)
    ours, theirs = pty.openpty()
    try:
        watching = desk.begin("watch", uuid, stderr=theirs)
        shown = os.read(ours, 100_000).decode()
        desk.worker("-c", 1)
        while "1 In process" not in shown:
            assert select.select([ours], [], [], 60)[0], shown
            shown += os.read(ours, 100_000).decode(errors="replace")
        (desk.home / "go").touch()
        said, _ = watching.communicate(timeout=60)
        shown += os.read(ours, 100_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert said.startswith(f"Run {uuid} of work: COMPLETED\n")
    assert "0 of 3: 3 Queued  [" in shown
    assert "3 of 3: 3 Done" in shown and "100%" in shown


def test_a_run_that_nobody_takes_up_is_worth_a_word(desk: Desk):
    uuid = desk.delayed({})
    watching = desk.begin("watch", uuid)
    assert "0 of 1: 1 Queued\n" in read_to(watching, "Nobody has taken anything up")
    desk.worker()
    rest, _ = watching.communicate(timeout=60)
    assert "1 of 1: 1 Done\n" in rest and watching.returncode == 0


def test_a_run_that_moves_no_more_is_told_at_once(flask: Terminal):
    uuid = json.loads(flask("start", "ask", "--json"))["run"]
    said = flask("watch", uuid)
    assert said.startswith(f"1 of 1: 1 Need action\nRun {uuid} of ask: HALTED\n")
    assert flask.refused("watch", "nope").startswith("There is no run 'nope'")


# --- workers --------------------------------------------------------------------------


def test_who_holds_what_is_shown_with_what_waits(desk: Desk):
    uuid = desk.delayed(*[{"seconds": 600}] * 3)
    worker = desk.worker("-c", 2)
    desk.until(lambda: desk.statuses(uuid).count(3) == 2)
    told = json.loads(desk("workers", "--json"))
    (its,) = told["workers"]
    assert (its["pid"], its["state"], its["kind"]) == (worker.pid, "lives", "local")
    first, second = its["holds"]
    assert (first["pid"], first["state"], first["run"]) == (worker.pid, "lives", uuid)
    assert first["workflow"] == "work" and first["after_task"] is None
    assert first["thread"] != second["thread"] and first["since"] < first["lease_until"]
    (queue,) = told["queues"]
    assert (queue["queue"], queue["objects"], queue["workers"]) == ("default", 1, 1)
    printed = desk("workers")
    assert re.search(rf"{worker.pid}  local  lives  default\S.* 2 of 2  20", printed)
    held = r"\d+ +work  +—  +20\S+ \S+  "
    assert re.search(rf"{held}{worker.pid} +1  +lives  20", printed)
    assert re.search(r"default  1  +20\S+ \S+  \d+ \w+  +1\n", printed)
    worker.kill()
    worker.wait()
    printed = desk("workers")
    assert printed.count("  dead  ") == 3
    assert "2 objects left behind." in printed and "workflows recover" in printed


# --- recover --------------------------------------------------------------------------


def queued_long_ago(site: Site, waits_for: str = "queue") -> None:
    """Let what is queued have waited for an hour."""
    past = "now() - interval '1 hour'"
    if site.ext.engine.dialect.name == "sqlite":
        past = "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-1 hours')"
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE workflows_object SET wake_at={past}, modified={past}, "
            f"waits_for='{waits_for}' WHERE waits_for='queue'"
        )


def test_recovering_sends_again_and_wakes(flask: Terminal):
    flask("start", "work", "--delayed")
    queued_long_ago(flask.site, "timer")
    flask("start", "work", "--delayed")
    queued_long_ago(flask.site)
    api.start_delayed("work", {})
    said = flask("recover").splitlines()
    assert said == [
        "1 object woken, whose time had come.",
        "2 objects sent to a worker again, queued for too long.",
    ]
    assert flask("recover") == "Nothing to recover: no object is in process.\n"
    assert all(o.waits_for == "queue" for o in WorkflowObject.query.filter_by(status=4))


def test_recovering_is_told_to_programs_with_a_summary(flask: Terminal):
    flask("start", "work", "--delayed")
    queued_long_ago(flask.site)
    assert flask.lines("recover") == [
        {
            "summary": {
                **dict.fromkeys(["taken", "failed", "held", "queued", "woken"], 0),
                "sent": 1,
            }
        }
    ]


def test_recovering_that_watches_takes_up_what_dies_meanwhile(desk: Desk):
    uuid = desk.delayed({"seconds": 600})
    watching = desk.begin("recover", "--watch")
    assert "Looking every 1 seconds." in read_to(watching, "ends it.")
    worker = desk.worker("-c", 1)
    desk.until(lambda: desk.statuses(uuid) == [3])
    worker.kill()
    worker.wait()
    (desk.home / "go").touch()
    said = read_to(watching, "1 object taken over.")
    assert f"left by process {worker.pid} on " in said
    assert "it is Done (COMPLETED) now." in said
    assert desk.statuses(uuid) == [1]
    assert ended(watching, signal.SIGTERM) == "Stopped.\n"


# --- doctor ---------------------------------------------------------------------------


def test_the_doctor_finds_what_nobody_picks_up(flask: Terminal):
    flask("start", "work", "--delayed")
    assert "ok    objects.queued" in flask("doctor")
    queued_long_ago(flask.site)
    said = flask("doctor")
    assert "warn  objects.queued" in said
    assert "1 object waits for a worker, in the queue default for 60 minutes" in said
    assert "Start a worker, or one more: flask workflows worker" in said


def test_a_round_trip_goes_through_a_worker_and_leaves_nothing(desk: Desk):
    worker = desk.worker()
    before = desk.site.counts()
    said = desk("doctor", "--round-trip")
    assert re.search(r"ok    round-trip +a worker answered in \d+\.\d\d seconds", said)
    assert desk.site.counts() == before
    assert "_ping" not in desk("list") and "_ping" not in said
    ended(worker, signal.SIGTERM)


def test_a_round_trip_that_nobody_answers_says_what_to_do_and_leaves_nothing(
    flask: Terminal, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("invenio_workflows.cli.worker_checks._PATIENCE", 0.3)
    before = flask.site.counts()
    done = flask.run("doctor", "--round-trip", "--json")
    assert done.exit_code == 1
    *_, last = json.loads(done.stdout)["checks"]
    assert (last["id"], last["state"]) == ("round-trip", "fail")
    assert last["text"] == "No worker answered within 0.3 seconds."
    assert last["do"].startswith("Start one: flask workflows worker")
    assert flask.site.counts() == before
