"""Real processes that want the same thing at once; and a worker that is too late."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sites import Site

from invenio_workflows import signals
from invenio_workflows.api import continue_oid, start
from invenio_workflows.errors import IllegalMove, LeaseLost
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.states import ObjectStatus, WorkflowStatus

S, R = ObjectStatus, WorkflowStatus

#: Reads lines of JSON, evaluates the expression in each, and answers with a line.
PROGRAM = """
import functools, json, sys
from pydantic import BaseModel
from sites import Site
from invenio_workflows.api import *
from invenio_workflows.errors import *
from invenio_workflows.objects import WorkflowObject

def halt(obj, eng):
    eng.halt()

def mark(obj, eng):
    with open(eng.extra_data["marks"], "a") as file:
        file.write(f"{obj.id}\\n")

class Number(BaseModel):
    number: int

def ask(obj, eng):
    obj.data = eng.ask(Number).number
    mark(obj, eng)

def share(obj, eng):
    for _ in range(20):
        eng.add("added")
        eng.append("appended", [obj.data, obj.data])
    eng.extra_data[f"key {obj.data}"] = obj.data
    eng.extra_data["both"] = obj.data

@functools.lru_cache(maxsize=1)
def made(url):
    site = Site(url, tables=False)
    site.register("halts", halt, mark)
    site.register("asks", ask, halt)
    site.register("shares", halt, share, share, share)
    return site

print("ready", flush=True)
for line in sys.stdin:
    url, expression = json.loads(line)
    site = made(url)
    with site.app.app_context():
        try:
            answer = eval(expression)
        except WorkflowsError as error:
            answer = f"{type(error).__name__}: {error}"
    site.close()
    print(json.dumps(answer, default=str), flush=True)
