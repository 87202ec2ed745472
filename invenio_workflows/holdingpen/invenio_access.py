"""Who was granted what: Invenio-Access, where the site has initialised it."""

from __future__ import annotations

from typing import Any

from flask import current_app


def permission_class() -> Any | None:
    """Return the class that finds to whom an action is granted.

    :return: ``None`` where the identities hold their actions themselves.
    """
    if "invenio-access" not in current_app.extensions:
        return None
    from invenio_access import Permission

    return Permission
