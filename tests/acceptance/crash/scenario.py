"""A small site with a workflow that is killed at every point, and its operator.

The ledger is a table of the site's own: a task that finished has its row there
exactly once, one that was cut short has none.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from invenio_workflows import InvenioWorkflows, WorkflowObject, api
from invenio_workflows.patterns import FOR, IF_ELSE, WHILE
from invenio_workflows.states import ObjectStatus

NAME = "Crash"

db = SQLAlchemy()


class Ledger(db.Model):  # type: ignore[name-defined, misc]
    id = db.Column(db.Integer, primary_key=True)
    position = db.Column(db.Integer)
    task = db.Column(db.String(20))
    round = db.Column(db.String(20))


class Probe:
    """Is told where the process is; one that kills does so at a point it counted."""

    def began(self, label: str) -> None:
        """A task began."""

    def point(self, kind: str, what: str = "") -> None:
        """Something happens next, or happened just now."""


class Watched:
    """Who is told; set by those who want to know."""

    probe = Probe()


def works(obj: Any, task: str, round: Any = "", writes: bool = True) -> None:
    """Do what every task here does: change the data, and mostly write a row."""
    position = obj.data["position"]
    Watched.probe.began(f"{position} {task} {round}".strip())
    obj.data["done"].append(f"{task} {round}".strip())
    if writes:
        db.session.add(Ledger(position=position, task=task, round=str(round)))
        db.session.flush()


def middle() -> None:
    """Say that a task is at work: it has written, and has not returned."""
    Watched.probe.point("task")


def check(obj: Any, eng: Any) -> None:
    works(obj, "check")
    obj.log.info("checked %s", obj.data["position"])
    middle()


def is_even(obj: Any, eng: Any) -> bool:
    return bool(obj.data["position"] % 2 == 0)


def even(obj: Any, eng: Any) -> None:
    works(obj, "even")
    eng.extra_data["even"] = obj.data["position"]
    middle()


def odd(obj: Any, eng: Any) -> None:
    works(obj, "odd", writes=False)
    eng.append("odd", obj.data["position"])
    middle()


def under_two(obj: Any, eng: Any) -> bool:
    return bool(obj.data["rounds"] < 2)


def turn(obj: Any, eng: Any) -> None:
    works(obj, "turn", obj.data["rounds"])
    obj.data["rounds"] += 1
    middle()


def spell(obj: Any, eng: Any) -> None:
    letter = eng.extra_data["letter"]
    works(obj, "spell", letter)
    obj.extra_data["spelled"] = obj.extra_data.get("spelled", "") + letter
    middle()


def count(obj: Any, eng: Any) -> None:
    works(obj, "count", writes=False)
    eng.add("total")
    eng.log.info("counted %s", obj.data["position"])
    middle()


def judge(obj: Any, eng: Any) -> None:
    """Each object ends this task in its own way."""
    works(obj, "judge")
    middle()
    position = obj.data["position"]
    if position == 1:
        eng.halt("Is it good?", action="approval", why="doubt")
    if position == 2:
        obj.log.warning("this one is broken")
        raise ValueError("broken")
    if position == 3:
        eng.skip_token()
    if position == 4:
        eng.halt("Look at it")


def publish(obj: Any, eng: Any) -> None:
    works(obj, "publish")
    obj.data["approved"] = obj.extra_data.get("approved")
    middle()


class Crash:
    """Every way that an object can go."""

    workflow = [
        check,
        IF_ELSE(is_even, [even], [odd]),
        WHILE(under_two, [turn]),
        FOR(["a", "b"], "letter", [spell]),
        count,
        judge,
        publish,
    ]


def signals_itself(obj: Any, eng: Any) -> None:
    """Die or stop in the middle, while the environment says so."""
    works(obj, "signals", writes=not os.environ.get("CRASH_IDLE"))
    if name := os.environ.get("CRASH_SIGNAL"):
        os.kill(os.getpid(), signal.Signals[name])
    obj.data["woke"] = True
    obj.log.info("survived")
    eng.add("survived")


class Signals:
    """A task before, one that ends or stops its process, and one after."""

    workflow = [check, signals_itself, publish]


ext = InvenioWorkflows()
ext.register_workflow(NAME, Crash)
ext.register_workflow("Signals", Signals)


def make_app(url: str | None = None, **settings: Any) -> Flask:
    """Make the site; ``flask --app scenario`` finds it by this name."""
    app = Flask("crash_site")
    app.config["SQLALCHEMY_DATABASE_URI"] = url or os.environ["CRASH_DATABASE"]
    app.config.update(settings)
    db.init_app(app)
    ext.init_app(app)
    return app


def create_tables(app: Flask) -> None:
    with app.app_context():
        db.create_all()
        ext.create_all()


def items(number: int = 5) -> list[dict[str, Any]]:
    return [{"position": n, "rounds": 0, "done": []} for n in range(number)]


def whole() -> None:
    """Do the whole job: start, then answer what waits for a person."""
    api.start(NAME, items(), stop_on_error=False, batch="b1")
    finish()


def finish() -> None:
    """Do what an operator does: start what was never accepted, answer the rest."""
    live = WorkflowObject.query.filter_by(id_parent=None).order_by("position")
    if not live.count():
        api.start(NAME, items(), stop_on_error=False, batch="b1")
    for obj in live.filter_by(status=ObjectStatus.HALTED):
        if obj.get_action() == "approval":
            api.resolve(obj, "approval", {"value": "accept", "reason": "fine"}, "ann")
        else:
            api.continue_oid(obj.id)


def recover() -> list[api.Recovered]:
    return list(api.recover())


def inside(app: Flask, *steps: Callable[[], Any]) -> None:
    """Do the steps as one process of the site."""
    with app.app_context():
        for step in steps:
            step()
