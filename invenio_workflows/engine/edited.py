"""What is said of an object whose place an edited definition has no more."""

from __future__ import annotations

from ..definition.node import Node, Place
from ..definition.workflow import Definition
from ..errors import DefinitionChanged


def not_there(
    definition: Definition, name: str, number: int, is_task: bool
) -> DefinitionChanged:
    """Return the error for a name that so many places have now, but not one."""
    if number and is_task:
        return DefinitionChanged(
            f"The workflow {definition.name!r} was edited: it now has {number} tasks "
            f"{name!r}, and which of them the object stands at is not clear. Give them "
            "names by @task, or restart the object.",
            definition.name,
            task=name,
        )
    if number:
        return DefinitionChanged(
            f"The workflow {definition.name!r} was edited: the pattern {name!r} at "
            "which the object stands has other tasks in it now, or there is another "
            "one like it. Go on from a task (restart_first, task:<name>).",
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


def another_kind(place: Place, was: str) -> DefinitionChanged:
    """Return the error for a place that is not what the old one was."""
    return DefinitionChanged(
        f"{place.label} is another kind of node than {was} was, so the object cannot "
        "stand there.",
        task=place.name,
    )


def not_led_to(place: Place, edge: str) -> DefinitionChanged:
    """Return the error for a decision that has not the edge that was chosen."""
    edges = ", ".join(place.leads_to or ())
    return DefinitionChanged(
        f"{edge!r} was chosen, and {place.label} does not lead there; it leads to: "
        f"{edges}.",
        task=place.name,
    )


def not_one(definition: Definition, word: str, found: list[Place]) -> DefinitionChanged:
    """Return the error for a name that is not the name of one place."""
    says = "name one that it has once"
    if found:
        paths = ", ".join(each.address for each in found)
        says = f"say which by its place: {paths}"
    return DefinitionChanged(
        f"The workflow {definition.name!r} has {len(found) or 'no'} tasks {word!r}; "
        f"{says}.",
        definition.name,
        task=word,
    )
