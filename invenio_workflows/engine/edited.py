"""What is said of an object whose place an edited definition has no more."""

from __future__ import annotations

from ..definition.node import Node, Place
from ..definition.workflow import Definition
from ..errors import DefinitionChanged


def not_there(
    definition: Definition, name: str, number: int, is_task: bool
) -> DefinitionChanged:
    """Return the error for a name that so many places have now, but not one."""
    if number:
        kind = "task" if is_task else "pattern"
        return DefinitionChanged(
            f"The workflow {definition.name!r} was edited: it now has {number} "
            f"{kind}s {name!r}, and which of them the object stands at is not clear. "
            "Give them names by @task, or restart the object.",
            definition.name,
            task=name,
        )
    return DefinitionChanged(
        f"The workflow {definition.name!r} was edited: the task {name!r}, at which "
        "the object stands, is no longer in it. Put it back under that name, or "
        "go on from another one (restart_first, task:<name>).",
        definition.name,
        task=name,
    )


def in_a_branch(place: Place) -> DefinitionChanged:
    """Return the error for a place that is in another branch than the object."""
    return DefinitionChanged(
        f"{place.label} is not in the list that the object runs through: a branch "
        "keeps to its own, and the object that it belongs to stays out of it.",
        task=place.name,
    )


def in_a_loop(place: Place, node: Node) -> DefinitionChanged:
    """Return the error for a place in a loop that the object is not in."""
    return DefinitionChanged(
        f"{place.label} stands inside {node.label}, which the object has "
        "not entered; go on from its beginning or restart the object.",
        task=place.name,
    )
