"""Who takes part: the floor, us, and the engine without any database."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

from flask import Flask
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import Engine

from invenio_workflows import START, InvenioWorkflows, Step, WorkflowStatus, start
from invenio_workflows.definition import compile_workflow
from invenio_workflows.engine import Cursor, Machine, WorkflowEngine
from invenio_workflows.patterns import FOR, IF_ELSE, WHILE
from invenio_workflows.testing import run

TASKS = 5
#: About 1 KB of JSON, as a bibliographic record has.
RECORD: dict[str, Any] = {
    "title": "A record of a usual length, with a title that fills a line or so",
    "authors": [{"name": f"Surname, Forename {i}", "n": i} for i in range(12)],
    "abstract": "word " * 60,
    "categories": ["cs.DL", "cs.LG", "math.FA"],
    "identifiers": {"doi": "10.1000/182", "arxiv": "1101.4388"},
    "step": 0,
}


def _task(number: int) -> Callable[[Any, Any], None]:
    def step(obj: Any, eng: Any) -> None:
        obj.data["step"] = number

    step.__name__ = f"step_{number}"
    return step


class five:
    """Five trivial tasks, each of which changes the data."""

    workflow = [_task(number) for number in range(1, TASKS + 1)]


def _step(number: int) -> type[Step]:
    def execute(self: Step, _input: Any, external_input: Any) -> None:
        self.obj.data["step"] = number

    return type(f"Step{number}", (Step,), {"execute": execute})


def _chain(nodes: list[Any]) -> Any:
    graph = {START: nodes[:1]}
    graph.update({node: [after] for node, after in pairwise(nodes)})
    return type("chain", (), {"graph": graph})


#: The same five tasks in three ways.
WAYS = {
    "list": five,
    "graph of the functions": _chain(five.workflow),
    "graph of steps": _chain([_step(number) for number in range(1, TASKS + 1)]),
}


def graphs(url: str, settings: dict[str, Any], objects: int) -> dict[str, Any]:
    """Return a list, and graphs of the same tasks, 100 objects a start."""
    app = Flask(__name__)
    app.config.update(SQLALCHEMY_DATABASE_URI=url, **settings)
    ext = InvenioWorkflows(app)
    ext.create_all()

    def way(name: str) -> float:
        starts = [[_record() for _ in range(100)] for _ in range(objects // 100)]
        with app.app_context():
            began = time.perf_counter()
            for records in starts:
                engine = start(name, records)
            seconds = time.perf_counter() - began
            assert engine.status == WorkflowStatus.COMPLETED
        return seconds / (objects * TASKS)

    for name, source in WAYS.items():
        ext.register_workflow(name, source)
    return {name: partial(way, name) for name in WAYS}


def durable(url: str, settings: dict[str, Any], objects: int) -> dict[str, Any]:
    """Return the floor and us, on one database."""
    if objects < 100 or objects % 100:
        raise SystemExit("--objects must be a multiple of 100.")
    app = Flask(__name__)
    app.config.update(SQLALCHEMY_DATABASE_URI=url, **settings)
    ext = InvenioWorkflows(app)
    ext.register_workflow("five", five)
    ext.create_all()

    def ours(a_start: int) -> float:
        starts = [
            [_record() for _ in range(a_start)] for _ in range(objects // a_start)
        ]
        with app.app_context():
            began = time.perf_counter()
            for records in starts:
                engine = start("five", records)
            seconds = time.perf_counter() - began
            assert engine.status == WorkflowStatus.COMPLETED
        return seconds / (objects * TASKS)

    return {
        "floor": _floor(ext.engine, objects * TASKS),
        "1 object a start": lambda: ours(1),
        "100 objects a start": lambda: ours(100),
    }


def _record() -> dict[str, Any]:
    return json.loads(json.dumps(RECORD))


def _floor(engine: Engine, commits: int) -> Callable[[], float]:
    tables = MetaData()
    objects = Table(
        "floor_object",
        tables,
        Column("id", Integer, primary_key=True),
        Column("status", Integer),
        Column("data", Text),
        Column("cursor", String(200)),
    )
    events = Table(
        "floor_event",
        tables,
        Column("id", Integer, primary_key=True),
        Column("id_object", Integer, index=True),
        Column("task", String(200)),
        Column("data", Text),
    )
    tables.create_all(engine)
    move = (
        update(objects)
        .where(objects.c.id == bindparam("oid"))
        .values(data=bindparam("new"), cursor=bindparam("at"))
    )
    note = insert(events)
    encode = json.JSONEncoder(separators=(",", ":")).encode

    def floor() -> float:
        record = _record()
        with engine.connect() as connection:
            rows = [{"status": 3, "data": encode(record)}] * (commits // TASKS)
            connection.execute(insert(objects), rows)
            (last,) = connection.execute(select(func.max(objects.c.id))).one()
            connection.commit()
            first = last - len(rows) + 1
            began = time.perf_counter()
            for number in range(commits):
                oid = first + number // TASKS
                record["step"] = number
                text = encode(record)
                connection.execute(move, {"oid": oid, "new": text, "at": f"[{number}]"})
                connection.execute(
                    note, {"id_object": oid, "task": "step", "data": text}
                )
                connection.commit()
            return (time.perf_counter() - began) / commits

    return floor


# --- without a database ---------------------------------------------------------------


def _nothing(obj: Any, eng: Any) -> None:
    """A task that does nothing."""


def _true(obj: Any, eng: Any) -> bool:
    return True


class _Rounds:
    """A condition that holds a number of times."""

    __name__ = "rounds"

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self, obj: Any, eng: Any) -> bool:
        obj.data += 1
        return bool(obj.data <= self.number)


def _pure(workflow: list[Any], tasks: int) -> Callable[[], float]:
    definition = compile_workflow("pure", workflow)
    port = run([_nothing]).engine._run

    def pure() -> float:
        obj = run([_nothing], 0).obj
        machine = Machine(definition, obj, WorkflowEngine(port), Cursor())
        began = time.perf_counter()
        for _ in machine.run():
            pass
        return (time.perf_counter() - began) / tasks

    return pure


_NESTED = [_nothing, IF_ELSE(_true, [_nothing, [_nothing]], [_nothing])]

ENGINE = {
    "flat list": _pure([_nothing] * 50_000, 50_000),
    "nested: WHILE, IF_ELSE": _pure([WHILE(_Rounds(20_000), _NESTED)], 60_000),
    "nested: FOR, IF_ELSE": _pure([FOR(range(20_000), "i", _NESTED)], 60_000),
}
