"""What the verbs are given: ids, documents, or data of which documents are made."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any
from uuid import uuid4

from .checkpoint import RunInfo
from .decisions import who_submits
from .definition.workflow import Definition
from .encoding import copied
from .errors import WorkflowAPIError
from .objects import WorkflowObject
from .proxies import current_workflows


class Given:
    """The documents that were given to a verb, and what they were before."""

    def __init__(self) -> None:
        self._before: list[
            tuple[weakref.ref[WorkflowObject], dict[str, Any], tuple[str, str] | None]
        ] = []

    def objects(self, data: Any, definition: Definition) -> Iterator[WorkflowObject]:
        """Yield an object for each item; one that is given as it is.

        :param data: a list, tuple or iterator of many; everything else is one.
        :raises WorkflowAPIError: at once, if there is none.
        """
        many = isinstance(data, (list, tuple)) or hasattr(data, "__next__")
        items = iter(data if many else [data])
        try:
            first = next(items)
        except StopIteration:
            raise WorkflowAPIError(
                "There is no data to start with; give at least one item.",
                code="no_data",
            ) from None
        return self._made(chain([first], items), definition.data_type)

    def _made(self, items: Iterator[Any], data_type: str) -> Iterator[WorkflowObject]:
        seen: set[int] = set()
        for item in items:
            if not isinstance(item, WorkflowObject):
                yield WorkflowObject(_own(item), data_type=data_type)
                continue
            mark = item.id or -id(item)
            if mark in seen:
                raise WorkflowAPIError(
                    f"{item!r} is given twice; an object runs once in a run."
                )
            seen.add(mark)
            self._before.append((weakref.ref(item), dict(item.columns), item.kept))
            yield item

    def documents(self) -> Iterator[WorkflowObject]:
        """Yield the documents that their giver still holds."""
        for reference, _, _ in self._before:
            obj = reference()
            if obj is not None:
                yield obj

    @contextmanager
    def unchanged_if_refused(self) -> Iterator[None]:
        """Give the documents back what they said, if the block raises."""
        try:
            yield
        except BaseException:
            for reference, columns, kept in self._before:
                obj = reference()
                if obj is not None:
                    obj.columns, obj.kept = columns, kept
            raise


def new_run(workflow_name: str, kwargs: dict[str, Any]) -> RunInfo:
    """Return a run; what ``kwargs`` say of it are taken, the others it shares.

    :raises WorkflowAPIError: if one of them cannot be.
    """
    id_user, submitter = _submitter(kwargs.pop("id_user", 0))
    return RunInfo(
        uuid=str(uuid4()),
        name=workflow_name,
        id_user=id_user,
        submitter=submitter,
        stop_on_halt=bool(kwargs.pop("stop_on_halt", False)),
        stop_on_error=bool(kwargs.pop("stop_on_error", True)),
        extra_data=kwargs,
        priority=_priority(kwargs.pop("priority", 0)),
    )


def object_of(oid: int | str | WorkflowObject) -> WorkflowObject:
    """Return the object of an id; a document that was saved as it is."""
    if isinstance(oid, WorkflowObject):
        if oid.id is None:
            raise WorkflowAPIError("The object was never saved; save() it first.")
        return oid
    obj: WorkflowObject = current_workflows.queries.query().one_by_id(oid)
    return obj


def objects_of_ids(oids: Any) -> list[WorkflowObject]:
    """Return the objects of some ids, in their order.

    :raises WorkflowAPIError: if there are no ids.
    :raises ObjectNotFound: if an object of these ids does not exist.
    """
    wanted = list(oids) if not isinstance(oids, (int, str)) else [oids]
    if not wanted:
        raise WorkflowAPIError("No Object IDs are defined; give at least one.")
    query = current_workflows.queries.query()
    return [query.one_by_id(oid) for oid in wanted]


def _own(item: Any) -> Any:
    """Return the item as data that its giver and other objects do not share."""
    try:
        return copied(item)
    except RecursionError:  # told when it is encoded
        return item


def _submitter(value: Any) -> tuple[int, str | None]:
    try:
        return who_submits(value)
    except ValueError as error:
        raise WorkflowAPIError(str(error)) from None


def _priority(value: Any) -> int:
    if not isinstance(value, int) or not -1000 <= value <= 1000:
        raise WorkflowAPIError(
            f"priority is a whole number from -1000 to 1000, not {value!r}."
        )
    return value
