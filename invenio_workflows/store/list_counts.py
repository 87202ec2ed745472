"""The kept counters: read, and in PostgreSQL the deltas folded into them."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, func, literal, select, text, union_all

from ..groups import Group, group_of
from .list_models import COUNT, DELTA
from .models import LISTED
from .transactions import Transactions, begin

#: So many deltas a reader adds up; when there are more it folds them for all.
_FEW = 2000
#: So many deltas are folded in one commit.
_BATCH = 20_000
#: Who holds this lock in PostgreSQL folds the deltas.
_LOCK = 0x776F726B636E74

_KEY = "workflow status waits_for action data_type".split()


class Alike(NamedTuple):
    """Listed objects that are alike, and how many they are."""

    workflow: str
    status: int
    waits_for: str | None
    action: str
    data_type: str
    number: int
    group: Group


def read_counts(transactions: Transactions) -> list[Alike]:
    """Return the counters, with the deltas not yet folded."""
    with transactions.reading() as connection:
        if connection.dialect.name != "postgresql":
            rows: Any = connection.execute(_NOW).all()
            return [alike(*row) for row in rows]
        found: dict[tuple[str, int, str, str, str], int] = {}
        deltas = 0
        for *key, number, many in connection.execute(_NOW_AND_NEW).all():
            deltas += many
            place = tuple(key)
            found[place] = found.get(place, 0) + number
    if deltas > _FEW:
        fold(transactions)
    return [alike(*key, number) for key, number in found.items() if number]


def alike(
    workflow: str,
    status: int,
    waits_for: str | None,
    action: str | None,
    data_type: str,
    number: int,
) -> Alike:
    """Return what is alike, in the group where it is shown."""
    waits_for = waits_for or None
    group = group_of(status, waits_for)
    return Alike(workflow, status, waits_for, action or "", data_type, number, group)


def _now_and_new() -> Any:
    key = [DELTA.c[name] for name in _KEY]
    new = select(*key, func.sum(DELTA.c.number), func.count()).group_by(*key)
    return union_all(_KEPT.add_columns(literal(0).label("deltas")), new)


_KEPT = select(*(COUNT.c[name] for name in _KEY), COUNT.c.number)
_NOW, _NOW_AND_NEW = _KEPT.where(COUNT.c.number != 0), _now_and_new()


_FOLD = text(
    f"""
    WITH gone AS (
        DELETE FROM workflows_count_delta WHERE id IN (
            SELECT id FROM workflows_count_delta ORDER BY id LIMIT {_BATCH}
            FOR UPDATE SKIP LOCKED)
        RETURNING {", ".join(_KEY)}, number
    ), added AS (
        INSERT INTO workflows_count ({", ".join(_KEY)}, number)
        SELECT {", ".join(_KEY)}, sum(number) FROM gone
        GROUP BY {", ".join(_KEY)} HAVING sum(number) <> 0
        ORDER BY {", ".join(_KEY)}
        ON CONFLICT ({", ".join(_KEY)})
        DO UPDATE SET number = workflows_count.number + excluded.number
    )
    SELECT count(*) FROM gone
    """
)


def fold(transactions: Transactions) -> int:
    """Add the deltas to the counters, if nobody else does; return how many.

    In transactions of its own: who only reads must not wait for it.
    """
    if transactions.database.engine.dialect.name != "postgresql":
        return 0
    folded = 0
    with transactions.beside() as connection:
        if connection.execute(select(DELTA.c.id).limit(1)).first() is None:
            return 0
        while True:
            lock = select(func.pg_try_advisory_xact_lock(_LOCK))
            if not connection.execute(lock).scalar_one():
                return folded
            done: int = connection.execute(_FOLD).scalar_one()
            connection.commit()
            folded += done
            if done < _BATCH:
                return folded


def recount(connection: Connection) -> None:
    """Count anew, while nobody writes."""
    key = "workflow, status, coalesce(waits_for, ''), coalesce(action, ''), data_type"
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE workflows_object IN SHARE MODE")
    else:
        begin(connection)
    for table in ("workflows_count_delta", "workflows_count"):
        connection.exec_driver_sql(f"DELETE FROM {table}")
    connection.exec_driver_sql(
        f"INSERT INTO workflows_count ({', '.join(_KEY)}, number) "
        f"SELECT {key}, count(*) FROM workflows_object WHERE {LISTED} GROUP BY {key}"
    )


def wrong_counts(connection: Connection) -> int:
    """Return how many counters differ from what is counted now."""
    objects = text(
        f"""
        SELECT count(*) FROM (
            SELECT workflow, status, waits_for, action, data_type, sum(n) FROM (
                SELECT workflow, status, waits_for, action, data_type, number AS n
                FROM workflows_count
                UNION ALL
                SELECT workflow, status, waits_for, action, data_type, number
                FROM workflows_count_delta
                UNION ALL
                SELECT workflow, status, coalesce(waits_for, ''),
                    coalesce(action, ''), data_type, -count(*)
                FROM workflows_object WHERE {LISTED} GROUP BY 1, 2, 3, 4, 5
            ) AS each_one GROUP BY 1, 2, 3, 4, 5 HAVING sum(n) <> 0
        ) AS wrong
        """
    )
    return int(connection.execute(objects).scalar_one())
