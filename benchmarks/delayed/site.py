"""The site that all processes of a measurement make: its app and its Celery app.

Where its database and its broker are is said in the environment, so that Celery's own
program can make it too: ``celery -A benchmarks.delayed.program:celery worker``.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from typing import Any

from celery import Celery
from flask import Flask

from benchmarks.contenders import five
from invenio_workflows import InvenioWorkflows

from .bare import five_calls

VARIABLE = "WORKFLOWS_BENCHMARK_PLACE"


@dataclass(frozen=True)
class Place:
    """Where a site is: its database, its broker, and which worker it has."""

    database: str
    worker: str = "local"
    redis: str = ""
    #: Threads that a process which delays something has for itself.
    threads: int = 0

    def environment(self) -> dict[str, str]:
        """Return what :func:`told` reads in another process."""
        return {VARIABLE: json.dumps(asdict(self))}


def told() -> Place:
    """Return the place that the environment names."""
    return Place(**json.loads(os.environ[VARIABLE]))


def _stamp(obj: Any, eng: Any) -> None:
    obj.data["began"] = time.time_ns()


class stamp:
    """One task, which notes when it began."""

    workflow = [_stamp]


def make_app(place: Place, tables: bool = False) -> Flask:
    """Make the site; every process makes its own."""
    app = Flask("benchmark")
    app.config.update(
        SQLALCHEMY_DATABASE_URI=place.database,
        WORKFLOWS_WORKER=place.worker,
        WORKFLOWS_LOCAL_THREADS=place.threads,
        WORKFLOWS_RQ_URL=place.redis,
    )
    if place.worker == "celery":
        app.extensions["celery"] = make_celery(place)
    extension = InvenioWorkflows(app)
    extension.register_workflow("five", five)
    extension.register_workflow("stamp", stamp)
    if tables:
        extension.create_all()
    return app


def make_celery(place: Place) -> Celery:
    """Make a Celery app with its defaults, no results, and the bare message."""
    made = Celery("benchmark", broker=place.redis)
    made.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
    made.task(name="bare")(five_calls)
    return made
