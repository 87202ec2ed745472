"""The models that the document names."""

from .objects import WorkflowObject as BibWorkflowObject
from .objects import WorkflowObject as WorkflowObject
from .states import ObjectStatus as ObjectStatus
from .states import ObjectVersion as ObjectVersion
from .store.models import Workflow as Workflow
