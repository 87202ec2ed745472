"""Which Celery app carries what is delayed, however an app is put together."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from flask import Flask

from invenio_workflows import InvenioWorkflows
from invenio_workflows.calls import Call
from invenio_workflows.errors import ConfigurationError, WorkflowWorkerError
from invenio_workflows.workers.celery import TASK

MakeApp = Callable[..., Flask]


@pytest.fixture
def make_app(sqlite_ready_url: str) -> Iterator[MakeApp]:
    """Make Flask apps; their connections are closed after the test."""
    made: list[Flask] = []

    def make(worker: str = "celery", **config: Any) -> Flask:
        app = Flask("site")
        app.config.update(SQLALCHEMY_DATABASE_URI=sqlite_ready_url, **config)
        app.config["WORKFLOWS_WORKER"] = worker
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            app.extensions["invenio-workflows"].engine.dispose()


class Extension:
    """What Flask-CeleryExt and Invenio-Celery keep in ``app.extensions``."""

    def __init__(self, celery: Celery) -> None:
        self.celery = celery


def make_celery(broker: str = "memory://") -> Celery:
    return Celery("site", broker=broker, set_as_current=False)


@pytest.mark.parametrize("first", ["celery", "workflows"])
@pytest.mark.parametrize("name", ["celery", "invenio-celery", "flask-celeryext"])
def test_the_apps_own_celery_has_the_task(
    make_app: MakeApp, first: str, name: str
) -> None:
    app = make_app()
    ext = InvenioWorkflows()
    if first == "workflows":
        ext.init_app(app)
    celery = make_celery()
    app.extensions[name] = celery if name == "celery" else Extension(celery)
    if first == "celery":
        ext.init_app(app)
    assert ext.state.worker.celery is celery  # type: ignore[attr-defined]
    task = celery.tasks[TASK]
    assert (task.acks_late, task.reject_on_worker_lost) == (True, True)
    assert (task.ignore_result, task.serializer) == (True, "json")


@pytest.mark.parametrize("first", ["celery", "workflows"])
def test_a_celery_app_may_be_given(make_app: MakeApp, first: str) -> None:
    app, given = make_app(), make_celery()
    app.extensions["celery"] = make_celery()
    ext = InvenioWorkflows()
    if first == "workflows":
        ext.init_app(app)
    ext.init_celery(given)
    if first == "celery":
        ext.init_app(app)
    assert ext.state.worker.celery is given  # type: ignore[attr-defined]
    assert TASK in given.tasks


def test_without_a_celery_app_it_is_said_what_to_do(make_app: MakeApp) -> None:
    ext = InvenioWorkflows(make_app())
    with pytest.raises(ConfigurationError, match=r"init_celery"):
        ext.state.worker.send([Call((1,))])


def test_celerys_own_program_is_named(make_app: MakeApp) -> None:
    app = make_app()
    ext = InvenioWorkflows(app)
    app.extensions["celery"] = make_celery()
    with pytest.raises(WorkflowWorkerError, match="celery -A .* -Q slow,celery$"):
        ext.state.worker.run(["default", "slow"], 2)


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("scheme", ["redis", "amqp", "rq"])
def test_a_broker_that_hangs_is_not_waited_for(
    make_app: MakeApp, silent: str, scheme: str
) -> None:
    app = make_app(
        "rq" if scheme == "rq" else "celery", WORKFLOWS_RQ_URL=f"redis://{silent}/0"
    )
    ext = InvenioWorkflows(app)
    app.extensions["celery"] = make_celery(f"{scheme}://{silent}//")
    began = time.monotonic()
    with pytest.raises(WorkflowWorkerError, match="cannot be reached"):
        ext.state.worker.send([Call((1,))])
    ((well, sentence, _),) = ext.state.worker.doctor()
    assert not well and "cannot be reached" in sentence
    assert time.monotonic() - began < 45


def test_celery_and_rq_are_not_imported_where_they_are_not_used(
    sqlite_ready_url: str,
) -> None:
    program = (
        "import sys; from flask import Flask; from invenio_workflows import "
        "InvenioWorkflows; app = Flask('site'); "
        f"app.config['SQLALCHEMY_DATABASE_URI'] = {sqlite_ready_url!r}; "
        "InvenioWorkflows(app).state.worker; "
        "print({'celery', 'kombu', 'redis', 'rq'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert done.stdout == b"set()\n", done.stderr
