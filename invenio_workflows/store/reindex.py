"""Renews what lists keep: titles, words and sort keys, in bounded batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from . import statements as sql
from .health import triggers
from .list_counts import fold, recount, wrong_counts
from .list_models import SORT, TEXT
from .shown import keep_shown
from .sql import SQLStore
from .transactions import begin

_o = sql.OBJECTS.c


#: What the migration made beside the tables.
_TRIGGERS = {
    "count_insert",
    "count_update",
    "count_delete",
    "object_gone",
}
_TEXT_TRIGGERS = {"text_insert", "text_update", "text_delete"}


class Reindexer:
    """Redoes what the hooks of the workflows made, and counts anew."""

    def __init__(self, store: SQLStore, batch_size: int) -> None:
        self._store = store
        self._batch_size = batch_size

    def workflows(self) -> list[str]:
        """Return the names of the workflows that there are objects of."""
        names = select(_o.workflow).where(_o.id_parent.is_(None)).distinct()
        with self._store.transactions.reading() as connection:
            return sorted(connection.execute(names).scalars())

    def number(self, workflow: str, everything: bool = False) -> int:
        """Return how many objects :meth:`run` would redo."""
        some = select(func.count()).where(*self._chosen(workflow, everything))
        with self._store.transactions.reading() as connection:
            return int(connection.execute(some).scalar_one())

    def all_old(self) -> dict[str, int]:
        """Return how many objects are shown as other code made them, by workflow."""
        shown = (
            select(_o.workflow, _o.shown_by, func.count())
            .where(_o.id_parent.is_(None))
            .group_by(_o.workflow, _o.shown_by)
            .order_by(_o.workflow)
        )
        old: dict[str, int] = {}
        with self._store.transactions.reading() as connection:
            for name, shown_by, number in connection.execute(shown):
                if shown_by != self._store.showing.hooks(name)[1]:
                    old[name] = old.get(name, 0) + number
        return old

    def missing(self) -> list[str]:
        """Return the names of the triggers that are gone or do not fire."""
        with self._store.transactions.reading() as connection:
            name = connection.dialect.name
            there = triggers(connection)
        wanted = _TRIGGERS | (_TEXT_TRIGGERS if name == "sqlite" else set())
        return sorted({f"workflows_{each}" for each in wanted} - there)

    def _chosen(self, workflow: str, everything: bool) -> list[Any]:
        chosen = [_o.workflow == workflow, _o.id_parent.is_(None)]
        if not everything:
            _, digest = self._store.showing.hooks(workflow)
            chosen.append(_o.shown_by.is_distinct_from(digest))
        return chosen

    def run(self, workflow: str, everything: bool = False) -> Iterator[int]:
        """Redo the objects of a workflow, a commit for each batch.

        :param everything: also those whose hooks have not changed.
        :return: how many each batch redid.
        """
        after = 0
        while True:
            done, after = self._batch(workflow, after, everything)
            if after < 0:
                return
            yield done

    def _batch(self, workflow: str, after: int, everything: bool) -> tuple[int, int]:
        chosen = (
            select(*sql.COLUMNS)
            .where(*self._chosen(workflow, everything), _o.id > after)
            .order_by(_o.id)
            .limit(self._batch_size)
            .with_for_update(skip_locked=True)
        )

        def work(connection: Connection) -> tuple[int, int]:
            begin(connection)
            rows = connection.execute(chosen).all()
            if not rows:
                return 0, -1
            self._redo(connection, workflow, rows)
            return len(rows), rows[-1].id

        return self._store.transactions.run(work)

    def _redo(self, connection: Connection, workflow: str, rows: Any) -> None:
        shown, bare = [], []
        for row in rows:
            obj = self._store.document(row)
            made = self._store.showing.of(obj, obj.kept or ("{}", "{}"), workflow)
            if made is None:
                bare.append(row.id)
            else:
                shown.append((row.id, made))
        keep_shown(connection, shown)
        if bare:
            connection.execute(
                update(sql.OBJECTS)
                .where(_o.id.in_(bare))
                .values(title=None, description=None, markup=0, shown_by=None)
            )
            for table in (TEXT, SORT):
                connection.execute(delete(table).where(table.c.id_object.in_(bare)))

    def recount(self) -> int:
        """Correct the counters; return how many were wrong."""
        fold(self._store.transactions)

        def work(connection: Connection) -> int:
            wrong = wrong_counts(connection)
            if wrong:
                recount(connection)
            return wrong

        return self._store.transactions.run(work)

    def wrong_counts(self) -> int:
        """Return how many counters differ from what is counted now."""
        with self._store.transactions.reading() as connection:
            return wrong_counts(connection)
