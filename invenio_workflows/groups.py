"""Where a person looks for an object, by its status and by what it waits for."""

from __future__ import annotations

from enum import StrEnum

from .states import WAITS_FOR, ObjectStatus


class Group(StrEnum):
    """Where a person looks for an object; lists, records and counts ask this alone."""

    NEED_ACTION = "need_action"
    FAILED = "failed"
    IN_PROCESS = "in_process"
    WAITING = "waiting"
    DONE = "done"
    NEW = "new"

    @property
    def label(self) -> str:
        """The group in a person's words."""
        return self.value.replace("_", " ").capitalize()

    @property
    def states(self) -> tuple[tuple[ObjectStatus, str | None], ...]:
        """Status and what is waited for, of those that belong to the group."""
        return tuple(state for state in STATES if group_of(*state) is self)


def group_of(status: int, waits_for: str | None = None) -> Group:
    """Return the group of an object in this status that waits for this."""
    return Group.IN_PROCESS if waits_for == "queue" else _GROUPS[status]


#: By a number too: lists ask a thousand times for a page.
_GROUPS: dict[int, Group] = {
    ObjectStatus.INITIAL: Group.NEW,
    ObjectStatus.COMPLETED: Group.DONE,
    ObjectStatus.HALTED: Group.NEED_ACTION,
    ObjectStatus.RUNNING: Group.IN_PROCESS,
    ObjectStatus.WAITING: Group.WAITING,
    ObjectStatus.ERROR: Group.FAILED,
    ObjectStatus.CANCELLED: Group.DONE,
}

#: Every status, and what a WAITING object waits for.
STATES: tuple[tuple[ObjectStatus, str | None], ...] = tuple(
    (status, waits_for)
    for status in ObjectStatus
    for waits_for in (WAITS_FOR if status == ObjectStatus.WAITING else (None,))
)
