"""Results of tasks: all of each name, by the templates that they name."""

from __future__ import annotations

import logging
import re
from typing import Any

from flask import render_template
from markupsafe import Markup

from ..differences import difference
from ..objects import WorkflowObject
from .changes import Told, tell
from .texts import _
from .tree import Branch, tree, visible

_logger = logging.getLogger(__name__)

#: Where their templates are; nothing outside of it is rendered.
_HOME = "workflows/results/"
_DEFAULT = _HOME + "default.html"
_NAME = re.compile(r"workflows/results/(?:\w[\w-]*/)*\w[\w-]*\.html\Z", re.A)
#: At most this many results of a record are shown, of each name the newest.
_MOST = 100
#: At most this many rows and columns of a table are shown.
_MOST_ROWS, _MOST_COLUMNS = 200, 50
_LINK = re.compile(r"https?://[^\s<>\"']{1,2000}\Z")


def results_of(shown: WorkflowObject) -> list[tuple[str, list[Markup], int]]:
    """Return for each name its results, rendered, and how many are left out."""
    left, told = _MOST, []
    for name, entries in _kept(shown).items():
        newest = entries[-left:] if left > 0 else []
        left -= len(newest)
        rendered = [_rendered(shown, name, entry) for entry in newest]
        told.append((name, rendered, len(entries) - len(newest)))
    return told


def older_results(
    shown: WorkflowObject, name: str, before: int | None
) -> tuple[list[Markup], int]:
    """Return some results of a name, rendered, and how many are older than those.

    :param before: only the oldest so many are looked at; ``None`` for all.
    :raises LookupError: if there is no result of that name.
    """
    entries = _kept(shown)[name][:before]
    some = entries[-_MOST:]
    rendered = [_rendered(shown, name, entry) for entry in some]
    return rendered, len(entries) - len(some)


def _kept(shown: WorkflowObject) -> dict[str, list[Any]]:
    kept = shown.get_tasks_results()
    entries = kept.items() if isinstance(kept, dict) else ()
    return {
        str(name): each if isinstance(each, list) else [each] for name, each in entries
    }


def _rendered(shown: WorkflowObject, name: str, entry: Any) -> Markup:
    value, template = entry, _DEFAULT
    if isinstance(entry, dict) and "result" in entry:
        value = entry["result"]
        template = str(entry.get("template") or _DEFAULT)
    if not _NAME.match(template):
        _logger.warning(
            "A result of %r names a template outside: %.200r", shown, template
        )
        template = _DEFAULT
    for each in dict.fromkeys((template, _DEFAULT)):
        try:
            return Markup(render_template(each, **_context(shown, name, value)))
        except Exception as error:
            _logger.warning("%s cannot show %r of %r: %r", each, name, shown, error)
    return Markup("<p>{}</p>").format(_("(this result cannot be shown)"))


def _context(shown: WorkflowObject, name: str, value: Any) -> dict[str, Any]:
    """Return what a template is given: the result's own keys, and our functions."""
    own = value if isinstance(value, dict) else {}
    usable = {
        key: part
        for key, part in own.items()
        if isinstance(key, str) and key.isidentifier() and key not in _FUNCTIONS
    }
    return {**usable, **_FUNCTIONS, "result": value, "name": name, "obj": shown}


def table_of(result: Any) -> dict[str, Any]:
    """Return the headings and cells of a table, and how many rows are left out.

    :param result: ``{"columns": […], "rows": [[…], …]}``, or a list of dictionaries.
    """
    own = result if isinstance(result, dict) else {}
    rows = own.get("rows", result)
    rows = rows if isinstance(rows, list) else [rows]
    columns = own.get("columns")
    if not isinstance(columns, list):
        columns = list(rows[0]) if rows and isinstance(rows[0], dict) else []
    columns = columns[:_MOST_COLUMNS]
    return {
        "columns": [_cell(each) for each in columns],
        "rows": [_cells(row, columns) for row in rows[:_MOST_ROWS]],
        "left_out": max(len(rows) - _MOST_ROWS, 0),
    }


def _cells(row: Any, columns: list[Any]) -> list[str]:
    if isinstance(row, dict):
        return [_cell(row.get(column, "")) for column in columns or row]
    row = list(row) if isinstance(row, (list, tuple)) else [row]
    return [_cell(each) for each in row[:_MOST_COLUMNS]]


def _cell(value: Any) -> str:
    return visible("" if value is None else value, 500)


def items_of(result: Any, key: str) -> list[dict[str, Any]]:
    """Return the dictionaries of a list, or of the list under a key of a result."""
    found = result.get(key, []) if isinstance(result, dict) else result
    found = found if isinstance(found, list) else [found]
    return [each for each in found[:_MOST_ROWS] if isinstance(each, dict)]


def safe_link(url: Any) -> str | None:
    """Return an address of the web; nothing else is a link."""
    return url if isinstance(url, str) and _LINK.match(url) else None


def tree_of_value(value: Any) -> Branch:
    """Return a value as a tree."""
    return tree(value, 500)


def changes_between(result: Any) -> list[Told]:
    """Return what differs between ``before`` and ``after`` of a result."""
    own = result if isinstance(result, dict) else {}
    return tell(difference(own.get("before"), own.get("after")))


_FUNCTIONS: dict[str, Any] = {
    "table_of": table_of,
    "items_of": items_of,
    "safe_link": safe_link,
    "tree_of_value": tree_of_value,
    "changes_between": changes_between,
    "visible": _cell,
}
