"""DBOS's queue: a workflow of five steps, enqueued once for each object.

Two worker processes (this script again, ``--contender worker``) serve the queue. All
objects of a round are enqueued by ``DBOSClient`` in one transaction, as we accept them
in one; the round ends when the database says that all have succeeded.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any

import sqlalchemy
from dbos import DBOS, DBOSClient
from line import TASKS, arguments, serve, timed
from peer_dbos import STEPS

Record = dict[str, Any]
WORKERS = 2
#: ``defaults``: a look a second, each takes all that waits. ``tuned``: 20 looks a
#: second, and no more than 25 at a time in a process, so that both have a share.
QUEUES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "tuned": {"polling_interval_sec": 0.05, "worker_concurrency": 25},
}
_DONE = "SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'"


@DBOS.workflow(name="five_queued")
def five(record: Record) -> Record:
    """Five trivial steps, each of which changes the data."""
    for step in STEPS:
        record = step(record)
    assert record["step"] == TASKS
    return record


def launch(url: str, name: str) -> None:
    """Be a process of the application."""
    DBOS(
        config={
            "name": "benchmark",
            "system_database_url": url,
            "log_level": "WARNING",
            "executor_id": name,
            "application_version": "1",
        }
    )
    DBOS.launch()


def work_in(options: Namespace) -> None:
    """Serve the queue until the input ends."""
    name, _, queue = options.contender.partition(":")
    launch(options.url, name)
    DBOS.register_queue("objects", **QUEUES[queue])
    print("ready", file=options.answers, flush=True)
    sys.stdin.read()
    DBOS.destroy()


def begin_workers(options: Namespace) -> list[subprocess.Popen[str]]:
    """Start the worker processes, one after the other: the first makes the tables."""
    workers = []
    for number in range(WORKERS):
        command = [sys.executable, os.path.abspath(__file__), "--url", options.url]
        contender = f"worker{number}:{options.contender}"
        command += ["--record", "{}", "--contender", contender]
        worker = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n", "a worker of DBOS did not begin"
        workers.append(worker)
    return workers


def round_of(
    client: DBOSClient, engine: sqlalchemy.Engine
) -> Callable[[list[Record]], None]:
    """Return what enqueues records and waits until all are done."""

    def done() -> int:
        with engine.connect() as connection:
            return int(connection.exec_driver_sql(_DONE).scalar_one())

    def work(records: list[Record]) -> None:
        wanted = done() + len(records)
        with engine.begin() as connection:
            for record in records:
                client.enqueue_in_transaction(
                    connection,
                    {"workflow_name": "five_queued", "queue_name": "objects"},
                    record,
                )
        while done() < wanted:
            time.sleep(0.02)

    return work


def main() -> None:
    """Start the workers, and run rounds until the input ends."""
    options = arguments(__doc__)
    if options.contender.startswith("worker"):
        work_in(options)
        return
    workers = begin_workers(options)
    client = DBOSClient(system_database_url=options.url)
    work = round_of(client, sqlalchemy.create_engine(options.url))
    serve(timed(work, options), options, ["dbos", "SQLAlchemy", "psycopg"])
    for worker in workers:
        worker.communicate(timeout=20)


if __name__ == "__main__":
    main()
