"""How many objects may run at once, and which of them are counted together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..encoding import is_text
from ..errors import WorkflowDefinitionError

#: Letters that a key has at most; as many as the name of a workflow.
LONGEST = 255


@dataclass(frozen=True, slots=True)
class Limit:
    """No more than ``number`` objects of one key are run at a time by workers.

    ``key``: ``None``, all objects of the workflow; a string, those of every workflow
    that names it; a function of the object, those for which it gives the same.
    """

    workflow: str
    number: int
    key: str | Callable[[Any], Any] | None = None

    def of(self, obj: Any) -> str | None:
        """Return the key of an object; ``None`` if it is not limited.

        :raises WorkflowDefinitionError: if the function fails, or gives no key.
        """
        if isinstance(self.key, str):
            return self.key
        if self.key is None:
            return f"{self.workflow}:"
        where = f"concurrency_key of the workflow {self.workflow!r}"
        try:
            key = self.key(obj)
        except Exception as error:
            raise WorkflowDefinitionError(
                f"{where} failed for {obj!r}: {type(error).__name__}: {error}",
                workflow_name=self.workflow,
            ) from error
        if key is None:
            return None
        if not is_text(key, LONGEST):
            raise WorkflowDefinitionError(
                f"{where} must return a string of 1 to {LONGEST} letters, or None for "
                f"no limit; for {obj!r} it returned {key!r}.",
                workflow_name=self.workflow,
            )
        return f"{self.workflow}:{key}"


def limit_of(name: str, source: Any) -> Limit | None:
    """Return what a workflow says of its limit, if anything.

    :raises WorkflowDefinitionError: if it cannot be used.
    """
    number = getattr(source, "concurrency_limit", None)
    key = getattr(source, "concurrency_key", None)
    if number is None:
        if key is not None:
            raise WorkflowDefinitionError(
                "concurrency_key says what is counted, and concurrency_limit is "
                "missing; set it to how many may run at once."
            )
        return None
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise WorkflowDefinitionError(
            "concurrency_limit must be a whole number of at least 1, or None for no "
            f"limit, not {number!r}."
        )
    if not (key is None or is_text(key, LONGEST) or callable(key)):
        raise WorkflowDefinitionError(
            f"concurrency_key must be a string of 1 to {LONGEST} letters, a function "
            f"of the object, or None, not {key!r}."
        )
    return Limit(name, number, key)


def refuse_another(limit: Limit | None, others: Iterable[Limit | None]) -> None:
    """Raise if another workflow shares the key and has another limit for it."""
    if limit is None or not isinstance(limit.key, str):
        return
    for other in others:
        if other is None or other.workflow == limit.workflow or other.key != limit.key:
            continue
        if other.number != limit.number:
            raise WorkflowDefinitionError(
                f"Workflow {limit.workflow!r}: concurrency_limit is {limit.number}, "
                f"but {other.workflow!r} shares the concurrency_key {limit.key!r} and "
                f"has {other.number}; give both the same.",
                workflow_name=limit.workflow,
            )
