"""How an object is claimed, and by whom it is then moved.

Between the verbs, which say what is wanted, and the conductor, which does it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from . import votes
from .calls import Call
from .checkpoint import Claim, EventLine, RunInfo, decided
from .conductor import Conductor
from .decisions import Decision
from .definition.workflow import Definition, compile_workflow
from .encoding import dumps
from .engine import Cursor, WorkflowEngine, expected
from .engine.standing import before_question
from .errors import (
    DeadlinePassed,
    IllegalMove,
    InputNotValid,
    WaitTimeout,
    WorkflowAPIError,
    WorkflowDefinitionError,
    WorkflowError,
)
from .four_eyes import refuse_to_pass
from .objects import WorkflowObject
from .port import check
from .proxies import current_workflows
from .sending import following_up, refuse_unready
from .states import ObjectStatus, WorkflowStatus, operation, require

#: Seconds for which a caller waits in all until objects are woken.
_PATIENCE = 5.0


def take_up(
    obj: WorkflowObject,
    info: RunInfo,
    start_point: str = "resume",
    is_to_stop: Callable[[], bool] | None = None,
    claim: Claim | None = None,
) -> None:
    """Go on with an object that was claimed, unless workers were lost with it.

    :param is_to_stop: asked after each task: whether to give the object back.
    :param claim: claims who is moved next, which then is in ``info.sequel``.
    :raises WorkflowError: if a task failed and the run stops on errors.
    """
    attempts = obj.columns["attempts"]
    most = current_workflows.settings.max_attempts
    try:
        definition = current_workflows.definition(info.name)
    except WorkflowDefinitionError as error:
        conductor = conductor_of(info, compile_workflow(info.name, []))
        following: WorkflowObject | None = obj
        while following is not None:  # none of the run can be run
            following = conductor.fail(following, error)
        return
    conductor = conductor_of(info, definition)
    conductor.is_to_stop, conductor.claim = is_to_stop, claim
    if start_point == "error":
        late = WaitTimeout("What the object waited for did not come in time.")
        conductor.fail(obj, late)
        return
    if start_point.startswith("error:"):
        obj.cursor = before_question(definition, obj.cursor)
        conductor.fail(obj, DeadlinePassed(start_point.removeprefix("error:")))
        return
    if attempts < most:
        conductor.conduct(obj, start_point)
        return
    lost = WorkflowError(
        f"Worker lost {attempts} times {_where(obj, definition, start_point)}. Find "
        "out what ends it, then continue the object."
    )
    following = conductor.fail(obj, lost)
    if following is not None:
        conductor.conduct(following)


def _where(obj: WorkflowObject, definition: Definition, start_point: str) -> str:
    """Say where workers were lost with an object: a condition may have done it too."""
    with suppress(WorkflowDefinitionError):
        leaf = expected(definition, Cursor.decode(obj.cursor), start_point)
        if leaf is not None:
            return f"in task {leaf.name}"
    last = obj.extra_data.get("_last_task_name")
    return f"after task {last}" if last else "before its first task"


def conductor_of(
    info: RunInfo, definition: Definition, extra: Mapping[str, Any] | None = None
) -> Conductor:
    state = current_workflows
    conductor = Conductor(info, definition, state.store, state.settings)
    if definition.limit is not None:
        info.key_of = definition.limit.of
    if extra:
        conductor.engine.set_extra_data_params(**extra)
    return conductor


def conduct_here(
    conductor: Conductor, obj: WorkflowObject | None, start_point: str = "continue_next"
) -> WorkflowEngine:
    """Move a claimed object, and those that follow it, for a caller who waits.

    Retries and timers are sat out as long as they take up to 5 seconds in all; what
    takes longer is left WAITING.

    :raises WorkflowError: if a task failed and the run stops on errors.
    """
    with following_up(conductor.info):
        engine = conductor.conduct(obj, start_point)
    if not conductor.dozed:
        return engine
    queue, end = current_workflows.queue, time.monotonic() + _PATIENCE
    while (due := queue.next_wake(engine.uuid)) is not None:
        if time.monotonic() + due > end:
            break
        time.sleep(max(due, 0.0))
        with following_up(conductor.info), current_workflows.store.held():
            woken = queue.take_woken(engine.uuid)
            if woken is not None:
                begin = woken.columns["start_point"] or "continue_next"
                conductor.conduct(conductor.known(woken), begin)
    return engine


def set_going(
    obj: WorkflowObject, kind: str, start_point: str, said: Decision | None
) -> EventLine:
    """Return the event of an object that goes on, as a person's decision if it is one.

    An action that is being answered moves its object by that answer.

    :raises OwnSubmission: if a person passes over what somebody else must decide.
    :raises IllegalMove: if one does over what several must.
    """
    if obj.decision is not None:
        said, obj.decision = obj.decision, None
        return decided("Resolved", said, said.value)
    if said is not None:
        refuse_to_pass(obj, start_point, said.actor)
        votes.refuse_to_pass(obj, start_point)
    return decided(kind, said, start_point)


def go_on(
    obj: WorkflowObject,
    start_point: str,
    event: EventLine,
    kwargs: dict[str, Any],
    cursor: str | None = None,
) -> WorkflowEngine:
    begin = _beginning(obj, start_point)
    conductor = claimed(obj, start_point, event, kwargs, cursor)
    return conduct_here(conductor, obj, begin)


def _beginning(obj: WorkflowObject, start_point: str) -> str:
    """Return where the machine is to begin.

    What an ERROR object runs again is the task that failed. An error that came to
    it between two tasks left the cursor at one that had finished: that one is done.
    """
    if start_point == "restart_task" and obj.status == ObjectStatus.ERROR:
        return "resume"
    return start_point


def claimed(
    obj: WorkflowObject,
    start_point: str,
    event: EventLine,
    kwargs: dict[str, Any],
    cursor: str | None = None,
) -> Conductor:
    """Claim an object that exists, and return who can move it.

    :param cursor: its cursor with the input that it asked for.
    """
    with _prepared(obj, start_point, kwargs, cursor) as (info, texts):
        begin = _beginning(obj, start_point)
        store = current_workflows.store
        store.take(obj, event, *texts, start_point=begin, cursor=cursor)
    return conductor_of(info, current_workflows.definition(info.name), kwargs)


def queue_up(
    obj: WorkflowObject,
    start_point: str,
    event: EventLine,
    kwargs: dict[str, Any],
    then: Callable[[list[Call]], None] | None = None,
    cursor: str | None = None,
    begin: str | None = None,
) -> list[Call]:
    """Put an object that exists into the queue of its workflow.

    :param then: the session's owner commits, and this is done after that.
    :param cursor: its cursor with the input that it asked for.
    :param begin: what the worker is to do, if it is none of the start points.
    :return: what is to be sent now; nothing with ``then``.
    :raises IllegalMove: if its status does not allow it, or it moved meanwhile.
    """
    state = current_workflows
    refuse_unready()
    begin = begin or _beginning(obj, start_point)
    with _prepared(obj, start_point, kwargs, cursor) as (info, texts):

        def work(connection: Any) -> list[Call]:
            state.queue.put(connection, obj, event, texts, begin, kwargs, cursor)
            return [Call((obj.id,), state.settings.queue_of(info.name))]

        transactions = state.store.transactions
        if then is not None:
            transactions.before_commit(work, then)
            calls = []
        else:
            calls = transactions.joined(work)
    state.queue.note(obj, texts, begin, cursor)
    return calls


@contextmanager
def _prepared(
    obj: WorkflowObject, start_point: str, kwargs: dict[str, Any], cursor: str | None
) -> Iterator[tuple[RunInfo, tuple[str, str]]]:
    """Give the run and the texts of an object that may go on; undo what is refused."""
    if obj.id_workflow is None:
        raise WorkflowAPIError(
            f"No workflow associated with object: {obj!r}. Start one first, by "
            "start_workflow(name)."
        )
    asks = obj.get_action() if cursor is None else None
    require(operation(start_point), obj.id, obj.status, obj.waits_for, asks)
    info = current_workflows.store.run_info(obj.id_workflow)
    definition = current_workflows.definition(info.name)
    check_task(definition, start_point)
    dumps(kwargs, "the keyword arguments")
    before, key = dict(obj.extra_data), obj.columns.get("concurrency_key")
    obj.forget_question()
    try:
        obj.columns["concurrency_key"] = definition.limit and definition.limit.of(obj)
        yield info, check(obj, current_workflows.settings)
    except BaseException:
        obj.extra_data, obj.columns["concurrency_key"] = before, key
        raise


def resume(
    info: RunInfo, start_point: str | None, kwargs: dict[str, Any]
) -> Generator[WorkflowEngine, None, None]:
    last = -1, -1
    while True:
        moving = current_workflows.store.run_status(info.uuid) in (
            WorkflowStatus.RUNNING,
            WorkflowStatus.NEW,
        )
        obj = current_workflows.queries.next_asleep(info.uuid, last, not moving)
        if obj is None:
            return
        last = obj.position, obj.id
        point = start_point or "continue_next"
        if start_point is None and obj.status == ObjectStatus.ERROR:
            point = "restart_task"
        event = EventLine("Started", message=point)
        begin = _beginning(obj, point)
        try:
            if obj.status == ObjectStatus.INITIAL:
                conductor = _taken_first(obj, info, event, kwargs)
            else:
                conductor = claimed(obj, point, event, kwargs)
        except IllegalMove:  # someone else moved it first
            continue
        try:
            yield conduct_here(conductor, obj, begin)
        except (WorkflowError, WorkflowDefinitionError):
            yield conductor.engine


def _taken_first(
    obj: WorkflowObject, info: RunInfo, event: EventLine, kwargs: dict[str, Any]
) -> Conductor:
    """Claim an object that an error left INITIAL."""
    require("resume", obj.id, obj.status, obj.waits_for)
    texts = check(obj, current_workflows.settings)
    current_workflows.store.take(obj, event, *texts)
    return conductor_of(info, current_workflows.definition(info.name), kwargs)


def check_task(definition: Definition, start_point: str) -> None:
    if not start_point.startswith("task:"):
        return
    name = start_point[5:]
    if len(definition.named(name)) != 1:
        names = sorted({leaf.name for leaf in definition.leaves})
        raise InputNotValid(
            f"{start_point} is not possible: {definition.name!r} has "
            f"{len(definition.named(name)) or 'no'} tasks of that name. Its tasks: "
            f"{', '.join(names)}.",
            code="no_start_point",
        )
