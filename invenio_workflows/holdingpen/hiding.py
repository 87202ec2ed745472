"""What of a record's data only those who may edit it are to see."""

from __future__ import annotations

from ..differences import key_paths
from ..extra_data import error_kind
from ..proxies import current_workflows
from .permissions import may

Paths = tuple[tuple[str, ...], ...]


def hidden_from_me(workflow: str | None) -> Paths | None:
    """Return the key paths of a workflow's data that this person may not see.

    :return: ``None`` for all of them: where the workflow is gone, nobody knows which
        they were. What belongs to no workflow yet hides nothing.
    """
    if workflow is None or may("edit", workflow):
        return ()
    if workflow not in current_workflows.workflows:
        return None
    source = current_workflows.definition(workflow).source
    return key_paths(getattr(source, "hidden_fields", ()))


def sees_all(workflow: str | None) -> bool:
    """Say whether nothing of a workflow's data is hidden from this person."""
    return hidden_from_me(workflow) == ()


def error_as_seen(line: str | None, all_of_it: bool) -> str:
    """Return an error's line; for those who do not see all data, only its kind.

    :param all_of_it: what :func:`sees_all` says.
    """
    return line or "" if all_of_it or not line else error_kind(line)
