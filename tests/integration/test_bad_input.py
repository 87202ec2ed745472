"""What cannot be done says what to do instead, and leaves nothing behind."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sites import TABLES, Site
from sqlalchemy import text

from invenio_workflows import InvenioWorkflows
from invenio_workflows.api import (
    cancel,
    continue_oid,
    delete,
    resolve,
    resume_objects_in_workflow,
    start,
    start_by_oids,
    start_by_wid,
)
from invenio_workflows.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    DataNotSerializable,
    DataTooLarge,
    IllegalMove,
    ObjectNotFound,
    WorkflowAPIError,
    WorkflowDefinitionError,
    WorkflowNotFound,
)
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.states import ObjectStatus, WorkflowStatus

S, R = ObjectStatus, WorkflowStatus


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def itself() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def items_until(bad: Any) -> Iterator[Any]:
    """Yield more items than are written at a time, and something bad after them."""
    yield from range(150)
    if isinstance(bad, Exception):
        raise bad
    yield bad


def stopped(site: Site) -> int:
    """Return the id of an object that halted."""
    site.register("halts", lambda obj, eng: eng.halt("?"), lambda obj, eng: None)
    oid: int = start("halts", [1]).halted_objects[0].id
    return oid


CASES: dict[str, tuple[Callable[[int], Any], type[Exception], str]] = {
    "unknown workflow": (
        lambda oid: start("hatls", [1]),
        WorkflowDefinitionError,
        "no workflow 'hatls'. Known: halts",
    ),
    "no name": (lambda oid: start(None, [1]), WorkflowDefinitionError, "Known"),  # type: ignore[arg-type]
    "unknown id": (lambda oid: continue_oid(oid + 9), ObjectNotFound, "no object"),
    "huge id": (lambda oid: continue_oid(10**30), ObjectNotFound, "no object"),
    "no id": (lambda oid: continue_oid("x"), WorkflowAPIError, "is a number"),
    "half an id": (
        lambda oid: continue_oid(oid + 0.5),  # type: ignore[arg-type]
        WorkflowAPIError,
        r"is a number, not .*\.5",
    ),
    "huge revision": (
        lambda oid: continue_oid(oid, revision=10**30),
        IllegalMove,
        "changed since it was seen",
    ),
    "a revision before the first": (
        lambda oid: continue_oid(oid, revision=-(10**30)),
        IllegalMove,
        "changed since it was seen",
    ),
    "no revision": (
        lambda oid: continue_oid(oid, revision=[]),  # type: ignore[arg-type]
        WorkflowAPIError,
        r"revision is a number, not \[\]",
    ),
    "unknown ids": (
        lambda oid: start_by_oids("halts", [oid, oid + 9]),
        ObjectNotFound,
        "no object",
    ),
    "unknown run": (lambda oid: start_by_wid("x"), WorkflowNotFound, "no run 'x'"),
    "no text as a run": (
        lambda oid: start_by_wid("half of a pair: \ud800"),
        WorkflowAPIError,
        "half of a surrogate pair, which the database cannot keep",
    ),
    "no start point": (
        lambda oid: continue_oid(oid, None),  # type: ignore[arg-type]
        ValueError,
        "restart_prev, restart_first or task:<name>",
    ),
    "unknown run to resume": (
        lambda oid: resume_objects_in_workflow("x"),
        WorkflowNotFound,
        "no run 'x'",
    ),
    "unknown to delete": (lambda oid: delete(oid + 9), ObjectNotFound, "no object"),
    "unknown to cancel": (lambda oid: cancel(oid + 9), ObjectNotFound, "no object"),
    "unknown to decide": (lambda oid: resolve(oid + 9), ObjectNotFound, "no object"),
    "an object": (
        lambda oid: start("halts", [1, {"a": [1, {"b": object()}]}]),
        DataNotSerializable,
        r"data of item 1\.a\[1\]\.b is a builtins\.object",
    ),
    "NaN": (
        lambda oid: start("halts", {"a": float("nan")}),
        DataNotSerializable,
        r"\.a is nan",
    ),
    "a circle": (
        lambda oid: start("halts", [itself()]),
        DataNotSerializable,
        "holds itself",
    ),
    "too deep": (
        lambda oid: start("halts", [nested(100_000)]),
        DataNotSerializable,
        "too deeply",
    ),
    "bad extra_data": (
        lambda oid: WorkflowObject.create_object(extra_data={"a": print}),
        DataNotSerializable,
        r"extra_data of item 0\.a is a builtins",
    ),
    "extra_data of another kind": (
        lambda oid: change(oid, extra_data=[]).save(),
        WorkflowAPIError,
        "must be a dictionary, not list",
    ),
    "bad data on continuing": (
        lambda oid: continue_oid(change(oid, data=[object()])),
        DataNotSerializable,
        r"data of object \d+\[0\]",
    ),
    "bad data on saving": (
        lambda oid: change(oid, data=[object()]).save(),
        DataNotSerializable,
        r"data of object \d+\[0\]",
    ),
    "bad keywords": (
        lambda oid: start("halts", [1], colour=object()),
        DataNotSerializable,
        "colour",
    ),
    "bad keywords on continuing": (
        lambda oid: continue_oid(oid, colour=object()),
        DataNotSerializable,
        "colour",
    ),
    "too much": (
        lambda oid: start("halts", [1, "x" * 1000]),
        DataTooLarge,
        "1002 bytes.*WORKFLOWS_MAX_DATA_SIZE allows 999",
    ),
    "too much beside": (
        lambda oid: change(oid, extra_data={"a": "x" * 1000}).save(),
        DataTooLarge,
        "The extra_data of object",
    ),
    "an empty list": (lambda oid: start("halts", []), WorkflowAPIError, "at least one"),
    "an empty generator": (
        lambda oid: start("halts", iter(())),
        WorkflowAPIError,
        "at least one",
    ),
    "no ids": (
        lambda oid: start_by_oids("halts", []),
        WorkflowAPIError,
        "at least one",
    ),
    "a bad item after many": (
        lambda oid: start("halts", items_until(object())),
        DataNotSerializable,
        "builtins.object",
    ),
    "a generator that fails": (
        lambda oid: start("halts", items_until(ZeroDivisionError("mine"))),
        ZeroDivisionError,
        "mine",
    ),
    "a start point": (
        lambda oid: continue_oid(oid, "continue"),
        ValueError,
        "continue_next, restart_task, restart_prev, restart_first or task:<name>",
    ),
    "a start point for all": (
        lambda oid: resume_objects_in_workflow("x", "next"),
        WorkflowNotFound,
        "no run",
    ),
    "a task that is not there": (
        lambda oid: continue_oid(oid, "task:no"),
        ValueError,
        "Its tasks: <lambda>",
    ),
    "an object that belongs nowhere": (
        lambda oid: WorkflowObject(1).continue_workflow(),
        WorkflowAPIError,
        "start_workflow",
    ),
    "an object never saved": (
        lambda oid: continue_oid(WorkflowObject(1)),
        WorkflowAPIError,
        "save",
    ),
    "a user": (lambda oid: start("halts", 1, id_user=-1), WorkflowAPIError, "number"),
    "a huge user": (
        lambda oid: start("halts", 1, id_user=10**12),
        WorkflowAPIError,
        "number",
    ),
    "a run that is not there": (
        lambda oid: change(oid).save(id_workflow="nope"),
        WorkflowNotFound,
        "no run 'nope'",
    ),
    "a status for workers": (
        lambda oid: change(oid).save(status=S.RUNNING),
        IllegalMove,
        "start or continue it",
    ),
}


def change(oid: int, **values: Any) -> WorkflowObject:
    obj: WorkflowObject = WorkflowObject.query.one_by_id(oid)
    for name, value in values.items():
        setattr(obj, name, value)
    return obj


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_refused_and_leaves_nothing(
    make_site: Callable[..., Site], ready_url: str, case: str
) -> None:
    act, kind, sentence = CASES[case]
    site = make_site(ready_url, tables=False, WORKFLOWS_MAX_DATA_SIZE=999)
    with site.app.app_context():
        oid = stopped(site)
        before = [site.rows(f"SELECT * FROM {table}") for table in TABLES]
        with pytest.raises(kind, match=sentence):
            act(oid)
        assert [site.rows(f"SELECT * FROM {table}") for table in TABLES] == before
        site.session.execute(text("SELECT 1"))
        assert continue_oid(oid).status == R.COMPLETED


def test_an_object_that_runs_is_refused(site: Site) -> None:
    refused: list[str] = []

    def meddle(obj: Any, eng: Any) -> None:
        oid = obj.id
        verbs: list[Callable[[], Any]] = [
            lambda: continue_oid(oid),
            lambda: start_by_oids("meddles", [oid]),
            lambda: delete(oid),
            lambda: change(oid, data=9).save(),
            lambda: resolve(oid, "approval", {"value": "accept"}),
        ]
        before = site.counts()
        for verb in verbs:
            with pytest.raises(IllegalMove, match="RUNNING") as caught:
                verb()
            refused.append(str(caught.value))
        assert site.counts() == before
        assert list(resume_objects_in_workflow(eng.uuid)) == []

    site.register("meddles", meddle)
    assert start("meddles", [1]).status == R.COMPLETED
    assert len(refused) == 5


@pytest.mark.parametrize("write", [False, True], ids=["reading", "writing"])
def test_tables_that_were_never_made(
    make_site: Callable[..., Site], database_url: str, write: bool
) -> None:
    site = make_site(database_url, tables=False)
    with site.app.app_context():
        site.register("nothing", lambda obj, eng: None)
        with pytest.raises(DatabaseUnavailable, match="flask workflows init"):
            start("nothing", [1]) if write else WorkflowObject.query.all()
        site.session.execute(text("SELECT 1"))
        site.ext.create_all()
        assert start("nothing", [1]).status == R.COMPLETED


@pytest.fixture
def nobodys() -> Iterator[int]:
    """A port that is kept from others, and where nobody listens."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


