"""Where an object stands that is to ask again what nobody answered in time."""

from __future__ import annotations

from ..definition.node import Leaf
from ..definition.workflow import Definition
from ..errors import DefinitionChanged
from .cursor import AFTER, FAILED, Cursor, encode, locate, nodes_of


def before_question(definition: Definition, text: str | None) -> str | None:
    """Return the cursor at the task that halted, as if it had failed.

    Whoever runs it again is asked again; nobody passes over the question unseen.
    """
    cursor = Cursor.decode(text)
    try:
        place = locate(definition, cursor)
    except DefinitionChanged:
        return text
    if not isinstance(place, Leaf) or cursor.mode != AFTER:
        return text
    nodes = nodes_of(definition, cursor.frames)
    cursor.frames[-1][1] = nodes[-1].undone(cursor.frames[-1][1])
    cursor.mode = FAILED
    return encode(definition, place, cursor, nodes)
