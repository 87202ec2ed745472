"""What ``eng`` asks of the run it stands for: a port that the conductor gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from ..checkpoint import Branch, Changes
from ..deadlines import Deadline
from ..logs import KeptLog, LogLine
from ..states import ObjectStatus, Place, WorkflowStatus


class Run(Protocol):
    """What the handle asks of the run it stands for."""

    uuid: str
    name: str
    id_user: int
    max_rounds: int
    log: KeptLog

    @property
    def status(self) -> WorkflowStatus:
        """The status of the run, as it is kept now."""

    @property
    def data_type(self) -> str:
        """The data type that the definition gives its objects."""

    def objects(
        self, statuses: Iterable[ObjectStatus] | None = None, live: bool = False
    ) -> list[Any]:
        """Return the objects of the run; without their snapshots if ``live``."""

    def keep_extra(self, changes: Changes) -> dict[str, Any]:
        """Merge changes into the shared extra_data, and return what it is then."""

    def get_log(self) -> list[LogLine]:
        """Return the log lines of the run."""

    def once(self, obj: Any, key: str, function: Callable[[], Any]) -> Any:
        """Return what the function returned for this key, now or before."""

    def progress(self, obj: Any, done: float, total: Any, message: str) -> None:
        """Let those who watch know how far a task is."""

    def start_workflow(self, name: str, data: Any, **kwargs: Any) -> str:
        """Start another run, and return its uuid."""

    def branches(self, obj: Any) -> list[Branch]:
        """Return the branches that an object was last split into, in their order."""

    def status_of(self, uuid: str) -> WorkflowStatus:
        """Return the status of another run."""

    def check_halt(
        self,
        task: Place | None,
        obj: Any,
        action: str | None,
        deadline: Deadline | None,
        payload: Mapping[str, Any],
    ) -> Deadline | None:
        """Return the deadline of a halt; raise ValueError for what cannot be meant."""
