"""The nodes of a graph, under the name that definitions import."""

from .definition.forks import Fork as Fork
from .definition.forks import Join as Join
from .definition.steps import START as START
from .definition.steps import START as __start__
from .definition.steps import Decision as Decision
from .definition.steps import Step as Step

__all__ = ["START", "Decision", "Fork", "Join", "Step", "__start__"]
