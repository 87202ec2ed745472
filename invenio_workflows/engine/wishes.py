"""What a task asked for, or failed with, as the event that comes of it."""

from __future__ import annotations

from typing import Any

from .. import errors
from ..definition.node import Leaf, Place
from ..states import Aborted, Event, Finished, Halted, TaskPostponed, Waiting


def granted(leaf: Leaf, wish: errors.Control) -> Event | None:
    """Return the event of a wish to stop here, ``None`` for one to go elsewhere."""
    if isinstance(wish, errors.WorkflowHalt):
        return Halted(leaf, wish.message, wish.action, wish.payload)
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


def not_for_conditions(node: Place, error: BaseException) -> BaseException:
    """Return an error in a condition; a wish is an error there."""
    if not isinstance(error, errors.Control):
        return error
    return errors.WorkflowError(
        f"The condition of {node.label} asked to {type(error).__name__}; only "
        "a task may halt, stop or jump. Move the call into a task before the "
        "pattern."
    )
