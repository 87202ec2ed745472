"""The form in which a record asks for input: drawn, kept as a draft, and read.

It is made from the JSON Schema that the halt keeps; what it is given goes the way of
every decision.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from flask import flash, jsonify, redirect, request, url_for
from werkzeug.datastructures import FileStorage, MultiDict

from .. import api
from ..actions.input_form import Asked as Question
from ..actions.input_form import InputForm, asked_of
from ..deciding import refuse_other
from ..errors import DataTooLarge, InputNotValid
from ..objects import WorkflowObject
from ..proxies import current_workflows
from ..states import require
from .display import number
from .form_faults import Fault, put_faults
from .form_fields import MOST_ROWS, Field, fields
from .form_reading import Reading, read
from .form_shape import ABSENT, Schema, named, sent_as
from .guard import wants_json
from .permissions import actor
from .texts import _
from .tree import visible

Typed = MultiDict[str, str]

#: A draft has so many letters at most; what is more is only in the browser.
_LONGEST_DRAFT = 1_000_000
#: At most this many fields are gone through, and files laid by, where nothing asks for
#: them.
MOST_SENT, _MOST_LEFT = 1000, 20
_NUMBER = re.compile(r"\d{1,4}\Z", re.A)


@dataclass(frozen=True, slots=True)
class Form:
    """A form as its template draws it.

    :param faults: what is wrong with what was sent.
    :param draft: when what is shown was kept; ``None`` if it is not a draft.
    """

    parts: Sequence[Field]
    halt: str
    faults: Sequence[Fault] = ()
    draft: datetime | None = None
    has_files: bool = False
    first: str = ""
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How large the files of a form may be, for a browser to know it before."""

    one: int
    all: int
    one_said: str
    all_said: str


@dataclass(slots=True)
class Sent:
    """What somebody has sent of a form, to be drawn again.

    :param errors: what is wrong with it, as the model says it.
    :param focus: the name of the field to go on with.
    """

    form: Typed
    errors: Sequence[Mapping[str, Any]] = ()
    rows: Mapping[str, Sequence[int]] = field(default_factory=dict)
    focus: str = ""


def form_of(obj: WorkflowObject, sent: Sent | None = None) -> Form | None:
    """Return the form that a record asks to be filled in.

    :param sent: what was sent of it; else what the person has as a draft, if anything.
    """
    asked = asked_of(obj)
    if asked is None:
        return None
    schema, draft, who = Schema(asked.schema), None, actor()
    if sent is None and who is not None:
        kept = current_workflows.drafts.get(obj.id, who, asked.halt)
        if kept is not None:
            sent, draft = Sent(MultiDict(kept.form)), kept.modified
    data: Any = ABSENT
    errors: Sequence[Mapping[str, Any]] = asked.errors
    rows: Mapping[str, Sequence[int]] = {}
    if sent is not None and sent.form.get("_halt") == asked.halt:
        found = _Files(obj, sent.form).find
        told = read(schema, sent.form, found, as_typed=True)
        data, rows = told.data, sent.rows
        errors = sent.errors or told.errors
    top = fields(schema, data)
    faults = put_faults(top, errors, rows)
    shown, limits = list(top.all()), _limits()
    files = [each for each in shown if each.kind == "file"]
    for each in files:
        each.hints.append(_("At most {n} bytes.", n=number(limits.one)))
    if sent is not None and sent.focus:
        _focus(shown, sent.focus)
    inner = top.parts if top.kind == "group" else [top]
    return Form(
        inner,
        asked.halt,
        faults,
        draft,
        bool(files),
        inner[0].id if inner else "",
        limits,
    )


def _limits() -> Limits:
    settings = current_workflows.settings
    one, most = settings.max_file_size, settings.max_upload_size
    one = min(one, most)
    return Limits(
        one,
        most,
        _too_large(one),
        _("This is too large; {n} bytes at most.", n=number(most)),
    )


def _too_large(most: int) -> str:
    return _("This file is too large: at most {n} bytes.", n=number(most))


def _focus(shown: Sequence[Field], name: str) -> None:
    """Go on in the field of this name, or the first below it."""
    inside = [each for each in shown if each.name == name or name == ""]
    if not inside:
        return
    leaves = [each for each in inside[0].all() if each.kind not in ("group", "fixed")]
    found = leaves[0] if leaves and inside[0].is_open else inside[0]
    found.autofocus = True


