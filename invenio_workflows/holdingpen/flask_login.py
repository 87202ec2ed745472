"""Who is it? Asked of Flask-Login where the site has one."""

from __future__ import annotations

from typing import Any

from flask import current_app, request
from flask_login import current_user
from flask_login import login_url as make_login_url


def has_login() -> bool:
    """Say whether the site has initialised Flask-Login."""
    return _manager() is not None


def login_id() -> str | None:
    """Return the id of the person who is logged in."""
    if not current_user.is_authenticated:
        return None
    return str(current_user.get_id())


def login_url(back: str) -> str | None:
    """Return where one logs in, to come back here; ``None`` if the site has no page.

    :param back: a path of this site.
    """
    manager = _manager()
    if manager is None:
        return None
    views = manager.blueprint_login_views
    view = views.get(request.blueprint) or manager.login_view
    return str(make_login_url(view, next_url=back)) if view else None


def _manager() -> Any:
    return getattr(current_app, "login_manager", None)
