"""What Prometheus is told: what this process did, and what the database holds."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sites import Site
from sqlalchemy import event
from terminals import Terminal

from invenio_workflows import Retry, signals, task
from invenio_workflows.api import continue_oid, recover, start, start_delayed
from invenio_workflows.errors import ConfigurationError, WorkflowError
from invenio_workflows.jobs import sweep
from invenio_workflows.metrics import DatabaseCollector, WorkflowMetrics, metrics_of

Values = dict[str, dict[tuple[str, ...], float]]


def read(text: str) -> Values:
    """Return what Prometheus reads: a value for each name and its labels, sorted."""
    found: Values = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in sorted(sample.labels))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def scraped(metrics: WorkflowMetrics, anew: bool = True) -> Values:
    """Return what a scrape gives; ``anew``: with the database asked again."""
    if anew:
        metrics.database._until = 0
    return read(generate_latest(metrics.registry).decode())


@pytest.fixture
def metrics(site: Site) -> WorkflowMetrics:
    return WorkflowMetrics(site.app, CollectorRegistry())


def leave(site: Site, oid: int) -> None:
    """Let it seem that a worker that is gone holds an object."""
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE workflows_object SET status = 3, waits_for = NULL, "
            "lease_owner = 'gone:1:1:1', lease_until = '2020-01-01 00:00:00' "
            f"WHERE id = {oid}"
        )


# --- what this process did ------------------------------------------------------------


def test_what_tasks_do_is_counted(site: Site, metrics: WorkflowMetrics) -> None:
    tries: list[int] = []

    @task(retry=Retry(times=2, backoff=0.01))
    def flaky(obj: Any, eng: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("away")

    def bad(obj: Any, eng: Any) -> None:
        if obj.data == "bad":
            raise ValueError("on purpose")

    def ask(obj: Any, eng: Any) -> None:
        eng.halt("Is it?")

    def sleep(obj: Any, eng: Any) -> None:
        eng.wait(event="woken")

    site.register("works", flaky, bad, ask, bad, sleep)
    with pytest.raises(WorkflowError):
        start("works", ["bad"])
    (obj,) = start("works", ["good"]).halted_objects
    continue_oid(obj.id)
    site.register("ends", bad)
    start("ends", ["good"])
    found = scraped(metrics)
    assert found["workflows_task_seconds_count"] == {
        ("flaky", "works"): 2,
        ("bad", "works"): 2,
        ("bad", "ends"): 1,
    }
    assert found["workflows_task_retries_total"] == {("flaky", "works"): 1}
    assert found["workflows_task_failures_total"] == {("bad", "works"): 1}
    assert found["workflows_halts_total"] == {("ask", "works"): 1}
    assert found["workflows_waits_total"] == {("sleep", "works"): 1}
    assert found["workflows_runs_finished_total"] == {("ends",): 1}


def test_what_was_left_by_a_worker_is_counted(
    site: Site, metrics: WorkflowMetrics
) -> None:
    site.register("works", lambda obj, eng: eng.halt())
    site.app.extensions["invenio-workflows"].embeds = False
    one, two = start("works", [1, 2]).halted_objects
    heard: list[Any] = []

    def hear(obj: Any, owner: str) -> None:
        heard.append((obj.id, owner))

    with signals.workflow_object_recovered.connected_to(hear):
        leave(site, one.id)
        assert sweep().taken_over == 1
        leave(site, two.id)
        assert [each.id for each in recover()] == [two.id]
    assert heard == [(one.id, "gone:1:1:1"), (two.id, "gone:1:1:1")]
    assert scraped(metrics)["workflows_recoveries_total"] == {("works",): 2}


def test_the_last_task_took_as_long_as_it_took(
    site: Site, metrics: WorkflowMetrics
) -> None:
    ended: list[float] = []

    def slow(obj: Any, eng: Any) -> None:
        end = site.value("SELECT 1")

        time.sleep(0.05 * end)

    site.register("slow", slow, slow)
    with signals.task_finished.connected_to(
        lambda o, seconds, **_: ended.append(seconds)
    ):
        (obj,) = start("slow", [1]).completed_objects
    kept = [each.seconds for each in obj.history() if each.kind == "TaskFinished"]
    assert kept == ended and len(kept) == 2 and min(kept) >= 0.05
    assert scraped(metrics)["workflows_task_seconds_sum"]["slow", "slow"] >= 0.1


def test_what_another_application_does_is_not_counted(
    site: Site, make_site: Callable[..., Site], tmp_path: Path, metrics: WorkflowMetrics
) -> None:
    other = make_site(f"sqlite:///{tmp_path / 'other.db'}", tables=False)
    with other.app.app_context():
        other.ext.create_all()
        start(other.register("works", lambda obj, eng: None), [1])
    assert "workflows_task_seconds_count" not in scraped(metrics)


# --- what the database holds ----------------------------------------------------------


def test_the_database_is_counted(site: Site, metrics: WorkflowMetrics) -> None:
    def sort(obj: Any, eng: Any) -> None:
        if obj.data == "ask":
            eng.halt("Is it?")
        if obj.data == "sleep":
            eng.wait(event="woken")
        if obj.data == "bad":
            raise ValueError("on purpose")

    site.register("works", sort)
    site.register("idle", sort)
    start("works", ["good", "good", "ask", "ask", "sleep"])
    with pytest.raises(WorkflowError):
        start("works", ["bad", "never"])
    site.app.extensions["invenio-workflows"].embeds = False
    start_delayed("works", ["good"] * 3)
    (obj,) = start("idle", ["ask"]).halted_objects
    leave(site, obj.id)
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE workflows_object SET modified = '2020-01-01 00:00:00' "
            "WHERE waits_for = 'queue' AND position = 0"
        )
    found = scraped(metrics)
    assert found["workflows_objects"] == {
        ("halted", "works"): 2,
        ("running", "works"): 0,
        ("waiting", "works"): 1,
        ("error", "works"): 1,
        ("queued", "works"): 3,
        ("halted", "idle"): 0,
        ("running", "idle"): 1,
        ("waiting", "idle"): 0,
        ("error", "idle"): 0,
        ("queued", "idle"): 0,
        ("initial", ""): 1,
        ("completed", ""): 2,
        ("cancelled", ""): 0,
    }
    assert found["workflows_queue_objects"] == {("default",): 3}
    assert found["workflows_queue_oldest_seconds"]["default",] > 365 * 24 * 3600
    assert found["workflows_leases"] == {("held",): 0, ("expired",): 1}
    assert found["workflows_busy_processes"] == {(): 0}
    assert found["workflows_database_up"] == {(): 1}


def test_who_holds_what_is_counted_while_a_task_runs(
    site: Site, metrics: WorkflowMetrics
) -> None:
    during: list[Values] = []
    site.register("works", lambda obj, eng: during.append(scraped(metrics)))
    start("works", [1])
    assert during[0]["workflows_leases"] == {("held",): 1, ("expired",): 0}
    assert during[0]["workflows_busy_processes"] == {(): 1}
    assert scraped(metrics)["workflows_busy_processes"] == {(): 0}


def test_the_database_is_asked_once_for_many_scrapes(site: Site) -> None:
    asked: list[str] = []

    def executed(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        asked.append(statement)

    engine = site.ext.engine
    start(site.register("works", lambda obj, eng: None), [1])
    event.listen(engine, "before_cursor_execute", executed)
    try:
        metrics = WorkflowMetrics(site.app, CollectorRegistry())
        assert asked == [], "nothing is asked before somebody scrapes"
        first = scraped(metrics)
        number = len(asked)
        start("works", [1])
        asked.clear()
        second = scraped(metrics, anew=False)
    finally:
        event.remove(engine, "before_cursor_execute", executed)
    assert 1 <= number <= 6 and asked == []
    assert second["workflows_objects"] == first["workflows_objects"]


def test_a_slow_database_is_asked_seldom(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    real, calls = DatabaseCollector._asked, []

    def slow(self: DatabaseCollector) -> Any:
        calls.append(now[0])
        return real(self)

    def executed(*_: Any) -> None:
        now[0] += 0.5

    monkeypatch.setattr(DatabaseCollector, "_asked", slow)
    collector = DatabaseCollector(site.app, 1)
    event.listen(site.ext.engine, "before_cursor_execute", executed)
    try:
        collector.text()
        took = now[0] - 1000
        now[0] += 18 * took
        collector.text()
        assert len(calls) == 1
        now[0] += 3 * took
        collector.text()
    finally:
        event.remove(site.ext.engine, "before_cursor_execute", executed)
    assert took > 1 and len(calls) == 2


def test_a_database_that_is_away_is_a_metric(
    make_site: Callable[..., Site], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = make_site(f"sqlite:///{tmp_path / 'empty.db'}", tables=False)
    metrics = WorkflowMetrics(site.app, CollectorRegistry())
    found = scraped(metrics)
    assert found["workflows_database_up"] == {(): 0}
    assert "workflows_objects" not in found
    assert "flask workflows init" in caplog.text
    site.ext.create_all()
    assert scraped(metrics)["workflows_database_up"] == {(): 1}


# --- where they are shown -------------------------------------------------------------


def test_an_application_has_its_metrics_once(
    site: Site, metrics: WorkflowMetrics
) -> None:
    assert metrics_of(site.app) is metrics
    with pytest.raises(ConfigurationError, match="already"):
        WorkflowMetrics(site.app, CollectorRegistry())


def test_metrics_are_served_and_a_port_that_is_taken_is_named(
    sqlite_site: Site,
) -> None:
    metrics = WorkflowMetrics(sqlite_site.app, CollectorRegistry())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port}: Address"):
            metrics.serve(port)
    url = metrics.serve(0)
    assert url.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert read(answer.read().decode())["workflows_database_up"] == {(): 1}


def test_the_command_prints_what_the_database_holds(sqlite_site: Site) -> None:
    start(sqlite_site.register("works", lambda obj, eng: eng.halt()), [1, 2])
    app = sqlite_site.app
    WorkflowMetrics(app, CollectorRegistry())
    found = read(Terminal(app, sqlite_site)("metrics"))
    assert found["workflows_objects"]["halted", "works"] == 2
    assert "workflows_halts_total" not in found


WITHOUT = """
import sys
sys.modules["prometheus_client"] = None
from flask import Flask
from flask.cli import FlaskGroup
from invenio_workflows import InvenioWorkflows
app = Flask("bare")
app.config["WORKFLOWS_DATABASE_URI"] = "sqlite:///" + sys.argv[1]
InvenioWorkflows(app)
FlaskGroup(create_app=lambda: app).main(["workflows", "metrics"])
"""


def test_without_the_extra_it_is_named(tmp_path: Path) -> None:
    done = process(WITHOUT, tmp_path / "bare.db")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "pip install 'invenio-workflows[metrics]'" in done.stderr


COUNTING = """
import sys
from flask import Flask
from prometheus_client import generate_latest
from invenio_workflows import InvenioWorkflows, start
from invenio_workflows.metrics import WorkflowMetrics
def step(obj, eng): pass
app = Flask("shared")
app.config["WORKFLOWS_DATABASE_URI"] = "sqlite:///" + sys.argv[1]
ext = InvenioWorkflows(app)
ext.register_workflow("works", [step])
metrics = WorkflowMetrics(app)
with app.app_context():
    ext.create_all()
    start("works", [1, 2])