def test_a_database_that_is_away(
    make_site: Callable[..., Site], tmp_path: Path, nobodys: int
) -> None:
    (tmp_path / "noise.db").write_bytes(bytes(range(256)) * 40)
    for url in (
        f"sqlite:///{tmp_path / 'nowhere' / 'workflows.db'}",
        f"sqlite:///{tmp_path / 'noise.db'}",  # a disk that failed, or another file
        f"postgresql+psycopg://nobody@127.0.0.1:{nobodys}/nothing",
    ):
        site = make_site(url, tables=False)
        with site.app.app_context():
            site.register("nothing", lambda obj, eng: None)
            for act in (
                lambda: start("nothing", [1]),
                lambda: WorkflowObject.query.all(),
                lambda: continue_oid(1),
                site.ext.create_all,
            ):
                with pytest.raises(DatabaseUnavailable, match="cannot be used"):
                    act()


@pytest.mark.parametrize("theirs", [SQLAlchemy, lambda: None], ids=["theirs", "ours"])
def test_connections_that_others_keep_are_told(
    make_site: Callable[..., Site],
    sqlite_ready_url: str,
    theirs: Callable[[], SQLAlchemy | None],
) -> None:
    few = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.01}
    site = make_site(
        sqlite_ready_url, theirs(), tables=False, SQLALCHEMY_ENGINE_OPTIONS=few
    )
    site.register("nothing", lambda obj, eng: None)
    with site.app.app_context():
        start("nothing", [1])
        site.session.remove()
        with site.ext.engine.connect():
            for act in (
                lambda: start("nothing", [1]),
                WorkflowObject.create_object,
                WorkflowObject.query.count,
            ):
                with pytest.raises(DatabaseUnavailable, match="raise pool_size"):
                    act()
        assert start("nothing", [1]).status == R.COMPLETED


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"SQLALCHEMY_DATABASE_URI": "mysql://x/y"}, "cannot be kept in mysql"),
        ({"SQLALCHEMY_DATABASE_URI": "oracle://x/y"}, "PostgreSQL 13 or newer"),
        ({"WORKFLOWS_DATABASE_URI": "mssql://x/y"}, "cannot be kept in mssql"),
        ({"SQLALCHEMY_DATABASE_URI": "not a url"}, "is not one"),
        (
            {
                "SQLALCHEMY_DATABASE_URI": "postgresql+psycopg://x/y",
                "SQLALCHEMY_ENGINE_OPTIONS": {"isolation_level": "SERIALIZABLE"},
            },
            "need READ COMMITTED",
        ),
        (
            {
                "SQLALCHEMY_DATABASE_URI": "postgresql+psycopg://x/y",
                "SQLALCHEMY_ENGINE_OPTIONS": {"isolation_level": "AUTOCOMMIT"},
            },
            "need READ COMMITTED",
        ),
        (
            {
                "SQLALCHEMY_DATABASE_URI": "sqlite://",
                "SQLALCHEMY_ENGINE_OPTIONS": {"isolation_level": "AUTOCOMMIT"},
            },
            "AUTOCOMMIT",
        ),
        ({"WORKFLOWS_BATCH_SIZE": 0}, "WORKFLOWS_BATCH_SIZE must be a whole number"),
        ({"WORKFLOWS_PACKAGES": "site"}, r"write \['site'\]"),
    ],
    ids=range(9),
)
def test_a_setting_that_cannot_be_used_is_refused_at_once(
    config: dict[str, Any], sentence: str
) -> None:
    app = Flask("site")
    app.config.update(config)
    with pytest.raises(ConfigurationError, match=sentence):
        InvenioWorkflows(app)


