"""Names of old releases. Each answers, and says what it is called now."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

#: Old name to the name of today.
RENAMED = {
    "haltProcessing": "halt",
    "stopProcessing": "stop",
    "continueNextToken": "continue_next_token",
    "skipToken": "skip_token",
    "abortProcessing": "abort",
    "breakFromThisLoop": "break_current_loop",
    "jumpCallForward": "jump_call",
    "jumpCallBack": "jump_call",
    "jumpTokenForward": "jump_token",
    "jumpTokenBack": "jump_token",
    "getCurrTaskId": "get_current_task",
    "getCurrTaskName": "get_current_taskname",
    "getCurrObj": "get_current_object",
}


def _renamed(old: str, new: str) -> Callable[..., Any]:
    def answer(self: Any, *args: Any, **kwargs: Any) -> Any:
        warnings.warn(
            f"eng.{old}() is called eng.{new}() now.", DeprecationWarning, stacklevel=2
        )
        return getattr(self, new)(*args, **kwargs)

    answer.__name__ = answer.__qualname__ = old
    answer.__doc__ = f"The old name of :meth:`{new}`."
    return answer


class OldNames:
    """The methods of old releases, for :class:`.handle.WorkflowEngine`."""

    def getCurrObjId(self) -> int | None:
        """Return the index of the current object in the run."""
        warnings.warn(
            "eng.getCurrObjId() is eng.get_current_object().position now.",
            DeprecationWarning,
            stacklevel=2,
        )
        current = getattr(self, "_object", None)
        return None if current is None else getattr(current, "position", None)


for _old, _new in RENAMED.items():
    setattr(OldNames, _old, _renamed(_old, _new))
