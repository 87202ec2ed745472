"""What a definition is written with."""

from .definition.workflow import WorkflowBase as WorkflowBase
from .definition.workflow import task as task
