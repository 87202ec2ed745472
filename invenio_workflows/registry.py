"""Names to things. A second owner of a name is refused."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any, Generic, TypeVar

from .errors import ConfigurationError

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """A dictionary that says which names there are when one is missing.

    :param unknown: makes the error for an unknown name, from a sentence.
    """

    def __init__(self, kind: str, unknown: Callable[[str, str], Exception]) -> None:
        self.kind = kind
        self._unknown = unknown
        self._things: dict[str, T] = {}

    def register(self, name: str, thing: T, replace: bool = False) -> T:
        """Give ``thing`` a name.

        :raises ConfigurationError: if another thing has it and ``replace`` is false.
        """
        if not isinstance(name, str) or not name:
            raise ConfigurationError(
                f"A {self.kind} needs a name that is a string, not {name!r}."
            )
        if len(name) > 255 or not name.isprintable():
            raise ConfigurationError(
                f"A {self.kind} has a name of 1 to 255 letters in one line, not "
                f"{name!r}."
            )
        if name in self._things and not replace:
            raise ConfigurationError(
                f"There is a {self.kind} {name!r} already: {self._things[name]!r}. "
                "Give the second another name, or register it with replace=True."
            )
        self._things[name] = thing
        return thing

    def __getitem__(self, name: str) -> T:
        try:
            return self._things[name]
        except (KeyError, TypeError):
            known = ", ".join(sorted(self._things)) or "none"
            raise self._unknown(
                f"There is no {self.kind} {name!r}. Known: {known}.", str(name)
            ) from None

    def fill(self, things: dict[str, T]) -> None:
        """Have these things, and no others."""
        self._things = things

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def get(self, name: str, default: Any = None) -> Any:
        """Return the thing of this name, or ``default``."""
        return self._things.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._things))

    def __len__(self) -> int:
        return len(self._things)


def plugin(group: str, name: str, kind: str) -> Any:
    """Return the thing of one entry point; the others of its group are not loaded.

    :raises ConfigurationError: if there is none of this name, or it cannot be loaded.
    """
    entries = entries_of(group)
    if name not in entries.names:
        known = ", ".join(sorted(entries.names)) or "none"
        raise ConfigurationError(f"There is no {kind} {name!r}. Known: {known}.")
    return _loaded(group, entries[name])


def plugins(
    group: str, failed: Callable[[str, Exception], None] | None = None
) -> Iterator[tuple[str, Any]]:
    """Yield name and thing of each entry point of a group.

    :param failed: told of the module of one that cannot be loaded, which is left out.
    :raises ConfigurationError: naming the entry point that cannot be loaded.
    """
    for entry in entries_of(group):
        try:
            thing = _loaded(group, entry)
        except ConfigurationError as error:
            if failed is None:
                raise
            failed(entry.module, error)
        else:
            yield entry.name, thing


def installed(group: str) -> Iterator[tuple[str, Any]]:
    """Yield name and thing of each entry point whose extra is installed.

    :raises ConfigurationError: naming the entry point that cannot be loaded.
    """
    for entry in entries_of(group):
        try:
            yield entry.name, _loaded(group, entry)
        except ConfigurationError as error:
            missing = error.__cause__
            ours = entry.module.partition(".")[0]
            if not (entry.extras and isinstance(missing, ModuleNotFoundError)):
                raise
            if (missing.name or ours).partition(".")[0] == ours:
                raise


def entries_of(group: str) -> EntryPoints:
    """Return the entry points of a group; what is installed is read once."""
    return _read(group, tuple((path, _changed(path)) for path in sys.path))


@lru_cache(maxsize=64)
def _read(group: str, where: tuple[tuple[str, int], ...]) -> EntryPoints:
    return entry_points(group=group)


def _changed(path: str) -> int:
    """Return when something was last installed into a directory, or removed there."""
    try:
        return os.stat(path or ".").st_mtime_ns
    except OSError:
        return 0


def _loaded(group: str, entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as error:
        # What lacks an extra says so in a sentence.
        told = str(error) if isinstance(error, ImportError) else f"{error!r}."
        raise ConfigurationError(
            f"The entry point {entry.name} = {entry.value} of the group {group} "
            f"cannot be loaded: {told}"
        ) from error
