"""The language that Flask-Babel chose, where the site has initialised it."""

from __future__ import annotations

from flask import current_app


def chosen_language() -> str | None:
    """Return the site's choice for this request, ``None`` if it makes none."""
    if "babel" not in current_app.extensions:
        return None
    from flask_babel import get_locale

    locale = get_locale()
    return None if locale is None else str(locale.language)
