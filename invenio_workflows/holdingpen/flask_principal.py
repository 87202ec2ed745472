"""What an identity provides: Flask-Principal's needs.

In Invenio an identity provides only who it is; to whom an action is granted,
Invenio-Access is asked.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import g
from flask_principal import ActionNeed, Permission

from .invenio_access import permission_class

#: The needs for all workflows; the entry points ``invenio_access.actions`` name them.
VIEW = ActionNeed("workflows-view")
START = ActionNeed("workflows-start")
DECIDE = ActionNeed("workflows-decide")
RESTART = ActionNeed("workflows-restart")
EDIT = ActionNeed("workflows-edit")
DELETE = ActionNeed("workflows-delete")
ADMIN = ActionNeed("workflows-admin")


class NarrowedNeed(NamedTuple):
    """An action with what it is for; equal to ``("action", value, argument)``.

    Invenio-Access has the same under the name ``ParameterizedActionNeed``.
    """

    method: str
    value: str
    argument: str


def identity_id() -> str | None:
    """Return the id of the identity that a login of the site's own gave."""
    identity = _identity()
    found = getattr(identity, "id", None)
    return None if found is None else str(found)


def provides(action: str, workflow: str | None) -> bool:
    """Say whether the identity of this request provides the need.

    :param workflow: then the need for all workflows will do, or that for this one.
    """
    identity = _identity()
    if identity is None:
        return False
    needs: list[Any] = [ActionNeed(action)]
    if workflow is not None:
        needs.append(NarrowedNeed("action", action, workflow))
    permission = permission_class() or Permission
    return bool(identity.can(permission(*needs)))


def _identity() -> Any:
    return g.get("identity")
