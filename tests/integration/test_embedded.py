"""When the threads of the default worker begin, in a process, and when they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sites import Site

from invenio_workflows.api import start_delayed
from invenio_workflows.calls import Call
from invenio_workflows.errors import WorkflowWorkerError
from invenio_workflows.states import ObjectStatus as S
from invenio_workflows.states import WorkflowStatus

TESTS = Path(__file__).parent.parent

PROGRAM = """
import os, sys, threading, time
from pathlib import Path
from sites import Site
from invenio_workflows.api import start, start_delayed

def threads():
    return sorted(t.name for t in threading.enumerate() if t.name[:10] == "workflows-")

def workers():
    return [name for name in threads() if name[10:].isdigit()]

def until(what):
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)

def one(obj, eng):
    Path("began").touch()
    if obj.data["seconds"] == "until it is told to stop":
        until(site.ext.state.store.stopping.is_set)
    else:
        time.sleep(obj.data["seconds"])
    obj.data["done"].append("one")

def two(obj, eng):
    obj.data["done"].append("two")

site = Site(sys.argv[1], tables=False, **SETTINGS)
site.register("steps", one, two)
assert not threads(), threads()
with site.app.app_context():
    start("steps", [{"seconds": 0, "done": []}])
    Path("began").unlink()
    assert not workers(), workers()
"""


@pytest.fixture
def python(ready_url: str, tmp_path: Path) -> Callable[..., float]:
    """Run a program that has a site; return the seconds that it took to its end."""

    def run(program: str, **settings: Any) -> float:
        text = PROGRAM.replace("SETTINGS", repr(settings)) + program
        done = subprocess.Popen(
            [sys.executable, "-c", text, ready_url],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{TESTS}:{Path.cwd()}"},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        began = time.monotonic()
        try:
            _, said = done.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(done.pid, signal.SIGKILL)
            done.communicate()
            raise
        assert done.returncode == 0, said
        assert "Traceback" not in said, said
        return time.monotonic() - began

    return run


@pytest.fixture
def found(make_site: Callable[..., Site], ready_url: str) -> Callable[[], list[Any]]:
    """Return status and data of the objects of the last run, as others see them."""

    def look() -> list[Any]:
        site = make_site(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
        rows = site.rows(
            "SELECT status, waits_for, lease_owner, data FROM workflows_object "
            "WHERE id_parent IS NULL ORDER BY id DESC LIMIT 1"
        )
        site.close()
        return [tuple(row)[:3] for row in rows]

    return look


def test_threads_begin_with_the_first_delayed_verb(python: Callable[..., float]):
    python(
        """
    result = start_delayed("steps", [{"seconds": 0, "done": []}])
    assert len(workers()) >= 2, threads()
    assert result.get(timeout=60).completed_objects[0].data["done"] == ["one", "two"]
"""
    )


def test_a_process_that_was_forked_begins_its_own(python: Callable[..., float]):
    python(
        """
    first = start_delayed("steps", [{"seconds": 0, "done": []}])
    first.get(timeout=60)
    site.session.remove()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            site.ext.engine.dispose(close=False)
            assert not workers()
            second = start_delayed("steps", [{"seconds": 0, "done": []}])
            (obj,) = second.get(timeout=60).completed_objects
            assert workers()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
"""
    )


def test_a_fork_waits_until_the_threads_are_between_two_objects(
    python: Callable[..., float],
):
    """SQLite's child would wait for ever for a transaction that the parent was in."""
    python(
        """
    for n in range(12):
        for _ in range(20):
            start_delayed("steps", [{"seconds": 0, "done": []}])
        site.session.remove()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                site.ext.engine.dispose(close=False)
                start("steps", [{"seconds": 0, "done": []}])
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0
"""
    )


