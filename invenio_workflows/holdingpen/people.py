"""What people are called: asked of the site, all of a page's people at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pkgutil import resolve_name
from typing import Any

from flask import request

from ..errors import ConfigurationError
from ..proxies import current_workflows
from .display import plain

_logger = logging.getLogger(__name__)

SETTING = "WORKFLOWS_USER_NAMES"
#: Takes the ids of people, and gives a name to each that it knows.
Names = Callable[[list[str]], Mapping[str, str]]
#: In a request: the names that were asked for already; no name: an empty one.
_KEPT = "invenio_workflows.names"
_LONGEST = 80


def hook(given: Any) -> Names | None:
    """Return what the site asks for names.

    :param given: the setting: a callable, its ``module:name``, or nothing.
    :raises ConfigurationError: if it cannot be called.
    """
    found = _named(given) if isinstance(given, str) else given
    if found is not None and not callable(found):
        raise ConfigurationError(
            f"{SETTING} cannot be called: {given!r}. Give a function, or its "
            "'module:name', that takes a list of ids and gives a name for each."
        )
    return found


@cache
def _named(given: str) -> Any:
    try:
        return resolve_name(given)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"{SETTING} is {given!r}, which cannot be found: {error}. Write "
            "'module:name'."
        ) from error


def names(ids: Iterable[str | int | None]) -> dict[str, str]:
    """Return the names of those people who have one; the site is asked once for each.

    :param ids: of any people that a page is about; 0 and ``None`` are nobody.
    """
    wanted = {str(each): None for each in ids if each not in (None, "", 0, "0")}
    kept: dict[str, str] = request.environ.setdefault(_KEPT, {})
    unknown = [each for each in wanted if each not in kept]
    if unknown:
        kept.update(dict.fromkeys(unknown, ""))
        kept.update(_asked(unknown))
    return {each: kept[each] for each in wanted if kept[each]}


def name(one: str | int | None) -> str:
    """Return what somebody is called: the name, or else the id."""
    known = plain(one, _LONGEST)
    return names([one]).get(str(one), known)


def _asked(ids: list[str]) -> dict[str, str]:
    ask = hook(current_workflows.settings.user_names)
    if ask is None:
        return {}
    try:
        found = ask(ids)
        told = {each: plain(found.get(each) or "", _LONGEST) for each in ids}
    except Exception:
        _logger.exception("%s failed for %s.", SETTING, ", ".join(ids))
        return {}
    return told
