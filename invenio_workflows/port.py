"""What the conductor asks of a store, and what ``eng`` asks of its run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from .checkpoint import Branch, Changes, Checkpoint, RunInfo
from .config import Settings
from .deadlines import Deadline
from .definition.workflow import Definition
from .encoding import dumps, loads
from .errors import DataTooLarge, WorkflowError
from .halts import check_halt
from .logs import KeptLog, LogLine
from .objects import WorkflowObject
from .proxies import current_workflows
from .states import ObjectStatus, Place, WorkflowStatus


class Moving(Protocol):
    """What keeps the leases on objects that are moved."""

    def begins(self, oid: int, fence: int) -> None:
        """Keep the lease on an object from now on."""

    def ends(self, oid: int) -> None:
        """Let the lease on an object be."""

    def progress(self, oid: int, text: str) -> None:
        """Keep how far the task of an object is, as JSON; not at once."""


class Store(Protocol):
    """What the conductor asks of a store; :mod:`.testing` has one in memory."""

    @property
    def moving(self) -> Moving:
        """Keeps the leases on the objects that this process moves."""

    def refresh(self, obj: WorkflowObject) -> bool:
        """Make the document what is kept, and say whether it is still ours to move."""

    def held(self) -> AbstractContextManager[None]:
        """Make ready for many checkpoints of this thread."""

    def record(self, point: Checkpoint) -> WorkflowObject | None:
        """Keep a checkpoint in one commit; return the next object, if asked for."""

    def announced(self, point: Checkpoint) -> None:
        """Keep that listeners were told that an object asks something of a person."""

    def undo(self) -> None:
        """Undo what the task wrote since the last checkpoint."""

    def is_busy(self, error: BaseException) -> bool:
        """Say whether the error is none of the task's: it is to be run again."""

    def run_status(self, uuid: str) -> WorkflowStatus:
        """Return the status of the run."""

    def objects_of(
        self,
        uuid: str,
        statuses: Iterable[ObjectStatus] | None = None,
        live: bool = False,
    ) -> list[WorkflowObject]:
        """Return the objects of the run."""

    def branches_of(self, oid: int) -> list[Branch]:
        """Return the branches that an object was last split into, in their order."""

    def pass_on(
        self, obj: WorkflowObject, run: RunInfo, stops: bool
    ) -> WorkflowObject | None:
        """Claim the next object of a start, though this one waits for its branches.

        :param stops: those that follow are not started.
        """

    def keep_extra(self, uuid: str, changes: Changes) -> dict[str, Any]:
        """Merge changes into what the run's objects share."""

    def keep_lines(self, lines: list[LogLine]) -> None:
        """Keep log lines at once."""

    def log_of(self, oid: int | None, level: int | None = None) -> list[LogLine]:
        """Return the log lines of an object."""

    def log_of_run(self, uuid: str) -> list[LogLine]:
        """Return the log lines of a run."""

    def once(self, oid: int, key: str) -> str | None:
        """Return what was kept for a key of an object, as JSON."""

    def keep_once(self, oid: int, key: str, result: str) -> None:
        """Keep JSON for a key of an object, at once."""