# --- what was sent --------------------------------------------------------------------


def give(obj: WorkflowObject, revision: int) -> Any:
    """Give a record the input that a person sent, and forget their draft.

    :raises InputNotValid: if it is not what is asked for.
    :raises IllegalMove: if the record changed, or asks for something else.
    """
    refuse_other(obj, revision)
    require("resolve", obj.id, obj.status, obj.waits_for)
    asked, who = asked_of(obj), actor()
    data: Any = {}
    if asked is not None:
        reading = _read(obj, asked)
        data = {} if reading.data is ABSENT else reading.data
        if reading.errors:
            errors = [*reading.errors, *_also_wrong(obj, data, reading.errors)]
            raise InputNotValid(errors=errors, rows=reading.rows)
    try:
        given = api.provide_input(obj.id, data, revision, True, who, "page")
    except InputNotValid as error:
        # Where each row of a list was is known here only.
        error.details["rows"] = {} if asked is None else reading.rows
        raise
    if who is not None:
        current_workflows.drafts.forget(obj.id, who)
    return given


def _also_wrong(
    obj: WorkflowObject, data: Any, unread: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return what is wrong with the fields that could be read, beside the others."""
    try:
        InputForm().check(obj, data, obj.extra_data["_payload"])
    except InputNotValid as error:
        places = [list(each["loc"]) for each in unread]
        return [
            each
            for each in error.errors
            if not any(each["loc"][: len(place)] == place for place in places)
        ]
    return []


def _read(obj: WorkflowObject, asked: Question) -> Reading:
    files = _Files(obj, typed())
    return read(Schema(asked.schema), files.form, files.find)


def typed() -> Typed:
    """Return what was sent, to be changed; the same one for all of a request."""
    kept = request.environ.get("invenio_workflows.typed")
    if kept is None:
        sent = request.form.items(multi=True)
        pairs = [(named(key), value) for key, value in sent]
        kept = request.environ["invenio_workflows.typed"] = MultiDict(pairs)
    return kept


def asks_still(obj: WorkflowObject) -> bool:
    """Say whether a record asks what the form that was sent answers."""
    asked = asked_of(obj)
    return asked is not None and typed().get("_halt") == asked.halt


@dataclass(slots=True)
class Left:
    """What somebody sent for a question that is not asked any more.

    :param files: the ids of the files that are laid by, by their fields' names.
    """

    typed: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


def left_over(form: Typed, obj: WorkflowObject | None = None) -> Left:
    """Return what somebody typed for a question that is not asked any more.

    :param obj: the record, by which their files are laid; without one they cannot be.
    """
    left, files = Left(), _Files(obj, form) if obj is not None else None
    for upload in islice(request.files, _MOST_LEFT) if request.files else ():
        _leave_file(left, named(upload), files)
    for name, value in islice(form.items(multi=True), MOST_SENT):
        place = name.removesuffix("~json")
        title = visible(place[1:], 200)
        if name[:1] != "/" or "~" in place or value in ("", "0"):
            continue
        if title in left.files:
            continue
        kept = files.find("", value) if files is not None else None
        if kept is not None:
            left.typed.append((title, visible(kept["name"], 300)))
            left.files[title] = value
        else:
            left.typed.append((title, visible(value, 10_000)))
    left.typed = left.typed[:200]
    return left


def _leave_file(left: Left, upload: str, files: _Files | None) -> None:
    """Lay a file by, or say that it is not kept."""
    sent = request.files[sent_as(upload)]
    if not sent.filename:
        return
    title = visible(upload.removesuffix("~file")[1:], 200)
    told = visible(sent.filename, 300)
    try:
        kept = files.find(upload, "") if files is not None else None
        why = _("this file is not kept")
    except ValueError as error:
        kept, why = None, str(error)
    if kept is None:
        told = f"{told}: {why}"
    else:
        left.files[title] = kept["file"]
    left.typed.append((title, told))


class _Files:
    """The files of a record that this person may give: laid by as they are sent."""

    def __init__(self, obj: WorkflowObject, form: Typed) -> None:
        self._obj = obj
        self.form = form

    def find(self, upload: str, kept: str) -> Any:
        """Return the reference of a file that was sent, or of one that was before."""
        name = upload.removesuffix("~file")
        sent = request.files.get(sent_as(upload)) if upload and request.files else None
        if sent is not None and sent.filename:
            kept = self.form[name] = self._laid_by(sent)
            self.form.poplist(f"{name}~gone")
            laid_by = request.environ.setdefault("invenio_workflows.laid_by", {})
            laid_by[sent.name] = kept
        found = current_workflows.files.get(kept, self._obj.id) if kept else None
        if found is None or not (found.kept or found.person == actor()):
            return None
        return found.reference

    def _laid_by(self, sent: FileStorage) -> str:
        done = request.environ.get("invenio_workflows.laid_by", {}).get(sent.name)
        if done is not None:
            return str(done)
        try:
            laid = current_workflows.files.add(
                self._obj.id,
                sent.stream,
                sent.filename or "",
                sent.mimetype,
                actor(),
            )
        except DataTooLarge:
            most = current_workflows.settings.max_file_size
            raise ValueError(_too_large(most)) from None
        return str(laid.id)


# --- drawn anew, and kept as a draft --------------------------------------------------


def redraw(obj: WorkflowObject) -> Sent | None:
    """Do what a button of the form says, and keep what is typed as a draft.

    :return: what is to be drawn; ``None`` if the record does not ask that any more.
    """
    asked, form, who = asked_of(obj), typed(), actor()
    if asked is None or who is None or form.get("_halt") != asked.halt:
        return None
    what, _colon, name = form.get("_do", "").partition(":")
    focus = _changed(form, what, name)
    found = _Files(obj, form).find
    read(Schema(asked.schema), form, found, as_typed=True)  # lays files by
    kept = [
        (key, value)
        for key, value in form.items(multi=True)
        if key == "_halt" or (key[:1] == "/" and not key.endswith(("~secret", "~gone")))
    ]
    if sum(len(key) + len(value) for key, value in kept) <= _LONGEST_DRAFT:
        current_workflows.drafts.keep(obj.id, who, asked.halt, kept)
    return Sent(form, focus=focus)


def _changed(form: Typed, what: str, name: str) -> str:
    """Change what is drawn, and return the name of the field to go on with."""
    if what == "add":
        many = _rows(form, name)
        form[f"{name}~rows"] = str(min(many + 1, MOST_ROWS))
        return f"{name}/{many}"
    if what == "remove":
        rows, _slash, row = name.rpartition("/")
        if _NUMBER.match(row) and int(row) < _rows(form, rows):
            _without_row(form, rows, int(row))
        return rows
    if what in ("open", "close"):
        form[f"{name}~open"] = "1" if what == "open" else ""
    return name


def _rows(form: Typed, name: str) -> int:
    text = form.get(f"{name}~rows", "")
    return min(int(text), MOST_ROWS) if _NUMBER.match(text) else 0


def _without_row(form: Typed, rows: str, row: int) -> None:
    """Take a row away; those after it move up."""
    many = _rows(form, rows)
    place = re.compile(re.escape(rows) + r"/(\d{1,4})(?=[/~]|\Z)", re.A)
    pairs = list(form.items(multi=True))
    form.clear()
    for key, value in pairs:
        at = place.match(key)
        number = int(at[1]) if at else -1
        if at and number == row:
            continue
        if at and number > row:
            key = f"{rows}/{number - 1}{key[at.end() :]}"
        form.add(key, value)
    form[f"{rows}~rows"] = str(many - 1)


def forget(obj: WorkflowObject) -> Any:
    """Forget the draft, and begin anew."""
    who = actor()
    if who is not None:
        current_workflows.drafts.forget(obj.id, who)
    asks = asked_of(obj) is not None
    gone = _("Your draft is gone; the form is as it was at first.")
    flash(gone if asks else _("Your draft is gone."))
    walk = request.form.get("_walk", "")[:43] or None
    return redirect(url_for("holdingpen.record", oid=obj.id, walk=walk), 303)


def kept_draft(obj: WorkflowObject) -> Any:
    """Say that a draft is kept, where that was all that was asked for."""
    said = _("Your draft is kept.")
    if wants_json():
        return jsonify(message=said)
    flash(said)
    walk = request.form.get("_walk", "")[:43] or None
    return redirect(
        url_for("holdingpen.record", oid=obj.id, walk=walk) + "#answer", 303
    )