"""


class Two:
    """Two processes that do the same at once, each with a site of its own."""

    def __init__(self) -> None:
        self.url = ""
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                bufsize=1,
                cwd=Path(__file__).parent.parent,
            )
            for _ in range(2)
        ]
        for process in self.processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"

    def both(self, first: str, second: str | None = None) -> list[Any]:
        """Have both evaluate an expression, and return what they answer."""
        for process, text in zip(self.processes, (first, second or first), strict=True):
            assert process.stdin is not None
            process.stdin.write(json.dumps([self.url, text]) + "\n")
        answers = []
        for process in self.processes:
            assert process.stdout is not None
            answers.append(json.loads(process.stdout.readline()))
        return answers

    def close(self) -> None:
        for process in self.processes:
            process.communicate(timeout=60)


@pytest.fixture(scope="module")
def processes() -> Iterator[Two]:
    two = Two()
    yield two
    two.close()


@pytest.fixture
def two(processes: Two, ready_url: str) -> Two:
    """Two processes on the database of the test."""
    processes.url = ready_url
    return processes


def halt(obj: Any, eng: Any) -> None:
    eng.halt()


class Number(BaseModel):
    number: int


def ask(obj: Any, eng: Any) -> None:
    obj.data = eng.ask(Number).number
    raise AssertionError("the other processes go on with it")


def test_of_two_processes_that_answer_a_question_one_is_heard(
    site: Site, two: Two, tmp_path: Path
) -> None:
    site.register("asks", ask, halt)
    marks = tmp_path / "marks"
    objects = start("asks", list(range(12)), marks=str(marks)).halted_objects
    for obj in objects:
        answers = two.both(
            *[f"provide_input({obj.id}, {{'number': {n}}}).uuid" for n in (1, 2)]
        )
        refused = [each for each in answers if each.startswith("IllegalMove")]
        assert len(refused) == 1, answers
        heard = 1 + answers.index(obj.id_workflow)
        now = WorkflowObject.get(obj.id)
        assert (now.status, now.get_action(), now.data) == (S.HALTED, None, heard)
    ran = [int(line) for line in marks.read_text().split()]
    assert ran == [obj.id for obj in objects], "each ran once"


def test_of_two_processes_that_continue_an_object_one_runs(
    site: Site, two: Two, tmp_path: Path
) -> None:
    site.register("halts", halt)
    objects = start("halts", list(range(12))).halted_objects
    marks = tmp_path / "marks"
    for obj in objects:
        answers = two.both(f"continue_oid({obj.id}, marks={str(marks)!r}).uuid")
        refused = [each for each in answers if each.startswith("IllegalMove")]
        assert len(refused) == 1, answers
        assert f"Object {obj.id} " in refused[0]
        assert obj.id_workflow in answers
    ran = [int(line) for line in marks.read_text().split()]
    assert ran == [obj.id for obj in objects], "each ran once"
    assert site.run_status(objects[0].id_workflow) == R.COMPLETED


def test_of_two_processes_that_start_an_object_one_runs(site: Site, two: Two) -> None:
    ids = [WorkflowObject.create_object(data=n).id for n in range(8)]
    for oid in ids:
        before = site.counts()["workflows_run"]
        # one may come after the other is done: then both run, one after the other
        answers = two.both(f"start_by_oids('halts', [{oid}]).uuid")
        refused = [each for each in answers if "Illegal" in each or "Error" in each]
        assert site.counts()["workflows_run"] - before == 2 - len(refused)
        assert len(refused) < 2, answers
    running = site.value("SELECT count(*) FROM workflows_object WHERE status = 3")
    assert running == 0


def test_two_processes_that_share_a_run_lose_nothing(site: Site, two: Two) -> None:
    site.register("shares", halt)
    eng = start("shares", list(range(8)))
    ids = [obj.id for obj in eng.halted_objects]
    for first, second in zip(ids[::2], ids[1::2], strict=True):
        two.both(f"continue_oid({first}).uuid", f"continue_oid({second}).uuid")
    shared = site.app.extensions["invenio-workflows"].store.run_info(eng.uuid)
    assert shared.extra_data["added"] == 8 * 60
    appended = shared.extra_data["appended"]
    assert sorted(appended) == sorted([n, n] for n in range(8) for _ in range(60))
    assert {f"key {n}" for n in range(8)} < set(shared.extra_data)
    assert shared.extra_data["both"] in range(8)
    assert site.run_status(eng.uuid) == R.COMPLETED


def test_two_processes_make_objects_at_once(site: Site, two: Two) -> None:
    many = "[WorkflowObject.create_object(data=n).id for n in range(30)]"
    first, second = two.both(many)
    assert isinstance(first, list) and isinstance(second, list), (first, second)
    assert len(set(first) | set(second)) == 60


def test_two_processes_start_at_once(site: Site, two: Two) -> None:
    answers = two.both("[start('halts', [1, 2]).uuid for _ in range(10)]")
    assert [len(answer) for answer in answers] == [10, 10], answers
    assert site.counts()["workflows_object"] == 80
    assert WorkflowObject.query.filter_by(status=S.HALTED).count() == 40


def test_two_processes_make_the_tables_at_once(
    make_site: Callable[..., Site], database_url: str, processes: Two
) -> None:
    processes.url = database_url
    answers = processes.both("site.ext.create_all() or site.ext.is_current()")
    assert answers == [True, True]
    assert set(make_site(database_url, tables=False).counts().values()) == {0}


# --- too late -------------------------------------------------------------------------


def test_a_document_that_is_no_longer_true_is_not_saved(site: Site) -> None:
    obj = WorkflowObject.create_object(data=1)
    mine = WorkflowObject.query.get(obj.id)
    theirs = WorkflowObject.query.get(obj.id)
    theirs.set_data(2)
    theirs.save()
    mine.set_data(3)
    with pytest.raises(IllegalMove, match="Read it again"):
        mine.save()
    assert WorkflowObject.query.get(obj.id).data == 2
    site.register("halts", halt)
    with pytest.raises(IllegalMove, match="Read it again"):
        start("halts", [mine])
    theirs.save()


@pytest.mark.parametrize("writes", [False, True], ids=["beside", "in the session"])
def test_a_worker_that_lost_its_lease_leaves_no_trace(site: Site, writes: bool) -> None:
    heard: list[str] = []

    def lose(obj: Any, eng: Any) -> None:
        obj.data = "changed"
        obj.log.info("a line")
        eng.extra_data["key"] = 1
        with site.ext.engine.begin() as connection:
            connection.exec_driver_sql(
                f"UPDATE workflows_object SET fence = fence + 1 WHERE id = {obj.id}"
            )
        if writes:
            site.session.connection().exec_driver_sql("DELETE FROM others")

    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS others")
        connection.exec_driver_sql("CREATE TABLE others (n INTEGER)")
        connection.exec_driver_sql("INSERT INTO others VALUES (1)")
    site.register("loses", lose)
    listening = signals.task_finished.connected_to(lambda o, **kw: heard.append("told"))
    with listening, pytest.raises(LeaseLost, match="another worker"):
        start("loses", [1, 2])
    row = site.rows("SELECT status, data, seq FROM workflows_object ORDER BY id")[0]
    assert (row[0], str(row[1]), row[2]) == (S.RUNNING, "1", 1)
    assert site.value("SELECT count(*) FROM others") == 1
    assert site.counts()["workflows_log"] == 0
    assert site.counts()["workflows_event"] == 1
    assert "key" not in str(site.value("SELECT extra_data FROM workflows_run"))
    assert heard == []
    site.register("halts", halt)
    assert start("halts", [1]).status == R.HALTED
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE others")


def test_an_object_that_moved_meanwhile_is_not_continued(site: Site) -> None:
    site.register("halts", halt, halt)
    (obj,) = start("halts", [1]).halted_objects
    continue_oid(obj.id)
    events = site.counts()
    with pytest.raises(IllegalMove, match="meanwhile"):
        continue_oid(obj)
    assert site.counts() == events
