"""Deciding meets remembering here, and only here.

The engine yields an event; the conductor has it recorded, in one commit with
what the task wrote itself, and then announces it. Events with nothing between
them are recorded together.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from weakref import WeakValueDictionary

from . import output, signals
from .agenda import Agenda
from .checkpoint import Checkpoint, Claim, RunInfo, event_line
from .config import Settings
from .definition.workflow import Definition
from .encoding import Writer
from .engine import Cursor, Machine, WorkflowEngine
from .errors import WorkflowsError
from .interrupts import undisturbed
from .logs import LogLine, about, at_work
from .objects import WorkflowObject
from .outcome import (
    Refused,
    branches,
    failure_of,
    is_of_task,
    leaves_cursor,
    lets_others_go_on,
    mark,
    place,
)
from .port import RunPort, Store, check
from .states import (
    LEADS_TO,
    UNDOES,
    Event,
    Failed,
    Halted,
    Started,
    TaskFinished,
    TaskPostponed,
    WorkflowStatus,
)
from .telling import tell, tell_of_question
from .timeouts import limit

_here = threading.local()


def in_task() -> bool:
    """Say whether a task, or a condition, is at work in this thread."""
    return getattr(_here, "in_task", False)


class Conductor:
    """Moves the objects of one run, one after the other.

    :param is_to_stop: asked after each task: whether the object is to be given back.
    """

    def __init__(
        self,
        info: RunInfo,
        definition: Definition,
        store: Store,
        limits: Settings,
        is_to_stop: Callable[[], bool] | None = None,
    ) -> None:
        self.info = info
        self.definition = definition
        self.is_to_stop = is_to_stop
        self.store = store
        self.limits = limits
        self.port = RunPort(info, definition, store, limits)
        self.engine = WorkflowEngine(self.port, info.extra_data)
        self.port.task = self.engine.get_current_place
        self._busy_since: float | None = None
        #: Whether an object went to sleep that a clock wakes.
        self.dozed = False
        self.agenda = Agenda(store)
        #: Claims who is moved next, in the commit of the last stop; of any run.
        self.claim: Claim | None = None
        self._known: WeakValueDictionary[int, WorkflowObject] = WeakValueDictionary()

    def conduct(
        self, obj: WorkflowObject | None, start_point: str = "continue_next"
    ) -> WorkflowEngine:
        """Drive a claimed object, then those that follow it in a start.

        :raises WorkflowError: if a task failed and the run stops on errors.
        :raises LeaseLost: if another worker took the object over.
        """
        signals.send(signals.workflow_started, self.engine)
        error: WorkflowsError | None = None
        self.agenda.push(obj, start_point)
        with self.store.held():
            try:
                while (item := self.agenda.pop()) is not None:
                    if item.passes_on:
                        following = self._passed_on(item.obj, error)
                    else:
                        drive = _Drive(self, item.obj, item.start_point)
                        following, failure = drive.run()
                        error = error or failure
                    self.agenda.push(self.known(following))
            finally:
                self.agenda.drop()
        if error is not None and self.info.stop_on_error:
            raise error from error.__cause__
        if (
            signals.workflow_finished.receivers
            and self.engine.status == WorkflowStatus.COMPLETED
        ):
            signals.send(signals.workflow_finished, self.engine)
        return self.engine

    def _passed_on(
        self, obj: WorkflowObject, error: WorkflowsError | None
    ) -> WorkflowObject | None:
        """Return who follows an object that waits for a branch, claimed."""
        stops = self.info.stop_on_error if error is not None else self.info.stop_on_halt
        return self.store.pass_on(obj, self.info, stops)

    def follow(self, point: Checkpoint) -> None:
        """See to what comes of a checkpoint: branches, or who waited for this one."""
        joined = self.known(point.joined)
        if not point.drives:
            queued = [*point.branches, *([joined] if joined is not None else [])]
            self.info.sequel.woken += [obj.id for obj in queued]
            return
        if point.branches:
            self.agenda.split(point.obj, point.branches)
        if joined is not None:
            self.agenda.join(joined)

    def known(self, obj: WorkflowObject | None) -> WorkflowObject | None:
        """Return the caller's own document of an object, if there is one."""
        known = self._known.get(obj.id) if obj is not None else None
        if known is None or obj is None:
            return obj
        known.__dict__.update(obj.__dict__)
        return known

    def is_shared(self, obj: WorkflowObject) -> bool:
        """Say whether the caller of the start holds this document too."""
        return obj.id in self._known

    def know(self, objects: Iterable[WorkflowObject]) -> None:
        """Bring these documents themselves up to date when their turn comes."""
        self._known.update({obj.id: obj for obj in objects})

    def fail(self, obj: WorkflowObject, error: WorkflowsError) -> WorkflowObject | None:
        """End a claimed object as ERROR, without running a task.

        :return: the object that follows it in a start, claimed.
        """
        return _Drive(self, obj, "resume").keep_alone(Failed(None, error))

    def may_wait(self, error: BaseException) -> bool:
        """Say whether a task is to be run again, because the database was busy."""
        if not self.store.is_busy(error):
            return False
        now = time.monotonic()
        self._busy_since = self._busy_since or now
        return now - self._busy_since < self.limits.busy_seconds


