"""The token without which no form of ours changes anything."""

from __future__ import annotations

from flask import current_app, request, session
from flask_wtf import FlaskForm
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms import ValidationError

_FIELD = "csrf_token"
_HEADERS = ("X-CSRFToken", "X-CSRF-Token")
#: Seconds for which a page that lies open may be sent: a working day, and the night.
LIFETIME = 24 * 3600


def csrf_field() -> str:
    """Return the name of the field that holds the token; the site may have its own."""
    if not current_app:  # a form that is read outside of any site
        return _FIELD
    return str(FlaskForm.Meta().csrf_field_name or _FIELD)


def csrf_token() -> str:
    """Return the token that a form of this session must carry."""
    return str(generate_csrf(token_key=csrf_field()))


def has_token() -> bool:
    """Say whether the request carries the token of its session."""
    field = csrf_field()
    if field not in session:  # no token is right: what was sent need not be read
        return False
    try:
        validate_csrf(_sent(field), time_limit=LIFETIME, token_key=field)
    except ValidationError:
        return False
    return True


def _sent(field: str) -> str | None:
    """Return the token that was sent, in the form or in a header."""
    found = (request.headers.get(name) for name in _HEADERS)
    return request.form.get(field) or next(filter(None, found), None)
