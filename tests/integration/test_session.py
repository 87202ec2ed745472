"""Whose session it is: the app's, whatever a task does to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sites import Site
from sqlalchemy import String, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from invenio_workflows import InvenioWorkflows
from invenio_workflows.api import continue_oid, start, start_by_oids
from invenio_workflows.errors import (
    ConfigurationError,
    WorkflowAPIError,
    WorkflowDefinitionError,
    WorkflowError,
)
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.states import ObjectStatus, WorkflowStatus

S, R = ObjectStatus, WorkflowStatus


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


class Paper(db.Model):  # type: ignore[name-defined]
    """A table of the app's own."""

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(50), unique=True)


def write(obj: Any, eng: Any) -> None:
    """Write a row of the app's, as a task does."""
    obj.data += 1
    db.session.add(Paper(title=f"{eng.get_current_taskname()} {obj.data}"))


def fail(obj: Any, eng: Any) -> None:
    write(obj, eng)
    db.session.flush()
    raise ValueError("after a write")


@pytest.fixture
def app_site(make_site: Callable[..., Site], ready_url: str) -> Iterator[Site]:
    """A site with a Flask-SQLAlchemy of its own, in whose context the test runs."""
    site = make_site(ready_url, db=db, tables=False)
    with site.app.app_context():
        db.drop_all(bind_key=None)
        db.create_all(bind_key=None)
        yield site
        db.session.rollback()
        db.drop_all(bind_key=None)


def titles(site: Site) -> list[str]:
    """Return what the app's table holds: committed, and seen from elsewhere."""
    return [row[0] for row in site.rows("SELECT title FROM paper ORDER BY id")]


def stored(oid: int) -> WorkflowObject:
    found: WorkflowObject = WorkflowObject.query.one_by_id(oid)
    return found


# --- whose database -------------------------------------------------------------------


def test_the_db_of_the_app_is_used(app_site: Site) -> None:
    assert app_site.ext.db is db
    assert app_site.ext.engine is db.engine


def test_a_db_that_comes_after_us_is_used(ready_url: str) -> None:
    app = Flask("late")
    app.config["SQLALCHEMY_DATABASE_URI"] = ready_url
    late = SQLAlchemy()
    ext = InvenioWorkflows(app)
    late.init_app(app)
    assert ext.db is late
    ext.create_all()
    with app.app_context():
        ext.register_workflow("nothing", [lambda obj, eng: None])
        assert start("nothing", [1]).status == R.COMPLETED
        late.engine.dispose()


def test_a_db_that_comes_too_late_is_refused(ready_url: str) -> None:
    app = Flask("late")
    app.config["SQLALCHEMY_DATABASE_URI"] = ready_url
    ext = InvenioWorkflows(app)
    ext.create_all()
    engine = ext.engine
    SQLAlchemy().init_app(app)
    with pytest.raises(ConfigurationError, match="before the first use"):
        _ = ext.db
    with app.app_context(), pytest.raises(ConfigurationError, match="init_app"):
        WorkflowObject.query.all()
    engine.dispose()


def test_without_a_db_we_bring_our_own(site: Site) -> None:
    site.register("writes", lambda obj, eng: site.session.execute(text("SELECT 1")))
    assert "sqlalchemy" not in site.app.extensions
    assert start("writes", [1]).status == R.COMPLETED
    if site.ext.engine.dialect.name == "sqlite":
        assert site.rows("PRAGMA journal_mode")[0][0] == "wal"
        assert site.rows("PRAGMA synchronous")[0][0] == 2


def test_the_tables_may_lie_in_another_database(
    make_site: Callable[..., Site], ready_url: str, tmp_path: Path
) -> None:
    site = make_site(
        f"sqlite:///{tmp_path / 'app.db'}",
        db=db,
        tables=False,
        SQLALCHEMY_BINDS={"flows": ready_url},
        WORKFLOWS_BIND="flows",
    )
    with site.app.app_context():
        db.create_all(bind_key=None)
        site.register("writes", write, write, fail)
        with pytest.raises(WorkflowError, match="after a write"):
            start("writes", [1])
        assert site.ext.engine is db.engines["flows"]
        with db.engine.connect() as connection:
            kept = connection.execute(select(Paper.title)).scalars().all()
        assert kept == ["write 2", "write 3"]
        assert site.counts()["workflows_object"] == 2
        (obj,) = WorkflowObject.query.filter_by(status=S.ERROR)
        assert obj.data == 3


