"""Workers that share the branches of an object, in memory."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

from invenio_workflows.checkpoint import EventLine
from invenio_workflows.conductor import Conductor
from invenio_workflows.definition import compile_workflow
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.states import ObjectStatus
from invenio_workflows.testing import Result, run

S = ObjectStatus


def ask(obj: Any, eng: Any) -> None:
    eng.halt("?")


class Workers:
    """Workers that put an object down after every event, on JSON alone.

    Each time another one, with a definition of its own, takes up any of those that
    may go on. There are three, which take turns.
    """

    def __init__(self, make: Callable[[], list[Any]]) -> None:
        made = (compile_workflow("test", [ask, *make()]) for _ in range(3))
        self.definitions = cycle(made)
        self.result: Result = run([ask, *make()])

    def go(self, choose: Callable[[list[WorkflowObject]], WorkflowObject]) -> None:
        while able := [obj for obj in self.known if self.able(obj)]:
            self.step(choose(able))

    @property
    def known(self) -> list[WorkflowObject]:
        return [*self.result.objects, *self.result.branches]

    def able(self, obj: WorkflowObject) -> bool:
        """Say whether it halted, is queued, or was made or woken for a worker.

        These two the store in memory takes at once.
        """
        return obj.status in (S.HALTED, S.RUNNING) or obj.waits_for == "queue"

    def step(self, obj: WorkflowObject) -> None:
        begun = obj.id_fork is not None and obj.columns["seq"] == 1
        point = "continue_next" if obj.status == S.HALTED else "resume"
        if obj.status == S.RUNNING and not begun:  # enough of its branches are done
            point = str(obj.columns["start_point"])
        store, info = self.result.store, self.result._info
        assert obj.kept is not None
        obj.restore(*obj.kept)
        store.take(obj, EventLine("Started"))
        info.extra_data = store.shared
        conductor = Conductor(
            info,
            next(self.definitions),
            store,
            self.result._settings,
            lambda: True,
        )
        conductor.conduct(obj, point)
