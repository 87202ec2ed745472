"""Writes what lists keep of objects: title, words, sort keys. Only what changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from .list_words import stored
from .showing import Shown

_TITLES = "title description markup shown_by".split()

#: One round trip for all of it; SQLite has none to save.
_POSTGRESQL = """
WITH titles AS (
    UPDATE workflows_object SET title = %(title)s::text,
        description = %(description)s::text, markup = %(markup)s::smallint,
        shown_by = %(shown_by)s::integer
    WHERE id = %(oid)s AND (title, description, markup, shown_by) IS DISTINCT FROM
        (%(title)s::text, %(description)s::text, %(markup)s::smallint,
         %(shown_by)s::integer)
), wordless AS (
    DELETE FROM workflows_text WHERE id_object = %(oid)s AND %(words)s::text = ''
), worded AS (
    INSERT INTO workflows_text (id_object, words)
    SELECT %(oid)s::bigint, %(words)s::text::tsvector WHERE %(words)s::text <> ''
    ON CONFLICT (id_object) DO UPDATE SET words = excluded.words
    WHERE workflows_text.words <> excluded.words
), unsorted AS (
    DELETE FROM workflows_sort
    WHERE id_object = %(oid)s AND name <> ALL(%(names)s::text[])
)
INSERT INTO workflows_sort (id_object, name, value)
SELECT %(oid)s::bigint, each.name, each.value
FROM unnest(%(names)s::text[], %(values)s::text[]) AS each (name, value)
ON CONFLICT (id_object, name) DO UPDATE SET value = excluded.value
WHERE workflows_sort.value <> excluded.value
"""

_SQLITE_TITLES = """
UPDATE workflows_object SET title = :title, description = :description,
    markup = :markup, shown_by = :shown_by
WHERE id = :oid AND (title IS NOT :title OR description IS NOT :description
    OR markup IS NOT :markup OR shown_by IS NOT :shown_by)
"""
_SQLITE_WORDS = """
INSERT INTO workflows_text (id_object, words) VALUES (:oid, :words)
ON CONFLICT (id_object) DO UPDATE SET words = excluded.words
WHERE words <> excluded.words
"""
_SQLITE_SORT = """
INSERT INTO workflows_sort (id_object, name, value) VALUES (:oid, :name, :value)
ON CONFLICT (id_object, name) DO UPDATE SET value = excluded.value
WHERE value <> excluded.value
"""


def keep_shown(
    connection: Connection, shown: Sequence[tuple[int, Shown]], fresh: bool = False
) -> None:
    """Write what is kept of objects, in the transaction that wrote their rows.

    :param fresh: whether none of them had anything before.
    """
    if not shown:
        return
    rows = [_row(oid, each, connection.dialect.name) for oid, each in shown]
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_POSTGRESQL, rows if len(rows) > 1 else rows[0])
        return
    _keep_in_sqlite(connection, rows, fresh)


def _row(oid: int, shown: Shown, dialect: str) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(shown, name) for name in _TITLES}
    row["oid"] = oid
    row["words"] = stored(shown.words, dialect) if shown.words else ""
    row["names"], row["values"] = list(shown.sort), list(shown.sort.values())
    return row


def _keep_in_sqlite(
    connection: Connection, rows: list[dict[str, Any]], fresh: bool
) -> None:
    titles = [{n: row[n] for n in (*_TITLES, "oid")} for row in rows]
    connection.exec_driver_sql(_SQLITE_TITLES, titles)
    words = [{"oid": row["oid"], "words": row["words"]} for row in rows]
    if with_words := [row for row in words if row["words"]]:
        connection.exec_driver_sql(_SQLITE_WORDS, with_words)
    if not fresh:
        _forget(connection, rows)
    values = [
        {"oid": row["oid"], "name": name, "value": value}
        for row in rows
        for name, value in zip(row["names"], row["values"], strict=True)
    ]
    if values:
        connection.exec_driver_sql(_SQLITE_SORT, values)


def _forget(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Take away the words and sort keys that an object no longer has."""
    for row in rows:
        names = row["names"]
        marks = ", ".join("?" * len(names))
        connection.exec_driver_sql(
            f"DELETE FROM workflows_sort WHERE id_object = ? AND name NOT IN ({marks})",
            (row["oid"], *names),
        )
        if not row["words"]:
            connection.exec_driver_sql(
                "DELETE FROM workflows_text WHERE id_object = ?", (row["oid"],)
            )