def test_a_bind_that_is_not_there_is_named(
    make_site: Callable[..., Site], sqlite_url: str
) -> None:
    with pytest.raises(ConfigurationError, match="'flows'.*SQLALCHEMY_BINDS has none"):
        make_site(sqlite_url, db=SQLAlchemy(), WORKFLOWS_BIND="flows")


# --- one commit -----------------------------------------------------------------------


def test_what_a_task_wrote_is_kept_with_its_checkpoint(app_site: Site) -> None:
    seen: list[Any] = []

    def look(obj: Any, eng: Any) -> None:
        seen.append(
            (
                titles(app_site),
                app_site.value(
                    "SELECT seq FROM workflows_object WHERE id = :id", id=obj.id
                ),
            )
        )

    app_site.register("writes", write, look, write, look)
    start("writes", [0])
    assert seen == [(["write 1"], 2), (["write 1", "write 2"], 4)]


def test_what_a_failing_task_wrote_is_gone(app_site: Site) -> None:
    app_site.register("fails", write, fail, write)
    with pytest.raises(WorkflowError):
        start("fails", [0])
    assert titles(app_site) == ["write 1"]
    (obj,) = WorkflowObject.query.filter_by(status=S.ERROR)
    assert obj.data == 1
    continue_oid(obj.id, "continue_next")
    assert titles(app_site) == ["write 1", "write 2"]


def test_what_a_halting_task_wrote_is_kept(app_site: Site) -> None:
    app_site.register("halts", lambda obj, eng: (write(obj, eng), eng.halt("?")))
    start("halts", [0])
    assert len(titles(app_site)) == 1


def test_what_an_aborting_task_wrote_is_gone(app_site: Site) -> None:
    app_site.register("aborts", write, lambda obj, eng: (write(obj, eng), eng.abort()))
    start("aborts", [0])
    assert titles(app_site) == ["write 1"]


# --- what tasks do to the session -----------------------------------------------------

DEEDS: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "commits": (lambda: db.session.commit(), ["meddle 2", "write 3"]),
    "rolls back": (lambda: db.session.rollback(), ["write 3"]),
    "closes": (lambda: db.session.close(), ["write 3"]),
    "removes": (lambda: db.session.remove(), ["write 3"]),
    "commits twice": (
        lambda: (db.session.commit(), db.session.commit()),
        ["meddle 2", "write 3"],
    ),
    "expunges": (lambda: db.session.expunge_all(), ["write 3"]),
    "nests": (lambda: db.session.begin_nested(), ["meddle 2", "write 3"]),
    "rolls a savepoint back": (
        lambda: (db.session.flush(), db.session.begin_nested().rollback()),
        ["meddle 2", "write 3"],
    ),
    "reads": (
        lambda: db.session.execute(select(Paper)).all(),
        ["meddle 2", "write 3"],
    ),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_a_task_may_do_to_the_session_what_it_wants(app_site: Site, deed: str) -> None:
    act, kept = DEEDS[deed]

    def meddle(obj: Any, eng: Any) -> None:
        write(obj, eng)
        obj.log.info("meddled")
        act()

    app_site.register("meddles", write, meddle, write)
    eng = start("meddles", [0])
    (obj,) = eng.completed_objects
    assert eng.status == R.COMPLETED
    assert (obj.data, obj.status) == (3, S.COMPLETED)
    kinds = [event.kind for event in obj.history()]
    assert kinds == ["Started"] + ["TaskFinished"] * 3 + ["Finished"]
    assert [line.message for line in obj.get_log()] == ["meddled"]
    assert titles(app_site) == ["write 1", *kept]


