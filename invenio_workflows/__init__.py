"""Work on data that a program starts and a person finishes."""

from .api import add_file as add_file
from .api import cancel as cancel
from .api import comment as comment
from .api import continue_oid as continue_oid
from .api import continue_oid_delayed as continue_oid_delayed
from .api import delete as delete
from .api import edit as edit
from .api import order_workflow_execution as order_workflow_execution
from .api import poll_of as poll_of
from .api import provide_external_input as provide_external_input
from .api import provide_input as provide_input
from .api import recover as recover
from .api import resolve as resolve
from .api import resume_objects_in_workflow as resume_objects_in_workflow
from .api import send_event as send_event
from .api import start as start
from .api import start_by_oids as start_by_oids
from .api import start_by_oids_delayed as start_by_oids_delayed
from .api import start_by_wid as start_by_wid
from .api import start_by_wid_delayed as start_by_wid_delayed
from .api import start_delayed as start_delayed
from .definition.forks import Fork as Fork
from .definition.forks import Join as Join
from .definition.retry import Retry as Retry
from .definition.steps import START as START
from .definition.steps import Decision as Decision
from .definition.steps import Step as Step
from .definition.workflow import WorkflowBase as WorkflowBase
from .definition.workflow import task as task
from .engine import BibWorkflowEngine as BibWorkflowEngine
from .engine import WorkflowEngine as WorkflowEngine
from .ext import InvenioWorkflows as InvenioWorkflows
from .files import File as File
from .models import BibWorkflowObject as BibWorkflowObject
from .models import ObjectStatus as ObjectStatus
from .models import ObjectVersion as ObjectVersion
from .models import Workflow as Workflow
from .models import WorkflowObject as WorkflowObject
from .proxies import current_workflows as current_workflows
from .states import WorkflowStatus as WorkflowStatus
from .version import __version__ as __version__

__all__ = [
    "BibWorkflowEngine",
    "BibWorkflowObject",
    "Decision",
    "File",
    "Fork",
    "InvenioWorkflows",
    "Join",
    "ObjectStatus",
    "ObjectVersion",
    "Retry",
    "START",
    "Step",
    "Workflow",
    "WorkflowBase",
    "WorkflowEngine",
    "WorkflowObject",
    "WorkflowStatus",
    "__version__",
    "add_file",
    "cancel",
    "comment",
    "continue_oid",
    "continue_oid_delayed",
    "current_workflows",
    "delete",
    "edit",
    "order_workflow_execution",
    "poll_of",
    "provide_external_input",
    "provide_input",
    "recover",
    "resolve",
    "resume_objects_in_workflow",
    "send_event",
    "start",
    "start_by_oids",
    "start_by_oids_delayed",
    "start_by_wid",
    "start_by_wid_delayed",
    "start_delayed",
    "task",
]
