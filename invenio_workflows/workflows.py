"""What a definition is made of, under the name that graphs import."""

from .definition.workflow import WorkflowBase as Workflow

__all__ = ["Workflow"]
