"""What people decided, to read and as a file: for those who administer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import abort, render_template, request, url_for

from ..decisions import DEADLINE
from ..differences import without_anywhere
from ..errors import IllegalMove
from ..proxies import current_workflows
from ..store.audited import Audited
from .answered import decided, vote
from .exporting import encodable, streamed
from .hiding import hidden_from_me
from .people import name, names
from .permissions import may, may_somewhere, workflows_for
from .refusals import told
from .texts import N_, _
from .timeline import start_point
from .tree import visible

#: At most this many decisions are on a page.
SIZE = 100
#: At most this many of them are on the page of a record.
OF_RECORD = 10
_NEWEST = 2**63 - 1
#: What of a form is told in words.
_TOLD = ("value", "reason")
#: At most this many letters of a reason, or a field, are on a page; the file has all.
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Asked:
    """Which decisions are asked for.

    :param before: only those that are older than this one.
    """

    oid: int | None = None
    workflow: str | None = None
    actor: str | None = None
    before: int = _NEWEST

    @classmethod
    def read(cls) -> Asked:
        """Read the address of this request.

        :raises werkzeug.exceptions.BadRequest: if no record has such a number.
        """
        args = request.args
        workflow, actor = args.get("workflow"), args.get("actor")
        if "\0" in f"{workflow}{actor}":  # no database takes a NUL
            abort(400)
        oid, before = _number("object"), _number("before")
        return cls(oid, workflow or None, actor or None, before or _NEWEST)

    @property
    def args(self) -> dict[str, Any]:
        """What it is narrowed to, as an address says it."""
        said = {"object": self.oid, "workflow": self.workflow, "actor": self.actor}
        return {key: value for key, value in said.items() if value is not None}

    @property
    def columns(self) -> dict[str, Any]:
        """The same by the names of the columns."""
        return {"id_object" if k == "object" else k: v for k, v in self.args.items()}


def _number(key: str) -> int | None:
    text = request.args.get(key, "")
    found = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
    if text and (found is None or found > _NEWEST):
        abort(400, _("An object is told by its number."))
    return found


@dataclass(frozen=True, slots=True)
class Line:
    """A decision in words."""

    row: Audited
    who: str
    what: str
    why: str
    origin: str
    form: list[tuple[str, str]] = field(default_factory=list)
    url: str | None = None


def audit() -> Any:
    """What people decided, a line of JSON each, the oldest first."""
    _must_administer()
    asked = Asked.read()
    rows = current_workflows.audit.all(asked.oid, asked.workflow, asked.actor)
    return streamed(_lines(rows), "application/x-ndjson", "audit.jsonl")


def audit_page() -> Any:
    """What people decided, the newest first, page by page."""
    _must_administer()
    asked = Asked.read()
    found, older = current_workflows.audit.newest(
        SIZE, asked.before, _mine(), **asked.columns
    )
    return render_template(
        "workflows/holdingpen/audit.html",
        lines=_told(found),
        asked=asked,
        file=url_for("holdingpen.audit", **asked.args),
        newest=url_for("holdingpen.audit_page", **asked.args),
        older=older and url_for("holdingpen.audit_page", before=older, **asked.args),
        complete=older is None or len(found) == SIZE,
    )


def audit_of(oid: int, workflow: str | None) -> list[Line] | None:
    """Return what was decided last about a record, for those who administer.

    :return: ``None`` for others.
    """
    if not may("admin", workflow):
        return None
    found, _older = current_workflows.audit.newest(
        OF_RECORD, _NEWEST, _mine(), id_object=oid
    )
    return _told(found)


def _must_administer() -> None:
    if not may_somewhere("admin"):
        abort(403, _("You may not see who decided what."))


def _mine() -> tuple[str, ...] | None:
    """Return the workflows that this person administers; ``None`` for all."""
    return None if may("admin") else workflows_for("admin")


def _told(rows: list[Audited]) -> list[Line]:
    names(row.actor for row in rows)
    return [_in_words(row) for row in rows]


def _in_words(row: Audited) -> Line:
    workflow = row.workflow or None
    is_there = row.verb != "delete" and may("view", workflow)
    return Line(
        row,
        _who(row),
        _what(row),
        visible(row.reason or "", _LONGEST),
        _(_ORIGINS[row.origin]) if row.origin in _ORIGINS else row.origin,
        list(_form(row)),
        url_for("holdingpen.record", oid=row.id_object) if is_there else None,
    )


#: What was decided, by its verb.
_WORDS = {
    "comment": N_("commented"),
    "edit": N_("edited the data"),
    "cancel": N_("cancelled it"),
    "delete": N_("deleted it"),
    "map": N_("moved it to another task, because the code changed"),
}
#: From where.
_ORIGINS = {
    "page": N_("page"),
    "cli": N_("command"),
    "api": N_("program"),
    "rest": "REST",
    DEADLINE: N_("deadline"),
}


def refusal(oid: int, revision: int, error: IllegalMove) -> str:
    """Return in the reader's words why nothing was done: who came first, if somebody.

    :param revision: of the record, as the person saw it.
    """
    last = current_workflows.audit.last(oid, revision)
    if last is not None:
        return _("Meanwhile {who} {what}.", who=_who(last), what=_what(last))
    return told(error)


def _who(row: Any) -> str:
    """Return who decided, as people are called.

    :param row: of the audit, or what stands for one.
    """
    nobody = _("The deadline") if row.origin == DEADLINE else _("Somebody")
    return name(row.actor) if row.actor else nobody


def _what(row: Any) -> str:
    """Return what was decided, in words that follow who did."""
    if row.verb == "vote":
        return _("voted: {what}", what=vote(row.action, row.value))
    if row.verb == "resolve":
        return decided(row.action, row.value)
    if row.verb == "continue":
        return _("let it go on: {what}", what=start_point(row.action or ""))
    return _(_WORDS[row.verb]) if row.verb in _WORDS else visible(row.verb, 100)


def _form(row: Audited) -> Iterator[tuple[str, str]]:
    """Yield what was filled in, as far as this person may see it."""
    form = _form_of(row)
    if isinstance(form, Mapping):
        for key, value in form.items():
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            if key not in _TOLD and value not in ("", None, [], {}):
                yield visible(str(key), 200), visible(text, _LONGEST)


def _form_of(row: Audited) -> Any:
    paths = hidden_from_me(row.workflow or None)
    return None if paths is None else without_anywhere(row.form, paths)


def _lines(rows: Iterator[Audited]) -> Iterator[str]:
    for row in rows:
        if may("admin", row.workflow or None):
            yield encodable(_line(row)) + "\n"


def _line(row: Audited) -> str:
    told = row.told | {"time": row.created.isoformat(), "form": _form_of(row)}
    return json.dumps(told, ensure_ascii=False, default=str)


ROUTES: Any = (
    ("/audit", audit_page, ("GET",)),
    ("/audit.jsonl", audit, ("GET",)),
)
