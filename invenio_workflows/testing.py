"""Run a workflow in memory: no application, no database, three lines.

::

    from invenio_workflows.testing import run

    result = run([add_data(20), halt_if_higher_than_20], 10)
    assert result.data == 30 and result.status == ObjectStatus.HALTED

What runs is the real engine and the real conductor; only the store is in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

from .actions.input_form import Asked, InputForm, asked_of
from .checkpoint import Branch, Changes, Checkpoint, EventLine, RunInfo
from .clock import Clock, come
from .conductor import Conductor
from .config import Settings
from .definition.workflow import Definition, compile_workflow, is_workflow
from .encoding import loads
from .engine import WorkflowEngine
from .engine.cursor import answered
from .engine.standing import before_question
from .errors import DeadlinePassed
from .logs import LogLine
from .objects import WorkflowObject
from .port import check
from .states import (
    ObjectStatus,
    WorkflowStatus,
    check_start_point,
    operation,
    require,
    run_status,
)

_ENDED = (ObjectStatus.COMPLETED, ObjectStatus.CANCELLED)


class _Leaseless:
    """Leases in memory: there is nobody else."""

    def begins(self, oid: int, fence: int) -> None:
        """Nothing to keep."""

    def ends(self, oid: int) -> None:
        """Nothing to give back."""

    def progress(self, oid: int, text: str) -> None:
        """Nobody watches."""


class MemoryStore:
    """Keeps objects, events and log lines in lists, as the database would."""

    def __init__(self) -> None:
        self.shared: dict[str, Any] = {}
        self.events: list[tuple[int, EventLine]] = []
        self.lines: list[LogLine] = []
        self.objects: list[WorkflowObject] = []
        self.snapshots: list[WorkflowObject] = []
        self.branches: list[WorkflowObject] = []
        self._forks: dict[int, Sequence[WorkflowObject]] = {}
        self._begun: dict[int, Branch] = {}
        self.moving = _Leaseless()
        self._ids = count(1)
        self._once: dict[tuple[int, str], str] = {}
        self.clock = Clock()

    def refresh(self, obj: WorkflowObject) -> bool:
        """Nothing is kept elsewhere."""
        return obj.status == ObjectStatus.RUNNING

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing to make ready."""
        yield

    def once(self, oid: int, key: str) -> str | None:
        """Return what was kept for a key of an object."""
        return self._once.get((oid, key))

    def keep_once(self, oid: int, key: str, result: str) -> None:
        """Keep JSON for a key of an object."""
        self._once[oid, key] = result

    def announced(self, point: Checkpoint) -> None:
        """Nobody tells of it again."""

    def undo(self) -> None:
        """Nothing to undo: a task writes nowhere else."""

    def is_busy(self, error: BaseException) -> bool:
        """Memory is never busy."""
        return False

    def accept(self, obj: WorkflowObject, run: RunInfo, settings: Settings) -> None:
        """Keep a new object and its snapshot."""
        texts = check(obj, settings)
        for kept in (obj, WorkflowObject()):
            kept.columns |= {
                "id": next(self._ids),
                "id_workflow": run.uuid,
                "workflow_name": run.name,
                "position": len(self.objects),
                "seq": 0,
                "fence": 1,
                "in_start": 1,
            }
            kept.kept = texts
        kept.columns["id_parent"] = obj.id
        kept.restore(*texts)
        self.objects.append(obj)
        self.snapshots.append(kept)

    def _split(self, point: Checkpoint) -> None:
        """Keep the branches that are made with a checkpoint, taken already."""
        self._forks[point.obj.id] = point.branches
        for number, branch in enumerate(point.branches):
            branch.columns |= {"id": next(self._ids), "id_fork": point.obj.id}
            branch.columns |= {"branch": number, "seq": 1, "fence": 1}
            branch.columns |= {"status": ObjectStatus.RUNNING, "waits_for": None}
            data, extra = branch.kept or ("", "")
            self._begun[branch.id] = Branch(number, branch, loads(data), loads(extra))
            self.branches.append(branch)
            self.events.append((branch.id, EventLine("Branched")))

    def _join(self, point: Checkpoint) -> WorkflowObject | None:
        """Take the object that waits for a branch, if it was the last needed."""
        branch = point.obj
        if branch.id_fork is None or branch.status not in _ENDED:
            return None
        known = [*self.objects, *self.branches]
        obj = next(each for each in known if each.id == branch.id_fork)
        needs = obj.columns.get("needs")
        branches = self._forks[obj.id]
        done = sum(each.status == ObjectStatus.COMPLETED for each in branches)
        lost = sum(each.status == ObjectStatus.CANCELLED for each in branches)
        if obj.waits_for != "join" or needs is None:
            return None
        if done < needs <= len(branches) - lost:
            return None
        self._cancel(obj.id)
        self.take(obj, EventLine("Started"))
        return obj

    def _cancel(self, oid: int) -> None:
        for branch in self._forks.get(oid, ()):
            if branch.status not in _ENDED:
                branch.columns |= {"status": ObjectStatus.CANCELLED, "waits_for": None}
                self.events.append((branch.id, EventLine("Cancelled")))
                self._cancel(branch.id)

    def branches_of(self, oid: int) -> list[Branch]:
        """Return the branches that an object was last split into."""
        return [self._begun[branch.id] for branch in self._forks.get(oid, ())]

    def pass_on(
        self, obj: WorkflowObject, run: RunInfo, stops: bool
    ) -> WorkflowObject | None:
        """Return the next object that never ran, taken."""
        obj.columns["in_start"] = 0
        return None if stops else self._next()

    def take(self, obj: WorkflowObject, event: EventLine) -> None:
        """Let the object run."""
        columns = obj.columns
        columns |= {"status": ObjectStatus.RUNNING, "waits_for": None}
        columns["seq"] += 1
        self.events.append((obj.id, event))

    def record(self, point: Checkpoint) -> WorkflowObject | None:
        """Keep a checkpoint; return the next object that never ran, if asked for."""
        self.clock.put_down(point)
        self.events += [(point.obj.id, event) for event in point.events]
        self.lines += point.lines
        if point.changes:
            self.shared = point.shared = point.changes.apply(self.shared)
        point.settle()
        self.clock.remember(point)
        if point.awaited is not None:
            point.obj.columns["needs"] = point.awaited.needs
            point.obj.columns["start_point"] = point.start_point
        if point.branches:
            self._split(point)
        point.joined = self._join(point)
        return self._next() if point.take_next else None

    def _next(self) -> WorkflowObject | None:
        for obj in self.objects:
            if obj.status == ObjectStatus.INITIAL:
                self.take(obj, EventLine("Started"))
                return obj
        return None

    def run_status(self, uuid: str) -> WorkflowStatus:
        """Return the status of the run."""
        moving = [obj for obj in self.branches if obj.status not in _ENDED]
        return run_status(
            {(obj.status, obj.waits_for) for obj in (*self.objects, *moving)}
        )

    def objects_of(
        self,
        uuid: str,
        statuses: Iterable[ObjectStatus] | None = None,
        live: bool = False,
    ) -> list[WorkflowObject]:
        """Return the objects of the run, by id."""
        found = self.objects if live else [*self.objects, *self.snapshots]
        wanted = None if statuses is None else set(statuses)
        return sorted(
            (obj for obj in found if wanted is None or obj.status in wanted),
            key=lambda obj: obj.id,
        )

    def keep_extra(self, uuid: str, changes: Changes) -> dict[str, Any]:
        """Merge changes into what the run's objects share."""
        self.shared = changes.apply(self.shared)
        return self.shared

    def keep_lines(self, lines: list[LogLine]) -> None:
        """Keep log lines."""
        self.lines += lines

    def log_of(self, oid: int | None, level: int | None = None) -> list[LogLine]:
        """Return the log lines of an object."""
        return [
            line
            for line in self.lines
            if line.id_object == oid and level in (None, line.level)
        ]

    def log_of_run(self, uuid: str) -> list[LogLine]:
        """Return the log lines of the run."""
        return self.log_of(None)


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
