"""What only those who may edit a record are to see of its data."""

from __future__ import annotations

from typing import Any

from ..differences import key_paths, without
from ..objects import WorkflowObject
from ..proxies import current_workflows
from .permissions import may

Paths = tuple[tuple[str, ...], ...]


def hidden_from_me(workflow: str | None) -> Paths | None:
    """Return the key paths of a workflow's data that this person may not see.

    :return: ``None`` for all of them: where the workflow is gone, nobody knows which
        they were.
    """
    if may("edit", workflow):
        return ()
    if workflow not in current_workflows.workflows:
        return None
    source = current_workflows.definition(workflow).source
    return key_paths(getattr(source, "hidden_fields", ()))


def shown_data(obj: WorkflowObject) -> Any:
    """Return an object's data as this person may see them."""
    paths = hidden_from_me(obj.get_workflow_name())
    return None if paths is None else without(obj.data, paths)