print(generate_latest(metrics.registry).decode())
"""


def test_processes_that_share_a_directory_are_added_up(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "shared")}
    for number in (1, 2):
        found = read(python(COUNTING, tmp_path / "shared.db", **environment))
        seconds = found["workflows_task_seconds_count"]
        assert seconds == {("step", "works"): 2 * number}
        assert found["workflows_objects"]["completed", ""] == 2 * number


FORKING = """
import os, sys
from urllib.request import urlopen
from flask import Flask
from invenio_workflows import InvenioWorkflows, start
from invenio_workflows.metrics import WorkflowMetrics
def step(obj, eng): pass
app = Flask("forks")
app.config["WORKFLOWS_DATABASE_URI"] = "sqlite:///" + sys.argv[1]
ext = InvenioWorkflows(app)
ext.register_workflow("works", [step])
url = WorkflowMetrics(app).serve(0)
with app.app_context():
    ext.create_all()
    start("works", [1])
ext.engine.dispose()
for _ in range(2):
    if os.fork() == 0:
        with app.app_context():
            start("works", [1, 2])
        os._exit(0)
    os.wait()
print(urlopen(url).read().decode())
"""


def test_what_forked_processes_do_is_added_up_too(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "shared")}
    found = read(python(FORKING, tmp_path / "forked.db", **environment))
    assert found["workflows_task_seconds_count"] == {("step", "works"): 5}


SERVING = """
import os, sys
from flask import Flask
from prometheus_client import generate_latest
from invenio_workflows import InvenioWorkflows, start
from invenio_workflows.metrics import WorkflowMetrics
app = Flask("forks")
app.config["WORKFLOWS_DATABASE_URI"] = "sqlite:///" + sys.argv[1]
ext = InvenioWorkflows(app)
ext.register_workflow("works", [lambda obj, eng: None])
metrics = WorkflowMetrics(app)
metrics.serve(0)
metrics._seconds._lock.acquire()  # as a scrape may hold it, at the moment of the fork
if os.fork() == 0:
    with app.app_context():
        ext.create_all()
        start("works", [1])
    os._exit(7)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_what_is_forked_from_a_process_that_serves_cannot_hang(tmp_path: Path) -> None:
    assert python(SERVING, tmp_path / "forked.db").strip() == "7"


def python(program: str, *words: Any, **environment: str) -> str:
    """Run a program in a process of its own; return what it printed."""
    done = process(program, *words, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def process(
    program: str, *words: Any, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        env={**os.environ, **environment},
        timeout=60,
        text=True,
        capture_output=True,
    )