def test_an_option_that_no_engine_knows_is_named() -> None:
    app = Flask("site")
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_sise": 20}
    with pytest.raises(ConfigurationError, match="SQLALCHEMY_ENGINE_OPTIONS.*sise"):
        _ = InvenioWorkflows(app).engine


def test_no_application_and_no_database_are_named() -> None:
    with pytest.raises(ConfigurationError, match="app_context"):
        start("nothing", [1])
    app = Flask("site")
    with app.app_context(), pytest.raises(ConfigurationError, match="InvenioWorkflows"):
        start("nothing", [1])
    InvenioWorkflows(app).register_workflow("nothing", [])
    with app.app_context(), pytest.raises(ConfigurationError, match="no database"):
        start("nothing", [1])
    with pytest.raises(ConfigurationError, match="once"):
        InvenioWorkflows(app)


def test_a_generator_that_writes_to_the_database_is_not_half_read(
    make_site: Callable[..., Site], sqlite_ready_url: str
) -> None:
    """On SQLite it waits for itself; what it gave already must not be lost."""
    site = make_site(
        sqlite_ready_url + "?timeout=0.1", tables=False, WORKFLOWS_BUSY_SECONDS=1
    )

    def items() -> Iterator[int]:
        yield 1
        with site.ext.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM workflows_log")
        yield 2

    with site.app.app_context():
        site.register("nothing", lambda obj, eng: None)
        with pytest.raises(DatabaseUnavailable, match="give a list instead"):
            start("nothing", items())
        assert set(site.counts().values()) == {0}
        assert start("nothing", list(items())).status == R.COMPLETED
