"""What a halt asks, checked against its definition and its action, at the halt.

And the actions there are: an application's, or in a test without one those that are
installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from .actions.core import four_eyes
from .actions.voting import poll
from .deadlines import Deadline, where_to
from .definition.workflow import Definition
from .errors import ActionNotFound
from .proxies import current_workflows, has_workflows
from .registry import plugins
from .states import INPUT, Place


def check_halt(
    definition: Definition,
    task: Place | None,
    obj: Any,
    action: str | None,
    deadline: Deadline | None,
    payload: Mapping[str, Any],
) -> Deadline | None:
    """Return the deadline of a halt, with the place at which it is to go on.

    :raises ValueError: saying what definition or action do not allow.
    :raises ActionNotFound: if an answer is given to an action that does not exist.
    """
    four_eyes(None, payload)
    poll(payload.get("votes", 1), payload.get("veto", ()))
    if deadline is None or deadline.then is None:
        return deadline
    if isinstance(deadline.then, str):
        names = [leaf.name for leaf in definition.leaves]
        single = sorted({name for name in names if names.count(name) == 1})
        edges = getattr(task, "leads_to", None)
        then = where_to(deadline.then, edges, single)
        if action == INPUT and then == "continue_next":
            raise ValueError(
                "on_deadline='continue_next' would pass over the input; leave values "
                "for it, or go on elsewhere."
            )
        return replace(deadline, then=then)
    if action is None:
        raise ValueError("on_deadline is an answer, and the halt has no action.")
    asked = known_action(action) if has_workflows() else _installed().get(action)
    check = getattr(asked, "check", None)
    if check is not None:
        try:
            check(obj, deadline.then, payload)
        except ValueError as error:
            raise ValueError(
                f"{action} refuses the answer on_deadline={dict(deadline.then)!r}: "
                f"{error}"
            ) from error
    return deadline


def known_action(name: str) -> Any:
    """Return the action of this name.

    :raises ActionNotFound: if there is none.
    """
    if has_workflows():
        return current_workflows.actions[name]
    found = _installed().get(name)
    if found is None:
        raise ActionNotFound(f"There is no action {name!r}.", name=name)
    return found


@cache
def _installed() -> dict[str, Any]:
    group = "invenio_workflows.actions"
    return {
        name: each() if isinstance(each, type) else each
        for name, each in plugins(group)
    }