class RunPort:
    """What ``eng`` knows of its run, and where its log lines go."""

    def __init__(
        self, info: RunInfo, definition: Definition, store: Store, limits: Settings
    ) -> None:
        self.info = info
        self._definition = definition
        self.uuid, self.name, self.id_user = info.uuid, info.name, info.id_user
        self.max_rounds = definition.max_rounds
        self.data_type = definition.data_type
        self.lines: list[LogLine] = []
        self.in_task = False
        #: Says which task is at work.
        self.task: Callable[[], Place | None] = lambda: None
        self._store = store
        self._limits = limits
        self.log = KeptLog(
            "run",
            {"workflow": info.name, "workflow_run": info.uuid},
            self._keep_line,
        )

    @property
    def status(self) -> WorkflowStatus:
        return self._store.run_status(self.uuid)

    def objects(
        self, statuses: Iterable[ObjectStatus] | None = None, live: bool = False
    ) -> list[Any]:
        return self._store.objects_of(self.uuid, statuses, live)

    def keep_extra(self, changes: Changes) -> dict[str, Any]:
        return self._store.keep_extra(self.uuid, changes)

    def get_log(self) -> list[LogLine]:
        held = [line for line in self.lines if line.id_object is None]
        return [*self._store.log_of_run(self.uuid), *held]

    def log_of(self, oid: int | None, level: int | None = None) -> list[LogLine]:
        """Return the kept lines of an object, and those held for the checkpoint."""
        held = [
            line
            for line in self.lines
            if line.id_object == oid and level in (None, line.level)
        ]
        return [*self._store.log_of(oid, level), *held]

    def once(self, obj: Any, key: str, function: Callable[[], Any]) -> Any:
        if obj is None:
            raise WorkflowError("eng.once() is for a task, and none is at work.")
        if not 0 < len(key) <= 255:
            raise ValueError(f"The key of once() has 1 to 255 letters, not {key!r}.")
        kept = self._store.once(obj.id, key)
        if kept is not None:
            return loads(kept)
        result = function()
        self._store.keep_once(
            obj.id, key, dumps(result, f"what once({key!r}) returned")
        )
        return result

    def progress(self, obj: Any, done: float, total: Any, message: str) -> None:
        told = {"done": done, "total": total, "message": str(message)[:1000]}
        self._store.moving.progress(obj.id, dumps(told, "the progress"))

    def start_workflow(self, name: str, data: Any, **kwargs: Any) -> str:
        return str(current_workflows.verb("start_delayed")(name, data, **kwargs).uuid)

    def branches(self, obj: Any) -> list[Branch]:
        return self._store.branches_of(obj.id)

    def status_of(self, uuid: str) -> WorkflowStatus:
        return self._store.run_status(uuid)

    def check_halt(
        self,
        task: Place | None,
        obj: Any,
        action: str | None,
        deadline: Deadline | None,
        payload: Mapping[str, Any],
    ) -> Deadline | None:
        return check_halt(self._definition, task, obj, action, deadline, payload)

    def keep(self, level: int, text: str, oid: int | None) -> None:
        """Hold a line for the checkpoint, or keep it at once outside of a task."""
        line = kept_line(self._limits, level, text, oid, self.uuid, self.task())
        if line is None:
            return
        if self.in_task:
            self.lines.append(line)
        else:
            self._store.keep_lines([line])

    def _keep_line(self, level: int, text: str) -> None:
        self.keep(level, text, None)


def check(obj: WorkflowObject, limits: Settings) -> tuple[str, str]:
    """Return the document's data and extra_data as JSON.

    :raises DataNotSerializable: naming object, key path and type.
    :raises DataTooLarge: if one of the two is over WORKFLOWS_MAX_DATA_SIZE.
    """
    data, extra_data = texts = obj.encoded()
    if len(data) > limits.max_data_size:
        raise _too_large(obj, "data", len(data), limits)
    if len(extra_data) > limits.max_data_size:
        raise _too_large(obj, "extra_data", len(extra_data), limits)
    return texts


def _too_large(
    obj: WorkflowObject, name: str, size: int, limits: Settings
) -> DataTooLarge:
    return DataTooLarge(
        f"The {obj.what(name)} has {size} bytes as JSON; "
        f"WORKFLOWS_MAX_DATA_SIZE allows {limits.max_data_size}. Keep large "
        "content elsewhere, and its address in the object.",
        id_object=obj.id,
        size=size,
    )


def kept_line(
    limits: Settings,
    level: int,
    text: str,
    oid: int | None,
    uuid: str | None,
    task: Place | None = None,
) -> LogLine | None:
    """Return the line to keep, ``None`` if its level is too low to be kept."""
    if level < _level(limits.log_level):
        return None
    text = text.replace("\0", "\ufffd")
    if len(text) > limits.max_log_size:
        text = text[: limits.max_log_size - 1] + "…"
    return LogLine(
        level, text, task.name if task else "", id_object=oid, id_workflow=uuid
    )


def _level(name: str) -> int:
    levels = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
    return levels.get(str(name).upper(), 10)
