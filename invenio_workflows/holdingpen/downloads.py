"""The files of a record, for those who may see what refers to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flask import Response, abort, current_app, stream_with_context

from ..proxies import current_workflows
from ..store.files import KeptFile
from .permissions import actor, may
from .record import seen
from .seeing import sight

_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}\Z", re.A)
#: What a browser is to do with a file that it shows after all: nothing.
_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


def file(oid: int, name: str) -> Any:
    """A file of a record, as a download."""
    obj = seen(oid)
    found = current_workflows.files.get(name, oid)
    if found is None or not _may_have(obj, found):
        abort(404)
    answer: Response = current_app.response_class(
        stream_with_context(current_workflows.files.parts(found.id)),
        mimetype=_type(found.media_type),
    )
    answer.content_length = found.size
    answer.headers.set("Content-Disposition", "attachment", filename=found.name)
    answer.headers["Content-Security-Policy"] = _POLICY
    return answer


def _may_have(obj: Any, found: KeptFile) -> bool:
    """Say whether a person may see what refers to a file, or has given it."""
    if not found.kept:
        return found.person == actor() and may("decide", obj.get_workflow_name())
    view = sight(obj)
    if view.sees_all:
        return True
    shown = view.of(obj.data), view.of_extra(obj.extra_data)
    return found.id in _files_in(shown)


def _files_in(value: Any) -> Iterator[str]:
    """Yield the ids of the files to which a value refers, however deep."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            if isinstance(each.get("file"), str):
                yield each["file"]
            left.extend(each.values())
        elif isinstance(each, (list, tuple, set)):
            left.extend(each)


def _type(given: str) -> str:
    return given if _TYPE.match(given) else "application/octet-stream"


ROUTES: Any = (("/<int:oid>/file/<name>", file, ("GET",)),)
