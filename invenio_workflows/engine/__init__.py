"""What happens next."""

from ..states import WorkflowStatus as WorkflowStatus
from .cursor import Cursor as Cursor
from .handle import Run as Run
from .handle import WorkflowEngine as BibWorkflowEngine
from .handle import WorkflowEngine as WorkflowEngine
from .machine import Machine as Machine
