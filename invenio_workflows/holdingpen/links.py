"""What can be chosen on a page: every choice is a link."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote_plus

from flask import request, url_for

from ..store.wanted import Count
from .display import number
from .people import name
from .texts import _
from .urls import ListState

#: What an address can be read with, and means nothing in a query.
_READABLE = "!$'()*,/:;?@"
#: In a request: where the list is.
_KEPT = "invenio_workflows.list"


class Link(NamedTuple):
    """Something to choose: what it is called, where it leads, whether it is chosen."""

    label: str
    url: str
    chosen: bool = False
    number: str = ""
    name: str = ""


def list_url(state: ListState) -> str:
    """Return the address of a list."""
    above = _above()
    query = "&".join(f"{key}={_quoted(value)}" for key, value in state.pairs())
    if not query:
        return above
    return f"{above}{'&' if '?' in above else '?'}{query}"


@lru_cache(4096)
def _quoted(value: str) -> str:
    """Return a value for an address; most are in many of a page, and of the next."""
    return quote_plus(value, _READABLE)


def _above() -> str:
    """Return where the list is; asked once, for a page has a hundred links to it."""
    environ = request.environ
    found: str | None = environ.get(_KEPT)
    if found is None:
        found = environ[_KEPT] = url_for("holdingpen.index")
    return found


def counted(count: Count | None) -> str:
    """Return a count as it is read: ``1,000+`` where it was not counted to the end."""
    if count is None:
        return number(0)
    return number(count.number) + ("" if count.exact else "+")


def owner_label(value: str) -> str:
    """Return what a value of the filter ``owner`` is called."""
    if value in ("me", "0"):
        return _("me") if value == "me" else _("nobody")
    return name(value)


def age_label(name: str) -> str:
    """Return what an age of :data:`.urls.AGES` is called."""
    return {
        "1d": _("less than a day"),
        "7d": _("1 to 7 days"),
        "30d": _("7 to 30 days"),
        "365d": _("30 days to a year"),
        "older": _("more than a year"),
    }[name]
