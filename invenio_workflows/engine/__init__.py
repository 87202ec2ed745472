"""What happens next."""

from ..states import WorkflowStatus
from .cursor import Cursor
from .handle import Run, WorkflowEngine
from .handle import WorkflowEngine as BibWorkflowEngine
from .machine import Machine

__all__ = [
    "BibWorkflowEngine",
    "Cursor",
    "Machine",
    "Run",
    "WorkflowEngine",
    "WorkflowStatus",
]
