"""Run a workflow in memory: no application, no database, three lines.

::

    from invenio_workflows.testing import run

    result = run([add_data(20), halt_if_higher_than_20], 10)
    assert result.data == 30 and result.status == ObjectStatus.HALTED

What runs is the real engine and the real conductor; only the store is in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from .actions.input_form import Asked, InputForm, asked_of
from .checkpoint import EventLine, RunInfo
from .clock import come
from .conductor import Conductor
from .config import Settings
from .definition.workflow import Definition, compile_workflow, is_workflow
from .engine import WorkflowEngine
from .engine.cursor import answered
from .engine.standing import before_question
from .errors import DeadlinePassed
from .memory import MemoryStore
from .objects import WorkflowObject
from .port import check
from .states import (
    ObjectStatus,
    check_start_point,
    operation,
    require,
)

__all__ = ["MemoryStore", "Result", "run"]


@dataclass
class Result:
    """What a run in memory left. The short names speak of its first object."""

    engine: WorkflowEngine
    store: MemoryStore
    _definition: Definition
    _info: RunInfo
    _settings: Settings = field(default_factory=Settings)

    @property
    def objects(self) -> list[WorkflowObject]:
        """The objects, in the order in which they were given."""
        return self.store.objects

    @property
    def obj(self) -> WorkflowObject:
        """The first object."""
        return self.store.objects[0]

    @property
    def branches(self) -> list[WorkflowObject]:
        """The branches into which objects were split, in the order of their making."""
        return self.store.branches

    @property
    def data(self) -> Any:
        """The data of the first object."""
        return self.obj.data

    @property
    def extra_data(self) -> dict[str, Any]:
        """The extra data of the first object."""
        return self.obj.extra_data

    @property
    def status(self) -> ObjectStatus:
        """The status of the first object."""
        return self.obj.status

    @property
    def message(self) -> str:
        """Why the first object halted or waits."""
        return self.obj.get_action_message()

    @property
    def action(self) -> str | None:
        """The action that the first object asks for."""
        return self.obj.get_action()

    @property
    def asked(self) -> Asked | None:
        """What the first object asks of a person; ``None`` if it asks for no input."""
        return asked_of(self.obj)

    @property
    def error(self) -> str | None:
        """The error of the first object, in a line."""
        told = self.obj.get_error_message()
        return told[0] if told else None

    @property
    def tasks(self) -> list[str]:
        """The names of the tasks of the first object that finished, in order."""
        return self.tasks_of(self.obj)

    @property
    def log(self) -> list[str]:
        """The log lines of objects and run, in order."""
        return [line.message for line in self.store.lines]

    def tasks_of(self, obj: WorkflowObject) -> list[str]:
        """Return the names of the tasks of an object that finished, in order."""
        kinds = ("TaskFinished", "Halted", "Waiting", "Jumped")
        return [
            str(event.task)
            for oid, event in self.store.events
            if oid == obj.id and event.kind in kinds
        ]

    def go_on(
        self, start_point: str = "continue_next", obj: WorkflowObject | None = None
    ) -> Result:
        """Continue an object, the first one if none is given, and return this.

        :raises IllegalMove: if its status does not allow it.
        :raises ValueError: if there is no such start point.
        """
        obj = self.obj if obj is None else obj
        check_start_point(start_point)
        action = obj.get_action()
        require(operation(start_point), obj.id, obj.status, obj.waits_for, action)
        return self._go(obj, start_point)

    def provide_input(
        self, data: Mapping[str, Any], obj: WorkflowObject | None = None
    ) -> Result:
        """Give an object, the first one if none is given, the input that it asks for.

        :raises InputNotValid: with every field that is not valid.
        """
        obj = self.obj if obj is None else obj
        require("resolve", obj.id, obj.status, obj.waits_for)
        answer = InputForm().resolve(obj, data, None).answer
        obj.cursor = answered(obj.cursor, answer or {})
        return self._go(obj, "continue_next")

    def pass_time(self, time: timedelta | float) -> Result:
        """Let so much time pass: what is due by then is done in its order.

        Timers wake, reminders are sent as the signal ``reminder``, and halts that
        nobody answered go on as their ``on_deadline`` says. Return this.
        """
        clock = self.store.clock
        pause = time if isinstance(time, timedelta) else timedelta(seconds=time)
        end = clock.now + pause
        while (due := clock.first(end)) is not None:
            come(due, self._go)
        return self

    def _go(self, obj: WorkflowObject, start_point: str, error: Any = None) -> Result:
        obj.forget_question()
        obj.columns["in_start"] = 0
        obj.kept = check(obj, self._settings)
        self.store.take(obj, EventLine("Started", message=start_point))
        conductor = self._conductor()
        self.engine = conductor.engine
        if error is None:
            conductor.conduct(obj, start_point)
            return self
        if isinstance(error, DeadlinePassed):
            obj.cursor = before_question(self._definition, obj.cursor)
        conductor.fail(obj, error)
        return self

    def _conductor(self) -> Conductor:
        self._info.extra_data = self.store.shared
        return Conductor(self._info, self._definition, self.store, self._settings)


def run(
    workflow: Any,
    *data: Any,
    extra_data: dict[str, Any] | None = None,
    name: str = "test",
    stop_on_halt: bool = False,
    stop_on_error: bool = True,
    id_user: int = 0,
    answers: Iterable[Mapping[str, Any]] = (),
    **shared: Any,
) -> Result:
    """Run items of data through a workflow, in memory.

    :param workflow: a class with a ``workflow`` or a ``graph``, one of these itself,
        or a single task.
    :param data: an object's data each; without any, one object with ``{}``.
    :param extra_data: keys for the ``extra_data`` of each object.
    :param answers: what the first object is given when it asks for input, in order.
    :param shared: found in ``eng.extra_data``.
    :raises WorkflowError: if a task failed, chained to what it raised.
    """
    source = workflow if is_workflow(workflow) else [workflow]
    definition = compile_workflow(name, source)
    settings, store = Settings(), MemoryStore()
    info = RunInfo(name, name, id_user, stop_on_halt, stop_on_error, shared)
    store.shared = dict(shared)
    for item in data or ({},):
        given = isinstance(item, WorkflowObject)
        obj = item if given else WorkflowObject(item, extra_data)
        store.accept(obj, info, settings)
    conductor = Conductor(info, definition, store, settings)
    result = Result(conductor.engine, store, definition, info, settings)
    store.take(store.objects[0], EventLine("Started"))
    conductor.conduct(store.objects[0])
    for answer in answers:
        if result.asked is None:
            break
        result.provide_input(answer)
    return result
