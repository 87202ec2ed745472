"""What ``extra_data`` holds by itself, and the methods that speak of it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .differences import without_anywhere

#: Keys of ``extra_data`` that are made from the cursor and the events on reading.
DERIVED = frozenset({"_task_counter", "_last_task_name", "_task_history"})


def default_extra_data() -> dict[str, Any]:
    """Return a new object's ``extra_data``, with the keys of the document."""
    return {
        "_tasks_results": {},
        "owner": {},
        "_task_counter": {},
        "_error_msg": None,
        "_last_task_name": "",
        "latest_object": -1,
        "_action": None,
        "redis_search": {},
        "source": "",
        "_task_history": [],
    }


#: What people are told is written for everybody who may see the record.
_SPOKEN = ("_action", "_message", "_status_message")
#: What an error is called, before what it says: ``ValueError: 17 is no year``.
_KIND = re.compile(r"[^\W\d][\w.]{0,99}(?=:|\Z)")


def error_kind(line: str) -> str:
    """Return what kind of error a line tells of, without what it says.

    Nobody wrote for readers what an error says, and it quotes what it was about.
    """
    kind = _KIND.match(line)
    return kind.group() if kind else "Error"


def extra_without(
    extra: Mapping[str, Any], hidden: Sequence[Sequence[str]] | None
) -> dict[str, Any]:
    """Return ``extra_data`` for those who may not see these fields of the data.

    It holds what was made of the data: results of tasks, what a halt gives along.

    :param hidden: key paths, that are left out at any depth; ``None`` for all data.
    """
    if hidden is not None and not hidden:
        return dict(extra)
    kept = {key: extra[key] for key in _SPOKEN if key in extra}
    if hidden is not None:
        kept |= without_anywhere(extra, hidden)
    error = extra.get("_error_msg")
    if error:
        line = error[0] if isinstance(error, (tuple, list)) else error
        kept["_error_msg"] = error_kind(str(line))
    return kept


class ExtraData:
    """The part of a workflow object that lives in its ``extra_data``."""

    extra_data: dict[str, Any]

    # --- what a person is asked ------------------------------------------------

    def set_action(self, action: str, message: str = "") -> None:
        """Ask a person for ``action``, saying why."""
        self.extra_data["_action"] = action
        self.extra_data["_message"] = message

    def get_action(self) -> str | None:
        """Return the action that the object asks for, ``None`` for none."""
        action: str | None = self.extra_data.get("_action")
        return action

    def get_action_message(self) -> str:
        """Return why the object halted or waits; ``""`` if nothing was said."""
        return self.extra_data.get("_message") or ""

    def remove_action(self) -> None:
        """Ask for nothing any more."""
        self.extra_data["_action"] = None
        self.extra_data["_message"] = ""
        self.forget_deadline()

    def forget_deadline(self) -> None:
        """Let what is asked be answered at any time; kept by ``save()``."""
        self.extra_data.pop("_deadline", None)

    def set_error_message(self, message: Any) -> None:
        """Set the error: a text, or the pair of title and traceback."""
        self.extra_data["_error_msg"] = message

    def get_error_message(self) -> Any:
        """Return the error, a pair of title and traceback if a task failed; or None."""
        return self.extra_data.get("_error_msg")

    def reset_error_message(self) -> None:
        """Remove the error."""
        self.extra_data["_error_msg"] = None

    def forget_question(self) -> None:
        """Drop what the last stop left behind: question, reason and error."""
        extra = self.extra_data
        if extra.get("_action") or extra.get("_message"):
            self.remove_action()
        if extra.get("_error_msg") is not None:
            self.reset_error_message()
        extra.pop("_payload", None)
        self.forget_deadline()

    def change_status(self, message: str) -> None:
        """Set the free text that describes the state; not the status."""
        self.extra_data["_status_message"] = message

    # --- results of tasks ------------------------------------------------------

    def add_task_result(
        self,
        name: str,
        result: Any,
        template: str = "workflows/results/default.html",
    ) -> None:
        """Add a result to the list of this name, to be shown by ``template``."""
        entry = {"name": name, "result": result, "template": template}
        self.get_tasks_results().setdefault(name, []).append(entry)

    def update_task_results(self, name: str, results: list[Any]) -> None:
        """Replace the list of results of this name."""
        self.get_tasks_results()[name] = results

    def get_tasks_results(self) -> dict[str, list[Any]]:
        """Return all results as ``{name: [result, …]}``."""
        results: dict[str, list[Any]] = self.extra_data.setdefault("_tasks_results", {})
        return results


class TaskHistory:
    """``_task_history``: the tasks that finished, read from the events when asked."""

    def __init__(self, read: Callable[[], list[dict[str, Any]]]) -> None:
        self._read = read
        self._items: list[dict[str, Any]] | None = None

    def _list(self) -> list[dict[str, Any]]:
        if self._items is None:
            self._items = self._read()
        return self._items

    def __iter__(self) -> Any:
        return iter(self._list())

    def __len__(self) -> int:
        return len(self._list())

    def __getitem__(self, index: Any) -> Any:
        return self._list()[index]

    def __eq__(self, other: object) -> bool:
        return self._list() == (
            other._list() if isinstance(other, TaskHistory) else other
        )

    def __deepcopy__(self, memo: Any) -> list[dict[str, Any]]:
        return copy.deepcopy(self._list())

    def __repr__(self) -> str:
        return json.dumps(self._list(), default=str)
