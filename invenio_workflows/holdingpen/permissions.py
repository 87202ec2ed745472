"""Who may do what: deny by default, for each verb in all workflows or in one."""

from __future__ import annotations

from flask import abort

from ..proxies import current_workflows
from .flask_login import has_login, login_id
from .flask_principal import identity_id, provides

#: What a person may be allowed, each as the need ``workflows-<verb>``.
VERBS = ("view", "start", "decide", "restart", "edit", "delete", "admin")


def may(verb: str, workflow: str | None = None) -> bool:
    """Say whether the person of this request may do that.

    :param verb: one of :data:`VERBS`.
    :param workflow: in this one; ``None`` asks for all workflows at once.
    """
    if verb not in VERBS:
        raise ValueError(f"There is no verb {verb!r}; use one of {', '.join(VERBS)}.")
    return is_known() and provides(f"workflows-{verb}", workflow)


def workflows_for(verb: str) -> tuple[str, ...]:
    """Return the names of the workflows in which the person may do that."""
    return tuple(name for name in known_workflows() if may(verb, name))


def known_workflows() -> list[str]:
    """Return every name that a workflow has, or that an object remembers."""
    return sorted(current_workflows.workflows)


def require(verb: str, workflow: str | None) -> None:
    """Refuse what the person may not do in that workflow.

    What one may not see answers as if it was not there.

    :raises werkzeug.exceptions.NotFound: if the person may not see it.
    :raises werkzeug.exceptions.Forbidden: if the person may see it, but not do that.
    """
    if not may("view", workflow):
        abort(404)
    if not may(verb, workflow):
        abort(403)


def is_known() -> bool:
    """Say whether somebody is logged in."""
    return actor() is not None


def actor() -> str | None:
    """Return the id of the person of this request, ``None`` if there is none."""
    return login_id() if has_login() else identity_id()


def user_id() -> int | None:
    """Return that id as the number that an object's ``id_user`` is."""
    name = actor()
    if name is None or not (name.isascii() and name.isdigit()):
        return None
    return int(name) if len(name) < 11 and int(name) < 2**31 else None
