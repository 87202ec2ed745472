"""What a run in memory remembers: the store of tests, without a database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from .checkpoint import Branch, Changes, Checkpoint, EventLine, RunInfo
from .clock import Clock
from .config import Settings
from .encoding import loads
from .logs import LogLine
from .objects import WorkflowObject
from .port import check
from .states import (
    ObjectStatus,
    WorkflowStatus,
    run_status,
)

#: Those that move no more.
ENDED = (ObjectStatus.COMPLETED, ObjectStatus.CANCELLED)


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
        if branch.id_fork is None or branch.status not in ENDED:
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
            if branch.status not in ENDED:
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
        moving = [obj for obj in self.branches if obj.status not in ENDED]
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
