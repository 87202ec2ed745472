"""What a task does beyond its own object: once only, or in another run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import errors
from ..checkpoint import Branch
from ..states import ENDED_RUN, Awaited, WorkflowStatus
from .cursor import end_of_branch
from .run import Run


class Outside:
    """The part of the handle that reaches out of the run."""

    _run: Run
    _object: Any

    def once(
        self, key: str, function: Callable[..., Any], *args: Any, **kw: Any
    ) -> Any:
        """Do something outside of the database, and not again when the task is.

        What it returns is kept at once, and returned instead when the task of this
        object runs again in this run, after a failure or a crash. A crash between
        the doing and the keeping lets it be done twice: nobody can know better, so
        let the other side recognise the key where it can. On SQLite it comes before
        the task writes anything itself.

        :param key: what is done, such as ``mail``; one thing a key.
        :param function: does it, with the arguments; what it returns is kept as JSON.
        :raises DataNotSerializable: if that cannot be; then it is not remembered.
        """
        return self._run.once(self._object, str(key), lambda: function(*args, **kw))

    def progress(
        self, done: float, total: float | None = None, message: str = ""
    ) -> None:
        """Let those who watch know how far this task is; written once a second.

        :param done: how much is done, of ``total`` if that is known.
        :param message: what is being done, in a few words.
        """
        if self._object is not None:
            self._run.progress(self._object, done, total, message)

    def start_workflow(self, name: str, data: Any, **kwargs: Any) -> str:
        """Start another run, which a worker carries out; return its uuid.

        It joins the task's checkpoint: if the task fails, nothing was started. See
        :func:`.api.start_delayed`.
        """
        return str(self._run.start_workflow(name, data, **kwargs))

    @property
    def branches(self) -> list[Any]:
        """The branches that the object at work was last split into, in their order."""
        return [branch.obj for branch in self._begun()]

    def _begun(self) -> list[Branch]:
        return [] if self._object is None else self._run.branches(self._object)

    def _handed_on(self) -> list[tuple[Branch, Any, Any]]:
        """Return the branches, each with its memo and that of the graph it ran."""
        return [(branch, *end_of_branch(branch.obj.cursor)) for branch in self._begun()]

    def status_of(self, uuid: str) -> WorkflowStatus:
        """Return the status of another run, as it is kept now."""
        return self._run.status_of(uuid)

    def wait_for(self, *uuids: str, msg: str = "") -> list[WorkflowStatus]:
        """Go on when other runs have ended, and return their statuses.

        Holds no worker: as long as one has not ended (COMPLETED, ERROR, CANCELLED)
        the object is WAITING, and the task runs again from its beginning when one
        has. So call it first in a task of its own.
        """
        if self._run.uuid in uuids:
            raise errors.WorkflowError("A run cannot wait for its own end.")
        statuses = [self.status_of(uuid) for uuid in uuids]
        for uuid, status in zip(uuids, statuses, strict=True):
            if status not in ENDED_RUN:
                what = Awaited(run=uuid, then="restart_task")
                raise errors.WaitProcessing(msg or f"The run {uuid} goes on.", what)
        return statuses
