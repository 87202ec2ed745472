"""The app of the workers that the tests start, and of the test that delays things.

``make_app`` reads what :meth:`fleet.Fleet.environment` says; a worker has it in its
environment. Its tasks write into the table ``ledger`` what they finished, and into
files, outside of every transaction, what they began.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from celery import Celery, Task
from commits import around_commits
from flask import Flask
from pydantic import BaseModel
from sqlalchemy import text

from invenio_workflows import START, Fork, InvenioWorkflows, Join, Retry
from invenio_workflows.patterns import PARALLEL
from invenio_workflows.proxies import current_workflows

PATIENCE = 60.0
MAIN = os.getpid()
HERE = Path(os.environ.get("FLEET_DIRECTORY", "."))
NAME = os.environ.get("FLEET_NAME", "")

NOTE = text("INSERT INTO ledger VALUES (:object, :task, :worker)")


def until(happened: Callable[[], object], what: str) -> None:
    """Wait for an event of which nobody tells, but that can be seen."""
    end = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError(f"This did not happen in {PATIENCE} seconds: {what}")
        time.sleep(0.01)


# --- tasks ----------------------------------------------------------------------------


def step(name: str) -> Callable[[Any, Any], None]:
    """Return a task that does what its object's data say, and notes that it did."""

    def task(obj: Any, eng: Any) -> None:
        with open(HERE / f"{obj.id}-{name}.begun", "a") as file:
            file.write(f"{NAME}\n")
        for word, meaning in WORDS.items():
            if name in obj.data.get(word, {}):
                meaning(obj, name, obj.data[word][name])
        if "done" in obj.data:
            obj.data["done"].append(name)
        else:  # a list that all branches change cannot be put together
            obj.data[name] = obj.data.get(name, 0) + 1
        noted = {"object": obj.id, "task": name, "worker": NAME}
        current_workflows.db.session.execute(NOTE, noted)
        if name in obj.data.get("turn", {}):
            turn(obj, eng, name, obj.data["turn"][name])

    task.__name__ = name
    task.retry = Retry(times=3, backoff=0.01, on=(TimeoutError,))  # type: ignore[attr-defined]
    return task


def wait_for_a_file(obj: Any, name: str, gate: str) -> None:
    until((HERE / gate).exists, f"the gate {gate} opens")


def wait_for_the_end(obj: Any, name: str, _: Any) -> None:
    until(current_workflows.store.stopping.is_set, "this worker is told to stop")


def wait_for_another(obj: Any, name: str, group: str) -> None:
    """Wait until another worker is here as well."""
    (HERE / f"{group}-{NAME}").touch()
    until(lambda: len(list(HERE.glob(f"{group}-*"))) > 1, "two workers share the run")


def write(obj: Any, name: str, _: Any) -> None:
    """Have the session's own connection in use."""
    noted = {"object": 0, "task": "early", "worker": NAME}
    current_workflows.db.session.execute(NOTE, noted)


def speak(obj: Any, name: str, word: str) -> None:
    """Print in pieces, to both streams, and warn."""
    print(word, end=" ")
    time.sleep(0.01)
    print(obj.id)
    sys.stderr.write(f"{word} aside\n")
    warnings.warn(f"{word} of {obj.id}", stacklevel=1)


def fail(obj: Any, name: str, reason: str) -> None:
    raise ValueError(reason)


