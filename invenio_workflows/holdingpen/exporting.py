"""Any list as a file: CSV, or JSON lines; streamed, so of any length."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from flask import Response, abort, request, stream_with_context

from ..encoding import dumps
from ..proxies import current_workflows
from ..store.wanted import Page, Row, Wanted
from .hiding import error_as_seen, sees_all
from .listing import asked_for, must_look
from .seeing import sight

#: Records that are read at a time.
BATCH = 200
COLUMNS = (
    "id title description group status workflow action message error data_type uri "
    "id_user created modified revision"
).split()
#: A spreadsheet takes a cell that begins like this for a formula; some pass over spaces
#: before it, and take the wide signs of East Asian scripts too.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "|", "%")
_CONTROLS = ("\t", "\r", "\n")
_HALF = re.compile("[\ud800-\udfff]")

Pages = Iterator[list[Row]]


def export(form: str) -> Any:
    """The records of a list as a file.

    :param form: ``csv`` or ``jsonl``.
    """
    if form not in FORMS:
        abort(404)
    must_look()
    write, kind = FORMS[form]
    return streamed(write(_pages(asked_for().wanted)), kind, f"records.{form}")


def streamed(lines: Iterator[str], kind: str, name: str) -> Response:
    """Return a file that is made while it is sent; nothing is made for HEAD.

    :param name: of the file; a plain word.
    """
    body = () if request.method == "HEAD" else stream_with_context(lines)
    answer = Response(body, mimetype=kind)
    answer.headers["Content-Disposition"] = f"attachment; filename={name}"
    return answer


#: What changes while a file is sent has another place in these orders then: it would
#: be missed, or come twice. The number of a record stays.
_STEADY = {"updated": "newest", "least_updated": "oldest"}


def _pages(wanted: Wanted) -> Pages:
    """Yield the rows of a list, many at a time, from its beginning to its end."""
    wanted = replace(wanted, sort=_STEADY.get(wanted.sort, wanted.sort))
    after: str | None = None
    while True:
        page: Page = current_workflows.lists.page(
            replace(wanted, limit=BATCH, after=after)
        )
        yield page.rows
        if page.next is None or (not page.rows and page.complete):
            return
        after = page.next


def _csv(pages: Pages) -> Iterator[str]:
    yield _line(COLUMNS)
    for rows in pages:
        yield "".join(_line(map(_cell, described(row).values())) for row in rows)


def _jsonl(pages: Pages) -> Iterator[str]:
    for rows in pages:
        yield "".join(_with_data(rows))


def _with_data(rows: list[Row]) -> Iterator[str]:
    """Yield a line for each row, with the record's data as far as they may be seen."""
    query = current_workflows.queries.query()
    found = query.filter_by(id=[row.id for row in rows]).all() if rows else []
    data = {obj.id: sight(obj).of(obj.data) for obj in found}
    for row in rows:
        line = described(row)
        if row.id in data:
            line["data"] = json.loads(dumps(data[row.id]))
        yield encodable(json.dumps(line, ensure_ascii=False)) + "\n"


def encodable(text: str) -> str:
    """Return JSON with half a surrogate, which no encoding has, by its number."""
    if text.isascii():
        return text
    return _HALF.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def described(row: Row) -> dict[str, Any]:
    """Return what is kept of a record, as JSON has it."""
    found = {name: getattr(row, name) for name in COLUMNS}
    return found | {
        "title": None if row.title is None else str(row.title),
        "description": None if row.description is None else str(row.description),
        "group": str(row.group),
        "status": row.status.name,
        "error": error_as_seen(row.error, sees_all(row.workflow)) or None,
        "created": row.created.isoformat(),
        "modified": row.modified.isoformat(),
    }


def _line(cells: Iterable[Any]) -> str:
    file = io.StringIO()
    csv.writer(file).writerow(cells)
    return file.getvalue()


def _cell(value: Any) -> Any:
    """Return a value that no spreadsheet reckons with."""
    if isinstance(value, str):
        begins = value.startswith(_CONTROLS) or value.strip().startswith(_FORMULA)
        return "'" + value if begins else value
    return "" if value is None else value


FORMS: dict[str, tuple[Callable[[Pages], Iterator[str]], str]] = {
    "csv": (_csv, "text/csv"),
    "jsonl": (_jsonl, "application/x-ndjson"),
}

ROUTES: Any = (("/export.<form>", export, ("GET",)),)
