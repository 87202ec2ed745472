"""Makes anew what lists keep: titles, words and sort keys, in bounded batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select, text, update

from . import statements as sql
from .list_counts import fold, recount, wrong_counts
from .list_models import SORT, TEXT
from .models import LISTED
from .shown import keep_shown
from .sql import SQLStore
from .transactions import begin

_o = sql.OBJECTS.c


@dataclass(frozen=True, slots=True)
class Indexed:
    """How far it is with the objects of a workflow."""

    workflow: str
    done: int


class Reindexer:
    """Redoes what the hooks of the workflows made, and counts anew."""

    def __init__(self, store: SQLStore, batch_size: int) -> None:
        self._store = store
        self._batch_size = batch_size

    def workflows(self) -> list[str]:
        """Return the names of the workflows that listed objects are of."""
        names = select(_o.workflow).where(text(LISTED)).distinct()
        with self._store.transactions.reading() as connection:
            return sorted(connection.execute(names).scalars())

    def old(self, workflow: str) -> int:
        """Return how many objects are shown as other code made them, or none did."""
        some = select(func.count()).where(*self._is_old(workflow))
        with self._store.transactions.reading() as connection:
            return int(connection.execute(some).scalar_one())

    def _is_old(self, workflow: str) -> tuple[Any, ...]:
        _, digest = self._store.showing.hooks(workflow)
        mine = (_o.workflow == workflow, _o.id_parent.is_(None))
        return (*mine, _o.shown_by.is_distinct_from(digest))

    def run(self, workflow: str, everything: bool = False) -> Iterator[int]:
        """Redo the objects of a workflow, a commit for each batch.

        :param everything: those too whose hooks did not change meanwhile.
        :return: how many each batch redid.
        """
        after = 0
        while True:
            done, after = self._batch(workflow, after, everything)
            if after < 0:
                return
            yield done

    def _batch(self, workflow: str, after: int, everything: bool) -> tuple[int, int]:
        where = self._is_old(workflow)[: 2 if everything else None]
        chosen = (
            select(*sql.COLUMNS)
            .where(*where, _o.id > after)
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
