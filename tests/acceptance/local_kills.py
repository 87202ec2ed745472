"""A process that forks workers, each of which dies at its next event.

It empties the database, says that it is ready, and reads the run's uuid; then lines of
``commits moment``: the next worker is killed before or after so many commits of its
own, and answers with how the worker ended.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from commits import around_commits
from sites import TABLES, Site

from invenio_workflows.api import start_delayed
from invenio_workflows.jobs import move, sweep
from invenio_workflows.patterns import PARALLEL

TASKS = ("one", "two", "three")


def make(name: str) -> Any:
    def task(obj: Any, eng: Any) -> None:
        if "done" in obj.data:
            obj.data["done"].append(name)
        else:
            obj.data[name] = obj.data.get(name, 0) + 1
        session = site.session
        session.connection().exec_driver_sql(
            f"INSERT INTO ledger VALUES ({obj.id}, '{name}')"
        )

    task.__name__ = name
    return task


site = Site(
    sys.argv[1],
    tables=False,
    WORKFLOWS_MAX_ATTEMPTS=1000,
    WORKFLOWS_LEASE_SECONDS=2,
    WORKFLOWS_SWEEP_SECONDS=1,
    WORKFLOWS_LOCAL_THREADS=0,
)
site.register("counts", *map(make, TASKS))
site.register(
    "splits",
    make("first"),
    PARALLEL(
        [make("a"), make("b")], [make("c"), PARALLEL(make("d"), make("e")), make("f")]
    ),
    make("last"),
)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def warm() -> None:
    """Do everything once in this process: all that are forked know the statements."""
    with site.app.app_context():
        start_delayed("counts", [{"done": []}])
        start_delayed("splits", [{}])
        sweep()
        queue = site.ext.state.queue
        while (taken := queue.take_first(["default"])) is not None:
            move(*taken)
        with site.ext.engine.begin() as connection:
            for table in (*reversed(TABLES), "ledger"):
                connection.exec_driver_sql(f"DELETE FROM {table}")
    site.ext.engine.dispose()
    gc.freeze()  # a collection would copy the memory into each that is forked


def work(run: str, commits: int, moment: str) -> None:
    """Work until the number of commits is reached, or nothing is left to do."""
    engine, left = site.ext.engine, [commits]
    worker = site.ext.state.worker

    def committing(*_: Any) -> None:
        if threading.current_thread().name == "workflows-0":
            left[0] -= 1
            if left[0] == 0 and moment == "before":
                die()

    def committed(*_: Any) -> None:
        if left[0] == 0 and moment == "after":
            die()

    def around(commit: Callable[[], Any]) -> Any:
        committing()
        found = commit()
        committed()
        return found

    around_commits(engine, around)
    with site.app.app_context():
        sweep()  # so that the first look finds what the last one left, always
        worker.begin(1)
        while site.ext.state.queries.moves(run):
            time.sleep(0.005)
    worker.stop()


warm()
print("ready", flush=True)
uuid = sys.stdin.readline().strip()
for line in sys.stdin:
    number, moment = line.split()
    pid = os.fork()
    if pid == 0:
        try:
            work(uuid, int(number), moment)
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, flush=True)