class _Drive:
    """One object on its way: from its claim to where it stops."""

    def __init__(
        self, conductor: Conductor, obj: WorkflowObject, start_point: str
    ) -> None:
        self.conductor = conductor
        self.store, self.info = conductor.store, conductor.info
        self.engine, self.port = conductor.engine, conductor.port
        self.obj = obj
        self.start_point = start_point
        self.in_start = bool(obj.columns.get("in_start"))
        self.machine = Machine(
            conductor.definition,
            obj,
            self.engine,
            Cursor.decode(obj.cursor),
            conductor.may_wait,
            limit,
            obj.columns.get("tries") or 0,
        )
        self.cursor: str | None = obj.cursor
        self.began = self.seconds = 0.0
        self.interrupt: BaseException | None = None

    def run(self) -> tuple[WorkflowObject | None, WorkflowsError | None]:
        """Return the next object, if it was claimed, and the error of this one."""
        obj = self.obj
        obj.world, obj.writer = self, obj.writer or Writer()
        self.port.in_task = True
        outside = at_work.set(self._about)
        if self.conductor.is_shared(obj):
            obj.go_back()
        obj.forget_question()
        self.store.moving.begins(obj.id, obj.columns["fence"])
        try:
            return self._events()
        except (KeyboardInterrupt, SystemExit) as error:
            # Between two tasks, in the commit itself, or once more while the first one
            # was kept: nobody may know how it ended.
            self.interrupt = self.interrupt or error
            with undisturbed():
                if self.store.refresh(obj):
                    self.cursor = obj.cursor
                    self.keep_alone(Failed(None, error))
            raise
        finally:
            self.store.moving.ends(obj.id)
            self.port.in_task = False
            at_work.reset(outside)
            self.engine._object = self.engine._task = None
            obj.world = obj.writer = None

    def _about(self) -> dict[str, Any]:
        """Say what is at work, for the log."""
        place, info = self.engine.get_current_place(), self.info
        return about(info.name, info.uuid, self.obj.id, place and place.name)

    def keep_alone(self, event: Event) -> WorkflowObject | None:
        """Record and announce one event, without the engine; return who follows."""
        point, taken = self._keep([event])
        self._announce([event], point)
        return taken

    def keep_line(self, obj: WorkflowObject, level: int, text: str) -> None:
        """Hold a log line of the object for its checkpoint."""
        self.port.keep(level, text, obj.id)

    def get_log(self, obj: WorkflowObject, level: int | None = None) -> list[LogLine]:
        """Return the log lines of the object, those of this task too."""
        return self.port.log_of(obj.id, level)

    # --- events -----------------------------------------------------------------------

    def _events(self) -> tuple[WorkflowObject | None, WorkflowsError | None]:
        events = self.machine.run(self.start_point)
        together: list[Event] = []
        event = self._next(events)
        while event is not None:
            # That the object was started is kept with its claim.
            if not isinstance(event, Started):
                together.append(event)
            more = getattr(event, "more", False)
            if isinstance(event, Started) or more:
                event = self._next(events, began=self.began if more else None)
                continue
            refused: Exception | None = None
            try:
                point, taken = self._keep(together)
            except Refused as refusal:
                refused = refusal.error
            else:
                self._announce(together, point)
                if point.leaves:
                    if self.interrupt is not None:
                        raise self.interrupt
                    return taken, failure_of(event, self.info, self.obj)
            together = []
            event = self._next(events, refused)
        return None, None

    def _next(
        self,
        events: Iterator[Event],
        refused: Exception | None = None,
        began: float | None = None,
    ) -> Event | None:
        before, _here.in_task = in_task(), True
        limits = self.conductor.limits
        heard = output.listen(self._hear, limits.max_log_size, limits.max_output_lines)
        self.began = began or time.perf_counter()
        try:
            if refused is None:
                return next(events, None)
            return events.throw(refused)  # type: ignore[attr-defined, no-any-return]
        except WorkflowsError as error:  # the place of the object is not found
            return Failed(None, error)
        except Exception:
            raise
        except BaseException as error:  # Ctrl-C, or the process is to end
            self.interrupt = error
            return self.machine.interrupted(error)
        finally:
            output.end(heard)
            _here.in_task = before

    def _hear(self, level: int, text: str) -> None:
        """Hold a line that the task wrote for its checkpoint."""
        self.port.keep(level, text, self.obj.id)

    # --- keeping ----------------------------------------------------------------------

    def _keep(self, together: list[Event]) -> tuple[Checkpoint, WorkflowObject | None]:
        """Record events that belong together, in one commit.

        :raises Refused: if what the task did cannot be kept.
        """
        event = together[-1]
        if isinstance(event, UNDOES):
            self._undo()
        point = self._checkpoint(together)
        try:
            taken = self.store.record(point)
        except Exception as error:
            if isinstance(event, Failed) or not is_of_task(error, self.store.is_busy):
                raise
            raise Refused(getattr(error, "original", error)) from error
        self.port.lines.clear()
        if point.shared is not None:
            self.engine.settle(point.shared)
        self.cursor = point.cursor
        self.info.sequel.claimed = point.followed
        self.conductor.follow(point)
        self.conductor.dozed |= point.waits_for == "timer"
        return point, taken

    def _undo(self) -> None:
        """Go back to the last checkpoint; log lines are kept nonetheless."""
        self.store.undo()
        kept = self.obj.kept
        if kept is not None:
            self.obj.restore(*kept)
            self.obj.forget_question()
        self.engine.forget()

    def _checkpoint(self, together: list[Event]) -> Checkpoint:
        obj, event = self.obj, together[-1]
        seconds = self.seconds = time.perf_counter() - self.began
        try:
            mark(obj, event, obj.columns["seq"] + len(together))
            data, extra_data = check(obj, self.conductor.limits)
            changes = self.engine.changes() or None
            stays = event is together[0] and leaves_cursor(event)
            cursor = self.cursor if stays else self.machine.cursor()
            lines = [event_line(each, seconds) for each in together]
        except Exception as error:  # whatever a task made of its object
            if isinstance(event, Failed):
                raise
            raise Refused(error) from error
        kept = obj.kept or ("", "")
        point = Checkpoint(
            run=self.info,
            obj=obj,
            events=lines,
            status=LEADS_TO[type(event)],
            cursor=cursor,
            data=None if data == kept[0] else data,
            extra_data=None if extra_data == kept[1] else extra_data,
            changes=changes,
            lines=self.port.lines,
        )
        point.sleep(event, self._queue())
        asks = isinstance(event, Halted) and event.action
        point.announces = bool(asks and signals.input_required.receivers)
        point.drives = self.conductor.is_to_stop is None
        point.unbegun = self.conductor.agenda.unbegun
        if point.forks:
            point.branches = branches(obj, self.machine.branches())
        if isinstance(event, TaskPostponed):
            self.port.keep(30, f"{event.task.name} failed: {lines[-1].message}", obj.id)
        if point.leaves:
            self._say_who_follows(point, event)
        elif self.conductor.is_to_stop is not None and self.conductor.is_to_stop():
            point.give_back(self._queue())
        place(obj, together)
        return point

    def _say_who_follows(self, point: Checkpoint, event: Event) -> None:
        goes_on = not self.interrupt and lets_others_go_on(event, self.info)
        point.take_next = self.in_start and goes_on and not point.keeps_start
        point.ends_run = not (self.in_start or goes_on or self.interrupt)
        if not self.interrupt and not self.conductor.agenda:
            point.follow = self.conductor.claim

    def _queue(self) -> str:
        """Return the queue of the run's workflow."""
        return self.conductor.limits.queue_of(self.info.name)

    # --- telling ----------------------------------------------------------------------

    def _announce(self, together: list[Event], point: Checkpoint) -> None:
        if isinstance(together[0], TaskFinished):
            self.conductor._busy_since = None
        tell(self.obj, together, self.seconds)
        if point.announces:
            tell_of_question(self.obj, point.halt)
            self.store.announced(point)
