"""The nodes of a graph, under the name that definitions import."""

from .definition.steps import START as START
from .definition.steps import START as __start__
from .definition.steps import Decision as Decision
from .definition.steps import Step as Step

__all__ = ["START", "Decision", "Step", "__start__"]
