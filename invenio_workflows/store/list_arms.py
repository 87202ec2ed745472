"""What of an index a list walks along, and the columns that it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, literal_column, select

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
        "data_type uri id_user created modified revision id_fork"
    ).split()
)
LIGHT = tuple(
    _o[name]
    for name in (
        "id status waits_for workflow action data_type id_user modified"
    ).split()
)

_RUNNING = "ix_workflows_object_running"


@dataclass(frozen=True, slots=True)
class Arm:
    """Rows that follow each other in an index of lists.

    :param status: none: in any status.
    :param workflows: none: of any.
    """

    status: ObjectStatus | None
    waits_for: str | None
    workflows: tuple[str, ...] = ()

    def rows(self, *columns: Any) -> Select[Any]:
        """Return the statement for the rows; of those at work there are but a few."""
        found = select(*columns).where(*self.where())
        if self.status is ObjectStatus.RUNNING:  # SQLite walks all for the order else
            found = found.with_hint(OBJECTS, f"INDEXED BY {_RUNNING}", "sqlite")
        return found

    def where(self) -> list[Any]:
        """Return the conditions, the constants in the text: the planner looks there."""
        found: list[Any] = [IS_LISTED]
        if self.status is not None:
            if self.status is not ObjectStatus.RUNNING:
                found.append(IS_RESTING)
            found.append(_o.status == literal_column(str(int(self.status))))
            if self.waits_for is None:
                found.append(_o.waits_for.is_(None))
            else:
                found.append(_o.waits_for == literal_column(f"'{self.waits_for}'"))
        names: list[Any] = [
            bindparam(None, each, literal_execute=True) for each in self.workflows
        ]
        if len(names) == 1:
            found.append(_o.workflow == names[0])
        elif names:
            found.append(_o.workflow.in_(names))
        return found
