"""What may happen: nodes, patterns and the classes that users write."""

from .node import Leaf as Leaf
from .node import Node as Node
from .node import Sequence as Sequence
from .workflow import Definition as Definition
from .workflow import WorkflowBase as WorkflowBase
from .workflow import compile_workflow as compile_workflow
from .workflow import task as task
