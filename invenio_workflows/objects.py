"""``WorkflowObject``: one piece of data on its way.

A document, not a row: it is read and written by statements of the store, and a
task that rolls the session back cannot lose what the engine keeps of it.
"""

from __future__ import annotations

import copy
import logging
import tempfile
from typing import Any, ClassVar

from .columns import Column
from .decisions import Decision
from .encoding import Writer, dumps, loads
from .errors import DataNotSerializable, WorkflowAPIError
from .extra_data import DERIVED, ExtraData, TaskHistory, default_extra_data
from .logs import KeptLog, LogLine, about
from .proxies import current_workflows, has_workflows
from .states import ObjectStatus

_EMPTY: Any = object()
#: Most documents have the same extra_data as those before.
_EXTRA_DATA = Writer()


class _Query:
    """``WorkflowObject.query``: a new query of the current app at each access."""

    def __get__(self, obj: Any, owner: type[WorkflowObject]) -> Any:
        return current_workflows.queries.query()


class WorkflowObject(ExtraData):
    """One piece of data with its status, its extra_data and its place in a workflow.

    :param data: anything that JSON holds, and tuples, sets, bytes, dates, decimals
        and UUIDs; see :mod:`invenio_workflows.encoding`.
    :param columns: ``data_type``, ``uri``, ``id_user``.
    """

    query: ClassVar[Any] = _Query()
    known_statuses = ObjectStatus

    id = Column()
    id_workflow = Column()
    id_parent = Column()
    #: Of a branch: the object that waits for it, and which of the branches it is.
    id_fork = Column()
    branch = Column()
    position = Column()
    waits_for = Column()
    workflow_name = Column()
    data_type = Column()
    uri = Column()
    id_user = Column()
    created = Column()
    modified = Column()
    revision = Column()
    cursor = Column()
    #: Until when what is asked may be answered; ``None`` for ever.
    deadline = Column()

    def __init__(
        self,
        data: Any = _EMPTY,
        extra_data: dict[str, Any] | None = None,
        **columns: Any,
    ) -> None:
        #: What has a column of its own, by name; for the store and the conductor.
        self.columns: dict[str, Any] = {"data_type": "", "uri": "", "id_user": 0}
        status = columns.pop("version", columns.pop("status", ObjectStatus.INITIAL))
        self.columns |= {"revision": 0, "status": ObjectStatus(status)}
        for name, value in columns.items():
            if not isinstance(getattr(type(self), name, None), Column):
                raise TypeError(f"A workflow object has no column {name!r}.")
            self.columns[name] = value
        self.data: Any = {} if data is _EMPTY else data
        self.extra_data: dict[str, Any] = {**default_extra_data(), **(extra_data or {})}
        #: What the row holds, as JSON; ``None`` where there is no row yet.
        self.kept: tuple[str, str] | None = None
        #: Writes the data at each checkpoint, while the object is on its way.
        self.writer: Writer | None = None
        #: Who moves the object at the moment; ``None`` outside of a run.
        self.world: Any = None
        #: Whose decision it is that moves it, while an action is answered.
        self.decision: Decision | None = None

    @property
    def status(self) -> ObjectStatus:
        """Where the object stands. Changed by verbs and ``save(status=…)`` only."""
        status: ObjectStatus = self.columns["status"]
        return status

    @property
    def version(self) -> ObjectStatus:
        """The name that the document gives to :attr:`status`."""
        return self.status

    def __repr__(self) -> str:
        return f"<WorkflowObject {self.id} {self.status.name}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WorkflowObject):
            return NotImplemented
        return self._compared() == other._compared()

    __hash__ = None  # type: ignore[assignment]

    def _compared(self) -> tuple[Any, ...]:
        extra = {k: v for k, v in self.extra_data.items() if k not in DERIVED}
        return (self.data, extra, self.id_workflow, self.status, self.id_parent)

    # --- making, saving, deleting ----------------------------------------------

    @classmethod
    def create_object(cls, **columns: Any) -> WorkflowObject:
        """Commit a new, empty object and return it.

        Commits the app's session, what it holds pending included.

        :param columns: ``data``, ``extra_data``, ``data_type``, ``uri``, ``id_user``.
        """
        return cls(**columns)._save(None)

    create = create_object

    @classmethod
    def create_object_revision(
        cls, old: WorkflowObject, version: ObjectStatus, **columns: Any
    ) -> WorkflowObject:
        """Commit a copy of ``old`` in the given status and return it."""
        fresh = cls(version=version)
        fresh.copy(old)
        fresh.columns["status"] = ObjectStatus(version)
        for name, value in columns.items():
            setattr(fresh, name, value)
        return fresh._save(None)

    @classmethod
    def get(cls, *criteria: Any, **filters: Any) -> Any:
        """Return a query of the objects with these columns; an id alone, the object.

        :raises ObjectNotFound: if an id is given that no object has.
        """
        query = cls.query
        if len(criteria) == 1 and isinstance(criteria[0], (int, str)):
            return query.one_by_id(criteria[0])
        return query.filter_by(*criteria, **filters)

    def copy(self, other: WorkflowObject) -> None:
        """Take data, extra_data, status and describing columns of ``other``."""
        self.data = copy.deepcopy(other.data)
        self.extra_data = copy.deepcopy(other.get_extra_data())
        for name in ("status", "id_parent", "data_type", "uri", "cursor"):
            self.columns[name] = other.columns.get(name)

    def save(
        self,
        version: ObjectStatus | int | None = None,
        task_counter: list[int] | None = None,
        id_workflow: str | None = None,
        status: ObjectStatus | int | None = None,
    ) -> WorkflowObject:
        """Keep the object as it is now; inside a task, at its checkpoint.

        Commits the app's session, what it holds pending included. With ``status``
        the status changes too, except from and to RUNNING.

        :param task_counter: moves the object to this position of its workflow.
        :raises IllegalMove: if a worker holds the object, or it was changed since
            it was read.
        :raises DataNotSerializable: naming the key path and the type.
        :raises ValueError: if ``task_counter`` is not a list of numbers.
        """
        if task_counter is not None and (
            type(task_counter) is not list or {type(i) for i in task_counter} - {int}
        ):
            raise ValueError("Task counter must be a list!")
        if id_workflow is not None:
            self.id_workflow = id_workflow
        wanted = status if version is None else version
        if self.world is not None:
            if wanted is None and task_counter is None:
                return self
            raise WorkflowAPIError(
                "Inside a task the engine sets status and position; use eng.halt(), "
                "eng.stop() or eng.jump_call()."
            )
        return self._save(wanted, task_counter)

    def _save(self, status: Any = None, counter: Any = None) -> WorkflowObject:
        wanted = None if status is None else ObjectStatus(status)
        current_workflows.save(self, wanted, counter)
        return self

    def delete(self: WorkflowObject | int) -> None:
        """Delete the object, its snapshots, events and log lines.

        Commits the app's session. ``WorkflowObject.delete(17)`` does it by id.

        :raises IllegalMove: if a worker holds the object.
        :raises ObjectNotFound: if there is no such object.
        """
        current_workflows.delete(self)

    # --- running ---------------------------------------------------------------

    def start_workflow(
        self, workflow_name: str, delayed: bool = False, **kwargs: Any
    ) -> Any:
        """Save the object and run it through a workflow, from its first task.

        Commits the app's session, what it holds pending included. See
        :func:`invenio_workflows.api.start`.
        """
        if delayed:
            return current_workflows.verb("start_delayed")(
                workflow_name, [self], **kwargs
            )
        return current_workflows.verb("start")(workflow_name, [self], **kwargs)

    def continue_workflow(
        self, start_point: str = "continue_next", delayed: bool = False, **kwargs: Any
    ) -> Any:
        """Save the object and go on with it where it stopped.

        Commits the app's session, what it holds pending included. See
        :func:`invenio_workflows.api.continue_oid`.

        :raises WorkflowAPIError: if it belongs to no workflow.
        """
        if self.id_workflow is None:
            raise WorkflowAPIError(
                f"No workflow associated with object: {self!r}. Start one first, by "
                "start_workflow(name)."
            )
        verb = "continue_oid_delayed" if delayed else "continue_oid"
        return current_workflows.verb(verb)(self, start_point, **kwargs)

    def restart_current(self) -> Any:
        """Run the current task again and go on."""
        return self.continue_workflow("restart_task")

    def restart_previous(self) -> Any:
        """Run the task before the current one again and go on."""
        return self.continue_workflow("restart_prev")

    def restart_next(self) -> Any:
        """Go on with the task after the current one."""
        return self.continue_workflow("continue_next")

    # --- data ------------------------------------------------------------------

    def get_data(self) -> Any:
        """Return the data."""
        return self.data

    def set_data(self, value: Any) -> None:
        """Set the data; kept by :meth:`save`, or when the object is started."""
        self.data = value

    def get_extra_data(self) -> dict[str, Any]:
        """Return the extra data, with the task history read."""
        history = self.extra_data.get("_task_history")
        if isinstance(history, TaskHistory):
            self.extra_data["_task_history"] = list(history)
        return self.extra_data

    def set_extra_data(self, value: dict[str, Any]) -> None:
        """Set the extra data; kept by :meth:`save`, or when the object is started."""
        self.extra_data = value

    def save_to_file(
        self, directory: str | None = None, prefix: str = "workflow_", suffix: str = ""
    ) -> str:
        """Write the data to a new file: text as it is, else JSON. Return its path."""
        with tempfile.NamedTemporaryFile(
            "wb", dir=directory, prefix=prefix, suffix=suffix, delete=False
        ) as file:
            text = self.data if isinstance(self.data, str) else dumps(self.data)
            file.write(self.data if isinstance(self.data, bytes) else text.encode())
        return file.name

    # --- its workflow ----------------------------------------------------------

    def get_workflow_name(self) -> str | None:
        """Return the name of the workflow, ``None`` if it belongs to none."""
        name: str | None = self.workflow_name
        return name or None

    def get_current_task(self) -> list[int]:
        """Return the position in the workflow, the indexes from the outside in."""
        counter = self.extra_data.get("_task_counter")
        return list(counter) if isinstance(counter, list) else []

    def get_current_task_info(self) -> dict[str, Any] | str:
        """Return name, nicename, doc and parameters of the task it stands at.

        ``""`` if it belongs to no workflow or stands nowhere.
        """
        info: dict[str, Any] | str = current_workflows.task_info(self)
        return info

    def get_formatted_data(self, of: str | None = None) -> Any:
        """Return what the workflow's ``formatter`` makes of the object.

        :param of: the output format; ``WORKFLOWS_HOLDING_PEN_DEFAULT_OUTPUT_FORMAT``
            when left out.
        :return: ``""`` if there is no formatter, or it fails, which is logged.
        """
        return current_workflows.formatted(self, of)

    # --- log and history -------------------------------------------------------

    @property
    def log(self) -> KeptLog:
        """A logger whose lines are kept with the object; see :meth:`get_log`."""
        extra = about(self.workflow_name or None, self.id_workflow, self.id)
        return KeptLog("object", extra, self._keep_line)

    def _keep_line(self, level: int, text: str) -> None:
        if self.world is not None:
            self.world.keep_line(self, level, text)
        elif has_workflows():
            current_workflows.keep_line(self, level, text)
        else:
            logging.getLogger(__name__).debug("A log line is not kept without an app.")

    def get_log(self, *criteria: Any, **filters: Any) -> list[LogLine]:
        """Return the log lines, oldest first.

        :param filters: ``level`` keeps only lines of that level.
        """
        if criteria:
            raise TypeError("get_log() takes keywords, such as level=40.")
        if self.world is not None:
            lines: list[LogLine] = self.world.get_log(self, **filters)
            return lines
        found: list[LogLine] = current_workflows.queries.log_of(self.id, **filters)
        return found

    def history(self) -> list[Any]:
        """Return what happened to the object, oldest first."""
        events: list[Any] = current_workflows.queries.history(self.id)
        return events

    def at(self, event: Any) -> WorkflowObject:
        """Return the object as it was after ``event``, one of :meth:`history`."""
        then: WorkflowObject = current_workflows.queries.at(self.id, event)
        return then

    # --- for the store and the conductor -----------------------------------------

    def encoded(self) -> tuple[str, str]:
        """Return data and extra_data as JSON, as they are kept.

        :raises DataNotSerializable: naming object, key path and type.
        """
        extra = self.extra_data
        if not isinstance(extra, dict):
            raise WorkflowAPIError(
                f"extra_data of object {self.id} must be a dictionary, not "
                f"{type(extra).__name__}."
            )
        kept = extra.copy()
        for key in DERIVED:
            kept.pop(key, None)
        try:
            write = dumps if self.writer is None else self.writer.dumps
            return write(self.data), _EXTRA_DATA.dumps(kept)
        except DataNotSerializable:  # said again, with the name of what it is
            dumps(self.data, self.what("data"))
            dumps(kept, self.what("extra_data"))
            raise

    def what(self, name: str) -> str:
        """Return the words by which an error names a part of the object."""
        item = f"item {self.position or 0}"
        return f"{name} of {item if self.id is None else f'object {self.id}'}"

    def go_back(self) -> None:
        """Take what is kept again, if someone who shares the data has changed it."""
        try:
            changed = self.kept is not None and self.encoded() != self.kept
        except Exception:  # changed to what cannot be kept
            changed = True
        if changed and self.kept is not None:
            self.restore(*self.kept)

    def restore(self, data: str, extra_data: str) -> None:
        """Take data and extra_data as they are kept; what is derived stays."""
        extra = self.__dict__.get("extra_data")  # a task may have made it anything
        if not isinstance(extra, dict):
            extra = default_extra_data()
        derived = {k: v for k, v in extra.items() if k in DERIVED}
        self.data = loads(data)
        self.extra_data = {**loads(extra_data), **derived}
