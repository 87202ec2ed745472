"""Definitions by where they lie: one class a module of ``<package>.workflows``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .errors import ConfigurationError

#: Told of a module that cannot be used, inside of the ``except`` that caught it.
Failed = Callable[[str, Exception], None]


def in_package(package: str, failed: Failed | None = None) -> list[tuple[str, Any]]:
    """Return name and class of each module of ``<package>.workflows``.

    :param failed: told of a module that cannot be used, which is left out then;
        without it the error is raised.
    """
    found = []
    try:
        home = _home(package)
    except Exception as error:
        if failed is None:
            raise
        failed(f"{package}.workflows", error)
        return []
    for each in pkgutil.iter_modules(home.__path__):
        if each.name.startswith("_"):
            continue
        try:
            module = importlib.import_module(f"{home.__name__}.{each.name}")
            found.append(_in_module(module, each.name))
        except Exception as error:
            if failed is None:
                raise
            failed(f"{home.__name__}.{each.name}", error)
    return found


def _home(package: str) -> ModuleType:
    try:
        importlib.import_module(package)
        return importlib.import_module(f"{package}.workflows")
    except ModuleNotFoundError as error:
        if error.name not in (package, f"{package}.workflows"):
            raise
        raise ConfigurationError(
            f"WORKFLOWS_PACKAGES names {package!r}, but {error.name!r} cannot be "
            "imported."
        ) from error


def _in_module(module: ModuleType, name: str) -> tuple[str, Any]:
    listed = getattr(module, "__all__", ())
    source = getattr(module, name, None)
    if source is None and listed:
        name = listed[0]
        source = getattr(module, name, None)
    if source is None:
        raise ConfigurationError(
            f"{module.__name__} holds no workflow: name the class like the module, "
            "or name it first in __all__."
        )
    return name, source
