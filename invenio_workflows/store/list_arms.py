"""What of an index a list walks along, and the columns that it reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    text,
)

from ..states import ObjectStatus
from . import statements as sql
from .models import IS_LISTED, IS_RESTING

OBJECTS = sql.OBJECTS
_o = OBJECTS.c

#: What a list shows, and what is counted where there are no counters.
ROW = tuple(
    _o[name]
    for name in (
        "id title description markup status waits_for workflow action message error "
        "data_type uri id_user created modified revision id_fork deadline "
        "rules"
    ).split()
)
LIGHT = tuple(
    _o[name]
    for name in (
        "id status waits_for workflow action data_type id_user modified"
    ).split()
)

#: What is read of rows that are only counted: by all that they have in common, by whose
#: they are and how old, or for their number alone.
TALLIED, OWNED_AND_AGED, NUMBERED = LIGHT[1:], (_o.id_user, _o.modified), LIGHT[:1]

#: The same as "listed" is for those at work, in words that are no index's: all that
#: are listed would be walked in their order for the few.
IS_OWNED = text("id_user <> 0")
_IS_LISTED_AT_WORK = text("id_parent IS NULL AND coalesce(id_fork, 0) = 0")


class Arm(NamedTuple):
    """Rows that follow each other in an index of lists.

    :param status: none: in any status.
    :param workflows: none: of any.
    :param owner: of this one alone; of whatever status then.
    """

    status: ObjectStatus | None
    waits_for: str | None
    workflows: tuple[str, ...] = ()
    owner: int | None = None

    def rows(self, *columns: Any, by_time: bool = False) -> Select[Any]:
        """Return the statement for the rows.

        :param by_time: whether they are to be in the order in which they changed:
            not to be looked up by anything but their status then, and sorted.
        """
        waits_for, workflow = _o.waits_for, _o.workflow
        if by_time:
            nothing: Any = literal_column("''")
            waits_for, workflow = (
                func.coalesce(column, nothing) for column in (waits_for, workflow)
            )
        return select(*columns).where(*self._state(waits_for), *self._of(workflow))

    def as_place(self, column: Any) -> Any:
        """Return by what the rows are sorted: of the few at work no index has it."""
        is_at_work = self.status is ObjectStatus.RUNNING
        return func.coalesce(column, column) if is_at_work else column

    def _state(self, waits_for: Any) -> list[Any]:
        """Return the conditions, the constants in the text: the planner looks there."""
        if self.owner is not None:
            mine = _o.id_user == literal_column(str(int(self.owner)))
            return [IS_LISTED, IS_OWNED, mine]
        if self.status is None:
            return [IS_LISTED]
        state = _o.status == literal_column(str(int(self.status)))
        if self.status is ObjectStatus.RUNNING:
            return [_IS_LISTED_AT_WORK, state, _o.waits_for.is_(None)]
        if self.waits_for is None:
            waits: Any = _o.waits_for.is_(None)
        else:
            waits = waits_for == literal_column(f"'{self.waits_for}'")
        return [IS_LISTED, IS_RESTING, state, waits]

    def _of(self, workflow: Any) -> list[Any]:
        names: list[Any] = [
            bindparam(None, each, literal_execute=True) for each in self.workflows
        ]
        if len(names) == 1:
            return [workflow == names[0]]
        return [workflow.in_(names)] if names else []


def standing(arms: Sequence[Arm]) -> Any:
    """Return the condition that an object is in one of the arms; not for an index."""
    status = _o.status + literal_column("0")
    names: dict[tuple[ObjectStatus | None, str | None], list[str]] = {}
    for arm in arms:
        names.setdefault((arm.status, arm.waits_for), []).extend(arm.workflows)
    states: dict[tuple[str, ...], list[Any]] = {}
    for (number, waits_for), workflows in names.items():
        same = status == literal_column(str(int(number or 0)))
        if waits_for is not None:
            same = and_(same, _o.waits_for == literal_column(f"'{waits_for}'"))
        states.setdefault(tuple(workflows), []).append(same)
    each = (
        and_(or_(*same), _o.workflow.in_(list(names))) for names, same in states.items()
    )
    return and_(IS_LISTED, or_(*each))


def is_sample(columns: Sequence[Any]) -> bool:
    """Say whether the rows are only to be counted, in whatever order they come."""
    return columns is TALLIED or columns is OWNED_AND_AGED


def number_in_text(number: int) -> Any:
    """A limit that the planner sees: it plans for a tenth of the table else."""
    return literal_column(str(int(number)))


def in_index(columns: Sequence[Any]) -> Sequence[Any] | None:
    """Return what is read of rows that are only counted, beside place and id.

    :return: ``None`` for rows that are shown: they are read whole.
    """
    if columns is not NUMBERED and not is_sample(columns):
        return None
    return [each for each in columns if each.name not in ("id", "modified")]


#: Where a walk ends that meets no edge.
LEAST: dict[str, Any] = {
    "id": literal_column("0"),
    "modified": literal_column("'0001-01-01'"),
    "value": literal_column("''"),
}
MOST: dict[str, Any] = {
    "id": literal_column(str(2**63 - 1)),
    "modified": literal_column("'9999-12-31'"),
    "value": literal_column("'\U0010ffff'"),
}
