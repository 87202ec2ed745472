"""PostgreSQL: what is sent alone goes past SQLAlchemy as if it went through it."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from servers import PostgreSQL
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    cast,
    create_engine,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from invenio_workflows.store.alone import (
    ChangeAlone,
    RowAlone,
    positional,
    prepare_alone,
)

THINGS = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("said", Text, nullable=False),
    Column("share", Text),
)
_new = {"id": bindparam("n"), "said": bindparam("said"), "share": bindparam("share")}
ADD = ChangeAlone(insert(THINGS).values(**_new))
RENAME = ChangeAlone(
    update(THINGS).values(said=bindparam("new")).where(THINGS.c.said == bindparam("at"))
)
READ = RowAlone(
    select(cast(THINGS.c.id, Text), THINGS.c.said, THINGS.c.share).where(
        THINGS.c.id == bindparam("n")
    )
)


def thing(n: int, said: str = "a", share: str | None = None) -> dict[str, Any]:
    return {"n": n, "said": said, "share": share}


@pytest.fixture(scope="module")
def url(postgresql_server: PostgreSQL) -> Iterator[str]:
    url = postgresql_server.create_database()
    yield url
    postgresql_server.drop_database(url)


@pytest.fixture
def things(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    THINGS.metadata.drop_all(engine)
    THINGS.metadata.create_all(engine)
    yield engine
    engine.dispose()


def alone(engine: Engine) -> Connection:
    connection = engine.connect()
    connection.execution_options(isolation_level="AUTOCOMMIT")
    prepare_alone(connection)
    return connection


@pytest.fixture
def connection(things: Engine) -> Iterator[Connection]:
    with alone(things) as connection:
        assert connection.get_execution_options()["workflows_alone"]
        yield connection


def plans(connection: Connection) -> list[int]:
    """Return how often each statement was carried out that we prepared."""
    found = connection.exec_driver_sql(
        "SELECT generic_plans + custom_plans FROM pg_prepared_statements "
        "WHERE name LIKE 'workflows%%' ORDER BY name"
    )
    return list(found.scalars())


def test_a_statement_is_prepared_once_and_says_what_it_did(
    connection: Connection,
) -> None:
    before = len(plans(connection))
    assert [ADD(connection, thing(n, "é", None)) for n in range(3)] == [1] * 3
    assert RENAME(connection, {"new": "b", "at": "é"}) == 3
    assert RENAME(connection, {"new": "b", "at": "é"}) == 0
    assert READ.row(connection, {"n": 2}) == ("2", "b", None)
    assert READ.row(connection, {"n": 9}) is None
    assert plans(connection)[before:] == [3, 2, 2]
    with connection.engine.connect() as other:  # it is committed
        assert other.execute(select(THINGS.c.id)).scalars().all() == [0, 1, 2]


def test_a_parameter_that_comes_twice_is_sent_once() -> None:
    query, those = positional("SELECT %(b)s::INTEGER %% %(a)s, %(b)s")
    assert query == b"SELECT $1::INTEGER % $2, $1"
    assert those({"a": 1, "b": 2}) == (2, 1)


def test_in_a_transaction_it_is_a_part_of_it(things: Engine) -> None:
    with things.connect() as connection:
        prepare_alone(connection)
        assert ADD(connection, thing(1)) == 1
        connection.rollback()
        assert READ.row(connection, {"n": 1}) is None


def test_what_the_server_refuses_is_an_error_of_sqlalchemy(
    connection: Connection,
) -> None:
    ADD(connection, thing(1))
    with pytest.raises(IntegrityError, match="things_pkey") as told:
        ADD(connection, thing(1))
    assert told.value.params == thing(1)
    assert not told.value.connection_invalidated
    assert ADD(connection, thing(2)) == 1


def test_what_is_refused_at_the_commit_is_not_done(connection: Connection) -> None:
    connection.exec_driver_sql(
        "ALTER TABLE things ADD UNIQUE (said) DEFERRABLE INITIALLY DEFERRED"
    )
    ADD(connection, thing(1, "one"))
    with pytest.raises(IntegrityError, match="things_said_key"):
        ADD(connection, thing(2, "one"))
    assert READ.row(connection, {"n": 2}) is None


@pytest.mark.parametrize("said", ["a\0b", "\ud800"])
def test_a_text_that_cannot_be_kept_is_refused_whole(
    connection: Connection, said: str
) -> None:
    with pytest.raises((DataError, UnicodeEncodeError)):
        ADD(connection, thing(1, said))
    assert READ.row(connection, {"n": 1}) is None


def by_the_server(connection: Connection) -> None:
    pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    with connection.engine.connect() as other:
        other.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")


def on_the_way(connection: Connection) -> None:
    driver: Any = connection.connection.dbapi_connection
    with socket.socket(fileno=os.dup(driver.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("cut", [by_the_server, on_the_way])
def test_a_connection_that_is_cut_is_let_go_of(
    connection: Connection, cut: Callable[[Connection], None]
) -> None:
    ADD(connection, thing(1))
    cut(connection)
    with pytest.raises(OperationalError) as told:
        ADD(connection, thing(2))
    assert told.value.connection_invalidated
    assert connection.invalidated
    connection.rollback()
    assert READ.row(connection, {"n": 2}) is None  # on a new one
    assert ADD(connection, thing(2)) == 1


@pytest.mark.parametrize(
    "change", ["DEALLOCATE ALL", "ALTER TABLE things ALTER COLUMN said TYPE varchar"]
)
def test_what_the_server_forgot_is_prepared_again(
    connection: Connection, change: str
) -> None:
    ADD(connection, thing(1))
    READ.row(connection, {"n": 1})
    connection.exec_driver_sql(change)
    assert READ.row(connection, {"n": 1}) == ("1", "a", None)
    assert ADD(connection, thing(2)) == 1
    before = sum(plans(connection))
    assert READ.row(connection, {"n": 2}) == ("2", "a", None)
    assert sum(plans(connection)) == before + 1


@pytest.mark.parametrize("name", ["before_cursor_execute", "after_cursor_execute"])
def test_who_listens_hears_it(url: str, things: Engine, name: str) -> None:
    engine, heard = create_engine(url), []
    event.listen(engine, name, lambda *args: heard.append(args[2]))
    with alone(engine) as connection:
        assert ADD(connection, thing(1)) == 1
        assert READ.row(connection, {"n": 1}) is not None
    engine.dispose()
    assert [each.split()[0] for each in heard] == ["INSERT", "SELECT"]


def test_the_log_of_statements_has_it(
    url: str, things: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sqlalchemy.engine")
    engine = create_engine(url)
    with alone(engine) as connection:
        ADD(connection, thing(1))
    engine.dispose()
    assert any("INSERT INTO things" in each.message for each in caplog.records)


@pytest.mark.parametrize(
    "options", [{"prepare_threshold": None}, {"client_encoding": "latin1"}]
)
def test_who_prepares_nothing_or_writes_otherwise_goes_the_ordinary_way(
    url: str, things: Engine, options: dict[str, Any]
) -> None:
    engine = create_engine(url, connect_args=options)
    with alone(engine) as connection:
        assert ADD(connection, thing(1, "é")) == 1
        assert READ.row(connection, {"n": 1}) == ("1", "é", None)
        assert plans(connection) == []
    engine.dispose()
