"""What a person reads of branches: whose they are, and who waits for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..objects import WorkflowObject
from ..proxies import current_workflows
from ..states import ObjectStatus
from .arguments import command

_ENDED = (ObjectStatus.COMPLETED, ObjectStatus.CANCELLED)
_NEEDY = (ObjectStatus.HALTED, ObjectStatus.ERROR)


def of_which(id_fork: int | None, branch: int | None) -> str:
    """Return ``branch 0 of object 12``; nothing for what is not a branch."""
    return "" if id_fork is None else f"branch {branch} of object {id_fork}"


def branches_of(obj: WorkflowObject) -> list[WorkflowObject]:
    """Return the branches that the object was last split into."""
    return [each.obj for each in current_workflows.store.branches_of(obj.id)]


def is_split(obj: WorkflowObject) -> bool:
    """Say whether the object waits for branches of its own."""
    if obj.waits_for != "join":  # else, once they have ended, it waits for a run
        return False
    return any(each.status not in _ENDED for each in branches_of(obj))


def branches_in_words(obj: WorkflowObject) -> tuple[str, str]:
    """Return whether the object waits for its branches or had them, and how each is."""
    told = ", ".join(f"{each.id} {each.status.name}" for each in branches_of(obj))
    return ("waits for its branches" if is_split(obj) else "branches"), told


def for_programs(obj: WorkflowObject) -> list[dict[str, Any]]:
    """Return the branches of an object as JSON holds them."""
    return [
        {"id": each.id, "branch": each.branch, "status": each.status.name}
        for each in branches_of(obj)
    ]


def needy(obj: WorkflowObject) -> Iterator[str]:
    """Yield the commands that show the branches which wait for a person."""
    for each in branches_of(obj) if is_split(obj) else ():
        if each.status in _NEEDY:
            yield command("object", each.id)


def number(oid: int, depth: int) -> str:
    """Return the id for a table; of a branch, with a line from its object."""
    return f"└{'─' * (2 * depth - 1)} {oid}" if depth else str(oid)


def beneath(rows: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows and how deep they stand: a branch below its object, if listed."""
    listed = {row["id"] for row in rows}
    below: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        if row["id_fork"] in listed:
            below.setdefault(row["id_fork"], []).append(row)

    def from_here(row: dict[str, Any], depth: int) -> Iterator[tuple[int, Any]]:
        yield depth, row
        for branch in sorted(below.get(row["id"], ()), key=lambda each: each["id"]):
            yield from from_here(branch, depth + 1)

    for row in rows:
        if row["id_fork"] not in listed:
            yield from from_here(row, 0)
