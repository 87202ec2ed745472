"""What happens next."""

from ..states import WorkflowStatus
from .ahead import expected
from .cursor import Cursor
from .handle import WorkflowEngine
from .handle import WorkflowEngine as BibWorkflowEngine
from .machine import Machine
from .run import Run

__all__ = [
    "BibWorkflowEngine",
    "Cursor",
    "Machine",
    "Run",
    "WorkflowEngine",
    "WorkflowStatus",
    "expected",
]
