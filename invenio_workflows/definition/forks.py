"""Fork and Join: the nodes of a graph between which branches run side by side."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from ..encoding import plain, restored
from ..errors import WorkflowDefinitionError, WorkflowError
from ..states import ObjectStatus
from .flow import handed_on
from .joining import done_of, needs_of, put_together, split
from .node import Memo, Node, check_task
from .steps import NodeTask, Step, node_name


class Fork(Step):
    """A node all of whose edges are taken: each begins a branch.

    A branch is an object of its own, with a copy of the object; the object itself is
    WAITING until enough of the branches came to the :class:`Join`. The first node of
    each is given what the Fork was given.

    :param name: the name of the node; that of the class if left out.
    """

    hands_on: ClassVar[bool] = True
    task_name: str | None = None

    def __init__(self, name: str | None = None) -> None:
        if name is not None:
            self.task_name = name


class Join(Step):
    """The node in which the branches of a :class:`Fork` meet.

    Its ``_input`` is ``{branch: what its last node returned}`` of the branches that
    are done, a branch being named after its first node. One without an ``execute``
    hands that on.

    :param join: how many must be done before it goes on: ``"all"``, ``"any"`` or a
        number. The others are cancelled then.
    :param merge: a function ``f(obj, branches)`` that puts together what the branches
        made of the object, given the objects of those that are done.
    :param name: the name of the node; that of the class if left out.
    """

    hands_on: ClassVar[bool] = True
    task_name: str | None = None
    #: What a class of one's own may say instead of the arguments.
    join: str | int = "all"
    merge: Any = None

    def __init__(
        self,
        join: str | int | None = None,
        *,
        merge: Callable[[Any, list[Any]], Any] | None = None,
        name: str | None = None,
    ) -> None:
        if join is not None:
            self.join = join
        if merge is not None:
            self.merge = merge
        if name is not None:
            self.task_name = name


class ForkTask(NodeTask):
    """A Fork as a task: the object goes to sleep, and its branches are made.

    :param part: the Fork; its edges lead to the branches.
    :param join: the name of the Join of its branches.
    :param joins: that Join.
    """

    def __init__(
        self, part: Any, edges: tuple[str, ...], join: str, joins: Any
    ) -> None:
        super().__init__(part, edges)
        self.join = join
        self.needs = needs_of(joins.join, len(edges), f"the Join {join}")

    def __call__(self, obj: Any, eng: Any) -> None:
        frame = eng._frames[-1]
        memo = eng._nodes[-1].stands_at(frame[1], self.task_name, eng)
        frame[1] = {**memo, "forked": True}
        raise split(len(self.edges), self.needs)


class JoinTask(NodeTask):
    """A Join as a task: it puts together what the branches made of the object.

    :param fork: the name of the Fork.
    :param number: how many branches lead to it.
    """

    def __init__(
        self, part: Any, edges: tuple[str, ...], fork: str, number: int
    ) -> None:
        super().__init__(part, edges)
        self.fork = fork
        self.needs = needs_of(part.join, number, f"the Join {self.task_name}")
        self.says = f"join {part.join}"
        if part.merge is not None:
            check_task(part.merge, f"merge of the Join {self.task_name}")

    def begin(self, step: Any, obj: Any, eng: Any, memo: Memo) -> Memo:
        """Return the memo with what the branches handed on, which it is given."""
        names = memo.get("names", {})
        ended = [
            (branch, names.get(begun["name"], begun["name"]), end)
            for branch, begun, end in eng._handed_on()
            if "of" in begun and names.get(begun["of"], begun["of"]) == self.fork
        ]
        if not ended:
            raise WorkflowError(
                f"{self.task_name} joins branches, and {self.fork} made none yet; go "
                f"on from task:{self.fork}."
            )
        given = {
            name: _last(end, branch.obj)
            for branch, name, end in ended
            if branch.obj.status == ObjectStatus.COMPLETED
        }
        came = [self.fork, plain(given, f"what the branches of {self.fork} handed on")]
        memo = {**memo, "in": {**memo["in"], self.task_name: came}}
        eng._frames[-1][1] = memo  # handed on when this fails and is passed over
        done = done_of([branch for branch, *_ in ended], self.needs)
        put_together(obj, done, step.merge, f"the Join {self.task_name}")
        return memo


def _last(memo: Memo, obj: Any) -> Any:
    """Return what the last node of a branch handed on: the data, if nothing else."""
    handed = handed_on(memo) if memo else []
    return restored(handed[0]) if handed else obj.data


def is_a(part: Any, kind: type[Step]) -> bool:
    """Say whether a node is a Fork, or a Join: as a class or as an instance."""
    if isinstance(part, (Node, tuple)):
        return False
    return issubclass(part if inspect.isclass(part) else type(part), kind)


def check_fork(part: Any) -> None:
    """Refuse a Fork that would do something itself.

    :raises WorkflowDefinitionError: naming it.
    """
    kind: Any = part if inspect.isclass(part) else type(part)
    does: list[Any] = [kind.execute is not Step.execute and "an execute"]
    does += [getattr(kind, "UserInputSchema", None) and "a UserInputSchema"]
    for what in filter(None, does):
        raise WorkflowDefinitionError(
            f"the Fork {node_name(part)} has {what}, and a Fork does nothing but lead "
            "on; put a step before it."
        )
