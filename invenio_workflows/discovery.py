"""Definitions by where they lie: one class a module of ``<package>.workflows``."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from .errors import ConfigurationError


def in_package(package: str) -> list[tuple[str, Any]]:
    """Return name and class of each module of ``<package>.workflows``."""
    try:
        importlib.import_module(package)
        home = importlib.import_module(f"{package}.workflows")
    except ModuleNotFoundError as error:
        if error.name not in (package, f"{package}.workflows"):
            raise
        raise ConfigurationError(
            f"WORKFLOWS_PACKAGES names {package!r}, but {error.name!r} cannot be "
            "imported."
        ) from error
    found = []
    for each in pkgutil.iter_modules(home.__path__):
        if not each.name.startswith("_"):
            module = importlib.import_module(f"{home.__name__}.{each.name}")
            found.append(_in_module(module, each.name))
    return found


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
