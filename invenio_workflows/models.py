"""The models that the document names."""

from .objects import WorkflowObject
from .objects import WorkflowObject as BibWorkflowObject
from .states import ObjectStatus, ObjectVersion
from .states import ObjectStatus as JobState
from .store.models import Workflow

__all__ = [
    "BibWorkflowObject",
    "JobState",
    "ObjectStatus",
    "ObjectVersion",
    "Workflow",
    "WorkflowObject",
]
