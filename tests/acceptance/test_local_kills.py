"""Workers that are killed one after the other, each at its next event."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from itertools import cycle
from pathlib import Path

import pytest
from sites import Site

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
        result = start_delayed("counts", [{"done": []} for _ in range(OBJECTS)])
        site.close()
        killed = kill_workers(database_url, result.uuid, ["1 after"] * claims)
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


READ = "SELECT object, task FROM ledger"


def kill_workers(url: str, uuid: str, more: list[str]) -> int:
    """Let workers die until one finds nothing left; return how many died."""
    orders = cycle([*more, "2 before", "2 after", "2 after"])
    with subprocess.Popen(
        [sys.executable, HERE / "local_kills.py", url, uuid],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env={"PYTHONPATH": str(HERE.parent)},
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for killed in range(1000):
            process.stdin.write(next(orders) + "\n")
            answer = process.stdout.readline().strip()
            if answer == "0":
                return killed
            assert answer == str(int(signal.SIGKILL))
    raise AssertionError("the run did not end")
