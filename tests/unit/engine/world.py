"""A small conductor for tests: it keeps what an event leaves, as JSON, and may die."""

from __future__ import annotations

import math
from contextlib import suppress
from itertools import cycle
from typing import Any

from invenio_workflows.definition import Definition, compile_workflow
from invenio_workflows.encoding import dumps, loads
from invenio_workflows.engine import Cursor, Machine, WorkflowEngine, expected
from invenio_workflows.engine.cursor import answered
from invenio_workflows.errors import WorkflowDefinitionError
from invenio_workflows.states import (
    Aborted,
    Failed,
    Finished,
    Halted,
    InputAsked,
    Started,
    TaskFinished,
    TaskRetried,
    TaskSkipped,
    Waiting,
)


class Killed(BaseException):
    """The process ended here."""


class FakeRun:
    """What the handle asks of a run, without one."""

    uuid = "5d9c"
    name = "tested"
    id_user = 0
    status = 1
    data_type = ""
    log: Any = None

    def __init__(self, max_rounds: int = 1_000_000) -> None:
        self.max_rounds = max_rounds
        self.kept: dict[str, Any] = {}
        self.asked: list[Any] = []
        self.things: list[Any] = []

    def objects(self, statuses: Any = None, live: bool = False) -> list[Any]:
        self.asked.append((statuses, live))
        return self.things

    def keep_extra(self, changes: Any) -> dict[str, Any]:
        self.kept = changes.apply(self.kept)
        return self.kept

    def get_log(self) -> list[Any]:
        return []

    def check_halt(self, task: Any, obj: Any, action: Any, limit: Any, _: Any) -> Any:
        return limit


class Thing:
    """An object with no store behind it."""

    id = 17
    position = 0

    def __init__(self, data: Any = None, world: Any = None) -> None:
        self.data = data
        self.extra_data: dict[str, Any] = {}
        self.world = world

    def pulse(self) -> None:
        """Die here if the world wants it."""
        if self.world is not None:
            self.world.pulse()


