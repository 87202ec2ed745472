"""The page of one name's results: all of them, the newest first a page at a time."""

from __future__ import annotations

from typing import Any

from flask import abort, render_template, request

from .changes import number_in
from .record import seen
from .results import older_results
from .seeing import shown_copy, sight, title_of


def results(oid: int) -> Any:
    """All results of one name that a record has, page by page."""
    obj = seen(oid)
    shown = shown_copy(obj, sight(obj))
    name = request.args.get("name", "")
    try:
        found, older = older_results(shown, name, number_in("before"))
    except LookupError:
        abort(404)
    return render_template(
        "workflows/holdingpen/results.html",
        obj=shown,
        title=title_of(shown),
        name=name,
        results=found,
        older=older,
        walk=request.args.get("walk", "")[:43],
    )


ROUTES: Any = (("/<int:oid>/results", results, ("GET",)),)
