"""Processes that call start(), each killed at a commit; then what recovers and ends.

``python start_kills.py URL``. Prints for each commit, and moment at it, what is left
in the end as a line of JSON. The first process is not killed.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

from commits import around_commits
from sites import TABLES, Site
from terminals import Terminal

from invenio_workflows import WorkflowObject
from invenio_workflows.api import start
from invenio_workflows.jobs import move
from invenio_workflows.patterns import PARALLEL


def make(name: str) -> Any:
    def task(obj: Any, eng: Any) -> None:
        obj.data[name] = obj.data.get(name, 0) + 1
        site.session.connection().exec_driver_sql(
            f"INSERT INTO ledger VALUES ({obj.id}, '{name}')"
        )

    task.__name__ = name
    return task


site = Site(
    sys.argv[1],
    tables=False,
    WORKFLOWS_LEASE_SECONDS=60,
    WORKFLOWS_SWEEP_SECONDS=1,
    WORKFLOWS_LOCAL_THREADS=0,
)
site.register(
    "splits",
    make("first"),
    PARALLEL([make("a"), make("b")], [PARALLEL(make("c"), make("d"))]),
    make("last"),
)


def forked(work: Callable[[], Any]) -> int:
    """Do the work in a process of its own; return how that ended."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with site.app.app_context():
                work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def clear() -> None:
    with site.ext.engine.begin() as connection:
        for table in (*reversed(TABLES), "ledger"):
            connection.exec_driver_sql(f"DELETE FROM {table}")


def starts(number: int, moment: str) -> Callable[[], None]:
    """Return what starts two objects and dies at its commit of this number."""

    def work() -> None:
        clear()
        left = [number]

        def around(commit: Callable[[], Any]) -> Any:
            left[0] -= 1
            if left[0] == 0 and moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            found = commit()
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        around_commits(site.ext.engine, around)
        start("splits", [{}, {}])

    return work


def ends() -> None:
    """Recover by hand, let a worker do the rest, and print what is there then."""
    said = Terminal(site.app)("recover")
    queries, worker = site.ext.state.queries, site.ext.state.worker
    worker.begin(1)
    end = time.monotonic() + 60
    accepted = WorkflowObject.query.filter_by(id_parent=None).all()
    runs = {obj.id_workflow for obj in accepted}
    while any(map(queries.moves, runs)) and time.monotonic() < end:
        time.sleep(0.005)
    worker.stop()
    print(json.dumps(found(said)), flush=True)


def found(said: str) -> dict[str, Any]:
    objects = WorkflowObject.query.filter_by(id_parent=None, id_fork=None).all()
    every = WorkflowObject.query.filter_by(id_parent=None).all()
    events = Counter(
        (obj.id, event.task) for obj in every for event in obj.history() if event.task
    )
    ledger = Counter(map(tuple, site.rows("SELECT object, task FROM ledger")))
    left = "lease_owner IS NOT NULL OR waits_for IS NOT NULL OR status <> 1"
    statement = (
        f"SELECT count(*) FROM workflows_object WHERE id_parent IS NULL AND {left}"
    )
    return {
        "data": [obj.data for obj in objects],
        "statuses": sorted({obj.status.name for obj in every}),
        "rows": len(every),
        "tasks": len(ledger),
        "more than once": [
            f"{what} of {oid}"
            for counter in (events, ledger)
            for (oid, what), number in counter.items()
            if number > 1
        ],
        "left": site.value(f"{statement} AND id_parent IS NULL"),
        "said": said,
    }


def warm() -> None:
    """Do everything once in this process: all that are forked know the statements."""
    clear()
    start("splits", [{}, {}])
    Terminal(site.app)("recover")
    queue = site.ext.state.queue
    while (taken := queue.take_first(["default"])) is not None:
        move(*taken)
    found("")
    site.session.remove()
    site.ext.engine.dispose()
    gc.freeze()  # a collection would copy the memory into each that is forked


with site.app.app_context():
    warm()
assert forked(starts(0, "never")) == 0
assert forked(ends) == 0
for at in range(1, 1000):
    codes = set()
    # Before one is much like after the last, but for what was written and is lost.
    for when in ("after", "before") if at % 3 == 0 else ("after",):
        codes.add(forked(starts(at, when)))
        if forked(ends) != 0:
            sys.exit(f"What was killed {when} commit {at} could not be ended.")
    if codes == {0}:
        break
    assert codes == {-signal.SIGKILL}
