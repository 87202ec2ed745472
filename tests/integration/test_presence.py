"""Which workers there are: who says so, who is believed, and who is forgotten."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sites import Site
from sqlalchemy import event
from terminals import Terminal

from invenio_workflows.api import start, start_delayed
from invenio_workflows.jobs import sweep
from invenio_workflows.metrics import WorkflowMetrics
from invenio_workflows.store.idle import idle
from invenio_workflows.store.leases import owner, process
from invenio_workflows.store.presence import Presence, Seen, workers

#: A process of this machine that is no more, and one of another machine.
DEAD = process().rsplit(":", 2)[0] + f":{2**22 + 1}:7"
ELSEWHERE = "elsewhere/12345678:17:99"


@pytest.fixture
def site(make_site: Callable[..., Site], ready_url: str) -> Iterator[Site]:
    """A site that begins no threads; nobody works for it."""
    site = make_site(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    site.register("work", lambda obj, eng: None)
    with site.app.app_context():
        yield site


@pytest.fixture
def presence(site: Site) -> Presence:
    found: Presence = site.ext.state.presence
    return found


@pytest.fixture
def flask(site: Site) -> Terminal:
    terminal = Terminal(site.app, site)
    terminal.columns = "250"  # wide enough for the name of any machine
    return terminal


def there(site: Site) -> list[Seen]:
    return workers(site.ext.state.store.transactions)


def write(site: Site, who: str, seconds: float = 0.0, **said: Any) -> None:
    """Let a worker have been seen so many seconds ago."""
    presence = Presence(site.ext.state.store.transactions, said.pop("every", 10))
    said = {"kind": "local", "queues": ["default"], "slots": 2} | said
    presence.begin(said["kind"], said["queues"], said["slots"])
    with site.ext.engine.begin() as connection:
        presence._tell(connection)
        connection.exec_driver_sql(
            f"UPDATE workflows_worker SET process='{who}', seen={past(site, seconds)} "
            f"WHERE process='{process()}'"
        )


def past(site: Site, seconds: float) -> str:
    if site.ext.engine.dialect.name == "sqlite":
        return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', '-{seconds} seconds')"
    return f"now() - interval '{seconds} seconds'"


def queue(site: Site, seconds: float = 0.0, name: str = "default") -> None:
    """Let something wait in a queue for so many seconds."""
    start_delayed("work", {})
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE workflows_object SET queue='{name}', "
            f"modified={past(site, seconds)} "
            "WHERE id = (SELECT max(id) FROM workflows_object WHERE waits_for='queue')"
        )


def stalled(site: Site) -> float | None:
    return idle(site.ext.state.store.transactions)


# --- who says that it lives -----------------------------------------------------------


def test_only_who_is_a_worker_says_that_it_lives(site: Site, presence: Presence):
    sweep()
    assert there(site) == []
    presence.begin("own", ["default", "a, b"], 7)
    presence._next = 0.0
    sweep()
    (seen,) = there(site)
    assert (seen.process, seen.kind, seen.slots, seen.every) == (
        process(),
        "own",
        7,
        10,
    )
    assert seen.queues == ("default", "a, b")
    assert seen.lives and seen.seconds < 30
    presence.end()
    assert there(site) == []
    sweep()
    presence._next = 0.0
    sweep()
    assert there(site) == []


def test_it_says_so_again_and_since_when_it_lives_stays(site: Site, presence: Presence):
    presence.begin("own", ["default"], 1)
    presence._began -= 100
    sweep()
    (first,) = there(site)
    assert 98 < (first.seen - first.started).total_seconds() < 160
    sweep()
    assert there(site)[0].seen == first.seen, "sweeps that follow at once say nothing"
    presence._next = 0.0
    time.sleep(0.01)
    sweep()
    (again,) = there(site)
    assert again.seen > first.seen and again.started == first.started


def test_a_process_that_was_forked_is_not_its_parent(site: Site, presence: Presence):
    presence.begin("own", ["default"], 1)
    presence.forked()  # as the child is told
    sweep()
    assert there(site) == []
    presence.end()


def test_threads_that_a_process_begins_for_itself_are_seen_and_gone(
    make_site: Callable[..., Site], ready_url: str
):
    site = make_site(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=3)
    site.register("work", lambda obj, eng: None)
    with site.app.app_context():
        start_delayed("work", {}).get(timeout=60)
        end = time.monotonic() + 60
        while not (found := there(site)) and time.monotonic() < end:
            time.sleep(0.01)
        assert [(s.kind, s.slots, s.queues) for s in found] == [
            ("embedded", 3, ("default",))
        ]
        site.ext.state.worker.stop()
        assert there(site) == []


def test_who_cannot_say_that_it_ends_ends_all_the_same(
    site: Site, presence: Presence, monkeypatch: pytest.MonkeyPatch
):
    presence.begin("own", ["default"], 1)
    sweep()
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE workflows_worker RENAME TO elsewhere")
    try:
        presence.end()
    finally:
        with site.ext.engine.begin() as connection:
            connection.exec_driver_sql(
                "ALTER TABLE elsewhere RENAME TO workflows_worker"
            )
    assert len(there(site)) == 1


# --- who is believed, and forgotten ---------------------------------------------------


@pytest.mark.parametrize(
    ("who", "seconds", "every", "state"),
    [
        (ELSEWHERE, 0, 10, "lives"),
        (ELSEWHERE, 20, 10, "lives"),
        (ELSEWHERE, 31, 10, "silent"),
        (ELSEWHERE, 8, 1, "lives"),
        (ELSEWHERE, 17, 1, "silent"),
        (DEAD, 0, 10, "dead"),
    ],
)
def test_one_lives_that_was_seen_not_long_ago(
    site: Site, who: str, seconds: int, every: int, state: str
):
    write(site, who, seconds, every=every)
    assert [seen.state for seen in there(site)] == [state]


def test_a_sweep_forgets_the_dead_and_those_not_seen_for_long(
    site: Site, presence: Presence
):
    write(site, DEAD)
    write(site, ELSEWHERE, 540)
    write(site, ELSEWHERE + "1", 610)
    write(site, ELSEWHERE + "2", 1140, every=120)
    write(site, ELSEWHERE + "3", 1210, every=120)
    sweep()
    stay = {ELSEWHERE, ELSEWHERE + "2"}
    assert {seen.process for seen in there(site)} == stay
    write(site, DEAD)
    presence._next = 0.0
    sweep()
    assert len(there(site)) == 3, "it is not looked at each sweep"
    presence._next = presence._next_look = 0.0
    sweep()
    assert {seen.process for seen in there(site)} == stay


def test_one_that_comes_back_while_it_is_forgotten_stays(
    site: Site, presence: Presence, monkeypatch: pytest.MonkeyPatch
):
    write(site, ELSEWHERE, 1000)
    run = presence._transactions.run

    def late(work: Any) -> Any:
        write(site, ELSEWHERE + "0", 0)
        with site.ext.engine.begin() as connection:
            connection.exec_driver_sql(
                f"UPDATE workflows_worker SET seen={past(site, 0)}"
            )
        return run(work)

    monkeypatch.setattr(presence._transactions, "run", late)
    presence._forget()
    assert ELSEWHERE in {seen.process for seen in there(site)}


def test_an_idle_worker_asks_once_a_second_at_most(
    make_site: Callable[..., Site], sqlite_ready_url: str, postgresql_ready_url: str
):
    """On both kinds of database, at the same time: it takes long."""
    asked: dict[str, list[str]] = {}
    sites = [
        make_site(url, tables=False) for url in (sqlite_ready_url, postgresql_ready_url)
    ]
    for site in sites:
        site.ext.state.worker.begin(2)
    for site in sites:
        until(lambda site=site: there(site))
    time.sleep(2)  # until the first sweep, which has said so, is over
    for site in sites:
        statements = asked[site.url] = []

        def executed(
            connection: Any,
            cursor: Any,
            statement: str,
            *rest: Any,
            statements: list[str] = statements,
        ) -> None:
            statements.append(statement)

        event.listen(site.ext.engine, "before_cursor_execute", executed)
    began = time.monotonic()
    time.sleep(20)
    for statements in asked.values():
        most = time.monotonic() - began
        assert len(statements) <= most, "\n".join(statements)
        assert any("INSERT INTO workflows_worker" in each for each in statements)


# --- for how long nobody works --------------------------------------------------------


def test_nobody_is_missed_where_nothing_waits_or_somebody_lives(site: Site):
    write(site, ELSEWHERE, 300)
    assert stalled(site) is None
    queue(site, 1000)
    assert stalled(site) is not None
    write(site, ELSEWHERE + "1")
    assert stalled(site) is None


def test_nobody_works_since_a_worker_of_the_queue_was_last_seen(site: Site):
    queue(site, 5)
    assert stalled(site) is None, "nobody is known, and it waits not for long"
    write(site, ELSEWHERE, 590)
    write(site, ELSEWHERE + "1", 300)
    assert stalled(site) == pytest.approx(300, abs=40)
    write(site, ELSEWHERE + "2", 50)
    assert stalled(site) is None, "it was seen a moment ago"


def test_one_that_serves_another_queue_is_no_help(site: Site):
    write(site, ELSEWHERE, 0, queues=["slow"])
    queue(site, 10)
    queue(site, 100)
    queue(site, 100_000, "slow")
    assert stalled(site) is None, "what is next waits for ten seconds"
    queue(site, 200, "big")
    assert stalled(site) == pytest.approx(200, abs=40)
    write(site, ELSEWHERE + "1", 400, queues=["big", "slow"])
    assert stalled(site) == pytest.approx(400, abs=40)
    write(site, ELSEWHERE + "2", 0, queues=["big", "default"])
    assert stalled(site) is None


def test_who_moves_something_may_be_a_worker_that_is_not_known(site: Site):
    queue(site, 500)
    during: list[float | None] = []
    site.register("look", lambda obj, eng: during.append(stalled(site)))
    start("look", [{}])
    assert during == [None]
    assert stalled(site) == pytest.approx(500, abs=40)


# --- what is told ---------------------------------------------------------------------


def test_workers_and_what_each_holds_are_listed(site: Site, flask: Terminal):
    assert flask("workers").splitlines() == [
        "No worker lives. To begin one: flask workflows worker",
        "",
        "No object waits in a queue.",
    ]
    write(site, ELSEWHERE, kind="own", slots=5, queues=["default", "slow"])
    write(site, DEAD, 7, kind="rq")
    queue(site, 100, "big")
    queue(site, 100)
    told: list[Any] = []

    def look(obj: Any, eng: Any) -> None:
        told.append((flask("workers"), flask.json("workers")))

    site.register("look", look)
    start("look", [{}])
    ((printed, found),) = told
    here, dead, own = sorted(
        found["workers"], key=lambda each: each["kind"] or "~", reverse=True
    )
    assert (own["host"], own["pid"], own["kind"]) == ("elsewhere", 17, "own")
    assert (own["state"], own["queues"]) == ("lives", ["default", "slow"])
    assert (own["slots"], own["holds"]) == (5, []) and own["seconds"] < 30
    assert (dead["kind"], dead["state"], dead["holds"]) == ("rq", "dead", [])
    assert (here["kind"], here["pid"], here["slots"]) == (None, os.getpid(), None)
    (held,) = here["holds"]
    assert (held["workflow"], held["state"]) == ("look", "lives")
    queues = {each["queue"]: each["workers"] for each in found["queues"]}
    assert queues == {"big": 0, "default": 0}, "one of its own kind hears of nothing"
    assert "0 of 5" in printed and "default, slow" in printed
    assert "Nobody serves big, default." in printed


def test_what_a_process_that_a_worker_began_holds_is_the_worker_s(
    site: Site, flask: Terminal
):
    write(site, ELSEWHERE, kind="celery")
    start_delayed("work", {})
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE workflows_object SET status=3, waits_for=NULL, queue=NULL, "
            "lease_owner='elsewhere/12345678:18:100:5@17', "
            "lease_until='2999-01-01 00:00:00' WHERE waits_for='queue'"
        )
    (told,) = flask.json("workers")["workers"]
    (held,) = told["holds"]
    assert (told["pid"], held["pid"], held["thread"]) == (17, 18, 5)
    assert "18 of 17" in flask("workers") and "1 of 2" in flask("workers")
    assert owner().endswith(f"@{os.getppid()}")


def check(flask: Terminal) -> tuple[str, str, str | None]:
    checks = flask.json("doctor")["checks"]
    (found,) = (each for each in checks if each["id"] == "workers")
    return found["state"], found["text"], found["do"]


def test_the_doctor_says_whether_somebody_serves_the_queues(
    make_site: Callable[..., Site], ready_url: str
):
    config: dict[str, Any] = {"WORKFLOWS_QUEUES": {"big": "slow"}}
    site = make_site(ready_url, tables=False, **config)
    site.register("work", lambda obj, eng: None)
    nobody = "no worker of the kind local lives"
    with site.app.app_context():
        flask = Terminal(site.app, site)
        by_itself = "; a process that delays something does it itself"
        assert check(flask) == ("ok", nobody + by_itself, None)
        flask("start", "work", "--delayed")
        do = "Start one: flask workflows worker"
        assert check(flask) == ("warn", nobody, do)
        write(site, ELSEWHERE, 300)
        last = "; the last was seen 5 minutes ago"
        assert check(flask) == ("warn", nobody + last, do)
        write(site, ELSEWHERE + "1", 0, kind="rq")
        assert check(flask)[0] == "warn", "nothing is sent to RQ"
        write(site, ELSEWHERE + "2", 0, kind="embedded", queues=["slow"])
        _, text, said = check(flask)
        assert re.fullmatch(
            r"1 worker lives, seen \d+ seconds? ago; nobody serves default", text
        )
        assert said == f"{do} -Q default"
        write(site, ELSEWHERE + "3", 0)
        state, text, _ = check(flask)
        assert (state, text[:20]) == ("ok", "2 workers live, seen")
        assert text.endswith("every queue is served")


@pytest.mark.parametrize(
    ("kind", "begin", "one_queue"),
    [
        ("rq", "flask workflows rq-worker", " -Q slow"),
        ("celery", "celery -A YOUR.MODULE.celery_app worker", " -Q slow"),
    ],
)
def test_the_doctor_names_the_program_that_the_worker_is(
    make_site: Callable[..., Site],
    sqlite_ready_url: str,
    kind: str,
    begin: str,
    one_queue: str,
):
    config: dict[str, Any] = {"WORKFLOWS_QUEUES": {"big": "slow"}}
    config |= {"WORKFLOWS_WORKER": kind, "WORKFLOWS_RQ_URL": "redis://127.0.0.1:1"}
    site = make_site(sqlite_ready_url, tables=False, **config)

    def found() -> tuple[str, str | None]:
        checks = json.loads(Terminal(site.app).run("doctor", "--json").stdout)["checks"]
        (found,) = (each for each in checks if each["id"] == "workers")
        return found["state"], found["do"]

    with site.app.app_context():
        assert found() == ("warn", f"Start one: {begin}")
        write(site, ELSEWHERE, 0, kind=kind)
        assert found() == ("warn", f"Start one: {begin}{one_queue}")
        write(site, ELSEWHERE + "1", 0, kind="local", queues=["slow"])
        assert found() == ("ok", None), "ours look into the database by themselves"
    del site.ext.state.worker  # it has no threads that a site is to stop


def test_living_workers_are_counted_by_kind(site: Site):
    metrics = WorkflowMetrics(site.app, CollectorRegistry(), cache_seconds=0)

    def counted() -> set[str]:
        metrics.database._until = 0.0
        text = metrics.database.text().splitlines()
        return {line for line in text if line.startswith("workflows_workers{")}

    assert counted() == {'workflows_workers{kind="local"} 0.0'}
    write(site, ELSEWHERE)
    write(site, ELSEWHERE + "1")
    write(site, ELSEWHERE + "2", kind="rq")
    write(site, DEAD, kind="celery")
    assert counted() == {
        'workflows_workers{kind="local"} 2.0',
        'workflows_workers{kind="rq"} 1.0',
    }


# --- processes ------------------------------------------------------------------------

APP = """
from flask import Flask
from invenio_workflows import InvenioWorkflows

