"""Statements that go past SQLAlchemy do so as if they went through it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    create_engine,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, OperationalError

from invenio_workflows.store.prepared import (
    Change,
    Prepared,
    commit,
    rollback,
    send_directly,
)
from invenio_workflows.store.transactions import begin

THINGS = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("said", Text, nullable=False),
    Column("note", Text),
)
ADD = Change(insert(THINGS).values(id=bindparam("n"), said=bindparam("said")))
RENAME = Change(update(THINGS).values(said=bindparam("new")))
READ = Prepared(select(THINGS.c.said).order_by(THINGS.c.id))


@pytest.fixture
def connection(tmp_path: Any) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{tmp_path / 'things.db'}")
    THINGS.metadata.create_all(engine)
    with engine.connect() as connection:
        send_directly(connection)
        assert connection.get_execution_options()["workflows_direct"]
        yield connection
    engine.dispose()


def said(connection: Connection) -> list[str]:
    return list(READ(connection, {}).scalars())


def test_a_change_says_how_many_rows_and_is_part_of_the_transaction(
    connection: Connection,
) -> None:
    assert ADD(connection, {"n": 1, "said": "one"}) == 1
    assert ADD(connection, [{"n": n, "said": "more"} for n in (2, 3)]) == 2
    commit(connection)
    assert RENAME(connection, {"new": "none"}) == 3
    assert said(connection) == ["none"] * 3
    rollback(connection)
    assert said(connection) == ["one", "more", "more"]


def test_the_first_row_is_in_the_same_transaction(connection: Connection) -> None:
    adding = Prepared(
        insert(THINGS)
        .values(id=bindparam("n"), said=bindparam("said"))
        .returning(THINGS.c.id, THINGS.c.said)
    )
    assert READ.first(connection, {}) is None
    assert adding.first(connection, {"n": 1, "said": "one"}) == (1, "one")
    assert READ.first(connection, {}) == ("one",)
    rollback(connection)
    assert READ.first(connection, {}) is None
    adding.first(connection, {"n": 2, "said": "two"})
    commit(connection)
    rollback(connection)
    assert said(connection) == ["two"]
    with pytest.raises(IntegrityError, match="NOT NULL"):
        adding.first(connection, {"n": 3, "said": None})


def test_a_file_is_locked_before_it_is_read(connection: Connection) -> None:
    connection.exec_driver_sql("PRAGMA busy_timeout=1")
    begin(connection)
    begin(connection)  # it is
    with connection.engine.connect() as other:
        other.exec_driver_sql("PRAGMA busy_timeout=1")
        send_directly(other)
        with pytest.raises(OperationalError, match="database is locked"):
            begin(other)
        commit(connection)
        begin(other)


def test_what_is_none_is_null(connection: Connection) -> None:
    noting = Change(
        update(THINGS)
        .where(THINGS.c.id == bindparam("n"))
        .values(note=bindparam("note"), said=bindparam("noted"))
    )
    ADD(connection, [{"n": n, "said": "x"} for n in (1, 2, 3)])
    rows = [
        {"n": 1, "note": None, "noted": "a: :note"},
        {"n": 2, "note": "b", "noted": "b"},
        {"n": None, "note": "c", "noted": "c"},
    ]
    assert noting(connection, rows) == 2
    kept = connection.execute(select(THINGS.c.note, THINGS.c.said)).all()
    assert kept == [(None, "a: :note"), ("b", "b"), (None, "x")]


def test_a_savepoint_holds_for_it(connection: Connection) -> None:
    ADD(connection, {"n": 1, "said": "one"})
    savepoint = connection.begin_nested()
    ADD(connection, {"n": 2, "said": "two"})
    savepoint.rollback()
    commit(connection)
    assert said(connection) == ["one"]


def test_what_the_database_refuses_is_an_error_of_sqlalchemy(
    connection: Connection,
) -> None:
    ADD(connection, {"n": 1, "said": "one"})
    with pytest.raises(IntegrityError, match=r"UNIQUE.*\n.*INSERT INTO things") as told:
        ADD(connection, {"n": 1, "said": "again"})
    assert told.value.params == {"n": 1, "said": "again"}
    commit(connection)
    assert said(connection) == ["one"]


def test_what_is_hidden_is_hidden(tmp_path: Any) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'h.db'}", hide_parameters=True)
    THINGS.metadata.create_all(engine)
    with engine.connect() as connection:
        send_directly(connection)
        ADD(connection, {"n": 1, "said": "secret"})
        with pytest.raises(IntegrityError, match="parameters hidden") as told:
            ADD(connection, {"n": 1, "said": "secret"})
    engine.dispose()
    assert "secret" not in str(told.value)


def test_what_a_reader_keeps_from_being_committed(connection: Connection) -> None:
    connection.exec_driver_sql("PRAGMA busy_timeout=1")
    commit(connection)
    ADD(connection, {"n": 1, "said": "one"})
    with connection.engine.connect() as reader:
        reading = reader.exec_driver_sql("SELECT * FROM sqlite_schema")
        with pytest.raises(OperationalError, match="database is locked"):
            commit(connection)
        reading.close()
    commit(connection)
    assert said(connection) == ["one"]


def test_a_locked_file_is_said_as_ever(connection: Connection) -> None:
    connection.exec_driver_sql("PRAGMA busy_timeout=1")
    with connection.engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="database is locked"):
            ADD(connection, {"n": 1, "said": "one"})


def test_what_is_taken_back_is_not_committed_later(connection: Connection) -> None:
    ADD(connection, {"n": 1, "said": "one"})
    rollback(connection)
    ADD(connection, {"n": 2, "said": "two"})
    commit(connection)
    assert said(connection) == ["two"]


def test_what_nobody_commits_is_undone(connection: Connection) -> None:
    with connection.engine.connect() as other:
        send_directly(other)
        ADD(other, {"n": 1, "said": "one"})
    assert said(connection) == []


@pytest.mark.parametrize("name", ["before_cursor_execute", "after_cursor_execute"])
def test_who_listens_hears_it(connection: Connection, name: str) -> None:
    heard: list[str] = []

    def hear(*args: Any) -> None:
        heard.append(args[2])

    event.listen(connection.engine, name, hear)
    with connection.engine.connect() as listened:
        send_directly(listened)
        begin(listened)
        assert ADD(listened, {"n": 1, "said": "one"}) == 1
        assert READ.first(listened, {}) == ("one",)
    assert heard == [
        "BEGIN IMMEDIATE",
        "INSERT INTO things (id, said) VALUES (:n, :said)",
        "SELECT things.said \nFROM things ORDER BY things.id",
    ]


@pytest.mark.parametrize("name", ["do_execute", "do_executemany", "handle_error"])
def test_who_listens_to_the_dialect_hears_it(connection: Connection, name: str) -> None:
    heard: list[Any] = []

    def hear(*args: Any) -> None:
        heard.append(args)

    event.listen(connection.engine, name, hear)
    row = {"n": 1, "said": "one"}
    with connection.engine.connect() as listened:
        send_directly(listened)
        ADD(listened, [row, {**row, "n": 2}] if name == "do_executemany" else row)
        if name == "handle_error":
            with pytest.raises(IntegrityError):
                ADD(listened, row)
    assert len(heard) == 1


@pytest.mark.parametrize("name", ["begin", "commit", "rollback"])
def test_who_listens_to_transactions_hears_them(
    connection: Connection, name: str
) -> None:
    heard: list[Connection] = []
    event.listen(connection.engine, name, heard.append)
    with connection.engine.connect() as listened:
        send_directly(listened)
        begin(listened)
        ADD(listened, {"n": 1, "said": "one"})
        (rollback if name == "rollback" else commit)(listened)
    assert heard == [listened]


def test_the_log_of_statements_has_it(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sqlalchemy.engine")
    with connection.engine.connect() as logged:
        send_directly(logged)
        ADD(logged, {"n": 1, "said": "one"})
    assert any("INSERT INTO things" in each.message for each in caplog.records)
