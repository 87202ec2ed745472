"""Who may do what: deny by default, for each verb in all workflows or in one."""

from __future__ import annotations

from collections.abc import Iterable

from flask import abort

from ..decisions import who_submits
from ..objects import WorkflowObject
from ..proxies import current_workflows
from ..store.wanted import Wanted
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


def workflows_for(
    verb: str, remembered: Iterable[str] | None = None
) -> tuple[str, ...]:
    """Return the names of the workflows in which the person may do that.

    Those who may in all of them may also in those that are no longer in the code.

    :param remembered: the names that records have, if they are known already.
    """
    names = set(current_workflows.workflows)
    if verb == "start" or not may(verb):
        return tuple(sorted(name for name in names if may(verb, name)))
    if remembered is None:
        counters = current_workflows.lists.look(Wanted(())).counters
        remembered = [each.workflow for each in counters]
    return tuple(sorted(names.union(remembered)))


def may_somewhere(verb: str) -> bool:
    """Say whether there is any workflow in which the person may do that."""
    return may(verb) or any(may(verb, name) for name in current_workflows.workflows)


def find(oid: int, verb: str = "view") -> WorkflowObject:
    """Return an object in whose workflow the person may do that.

    What one may not see answers as what is not there, after as long: the same is asked
    of both, and nothing of the object is read before the answer is yes.

    :raises werkzeug.exceptions.NotFound: if there is none, or it may not be seen.
    :raises werkzeug.exceptions.Forbidden: if it may be seen, but not that.
    """
    there, workflow = current_workflows.records.workflow_of(oid)
    if not may("view", workflow) or not there:
        abort(404)
    if not may(verb, workflow):
        abort(403)
    obj: WorkflowObject | None = current_workflows.queries.query().get(oid)
    if obj is None:
        abort(404)
    return obj


def is_known() -> bool:
    """Say whether somebody is logged in."""
    return actor() is not None


def actor() -> str | None:
    """Return the id of the person of this request, ``None`` if there is none."""
    return login_id() if has_login() else identity_id()


def user_id() -> int | None:
    """Return that id as the number that an object's ``id_user`` is, if it is one."""
    return who_submits(actor())[0] or None
