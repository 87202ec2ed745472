"""A table of many objects, as a site has it after years: written past the engine."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from invenio_workflows.encoding import dumps
from invenio_workflows.folding import kept_words
from invenio_workflows.store.list_words import stored
from invenio_workflows.store.showing import sortable

WORKFLOWS = ("article", "author", "conference", "harvest", "thesis")
TYPES = ("hep", "authors", "data", "")
#: How often each is met: in 6 of 10 texts, in 1 of 20, in 1 of 100,000.
COMMON, SOME, RARE = "physics", "higgs", "zitterbewegung"
PAGES = "pages"
_CHUNK = 5_000

OBJECT = (
    "id workflow status waits_for data extra_data data_type uri id_user action message "
    "title description markup shown_by created modified position revision seq fence "
    "in_start attempts"
).split()

Rows = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], list[tuple[Any, ...]]]


def fill(engine: Engine, number: int) -> None:
    """Write so many objects, a tenth of them halted."""
    dialect = engine.dialect.name
    with engine.connect() as connection:
        if dialect == "sqlite":  # times are random: pages of the indices come again
            connection.exec_driver_sql("PRAGMA cache_size = -400000")
            connection.commit()
        for objects, texts, sorts in _chunks(number, dialect):
            with connection.begin():
                _write(connection, "workflows_object", OBJECT, objects)
                _write(connection, "workflows_text", ["id_object", "words"], texts)
                _write(
                    connection, "workflows_sort", ["id_object", "name", "value"], sorts
                )
        connection.invalidate()
    with engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql("ANALYZE")
        if dialect == "postgresql":
            connection.exec_driver_sql("VACUUM")


def _write(connection: Connection, table: str, columns: list[str], rows: Any) -> None:
    raw: Any = connection.connection.dbapi_connection
    names = ", ".join(columns)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        raw.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
        return
    with raw.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as c:
        for row in rows:
            c.write_row(row)


def _chunks(number: int, dialect: str) -> Iterator[Rows]:
    chance = random.Random(42)
    vocabulary = [_word(chance) for _ in range(20_000)]
    now = datetime.now(UTC)
    rows: Rows = ([], [], [])
    for oid in range(1, number + 1):
        _add(rows, oid, chance, vocabulary, now, dialect)
        if oid % _CHUNK == 0 or oid == number:
            yield rows
            rows = ([], [], [])


def _word(chance: random.Random) -> str:
    return "".join(chance.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(7))


def _state(chance: random.Random) -> tuple[int, str | None]:
    """Return status and what is waited for: most are done, a tenth is halted."""
    drawn = chance.random()
    for share, state in (
        (0.10, (2, None)),
        (0.12, (5, None)),
        (0.1201, (3, None)),
        (0.13, (4, "queue")),
        (0.14, (4, "timer")),
        (0.15, (0, None)),
        (0.20, (6, None)),
    ):
        if drawn < share:
            return state
    return 1, None


def _add(
    rows: Rows,
    oid: int,
    chance: random.Random,
    vocabulary: list[str],
    now: datetime,
    dialect: str,
) -> None:
    status, waits_for = _state(chance)
    words = [vocabulary[int(chance.random() ** 3 * 20_000)] for _ in range(30)]
    if chance.random() < 0.6:
        words[chance.randrange(30)] = COMMON
    if chance.random() < 0.05:
        words[chance.randrange(30)] = SOME
    if chance.random() < 0.00001:
        words[chance.randrange(30)] = RARE
    title, uri = " ".join(words[:8]).capitalize(), f"arXiv:{oid // 1000}.{oid:07}"
    record = {"title": title, "abstract": " ".join(words) * 3, "uri": uri}
    when = now - timedelta(seconds=chance.random() * 400 * 86400)
    action = None
    if status == 2:
        action = "approval" if chance.random() < 0.8 else "input"
    stamp = when.strftime("%Y-%m-%d %H:%M:%S.%f")
    stamp += "+00" if dialect == "postgresql" else ""
    of = (oid, chance.choice(WORKFLOWS), status, waits_for, dumps(record))
    about = ('{"_tasks_results":{}}', chance.choice(TYPES), uri, oid % 50, action)
    shown = ("Why it halted" if action else None, title, words[-1], 0, 1)
    rows[0].append((*of, *about, *shown, stamp, stamp, 0, 1, 1, 0, 0, 0))
    rows[1].append((oid, stored(kept_words([*words, uri]), dialect)))
    rows[2].append((oid, "title", sortable(title)))
    rows[2].append((oid, PAGES, sortable(chance.randrange(1, 400))))
