"""Values of a document that are kept in a column of their own."""

from __future__ import annotations

from typing import Any


class Column:
    """A value of the object that is kept in a column of its own."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, obj: Any, owner: type | None = None) -> Any:
        return self if obj is None else obj.columns.get(self.name)

    def __set__(self, obj: Any, value: Any) -> None:
        obj.columns[self.name] = value
