"""What a task asked for, or failed with, as the event that comes of it."""

from __future__ import annotations

from typing import Any

from .. import errors
from ..definition.node import Leaf, Node, Place, in_branch
from ..definition.workflow import Definition
from ..states import (
    Aborted,
    Event,
    Finished,
    Halted,
    InputAsked,
    TaskPostponed,
    Waiting,
)
from .cursor import Cursor, named, own_list, previous


def granted(leaf: Leaf, wish: errors.Control) -> Event | None:
    """Return the event of a wish to stop here, ``None`` for one to go elsewhere."""
    if isinstance(wish, errors.WorkflowHalt):
        kind = InputAsked if isinstance(wish, errors.InputRequired) else Halted
        return kind(leaf, wish.message, wish.action, wish.payload, wish.deadline)
    if isinstance(wish, errors.WaitProcessing):
        return Waiting(leaf, wish.message, wish.payload, wish.what)
    if isinstance(wish, errors.StopProcessing):
        return Finished("stop", leaf, run_ends=True)
    if isinstance(wish, errors.SkipToken):
        return Finished(wish.message or "skip_token", leaf)
    if isinstance(wish, errors.AbortProcessing):
        return Aborted(leaf, wish.message)
    return None


def postponed(
    place: Place, error: BaseException, failures: int
) -> TaskPostponed | None:
    """Return that a task is tried again later, ``None`` if it is not.

    :param failures: how often it has failed by now.
    """
    retry = place.retry if isinstance(place, Leaf) else None
    if retry is None or not retry.wants(error, failures):
        return None
    return TaskPostponed(place, error, failures, retry.seconds(failures))


def finishes(event: Event | None) -> bool:
    """Say whether a task that stops with this has finished, and is not run again."""
    if isinstance(event, Waiting):
        return event.what is None or event.what.then != "restart_task"
    return not isinstance(event, (InputAsked, Aborted))


def caught(
    nodes: list[Node], frames: list[list[Any]], error: BaseException
) -> tuple[int, Any, BaseException]:
    """Return which pattern catches an error, with its memo then, and the error.

    :return: -1 if none does; another error, if one of them raised that.
    """
    for depth in range(len(frames) - 1, -1, -1):
        node, frame = nodes[depth], frames[depth]
        if in_branch(frame[1]):  # what stands around a branch is not its own
            break
        try:
            memo = node.caught(frame[1], error)
        except Exception as other:
            error = other
            continue
        if memo is not None:
            return depth, memo, error
    return -1, None, error


def count_jump(frame: list[Any], ceiling: int) -> None:
    """Count a jump back, which makes a loop too, in its list's memo.

    :raises WorkflowError: at the ceiling.
    """
    count = frame[1] or 0
    if count >= ceiling:
        raise errors.WorkflowError(
            f"{count} jumps back, the ceiling of this workflow; set max_rounds "
            "on the definition if that is right."
        )
    frame[1] = count + 1


def restarted(
    definition: Definition, cursor: Cursor, leaf: Leaf, start_point: str
) -> Place | None:
    """Return where an object goes on that restarts itself, and count that.

    :return: ``None`` for the task that follows.
    :raises WorkflowError: at the ceiling.
    """
    if cursor.restarts >= definition.max_restarts:
        raise errors.WorkflowError(
            f"The object restarted itself {cursor.restarts} times, the ceiling of "
            "this workflow; set max_restarts on the definition if that is right."
        )
    if start_point == "continue_next":
        return None
    place: Place = leaf
    if start_point == "restart_first":
        own = own_list(definition, Cursor(cursor.frames))
        place = own or definition.root.children[0]
    elif start_point == "restart_prev":
        place = previous(definition, leaf, cursor)
    elif start_point.startswith("task:"):
        place = named(definition, start_point[5:])
    cursor.restarts += 1
    return place


def not_for_conditions(node: Place, error: BaseException) -> BaseException:
    """Return an error in a condition; a wish is an error there."""
    if not isinstance(error, errors.Control):
        return error
    return errors.WorkflowError(
        f"The condition of {node.label} asked to {type(error).__name__}; only "
        "a task may halt, stop or jump. Move the call into a task before the "
        "pattern."
    )