@pytest.mark.parametrize("deed", ["commits", "rolls back", "removes"])
def test_a_task_that_fails_after_that_is_an_error(app_site: Site, deed: str) -> None:
    act, kept = DEEDS[deed]

    def meddle(obj: Any, eng: Any) -> None:
        write(obj, eng)
        act()
        raise ValueError("meddled")

    app_site.register("meddles", write, meddle, write)
    with pytest.raises(WorkflowError, match="meddled"):
        start("meddles", [0])
    (obj,) = WorkflowObject.query.filter_by(status=S.ERROR)
    assert obj.data == 1
    assert titles(app_site) == ["write 1", *kept[:-1]]


def twice(obj: Any, eng: Any) -> None:
    """Leave two rows in the session that cannot both be written."""
    obj.data = "changed"
    db.session.add_all([Paper(title="same"), Paper(title="same")])


def broken(obj: Any, eng: Any) -> None:
    """Leave a session behind whose flush failed."""
    twice(obj, eng)
    try:
        db.session.flush()
    except Exception:
        pass


def untyped(obj: Any, eng: Any) -> None:
    """Leave a row that the driver cannot even send."""
    obj.data = "changed"
    db.session.add(Paper(title=object()))


def no_text(obj: Any, eng: Any) -> None:
    """Leave a row that the driver cannot even write down; its error is not its own."""
    obj.data = "changed"
    db.session.add(Paper(title="half of a pair: \ud800"))


@pytest.mark.parametrize("last", [False, True], ids=["in the middle", "at the end"])
@pytest.mark.parametrize("task", [twice, broken, untyped, no_text])
def test_rows_that_cannot_be_written_are_the_tasks_error(
    app_site: Site, task: Any, last: bool
) -> None:
    app_site.register("breaks", write, task, *([] if last else [write]))
    with pytest.raises(WorkflowError) as caught:
        start("breaks", [0, 5])
    (obj,) = WorkflowObject.query.filter_by(status=S.ERROR)
    assert caught.value.id_object == obj.id
    assert (obj.data, obj.extra_data["_last_task_name"]) == (1, task.__name__)
    assert titles(app_site) == ["write 1"]
    assert app_site.run_status(obj.id_workflow) == R.ERROR
    db.session.add(Paper(title="the session is usable"))
    db.session.commit()


def test_a_constraint_that_is_asked_at_the_commit(
    make_site: Callable[..., Site], postgresql_ready_url: str
) -> None:
    site = make_site(postgresql_ready_url, db=db, tables=False)
    with site.app.app_context():
        with db.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS deferred")
            connection.exec_driver_sql(
                "CREATE TABLE deferred (n INTEGER, "
                "UNIQUE (n) DEFERRABLE INITIALLY DEFERRED)"
            )

        def violate(obj: Any, eng: Any) -> None:
            obj.data = "changed"
            for _ in range(2):
                db.session.execute(text("INSERT INTO deferred VALUES (1)"))

        site.register("violates", violate)
        with pytest.raises(WorkflowError, match="deferred_n_key"):
            start("violates", [1])
        (obj,) = WorkflowObject.query.filter_by(status=S.ERROR)
        assert obj.data == 1
        assert site.value("SELECT count(*) FROM deferred") == 0
        db.session.rollback()
        with db.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE deferred")


# --- the caller's rows ----------------------------------------------------------------


def test_what_the_caller_left_pending_is_committed(app_site: Site) -> None:
    app_site.register("nothing", lambda obj, eng: None)
    db.session.add(Paper(title="pending"))
    start("nothing", [1])
    assert titles(app_site) == ["pending"]
    db.session.add(Paper(title="saved"))
    WorkflowObject.create_object()
    assert titles(app_site) == ["pending", "saved"]


def objects_that_break() -> Iterator[Any]:
    yield 1
    yield object()


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize(
    "verb",
    [
        lambda: start("unknown", [1]),
        lambda: start("nothing", []),
        lambda: start("nothing", [1, object()]),
        lambda: start("nothing", objects_that_break()),
        lambda: start("nothing", [1], bad=object()),
        lambda: start_by_oids("nothing", [99]),
        lambda: continue_oid(99),
        lambda: WorkflowObject(object()).save(),
        lambda: WorkflowObject.delete(99),
    ],
    ids=range(9),
)
def test_a_refused_verb_leaves_the_callers_rows_pending(
    app_site: Site, verb: Callable[[], Any], flushed: bool
) -> None:
    app_site.register("nothing", lambda obj, eng: None)
    paper = Paper(title="pending")
    db.session.add(paper)
    if flushed:
        db.session.flush()
    before = app_site.counts()
    with pytest.raises((WorkflowAPIError, WorkflowDefinitionError)):
        verb()
    assert titles(app_site) == []
    assert app_site.counts() == before
    db.session.commit()
    assert titles(app_site) == ["pending"]
    assert app_site.counts() == before, "nor is what the verb had begun"


