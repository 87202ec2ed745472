"""``eng``: the second argument of every task, and what ``start()`` returns.

It asks the engine for what comes next by raising a wish, and asks the run for
what it is and holds through a port, :class:`.run.Run`, that the conductor gives it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn

from .. import errors
from ..checkpoint import Changes
from ..deadlines import deadline_of
from ..encoding import copied, dumps, loads
from ..logs import KeptLog, LogLine
from ..states import INPUT, ObjectStatus, WorkflowStatus, check_start_point
from .asking import Asking
from .awaited import awaited
from .old_names import OldNames
from .outside import Outside
from .run import Run


class WorkflowEngine(OldNames, Outside, Asking):
    """One run, as a task and as the caller see it."""

    def __init__(self, run: Run, extra_data: dict[str, Any] | None = None) -> None:
        self._run = run
        #: How many rounds a loop may make in one visit.
        self.max_rounds = run.max_rounds
        #: Shared by all objects of the run; the variables of loops lie over it.
        self.extra_data: dict[str, Any] = {}
        self._frames: list[list[Any]] = []
        self._nodes: list[Any] = []
        self._object: Any = None
        self._task: Any = None
        self._hidden: dict[str, Any] = {}
        self._laid: set[str] = set()
        self._variables: dict[str, Any] = {}
        self._answers: list[dict[str, Any]] = []
        self._asked: dict[str, int] | None = None
        self.settle(extra_data or {})

    def __repr__(self) -> str:
        return f"<WorkflowEngine {self.name} {self.uuid}>"

    # --- what the run is -------------------------------------------------------

    @property
    def uuid(self) -> str:
        """The uuid of the run."""
        return self._run.uuid

    @property
    def name(self) -> str:
        """The name of the workflow."""
        return self._run.name

    @property
    def id_user(self) -> int:
        """Who started the run; 0 for nobody."""
        return self._run.id_user

    @property
    def status(self) -> WorkflowStatus:
        """The status of the run, as it is kept now."""
        return self._run.status

    @property
    def log(self) -> KeptLog:
        """A logger whose lines are kept with the run."""
        return self._run.log

    def get_log(self) -> list[LogLine]:
        """Return the log lines of the run, oldest first."""
        return self._run.get_log()

    def has_completed(self) -> bool:
        """Say whether all objects of the run are done."""
        return self.status == WorkflowStatus.COMPLETED

    def get_default_data_type(self) -> str:
        """Return the data type that the definition gives its objects."""
        return self._run.data_type

    # --- its objects -----------------------------------------------------------

    @property
    def objects(self) -> list[Any]:
        """The objects of the run and their snapshots, by id."""
        return self._run.objects()

    @property
    def initial_objects(self) -> list[Any]:
        """The snapshots, and the objects that never ran."""
        return self.objects_of_statuses([ObjectStatus.INITIAL])

    @property
    def completed_objects(self) -> list[Any]:
        """The objects that are done."""
        return self.objects_of_statuses([ObjectStatus.COMPLETED])

    @property
    def halted_objects(self) -> list[Any]:
        """The objects that wait for a person."""
        return self.objects_of_statuses([ObjectStatus.HALTED])

    @property
    def running_objects(self) -> list[Any]:
        """The objects that a worker holds."""
        return self.objects_of_statuses([ObjectStatus.RUNNING])

    @property
    def waiting_objects(self) -> list[Any]:
        """The objects that wait for something outside."""
        return self.objects_of_statuses([ObjectStatus.WAITING])

    @property
    def error_objects(self) -> list[Any]:
        """The objects whose task failed."""
        return self.objects_of_statuses([ObjectStatus.ERROR])

    @property
    def processed_objects(self) -> list[Any]:
        """The objects without their snapshots, in the order of the run."""
        return self._run.objects(live=True)

    def objects_of_statuses(self, statuses: Iterable[ObjectStatus]) -> list[Any]:
        """Return the objects, and snapshots, in one of the statuses."""
        return self._run.objects([ObjectStatus(each) for each in statuses])

    def getObjects(self) -> Iterator[tuple[int, Any]]:
        """Yield index and object, snapshots left out, in the order of the run."""
        yield from enumerate(self.processed_objects)

    def get_current_object(self) -> Any:
        """Return the object that is worked on; ``None`` outside of a task."""
        return self._object

    def get_current_taskname(self) -> str:
        """Return the name of the task at work; ``""`` outside of one."""
        return self._task.name if self._task is not None else ""

    def get_current_task(self) -> list[int]:
        """Return the position of the task at work, its indexes from the outside in."""
        return list(self._task.path) if self._task is not None else []

    # --- what a task may ask ---------------------------------------------------

    def halt(
        self,
        msg: str = "",
        action: str | None = None,
        *,
        deadline: timedelta | float | datetime | None = None,
        on_deadline: str | Mapping[str, Any] | None = None,
        remind: Iterable[timedelta | float] = (),
        **payload: Any,
    ) -> NoReturn:
        """Stop this object here until a person decides; the next object is run.

        What the task changed is kept, and the task counts as finished.

        :param action: what is asked of the person: the name of an action.
        :param deadline: until when it may be answered: so long from now, or a time
            with its zone. The database's clock decides.
        :param on_deadline: what is done when nobody answered: an answer for the
            action, as a dictionary; ``error``; in a graph a node to which this one
            leads; or a start point, such as ``task:<name>``. Without it the object is
            overdue, and stays.
        :param remind: how long before the deadline the signal ``reminder`` is sent;
            without a deadline, how long after the halt.
        :param payload: further values for the action; JSON.
        :raises WorkflowError: for the action ``input``, which is :meth:`ask`'s.
        :raises ValueError: if these do not fit together, or the action.
        """
        if action == INPUT:
            raise errors.WorkflowError("For input use eng.ask(Schema, question).")
        message = payload.pop("message", msg)
        limit = deadline_of(deadline, on_deadline, remind)
        if limit is not None or payload:
            asked = self._task, self._object, action, limit, payload
            limit = self._run.check_halt(*asked)
        raise errors.WorkflowHalt(
            str(message), action=action, deadline=limit, **payload
        )

    def wait(
        self,
        msg: str = "",
        *,
        until: datetime | None = None,
        seconds: float | None = None,
        event: str | None = None,
        key: str | int | None = None,
        timeout: float | None = None,
        then: str | None = None,
        **payload: Any,
    ) -> NoReturn:
        """Stop this object here until its time or an event comes; no worker is held.

        Without ``until``, ``seconds`` or ``event`` a person continues it. The task
        counts as finished; the next finds the payload of the event in
        ``obj.extra_data["_events"][event]``.

        :param until: when to go on, with a time zone.
        :param seconds: after how long to go on.
        :param event: the name of what is waited for; see :func:`.api.send_event`.
        :param key: which of that name; the object's id when left out.
        :param timeout: seconds after which the event is no longer waited for.
        :param then: what to do then: a start point, ``continue_next`` when left out,
            or ``error``.
        :raises ValueError: if these do not fit together.
        """
        message = payload.pop("message", msg)
        what = awaited(until, seconds, event, key, timeout, then)
        raise errors.WaitProcessing(str(message), what, **payload)

    def stop(self) -> NoReturn:
        """End this object, done, and do not start the later ones of the run."""
        raise errors.StopProcessing

    def continue_next_token(self) -> NoReturn:
        """End this object, done, and go on with the next one."""
        raise errors.SkipToken("continue_next_token")

    def skip_token(self) -> NoReturn:
        """End this object, done, and go on with the next one."""
        raise errors.SkipToken("skip_token")

    def abort(self) -> NoReturn:
        """Undo what this task did, cancel the object and do not start later ones."""
        raise errors.AbortProcessing

    def break_current_loop(self) -> NoReturn:
        """Leave the list that the task stands in, and the loop if it is its body."""
        raise errors.BreakFromThisLoop

    def jump_call(self, offset: int) -> NoReturn:
        """Go on elsewhere in the list that the task stands in.

        :param offset: 1 is the next task, 0 this one again, -1 the one before;
            beyond an end it is the end.
        """
        if not isinstance(offset, int):
            raise errors.WorkflowError(f"jump_call needs a number, not {offset!r}.")
        raise errors.JumpCall(offset)

    def jump_token(self, offset: int) -> NoReturn:
        """Refused: the objects of a run move on their own."""
        raise errors.WorkflowError(
            "The objects of a run move on their own, so none can jump to another; "
            "use continue_next_token() to end this one here."
        )

    def restart_from(self, start_point: str = "restart_first") -> NoReturn:
        """Go on at a start point; ``restart_first`` is the first task.

        :raises ValueError: if there is no such start point.
        """
        raise errors.RestartFrom(check_start_point(start_point))

    # --- what the run shares ---------------------------------------------------

    def add(self, key: str, number: float = 1) -> None:
        """Add to a number in ``extra_data``, counting what other workers added."""
        before = self.extra_data.get(key, 0)
        self._count(key, before + number, self._changes.adds, number)

    def append(self, key: str, item: Any) -> None:
        """Append to a list in ``extra_data``, after what other workers appended."""
        before = self.extra_data.get(key, [])
        self._count(key, [*before, item], self._changes.appends, item)

    def _count(self, key: str, value: Any, deltas: list[Any], delta: Any) -> None:
        """Note a delta, unless the task has set the key, which then wins."""
        known = key in self.extra_data
        if (dumps(self.extra_data[key]) if known else None) == self._base.get(key):
            deltas.append((key, delta))
            self._base[key] = dumps(value)
        self.extra_data[key] = value

    def get_extra_data(self) -> dict[str, Any]:
        """Return what the objects of the run share."""
        return self.extra_data

    def set_extra_data(self, values: dict[str, Any]) -> None:
        """Replace what the objects of the run share; kept at once outside a task."""
        self.extra_data = _checked(values).copy()
        self._keep_now()

    def set_extra_data_params(self, **values: Any) -> None:
        """Set some keys of what the objects share; kept at once outside a task."""
        self.extra_data.update(values)
        self._keep_now()

    def reset_extra_data(self) -> None:
        """Empty what the objects of the run share."""
        self.set_extra_data({})

    def save(self) -> None:
        """Keep ``extra_data``: at the checkpoint in a task, else at once."""
        self._keep_now()

    def changes(self) -> Changes:
        """Return what changed in ``extra_data`` since it was settled."""
        found = self._changes
        if self.extra_data == {} and not self._base and not found:
            return found
        shared = self._shared()
        for key, value in shared.items():
            if self._base.get(key) != dumps(value, f"eng.extra_data.{key}"):
                found.values[key] = value
                found.adds = [each for each in found.adds if each[0] != key]
                found.appends = [each for each in found.appends if each[0] != key]
        found.removed = [key for key in self._base if key not in shared]
        return found

    def settle(self, shared: dict[str, Any]) -> None:
        """Take ``shared`` as what is kept; changes are counted from here."""
        self._changes = Changes()
        self._base = {key: dumps(value) for key, value in shared.items()}
        self._settled = self._base.copy()
        self._hidden, self._laid = {}, set()
        if not isinstance(self.extra_data, dict):  # what a task made of it is undone
            self.extra_data = {}
        self.extra_data.clear()
        self.extra_data.update(shared)
        self._lay_over()

    def forget(self) -> None:
        """Go back to what was settled: the task that made the changes is undone."""
        self.settle({key: loads(text) for key, text in self._settled.items()})

    def get_current_place(self) -> Any:
        """Return the task at work as the definition knows it; None outside of one."""
        return self._task

    def _keep_now(self) -> None:
        if self._object is None and (changes := self.changes()):
            self.settle(self._run.keep_extra(changes))

    # --- what the machine sets -------------------------------------------------

    def loop_memo(self) -> Any:
        """Return the memo of the innermost ``FOR`` that the task stands in."""
        return self._innermost()[1]

    def loop_item(self) -> Any:
        """Return the item of this round of the innermost ``FOR``."""
        node, memo = self._innermost()
        return node.item(memo)

    def _innermost(self) -> tuple[Any, Any]:
        pairs = zip(reversed(self._nodes), reversed(self._frames), strict=True)
        for node, frame in pairs:
            if hasattr(node, "item"):
                return node, frame[1]
        raise errors.WorkflowError("There is no loop around this task.")

    def _show(self, variables: dict[str, Any]) -> None:
        """Lay the variables of the loops over ``extra_data``."""
        if variables or self._variables:
            shared = self._shared()
            self._variables = variables
            self.extra_data.clear()
            self.extra_data.update(shared)
            self._hidden, self._laid = {}, set()
            self._lay_over()

    def _begin(self, task: Any, answers: list[dict[str, Any]]) -> None:
        """A task begins, to which this was given before."""
        self._task, self._answers, self._asked = task, answers, None
        if self._variables:
            self._lay_over()

    def _lay_over(self) -> None:
        for key, value in self._variables.items():
            if key in self.extra_data and key not in self._laid:
                self._hidden[key] = self.extra_data[key]
            self._laid.add(key)
            # Each task sees it as the memo has it, whatever one before it did.
            self.extra_data[key] = copied(value)

    def _shared(self) -> dict[str, Any]:
        shared = _checked(self.extra_data)
        if not self._variables:
            return shared.copy()
        kept = {k: v for k, v in shared.items() if k not in self._variables}
        return {**kept, **self._hidden}


def _checked(shared: Any) -> dict[str, Any]:
    if isinstance(shared, dict):
        return shared
    raise errors.WorkflowAPIError(
        f"eng.extra_data must be a dictionary, not {type(shared).__name__}."
    )