def create_app():
    app = Flask("desk")
    app.config["SQLALCHEMY_DATABASE_URI"] = {url!r}
    app.config["WORKFLOWS_SWEEP_SECONDS"] = 1
    InvenioWorkflows(app)
    return app
"""


@pytest.fixture
def worker(tmp_path: Path, ready_url: str) -> Iterator[Callable[..., Any]]:
    """Begin ``flask workflows worker``."""
    (tmp_path / "desk.py").write_text(APP.format(url=ready_url))
    begun: list[subprocess.Popen[bytes]] = []

    def begin(*words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "flask", "--app", "desk", "workflows"]
        begun.append(subprocess.Popen([*command, "worker", *words], cwd=tmp_path))
        return begun[-1]

    yield begin
    for each in begun:
        each.kill()
        each.wait()


def until(what: Callable[[], Any]) -> Any:
    end = time.monotonic() + 60
    while not (found := what()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def test_a_worker_that_is_idle_is_seen_until_it_ends(
    site: Site, worker: Callable[..., Any], flask: Terminal
):
    first = worker("-c", "3", "-Q", "default,slow")
    (seen,) = until(lambda: there(site))
    assert (seen.kind, seen.slots, seen.queues) == ("local", 3, ("default", "slow"))
    assert f"{first.pid}  local  lives  default, slow  0 of 3" in flask("workers")
    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == 0
    assert there(site) == []
    killed = worker()
    until(lambda: there(site))
    killed.kill()
    killed.wait()
    assert [seen.state for seen in there(site)] == ["dead"]
    assert "  dead  " in flask("workers")
    second = worker()
    until(
        lambda: (
            [each.process.split(":")[1] for each in there(site)] == [str(second.pid)]
        )
    )
