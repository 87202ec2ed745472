"""Who carries a round of objects: our workers, and their floors.

Each gives the seconds an object, from the call that hands all over to the last one
done. All that wait look every 20 ms.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis import Redis
from rq import Queue

from benchmarks.contenders import RECORD
from benchmarks.measure import Contender
from benchmarks.peers.process import Process
from invenio_workflows import WorkflowStatus
from invenio_workflows.api import start_delayed

from .bare import five_calls
from .processes import WorkerFailed
from .site import Place, make_app, make_celery

LOOK = 0.02
#: Seconds without an end after which a round is given up.
PATIENCE = 600.0

Record = dict[str, Any]


def records(number: int) -> list[Record]:
    """Return so many records, none of which shares anything with another."""
    return [json.loads(json.dumps(RECORD)) for _ in range(number)]


def until(is_done: Callable[[], bool]) -> None:
    """Look until it is done.

    :raises WorkerFailed: if it takes too long.
    """
    end = time.monotonic() + PATIENCE
    while not is_done():
        if time.monotonic() > end:
            raise WorkerFailed(f"A round was not done in {PATIENCE:.0f} seconds.")
        time.sleep(LOOK)


def durable(place: Place, objects: int) -> Contender:
    """Return one ``start_delayed()`` of all objects, until the run is COMPLETED."""
    app = make_app(place, tables=True)

    def one_round() -> float:
        given = records(objects)
        with app.app_context():
            began = time.perf_counter()
            result = start_delayed("five", given)
            until(lambda: result.status() == WorkflowStatus.COMPLETED)
            return (time.perf_counter() - began) / objects

    return one_round


def split(parts: Sequence[Contender]) -> Contender:
    """Return contenders that each do a share of the objects at the same time."""
    pool = ThreadPoolExecutor(len(parts))

    def one_round() -> float:
        return max(pool.map(lambda part: part(), parts)) / len(parts)

    return one_round


def a_task_to_an_object(process: Process) -> Contender:
    """Return the seconds an object of a contender that gives them a task."""
    return lambda: process() * 5


# --- bare messages --------------------------------------------------------------------


@contextmanager
def bare(
    send: Callable[[list[Record], str], None], objects: int
) -> Iterator[Contender]:
    """Give what sends bare messages and waits until all are counted.

    :param send: takes the records, and the file in which each counts itself.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-counted-") as folder:
        counted = Path(folder) / "counted"

        def one_round() -> float:
            counted.write_bytes(b"")
            given = records(objects)
            began = time.perf_counter()
            send(given, str(counted))
            until(lambda: counted.stat().st_size >= objects)
            return (time.perf_counter() - began) / objects

        yield one_round


def celery_sender(place: Place) -> Callable[[list[Record], str], None]:
    """Return what sends each record as a message of Celery."""
    task = make_celery(place).tasks["bare"]

    def send(given: list[Record], counted: str) -> None:
        for record in given:
            task.delay(record, counted)

    return send


def rq_sender(redis: str, name: str) -> Callable[[list[Record], str], None]:
    """Return what sends each record as a job of RQ, all in one pipeline."""
    queue = Queue(name, connection=Redis.from_url(redis))

    def send(given: list[Record], counted: str) -> None:
        queue.enqueue_many(
            [
                Queue.prepare_data(five_calls, (record, counted), result_ttl=0)
                for record in given
            ]
        )

    return send
