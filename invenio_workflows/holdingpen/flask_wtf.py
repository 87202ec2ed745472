"""The token without which no form of ours changes anything."""

from __future__ import annotations

from flask import abort, request
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms import ValidationError

from .texts import _

FIELD = "csrf_token"
HEADER = "X-CSRFToken"
#: Seconds for which a page that lies open may be sent: a working day, and the night.
LIFETIME = 24 * 3600


def csrf_token() -> str:
    """Return the token that a form of this session must carry."""
    return str(generate_csrf(token_key=FIELD))


def check_csrf() -> None:
    """Refuse a request without the token of its session.

    :raises werkzeug.exceptions.BadRequest: saying what to do.
    """
    token = request.form.get(FIELD) or request.headers.get(HEADER)
    try:
        validate_csrf(token, time_limit=LIFETIME, token_key=FIELD)
    except ValidationError:
        abort(400, not_yours())


def not_yours() -> str:
    """Return what to tell whose form is not of a page of this session."""
    return _("This page is too old, or not yours. Load it again, then decide.")