def test_a_forked_process_lets_its_parents_objects_be(python: Callable[..., float]):
    python(
        """
    long = start_delayed("steps", [{"seconds": 3, "done": []}])
    until(Path("began").exists)
    site.session.remove()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            site.ext.engine.dispose(close=False)
            state = site.app.extensions["invenio-workflows"]
            assert not state.store.moving.held()
            state.recovery.give_back()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    (obj,) = long.get(timeout=60).completed_objects
    assert obj.data["done"] == ["one", "two"]
    kinds = [event.kind for event in obj.history()]
    assert kinds.count("Started") == 1, kinds
"""
    )


def test_without_threads_all_is_left_to_the_worker_process(
    python: Callable[..., float], found: Callable[[], list[Any]]
):
    python(
        """
    start_delayed("steps", [{"seconds": 0, "done": []}])
    time.sleep(0.2)
    assert not workers()
""",
        WORKFLOWS_LOCAL_THREADS=0,
    )
    assert found() == [(S.WAITING, "queue", None)]


AT_EXIT = """
    start_delayed("steps", [{"seconds": SECONDS, "done": []}])
    until(Path("began").exists)
"""


def test_at_exit_the_task_at_work_is_finished_and_the_rest_given_back(
    python: Callable[..., float], found: Callable[[], list[Any]]
):
    python(AT_EXIT.replace("SECONDS", "'until it is told to stop'"))
    ((status, waits_for, owner),) = found()
    assert (status, waits_for, owner) == (S.WAITING, "queue", None)


def test_at_exit_a_long_task_is_given_back_after_a_while(
    python: Callable[..., float], found: Callable[[], list[Any]]
):
    took = python(AT_EXIT.replace("SECONDS", "60"), WORKFLOWS_STOP_SECONDS=1)
    assert took < 50
    assert found() == [(S.WAITING, "queue", None)]


# --- tables of another release --------------------------------------------------------


def test_threads_do_not_work_on_tables_of_another_release(
    make_site: Callable[..., Site],
    sqlite_ready_url: str,
    caplog: pytest.LogCaptureFixture,
):
    site = make_site(sqlite_ready_url, tables=False)
    site.register("steps", lambda obj, eng: None)
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE workflows_alembic_version SET version_num = 'workflows_0009'"
        )
    with site.app.app_context():
        result = start_delayed("steps", [{}])
        assert "flask workflows init" in caplog.text
        assert not site.ext.state.worker._threads  # type: ignore[attr-defined]
        with pytest.raises(WorkflowWorkerError):
            result.get(timeout=0.1)


# --- a worker of somebody else --------------------------------------------------------

THIRD = """
sent = []

class Third:
    def __init__(self, app):
        self.app = app

    def send(self, calls):
        sent.extend(calls)

    def run(self, queues, concurrency):
        pass

    def doctor(self):
        return [(True, "well")]
"""


@pytest.fixture
def third(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A package as somebody else would install it, with a worker."""
    (tmp_path / "third_worker.py").write_text(THIRD)
    about = tmp_path / "third_worker-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: third\nVersion: 1\n")
    (about / "entry_points.txt").write_text(
        "[invenio_workflows.workers]\nthird = third_worker:Third\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield __import__("third_worker")
    sys.modules.pop("third_worker")


def test_a_worker_of_somebody_else_is_found_and_told_after_the_commit(
    third: Any, make_site: Callable[..., Site], ready_url: str
):
    site = make_site(ready_url, tables=False, WORKFLOWS_WORKER="third")
    site.register("steps", lambda obj, eng: None)
    with site.app.app_context():
        start_delayed("steps", [{}], commit=False)
        site.session.rollback()
        site.session.commit()
        assert third.sent == []
        kept = start_delayed("steps", [{}, {}], commit=False)
        assert third.sent == []
        site.session.commit()
        ids = [
            row.id
            for row in site.rows(
                "SELECT id FROM workflows_object WHERE id_workflow = :uuid "
                "AND id_parent IS NULL ORDER BY id",
                uuid=kept.uuid,
            )
        ]
        assert third.sent == [Call(tuple(ids))]
        third.sent = None  # now it breaks, in a way of its own
        broken = start_delayed("steps", [{}])
        assert broken.status() == WorkflowStatus.NEW
    del site.ext.state.worker  # it has no threads to be stopped
