"""The one upward door: what the application of this moment was given."""

from __future__ import annotations

from typing import Any

from flask import current_app, has_app_context
from werkzeug.local import LocalProxy

from .errors import ConfigurationError

EXTENSION = "invenio-workflows"


def _current() -> Any:
    app: Any = current_app
    try:
        return app._get_current_object().extensions[EXTENSION]
    except KeyError:
        raise ConfigurationError(
            f"The application {current_app.name!r} has no workflows; "
            "call InvenioWorkflows(app) where it is made."
        ) from None
    except RuntimeError:
        raise ConfigurationError(
            "Workflows need an application: do this inside `with app.app_context():`."
        ) from None


current_workflows: Any = LocalProxy(_current)
"""The :class:`~invenio_workflows.ext.InvenioWorkflows` of the current app."""


def has_workflows() -> bool:
    """Say whether there is a current application that has workflows."""
    return has_app_context() and EXTENSION in current_app.extensions