def test_logging_and_reading_commit_nothing(app_site: Site) -> None:
    obj = WorkflowObject.create_object()
    db.session.add(Paper(title="pending"))
    obj.log.info("a line")
    assert obj.get_log() and obj.history() and WorkflowObject.query.all()
    assert titles(app_site) == []
    db.session.rollback()
    assert titles(app_site) == []


def test_a_start_inside_a_task_commits_what_it_wrote_so_far(app_site: Site) -> None:
    seen: list[Any] = []

    def outer(obj: Any, eng: Any) -> None:
        write(obj, eng)
        inner = start("inner", [10, 20])
        seen.append((titles(app_site), inner.status, inner.uuid != eng.uuid))
        assert eng.get_current_object() is obj
        write(obj, eng)
        raise ValueError("after")

    app_site.register("inner", write)
    app_site.register("outer", outer)
    with pytest.raises(WorkflowError, match="after"):
        start("outer", [0])
    assert seen == [(["outer 1", "write 11", "write 21"], R.COMPLETED, True)]
    assert titles(app_site) == ["outer 1", "write 11", "write 21"]
    (obj,) = WorkflowObject.query.filter_by(status=S.ERROR)
    assert obj.data == 0


def test_an_error_of_a_start_inside_a_task_is_the_tasks_too(site: Site) -> None:
    site.register("inner", lambda obj, eng: 1 / 0)
    site.register("outer", lambda obj, eng: start("inner", [1]))
    with pytest.raises(WorkflowError) as caught:
        start("outer", [0])
    assert WorkflowObject.query.filter_by(status=S.ERROR).count() == 2
    assert caught.value.id_workflow is not None
    assert WorkflowObject.query.filter_by(status=S.RUNNING).count() == 0


# --- in memory ------------------------------------------------------------------------


@pytest.mark.parametrize("own", [False, True], ids=["the app's db", "our own"])
def test_a_database_in_memory(make_site: Callable[..., Site], own: bool) -> None:
    memory = None if own else db
    site = make_site("sqlite://", db=memory, tables=False)
    with site.app.app_context():
        site.ext.create_all()
        site.register("halts", lambda obj, eng: eng.halt("?"), lambda obj, eng: None)
        site.register("fails", lambda obj, eng: 1 / 0)
        eng = start("halts", [1, 2])
        assert [obj.data for obj in eng.halted_objects] == [1, 2]
        assert continue_oid(eng.halted_objects[0].id).status == R.HALTED
        with pytest.raises(WorkflowError):
            start("fails", [1])
        assert WorkflowObject.query.filter_by(id_parent=None).count() == 3
        if not own:
            db.create_all(bind_key=None)
            site.register("writes", write, fail)
            db.session.add(Paper(title="pending"))
            assert WorkflowObject.query.count() == 6
            with pytest.raises(WorkflowError):
                start("writes", [1])
            found = db.session.execute(select(Paper.title)).scalars().all()
            assert found == ["pending", "write 2"]


# --- times ----------------------------------------------------------------------------


def test_times_are_aware_and_utc(site: Site) -> None:
    """The test's PostgreSQL runs in Tokyo's time zone."""
    site.register("halts", lambda obj, eng: (obj.log.info("x"), eng.halt("?")))
    (obj,) = start("halts", [1]).halted_objects
    (line,) = obj.get_log()
    times = [obj.created, obj.modified, line.created]
    times += [event.created for event in obj.history()]
    times += [entry["time"] for entry in obj.extra_data["_task_history"]]
    assert len(times) == 6
    for time in times:
        assert time.tzinfo is UTC
        assert abs((time - line.created).total_seconds()) < 60
