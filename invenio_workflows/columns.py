"""Values of a document that are kept in a column of their own."""

from __future__ import annotations

from typing import Any

from .errors import WorkflowAPIError

#: What a task may set: the others say which object it is, and where it stands.
_OF_TASKS = frozenset(("data_type", "uri", "id_user"))


class Column:
    """A value of the object that is kept in a column of its own."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, obj: Any, owner: type | None = None) -> Any:
        return self if obj is None else obj.columns.get(self.name)

    def __set__(self, obj: Any, value: Any) -> None:
        if obj.world is not None and self.name not in _OF_TASKS:
            raise WorkflowAPIError(
                f"Inside a task the engine keeps obj.{self.name}; a task may set "
                f"{', '.join(sorted(_OF_TASKS))}, and all of data and extra_data."
            )
        obj.columns[self.name] = value
