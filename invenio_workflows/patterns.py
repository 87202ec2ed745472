"""The patterns of a task list, under the name that definitions import."""

from .definition.graph import GRAPH as GRAPH
from .definition.loops import FOR as FOR
from .definition.loops import WHILE as WHILE
from .definition.parallel import PARALLEL as PARALLEL
from .definition.patterns import BREAK as BREAK
from .definition.patterns import CHOICE as CHOICE
from .definition.patterns import CMP as CMP
from .definition.patterns import EMPTY_CALL as EMPTY_CALL
from .definition.patterns import ERROR as ERROR
from .definition.patterns import HALT as HALT
from .definition.patterns import IF as IF
from .definition.patterns import IF_ELSE as IF_ELSE
from .definition.patterns import IF_NOT as IF_NOT
from .definition.patterns import OBJ_JUMP_BWD as OBJ_JUMP_BWD
from .definition.patterns import OBJ_JUMP_FWD as OBJ_JUMP_FWD
from .definition.patterns import OBJ_NEXT as OBJ_NEXT
from .definition.patterns import RUN_WF as RUN_WF
from .definition.patterns import SIMPLE_MERGE as SIMPLE_MERGE
from .definition.patterns import STOP as STOP
from .definition.patterns import TASK_JUMP_BWD as TASK_JUMP_BWD
from .definition.patterns import TASK_JUMP_FWD as TASK_JUMP_FWD
from .definition.patterns import TASK_JUMP_IF as TASK_JUMP_IF
from .definition.patterns import TRY as TRY
