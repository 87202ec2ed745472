"""The pen as a view of the site's Flask-Admin, and that admin's menu for our pages."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import redirect, url_for
from flask_admin import BaseView, expose
from flask_admin.menu import MenuView

_logger = logging.getLogger(__name__)


class PenView(BaseView):
    """Stands for the pen in an admin's menu. The pages are the blueprint's.

    It is not given to ``Admin.add_view``, which would register its routes anew.

    :param may_look: says whether this person is to see the entry.
    """

    def __init__(self, may_look: Callable[[], bool]) -> None:
        super().__init__(name="Holding Pen", endpoint="holdingpen")
        self._may_look = may_look

    def join(self, admin: Any) -> None:
        """Add the menu entry."""
        admin.add_menu_item(_Entry(self.name, self))

    @expose("/")
    def index(self) -> Any:
        """Lead to the pages, which are the blueprint's; an admin's view needs one."""
        return redirect(url_for("holdingpen.index"))

    def get_url(self, endpoint: str, **kwargs: Any) -> str:
        """Return where the pen is; Flask-Admin's own needs a registered view."""
        return url_for("holdingpen.index")

    def is_accessible(self) -> bool:
        """Say whether this person may open it."""
        return self._may_look()

    def is_visible(self) -> bool:
        """Say whether it is in the menu."""
        return self._may_look()


class _Entry(MenuView):
    """The entry; a proxy's prefix may differ, so its address is not kept."""

    def get_url(self) -> str:
        return url_for("holdingpen.index")


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of the site's menu: a link, or a name with links below it."""

    name: str
    url: str | None
    ours: bool = False
    children: tuple[Item, ...] = ()


def menu_of(admin: Any) -> Iterator[Item]:
    """Yield the entries of an admin's menu that this person may see.

    An entry of the site that fails is left out: its fault is no reason for ours.
    """
    for item in [*admin.menu(), *admin.menu_links()]:
        try:
            if item.is_accessible() and item.is_visible():
                yield _read(item)
        except Exception:
            _logger.exception("The admin's menu entry %s cannot be shown.", _name(item))


def _url(item: Any) -> str | None:
    """Return where an entry leads, below the path of this request.

    Flask-Admin keeps the address of the first request for all that follow; one that
    did not come through the proxy would send everybody past it.
    """
    fresh = copy.copy(item)
    if hasattr(fresh, "_cached_url"):
        fresh._cached_url = None
    found: str | None = fresh.get_url()
    return found


def _name(item: Any) -> str:
    """Return what an entry is called, also where nobody can translate it.

    Flask-Admin has its own names translated by Flask-Babel wherever that is installed,
    initialised or not; uninitialised it raises.
    """
    try:
        return str(item.name)
    except Exception:
        untranslated = getattr(item.name, "_args", ())
        return str(untranslated[0]) if untranslated else type(item).__name__


def _read(item: Any) -> Item:
    children = tuple(_read(child) for child in item.get_children())
    url = None if item.is_category() else _url(item)
    return Item(_name(item), url, isinstance(item, _Entry), children)
