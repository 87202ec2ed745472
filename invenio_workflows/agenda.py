"""What a conductor has yet to move: the objects that it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .objects import WorkflowObject
from .port import Store


@dataclass(slots=True)
class Item:
    """An object, and where it goes on.

    ``passes_on``: it waits for a branch; those that follow it in a start go on.
    """

    obj: WorkflowObject
    start_point: str
    passes_on: bool = False


class Agenda:
    """A stack: what comes of an object is moved before what follows it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._left: list[Item] = []

    def push(
        self, obj: WorkflowObject | None, start_point: str = "continue_next"
    ) -> None:
        """Let an object have the next turn, if there is one."""
        if obj is not None:
            self._left.append(Item(obj, start_point))

    def pop(self) -> Item | None:
        """Return who is next; ``None`` at the end."""
        return self._left.pop() if self._left else None

    def __bool__(self) -> bool:
        """Say whether anybody is left."""
        return bool(self._left)

    @property
    def unbegun(self) -> Sequence[int]:
        """The ids of the branches that are held, and had no turn yet."""
        return [i.obj.id for i in self._left if i.obj.id_fork and not i.passes_on]

    def split(self, obj: WorkflowObject, branches: Sequence[WorkflowObject]) -> None:
        """Let the branches of an object have the next turns, in their order."""
        if obj.columns["in_start"]:
            self._left.append(Item(obj, "", passes_on=True))
        for branch in reversed(branches):
            self._store.moving.begins(branch.id, branch.columns["fence"])
            self.push(branch, "resume")

    def join(self, obj: WorkflowObject) -> None:
        """Let an object go on; branches of it that had no turn were cancelled."""
        for item in self._left:
            if item.obj.id_fork == obj.id:
                self._store.moving.ends(item.obj.id)
        self._left = [
            item
            for item in self._left
            if item.obj.id_fork != obj.id
            and not (item.passes_on and item.obj.id == obj.id)
        ]
        self.push(obj, obj.columns["start_point"] or "continue_next")

    def drop(self) -> None:
        """Hold no object any more; a recovery finds them."""
        for item in self._left:
            if not item.passes_on:
                self._store.moving.ends(item.obj.id)
        self._left = []
