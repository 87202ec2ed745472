"""The objects around one: its own, those of its run, its neighbours in a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import literal_column, select, tuple_

from ..objects import WorkflowObject
from ..states import ObjectStatus
from . import statements as sql
from .models import IS_LISTED, IS_RESTING
from .rows import place_of
from .sql import SQLStore

#: At most this many relatives of a kind are shown.
MOST_RELATED = 100
#: At most this many of the newest failures are looked at for those that are alike.
MOST_FAILED = 5000

_objects = sql.OBJECTS.c
_NEIGHBOUR = (
    *(_objects.id, _objects.title, _objects.markup),
    *(_objects.status, _objects.waits_for),
)


@dataclass(frozen=True, slots=True)
class Relative:
    """Another object, as a link to it needs it."""

    id: int
    status: ObjectStatus
    waits_for: str | None
    branch: int | None
    modified: datetime
    position: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another object of a list, as a link to it needs it."""

    id: int
    title: str | None
    is_markup: bool
    status: ObjectStatus
    waits_for: str | None


@dataclass(frozen=True, slots=True)
class Alike:
    """Objects that failed with the same words.

    :param complete: whether there was no older failure to look at.
    """

    ids: list[int]
    complete: bool


class Relations:
    """Reads the objects around one."""

    def __init__(self, store: SQLStore) -> None:
        self._store = store
        self._reading = store.transactions.reading

    def snapshots(self, oid: int) -> list[Relative]:
        """Return the snapshots of an object, the newest first."""
        return self._related(_objects.id_parent == oid, _objects.id.desc())

    def branches(self, oid: int) -> list[Relative]:
        """Return the branches of an object, the newest first."""
        return self._related(_objects.id_fork == oid, _objects.id.desc())

    def below(self, branches: Sequence[Relative]) -> list[Relative]:
        """Return branches and those that they have, as many as are shown."""
        found, level = list(branches), branches
        while level and len(found) < MOST_RELATED:
            ids = [each.id for each in level]
            level = self._related(_objects.id_fork.in_(ids), _objects.id.desc())
            found += level
        return found

    def origins(self, obj: WorkflowObject) -> list[int]:
        """Return the object whose branch this is, the one whose branch that is, …"""
        found: list[int] = []
        oid = obj.id_fork
        if oid is None:
            return found
        with self._reading() as connection:
            while oid is not None:
                found.append(oid)
                above = select(_objects.id_fork).where(_objects.id == oid)
                oid = connection.execute(above).scalar_one_or_none()
        return found

    def of_run(self, uuid: str) -> list[Relative]:
        """Return the first objects of a run, in its order."""
        mine = (
            _objects.id_workflow == uuid,
            _objects.id_parent.is_(None),
            _objects.id_fork.is_(None),
        )
        return self._related(*mine, _objects.position)

    def _related(self, *terms: Any) -> list[Relative]:
        *conditions, order = terms
        statement = (
            select(
                _objects.id,
                _objects.status,
                _objects.waits_for,
                _objects.branch,
                _objects.modified,
                sql.as_text(_objects.cursor),
            )
            .where(*conditions)
            .order_by(order)
            .limit(MOST_RELATED + 1)
        )
        with self._reading() as connection:
            rows = connection.execute(statement).all()
        return [
            Relative(
                row.id,
                ObjectStatus(row.status),
                row.waits_for,
                row.branch,
                row.modified,
                tuple(place_of(row.cursor)[0]),
            )
            for row in rows
        ]

    def neighbours(
        self, ids: Sequence[int], workflows: Sequence[str]
    ) -> list[Neighbour]:
        """Return the objects of these ids and workflows, in the order of the ids."""
        statement = select(*_NEIGHBOUR).where(
            _objects.id.in_(ids), _objects.workflow.in_(workflows)
        )
        with self._reading() as connection:
            found = {row.id: row for row in connection.execute(statement)}
        return [_neighbour(found[oid]) for oid in ids if oid in found]

    def of_workflows(self, ids: Sequence[int], workflows: Sequence[str]) -> list[int]:
        """Return those of these ids that are of these workflows, in their order."""
        statement = select(_objects.id).where(
            _objects.id.in_(ids), _objects.workflow.in_(workflows)
        )
        with self._reading() as connection:
            found = set(connection.execute(statement).scalars())
        return [oid for oid in ids if oid in found]

    def around(
        self, obj: WorkflowObject, workflows: Sequence[str], most: int
    ) -> tuple[list[Neighbour], list[Neighbour]]:
        """Return what is before and after an object in the list of what needs action.

        By its key, however long the list is. Both begin with the nearest; the object
        itself is first of those after it, if it is in that list.

        :param workflows: of which objects may be seen.
        :param most: how many of each.
        """
        place = tuple_(_objects.modified, _objects.id)
        here = (obj.modified, obj.id)
        arms = (
            (place > here, (_objects.modified, _objects.id)),
            (place <= here, (_objects.modified.desc(), _objects.id.desc())),
        )
        found = []
        with self._reading() as connection:
            for condition, order in arms:
                statement = (
                    select(*_NEIGHBOUR)
                    .where(_objects.status == int(ObjectStatus.HALTED), condition)
                    .where(_objects.workflow.in_(workflows), IS_LISTED, IS_RESTING)
                    .order_by(*order)
                    .limit(most)
                )
                found.append([_neighbour(row) for row in connection.execute(statement)])
        return found[0], found[1]

    def alike(self, obj: WorkflowObject, limit: int) -> Alike:
        """Return others of its workflow that failed with the same words.

        The newest :data:`MOST_FAILED` failures are looked at, of all workflows. Those
        that failed first come first, so that who runs them again, some at a time,
        comes to all of them before those that failed once more.
        """
        error = select(_objects.error).where(_objects.id == obj.id).scalar_subquery()
        newest = (
            select(*(_objects.id, _objects.workflow, _objects.error, _objects.modified))
            .where(_objects.status == literal_column(str(int(ObjectStatus.ERROR))))
            .where(IS_LISTED, IS_RESTING)
            .order_by(_objects.modified.desc(), _objects.id.desc())
            .limit(MOST_FAILED)
            .subquery()
        )
        others = (
            select(newest.c.id)
            .where(newest.c.workflow == obj.workflow_name)
            .where(newest.c.error == error, newest.c.id != obj.id)
            .order_by(newest.c.modified, newest.c.id)
            .limit(limit)
        )
        further = (
            select(_objects.id)
            .where(_objects.status == literal_column(str(int(ObjectStatus.ERROR))))
            .where(IS_LISTED, IS_RESTING)
            .limit(1)
            .offset(MOST_FAILED)
        )
        with self._reading() as connection:
            ids = list(connection.execute(others).scalars())
            complete = connection.execute(further).first() is None
        return Alike(ids, complete)


def _neighbour(row: Any) -> Neighbour:
    return Neighbour(
        row.id,
        row.title,
        bool((row.markup or 0) & 1),
        ObjectStatus(row.status),
        row.waits_for,
    )