def die(obj: Any, name: str, when: str) -> None:
    """Be killed, the first time: now, or at one of the commits that follow."""
    try:
        (HERE / f"{obj.id}-{name}.died").touch(exist_ok=False)
    except FileExistsError:
        return
    if when == "now":
        os.kill(os.getpid(), signal.SIGKILL)
    elif when == "with all":
        os.kill(MAIN, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        die_at_commit(*when.split())


def die_at_commit(moment: str, number: str) -> None:
    """Let this thread's commit of that number from here kill the process."""
    thread, left = threading.get_ident(), [int(number)]

    def around(commit: Callable[[], Any]) -> Any:
        if threading.get_ident() == thread:
            left[0] -= 1
        if left[0] == 0 and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        found = commit()
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    around_commits(current_workflows.engine, around)


def count(obj: Any, name: str, group: str) -> None:
    """Note how many of the group are at work at once."""
    place = HERE / group
    place.mkdir(exist_ok=True)
    (place / str(obj.id)).touch()
    time.sleep(0.05)
    with open(HERE / f"{group}.counted", "a") as file:
        file.write(f"{len(list(place.iterdir()))}\n")
    (place / str(obj.id)).unlink()


def commit_slowly(obj: Any, name: str, seconds: float) -> None:
    """Let the commits of this thread take long, for a while."""
    thread, end = threading.get_ident(), time.monotonic() + 4 * seconds

    def around(commit: Callable[[], Any]) -> Any:
        if threading.get_ident() == thread and time.monotonic() < end:
            time.sleep(seconds)
        return commit()

    around_commits(current_workflows.engine, around)


def turn(obj: Any, eng: Any, name: str, what: str) -> None:
    """End the task in some other way than by returning."""
    if what == "fail":
        raise ValueError("no, thanks")
    if what == "retry":
        if len((HERE / f"{obj.id}-{name}.begun").read_text().split()) == 1:
            raise TimeoutError("not yet")
        return
    getattr(eng, what)(**TURNS[what])


TURNS: dict[str, dict[str, Any]] = {
    "wait": {"seconds": 1},
    "halt": {"action": "approval"},
    "skip_token": {},
}

WORDS: dict[str, Callable[[Any, str, Any], None]] = {
    "early": write,
    "speak": speak,
    "gate": wait_for_a_file,
    "last": wait_for_the_end,
    "meet": wait_for_another,
    "fail": fail,
    "die": die,
    "slow": commit_slowly,
    "count": count,
}


def ask(obj: Any, eng: Any) -> None:
    eng.halt("?", action="approval")


class Number(BaseModel):
    number: int


_between = step("wants")


def wants(obj: Any, eng: Any) -> None:
    """Ask for two numbers, and between them do what a step does."""
    first = eng.ask(Number, "First?").number
    _between(obj, eng)
    obj.data["numbers"] = [first, eng.ask(Number, "Second?").number]


class Limited:
    """Three steps, of one object of a group at a time."""

    workflow = [step("one"), step("two"), step("three")]
    concurrency_limit = 1

    @staticmethod
    def concurrency_key(obj: Any) -> Any:
        """Return the group that the object's data name."""
        return obj.data["group"]


def forked(join: str) -> dict[Any, Any]:
    """Return what SIDES are in a graph."""
    names = ("one", "left", "left2", "right", "right2", "two")
    one, left, left2, right, right2, two = map(step, names)
    parts, meets = Fork("parts"), Join(join, name="meets")
    return {
        **{START: [one], one: [parts], parts: [left, right], left: [left2]},
        **{right: [right2], left2: [meets], right2: [meets], meets: [two]},
    }


SIDES = [[step("left"), step("left2")], [step("right"), step("right2")]]


# --- the app --------------------------------------------------------------------------


def make_app(said: Mapping[str, str]) -> Flask:
    """Return the app for a worker, or for who sends."""
    app = Flask("fleet")
    app.config.update(
        SQLALCHEMY_DATABASE_URI=said["FLEET_DATABASE"],
        WORKFLOWS_WORKER=said["FLEET_WORKER"],
        WORKFLOWS_LEASE_SECONDS=2,
        WORKFLOWS_SWEEP_SECONDS=1,
        WORKFLOWS_BATCH_SIZE=5,
        WORKFLOWS_MAX_ATTEMPTS=10,
        WORKFLOWS_LOCAL_THREADS=0,
        WORKFLOWS_RQ_URL=said["FLEET_BROKER"],
    )
    ext = InvenioWorkflows(app)
    kinds = {
        "steps": [step("one"), step("two"), step("three")],
        "asks": [step("one"), ask, step("two")],
        "wants": [step("one"), wants, step("two")],
        "split": [step("one"), PARALLEL(*SIDES), step("two")],
        "race": [step("one"), PARALLEL(*SIDES, join="any"), step("two")],
    }
    for name, tasks in kinds.items():
        ext.register_workflow(name, type(name, (), {"workflow": tasks}))
    ext.register_workflow("limited", Limited)
    ext.register_workflow("forked split", forked("all"))
    ext.register_workflow("forked race", forked("any"))
    if said["FLEET_WORKER"] == "celery":
        app.extensions["celery"] = make_celery(app, said["FLEET_BROKER"])
    return app


def make_celery(flask: Flask, broker: str) -> Celery:
    """Return a Celery app: a plain one, or as the documentation of Flask has it."""

    class FlaskTask(Task):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            with flask.app_context():
                return self.run(*args, **kwargs)

    kind = FlaskTask if broker.startswith("amqp") else None
    celery = Celery("fleet", broker=broker, task_cls=kind, set_as_current=False)
    celery.conf.update(
        task_default_queue="of-the-site",
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
    )
    if broker.startswith("redis"):
        celery.conf.broker_transport_options = {
            "visibility_timeout": 2,
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
        }
    return celery


if "FLEET_DATABASE" in os.environ:
    logging.basicConfig(level=logging.INFO)
    app = make_app(os.environ)
    celery_app = app.extensions.get("celery")
