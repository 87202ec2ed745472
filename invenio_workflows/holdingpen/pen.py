"""The pen of one application: its blueprint, and its place in the site's admin."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, url_for

from ..version import __version__
from . import (
    all_results,
    auditing,
    changes,
    decide,
    definitions,
    downloads,
    editing,
    exporting,
    guard,
    listing,
    people,
    record,
    starting,
)
from .display import moment, number, plain
from .flask_admin import PenView, menu_of
from .flask_wtf import csrf_field, csrf_token
from .listing import may_look
from .texts import language, ngettext, speaking

#: Where the pages are, below the site's root.
PREFIX = "/admin/holdingpen"
#: The rooms that have pages, each with its ``ROUTES``.
ROOMS: tuple[Any, ...] = (
    *(listing, exporting, starting, auditing, definitions),
    *(record, changes, all_results, decide, editing, downloads),
)


class HoldingPen:
    """The pages of one application; made by ``init_app`` when the extra is installed.

    :param app: the application, which gets the blueprint ``holdingpen``.
    :param state: what the extension keeps for it.
    """

    def __init__(self, app: Flask, state: Any) -> None:
        self.base_template = state.settings.base_template
        people.hook(state.settings.user_names)  # a wrong one is told now
        self._admins: list[Any] = []
        app.register_blueprint(self._blueprint())

    def init_admin(self, admin: Any) -> None:
        """Add the pen to a site's Flask-Admin, and the site's menu to the pen.

        Before or after the ``Admin`` is given its application.
        """
        PenView(may_look).join(admin)
        self._admins.append(admin)

    def _blueprint(self) -> Blueprint:
        blueprint = Blueprint(
            "holdingpen",
            __name__,
            url_prefix=PREFIX,
            template_folder="../templates",
            static_folder="../static",
        )
        for room in ROOMS:
            for rule, view, methods in room.ROUTES:
                endpoint = view.__name__.rstrip("_")
                blueprint.add_url_rule(rule, endpoint, view, methods=list(methods))
        guard.watch(blueprint)
        blueprint.context_processor(self._context)
        return blueprint

    def _context(self) -> dict[str, Any]:
        """What every template of ours may use."""
        return {
            "_": speaking(language()),
            "ngettext": ngettext,
            "lang": language(),
            "base_template": self.base_template,
            "csrf_field": csrf_field(),
            "csrf_token": csrf_token,
            "asset": _asset,
            "moment": moment,
            "number": number,
            "plain": plain,
            "called": people.name,
            "site_menu": [item for admin in self._admins for item in menu_of(admin)],
        }


def _asset(name: str) -> str:
    """Return the address of a file of ours, another one in each release."""
    return url_for("holdingpen.static", filename=f"workflows/{name}", v=__version__)
