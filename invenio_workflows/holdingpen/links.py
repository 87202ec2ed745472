"""What can be chosen on a page: every choice is a link."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for

from ..store.wanted import Count
from .display import number
from .people import name
from .texts import _
from .urls import ListState


@dataclass(frozen=True, slots=True)
class Link:
    """Something to choose: what it is called, where it leads, whether it is chosen."""

    label: str
    url: str
    chosen: bool = False
    count: str = ""
    name: str = ""


def list_url(state: ListState) -> str:
    """Return the address of a list."""
    return url_for("holdingpen.index", **state.args())


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