class World:
    """One object, and what is kept of it.

    :param source: gives the workflow of a process; most make it anew for each.
    :param die_after: the process dies after every event that is kept.
    :param die_inside: it dies once in each task and condition, before its end.
    """

    def __init__(
        self,
        source: Any,
        data: Any = None,
        die_after: bool = False,
        die_inside: bool = False,
        max_steps: int = 100,
    ) -> None:
        self.source = source
        self.die_after, self.die_inside = die_after, die_inside
        self.left = max_steps
        self.kept = {"data": dumps(data), "extra": "{}", "run": "{}", "retried": 0}
        self.cursor: str | None = None
        #: How many answers were given, which are the numbers from 1.
        self.given = 0
        self.status = "new"
        #: What was kept: kind, task, and everything that the event left.
        self.trace: list[tuple[Any, ...]] = []
        self.error: BaseException | None = None
        self._alive = self._started_before = False

    @property
    def names(self) -> list[str]:
        """The names of the tasks that returned, in order."""
        return [name for kind, name, *_ in self.trace if kind not in QUIET]

    @property
    def data(self) -> Any:
        """The data as it is kept."""
        return loads(self.kept["data"])

    @property
    def run_extra(self) -> Any:
        """What the run shares, as it is kept."""
        return loads(self.kept["run"])

    @property
    def goes_on(self) -> bool:
        """Whether it has not come to an end, and may make another step."""
        return self.status not in ("Finished", "Aborted") and self.left > 0

    def pulse(self) -> None:
        """Die, the first time after each kept event that this is called."""
        if self.die_inside and not self._alive:
            self._alive = True
            raise Killed

    def until_done(
        self, start_point: str = "continue_next", most: float = math.inf
    ) -> World:
        """Run, and continue at each halt and failure, to the end.

        :param most: how many events are enough.
        """
        while self.goes_on and len(self.trace) < most:
            if self.status == "InputAsked":
                self.answer()
            self.process(start_point)
            start_point = "resume" if self.status == "RUNNING" else "continue_next"
        return self

    def answer(self) -> None:
        """Give the next number to the task that asks for one."""
        self.given += 1
        answer = {"name": "Number", "data": {"number": self.given}}
        self.cursor, self.status = answered(self.cursor, answer), "answered"

    def process(self, start_point: str = "continue_next") -> World:
        """Run in a process of its own, until it ends or dies."""
        definition = compiled(self.source)
        obj = Thing(self.data, self)
        obj.extra_data = loads(self.kept["extra"])
        run = FakeRun(definition.max_rounds)
        eng = WorkflowEngine(run, self.run_extra)  # type: ignore[arg-type]
        machine = Machine(definition, obj, eng, Cursor.decode(self.cursor))
        due = self.due(definition, start_point)
        self.machine, self.eng = machine, eng
        try:
            for event in machine.run(start_point):
                if due is not None and not isinstance(event, (Started, TaskSkipped)):
                    assert event.task is due, "what is expected comes"  # type: ignore[attr-defined]
                    due = None
                self.left -= 1
                if self.left <= 0:
                    return self
                if isinstance(event, TaskFinished) and event.more:
                    continue  # committed together with the next
                self.keep(event, machine, obj, eng)
                again = isinstance(event, Started) and self._started_before
                self._started_before = isinstance(event, Started)
                if self.die_after and self.status == "RUNNING" and not again:
                    raise Killed
        except Killed:
            self.status = "RUNNING"
        return self

    def due(self, definition: Definition, start_point: str) -> Any:
        """Return the task that is said to come next, if one is."""
        with suppress(WorkflowDefinitionError):
            return expected(definition, Cursor.decode(self.cursor), start_point)

    def keep(self, event: Any, machine: Machine, obj: Thing, eng: Any) -> None:
        """Keep what an event leaves, like a checkpoint."""
        if isinstance(event, (Failed, TaskRetried, InputAsked, Aborted)):
            obj.data, obj.extra_data = self.data, loads(self.kept["extra"])
            eng.settle(self.run_extra)
            self.kept["retried"] += isinstance(event, TaskRetried)
            self.error = getattr(event, "error", None)
        changes = eng.changes()
        if changes:
            shared = changes.apply(self.run_extra)
            self.kept["run"] = dumps(dict(sorted(shared.items())))
            eng.settle(shared)
        self.kept["data"], self.kept["extra"] = dumps(obj.data), dumps(obj.extra_data)
        self.cursor = machine.cursor()
        kind = type(event).__name__
        ends = isinstance(event, (Failed, Finished, Halted, Waiting, Aborted))
        self.status = kind if ends else "RUNNING"
        if not isinstance(event, Started):
            self._alive = False
            place = getattr(event, "task", None)
            name = place.name if place is not None else ""
            self.trace.append((kind, name, *self.kept.values()))


#: Events that are no task's return.
QUIET = (
    *("Finished", "Failed", "TaskRetried", "TaskSkipped", "Aborted"),
    "InputAsked",
)


def compiled(source: Any) -> Definition:
    """Compile what a source, or the function that makes it, gives."""
    made = source() if callable(source) else source
    return made if isinstance(made, Definition) else compile_workflow("tested", made)


def in_turns(source: Any) -> Any:
    """Return what gives the definitions of three processes, which take turns.

    Each makes its own once, and keeps it: what a node remembers is missing in the next
    process, and is of old when its own has its turn again.
    """
    definitions = cycle(compiled(source) for _ in range(3))
    return lambda: next(definitions)


def ran(source: Any, data: Any = None, **options: Any) -> World:
    """Run a workflow once, until it halts, fails or ends."""
    return World(lambda: source, data, **options).process()


def tell(name: str) -> Any:
    """Return a task of this name that writes its name down in the data."""

    def write(obj: Any, eng: Any) -> None:
        obj.data = [*(obj.data or []), name]

    write.__name__ = name
    return write


def asks(name: str, **arguments: Any) -> Any:
    """Return a task that writes its name down, and then calls ``eng.name(…)``."""

    def ask(obj: Any, eng: Any) -> None:
        obj.data = [*(obj.data or []), name]
        getattr(eng, name)(**arguments)

    ask.__name__ = name
    return ask
