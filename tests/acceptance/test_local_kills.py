"""Workers that are killed one after the other, each at its next event."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path

import pytest
from sites import Site

from invenio_workflows import WorkflowObject
from invenio_workflows.api import start_delayed
from invenio_workflows.states import ObjectStatus, WorkflowStatus

OBJECTS = 20
TASKS = ["one", "two", "three"]
HERE = Path(__file__).parent


@pytest.mark.parametrize("claims", [True, False])
def test_a_run_arrives_whose_workers_die_at_every_event(
    database_url: str, claims: bool
) -> None:
    """Each event of the run is what a worker dies at: one before it, one after.

    A worker makes its claim and is killed in the middle of its first checkpoint, the
    next two right behind theirs. With ``claims`` one more is killed at its claim.
    """
    site = Site(database_url, WORKFLOWS_LOCAL_THREADS=0)
    site.register("counts", *[lambda obj, eng: None] * 3)
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE ledger (object INTEGER, task TEXT)")
    with site.app.app_context():
        orders = ["1 after"] * claims + ["2 before", "2 after", "2 after"]
        with killer(database_url) as kill_workers:
            result = start_delayed("counts", [{"done": []} for _ in range(OBJECTS)])
            site.close()
            killed = kill_workers(result.uuid, orders)
        assert result.status() == WorkflowStatus.COMPLETED
        objects = site.ext.state.store.objects_of(result.uuid, live=True)
        for obj in objects:
            assert (obj.status, obj.data["done"]) == (ObjectStatus.COMPLETED, TASKS)
            finished = [e.task for e in obj.history() if e.kind == "TaskFinished"]
            assert finished == TASKS
        ledger = Counter((row.object, row.task) for row in site.rows(READ))
        assert ledger == {(obj.id, task): 1 for obj in objects for task in TASKS}
        held = "SELECT count(*) FROM workflows_object WHERE lease_owner IS NOT NULL"
        assert site.value(held) == 0
    site.close()
    print(f"{killed} workers were killed on {database_url.partition(':')[0]}")
    # One behind each checkpoint, and every third in the middle of one.
    assert killed >= OBJECTS * len(TASKS)


SPLIT = 3
#: By how deep a branch stands and which of the branches it is, its tasks.
PARTS = {
    (): ["first", "PARALLEL fork", "PARALLEL join", "last"],
    (0,): ["a", "b"],
    (1,): ["c", "PARALLEL fork", "PARALLEL join", "f"],
    (1, 0): ["d"],
    (1, 1): ["e"],
}


@pytest.mark.parametrize("claims", [True, False])
def test_branches_meet_whose_workers_die_at_every_event(
    database_url: str, claims: bool
) -> None:
    """Every task of every branch is done once, and each block is joined once."""
    site = Site(database_url, WORKFLOWS_LOCAL_THREADS=0)
    site.register("splits", *[lambda obj, eng: None] * 3)
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE ledger (object INTEGER, task TEXT)")
    with site.app.app_context():
        # Between the claim and the first checkpoint a join reads, in a transaction.
        orders = ["1 after"] * claims + ["2 before", "2 after", "3 before", "3 after"]
        with killer(database_url) as kill_workers:
            result = start_delayed("splits", [{} for _ in range(SPLIT)])
            site.close()
            killed = kill_workers(result.uuid, orders)
        assert result.status() == WorkflowStatus.COMPLETED
        ledger = Counter((row.object, row.task) for row in site.rows(READ))
        wanted: Counter[tuple[int, str]] = Counter()
        objects = site.ext.state.store.objects_of(result.uuid, live=True)
        assert len(objects) == SPLIT
        for obj in objects:
            made = dict.fromkeys(["first", *"abcdef", "last"], 1)
            assert (obj.status, obj.data) == (ObjectStatus.COMPLETED, made)
            for way, each in below(site, obj):
                assert each.status == ObjectStatus.COMPLETED
                ended = [
                    e.task
                    for e in each.history()
                    if e.kind in ("TaskFinished", "Waiting")
                ]
                assert ended == PARTS[way], (way, each.id)
                wanted.update((each.id, t) for t in PARTS[way] if "PARA" not in t)
        assert ledger == wanted
        left = "lease_owner IS NOT NULL OR status = 3 OR waits_for IS NOT NULL"
        assert site.value(f"SELECT count(*) FROM workflows_object WHERE {left}") == 0
    site.close()
    print(f"{killed} workers were killed on {database_url.partition(':')[0]}")
    assert killed >= SPLIT * sum(map(len, PARTS.values()))


def below(
    site: Site, obj: WorkflowObject, way: tuple[int, ...] = ()
) -> Iterator[tuple[tuple[int, ...], WorkflowObject]]:
    """Yield an object and its branches, with the way to each."""
    yield way, obj
    query = WorkflowObject.query.filter_by(id_fork=obj.id)
    for branch in query.order_by("id"):
        yield from below(site, branch, (*way, branch.branch))


READ = "SELECT object, task FROM ledger"


@contextmanager
def killer(url: str) -> Iterator[Callable[[str, list[str]], int]]:
    """Begin the process that forks workers; it empties the tables first."""
    with subprocess.Popen(
        [sys.executable, HERE / "local_kills.py", url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env={"PYTHONPATH": f"{HERE.parent}:{HERE.parent.parent}"},
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield partial(kill_workers, process)


def kill_workers(process: subprocess.Popen[str], uuid: str, wanted: list[str]) -> int:
    """Let workers die until one finds nothing left; return how many died.

    :param wanted: at which of its commits each dies, in turn.
    """
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(f"{uuid}\n")
    orders = cycle(wanted)
    for killed in range(1000):
        process.stdin.write(next(orders) + "\n")
        answer = process.stdout.readline().strip()
        if answer == "0":
            return killed
        assert answer == str(int(signal.SIGKILL))
    raise AssertionError("the run did not end")
