"""What people decided, as a file: for those who administer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from flask import abort, request

from ..differences import without_anywhere
from ..proxies import current_workflows
from ..store.audit import Audited
from .exporting import encodable, streamed
from .hiding import hidden_from_me
from .permissions import may, may_somewhere
from .texts import _


def audit() -> Any:
    """What people decided, a line of JSON each, the oldest first."""
    if not may_somewhere("admin"):
        abort(403, _("You may not see who decided what."))
    args = request.args
    workflow, actor = args.get("workflow"), args.get("actor")
    if "\0" in f"{workflow}{actor}":  # no database takes a NUL
        abort(400)
    number = args.get("object", "")
    oid = int(number) if number.isascii() and number.isdigit() else None
    if number and (oid is None or oid >= 2**63):
        abort(400, _("An object is told by its number."))
    rows = current_workflows.audit.all(oid, workflow, actor)
    return streamed(_lines(rows), "application/x-ndjson", "audit.jsonl")


def _lines(rows: Iterator[Audited]) -> Iterator[str]:
    for row in rows:
        if may("admin", row.workflow or None):
            yield encodable(_line(row)) + "\n"


def _line(row: Audited) -> str:
    paths = hidden_from_me(row.workflow or None)
    form = None if paths is None else without_anywhere(row.form, paths)
    told = row.told | {"time": row.created.isoformat(), "form": form}
    return json.dumps(told, ensure_ascii=False, default=str)


ROUTES: Any = (("/audit.jsonl", audit, ("GET",)),)
