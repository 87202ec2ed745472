"""Why something was not done, in the reader's words: a sentence for each code.

What is raised below the pages is worded for who writes programs. Its ``details`` have a
``code``, and what belongs to it; by that it is told here. What has no code is told by
its kind, and what an action or a workflow of the site says itself, as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import (
    ActionNotFound,
    ConfigurationError,
    DatabaseUnavailable,
    DataNotSerializable,
    DataTooLarge,
    IllegalMove,
    WorkflowDefinitionError,
    WorkflowWorkerError,
)
from ..states import ObjectStatus
from .display import number
from .own_words import json_fault
from .seeing import status_in_words
from .texts import _, ngettext

_logger = logging.getLogger(__name__)

Details = Mapping[str, Any]


def told(error: Exception) -> str:
    """Return what a person reads of an error."""
    details: Details = getattr(error, "details", None) or {}
    say = SAID.get(details.get("code", ""))
    if say is not None:
        return say(details)
    for kind, say in _KINDS:
        if isinstance(error, kind):
            if not isinstance(error, (IllegalMove, DataTooLarge, DataNotSerializable)):
                _logger.error("%s", error)
            return say(details)
    return str(error)


def _not_now(details: Details) -> str:
    where = status_in_words(ObjectStatus[details["status"]], details.get("waits_for"))
    return _(
        "Record {id} is “{where}”, so this is not possible.",
        id=details["id_object"],
        where=where,
    )


def _changed(details: Details) -> str:
    if "id_object" not in details:
        return _("Somebody else came first; nothing was changed. Try again.")
    return _(
        "Record {id} changed meanwhile; nothing was decided. Look at it again.",
        id=details["id_object"],
    )


def _alike(details: Details) -> str:
    return ngettext(
        "{n} person must answer, so nobody passes over the question. The record may "
        "start over.",
        "{n} persons must answer alike, so nobody passes over the question alone. The "
        "record may start over.",
        details["needed"],
    )


def _needs_reason(details: Details) -> str:
    return {
        "accept": _("Say why: who accepts gives a reason."),
        "reject": _("Say why: who rejects gives a reason."),
    }[details["value"]]


def _no_workflow(details: Details) -> str:
    if "removed" not in details:
        return _("The workflow is not registered here; the log says why.")
    return _(
        "The workflow {name} is removed since {time} UTC, so this is not possible.",
        name=details.get("workflow_name", ""),
        time=str(details["removed"]).replace("T", " ")[:16],
    )


def _not_json(details: Details) -> str:
    return _(
        "This is not JSON: line {line}, column {column}: {what}.",
        line=details["line"],
        column=details["column"],
        what=json_fault(details["what"]),
    )


#: What is told of each code.
SAID: dict[str, Callable[[Details], str]] = {
    "not_now": _not_now,
    "changed": _changed,
    "needs_input": lambda it: _(
        "Record {id} asks for input: answer it, or restart it.", id=it["id_object"]
    ),
    "asks_other": lambda it: _(
        "Record {id} does not ask this any more.", id=it["id_object"]
    ),
    "asks_nothing": lambda it: _(
        "Record {id} asks for input, but not for which. Run its task again.",
        id=it["id_object"],
    ),
    "own_submitted": lambda it: _(
        "You submitted this record, so somebody else must decide."
    ),
    "own_edited": lambda it: _("You edited this record, so somebody else must decide."),
    "own_unknown": lambda it: _("It must be known who decides."),
    "must_answer_alike": _alike,
    "vote_moved": lambda it: _(
        "Record {id} changed meanwhile; your vote is not kept.", id=it["id_object"]
    ),
    "vote_changed": lambda it: _(
        "Somebody changed a vote on record {id} meanwhile, so that yours does not "
        "decide any more. Look at the votes, then give yours again.",
        id=it["id_object"],
    ),
    "needs_reason": _needs_reason,
    "reason_not_offered": lambda it: _("This reason is not offered any more."),
    "no_answer": lambda it: _("Accept or reject: there is no other answer."),
    "no_comment": lambda it: _("A comment says something; this one is empty."),
    "comment_too_long": lambda it: _(
        "This comment is too long: {n} letters, where {most} are allowed.",
        n=number(it["length"]),
        most=number(it["most"]),
    ),
    "no_start_point": lambda it: _("There is no such task any more; choose another."),
    "not_checked": lambda it: _(
        "The data could not be checked, so they are not kept. The log says why."
    ),
    "snapshot": lambda it: _(
        "Record {id} is a snapshot of record {of}: decide on that one.",
        id=it["id_object"],
        of=it["id_parent"],
    ),
    "branch": lambda it: _(
        "Record {id} is a branch of record {of}: continue, restart or cancel it, or "
        "decide on that one.",
        id=it["id_object"],
        of=it["id_fork"],
    ),
    "branch_moves": lambda it: _(
        "Record {id}, a branch of this one, is in process: wait until it stops, or "
        "cancel it.",
        id=it["id_object"],
    ),
    "no_data": lambda it: _("There is no data to start with."),
    "not_json": _not_json,
    "not_text": lambda it: _("Line {line} is not UTF-8.", line=it["line"]),
    "no_number": lambda it: _("{name} is not a number in JSON.", name=it["name"]),
    "not_value": lambda it: _("This cannot be a value: {what}.", what=it["what"]),
    "too_deep": lambda it: _("This is nested too deep."),
}

#: What is told of what has no code.
_KINDS: tuple[tuple[type[Exception], Callable[[Details], str]], ...] = (
    (IllegalMove, _changed),
    (
        DatabaseUnavailable,
        lambda it: _("The database cannot be reached. Try again soon."),
    ),
    (
        ConfigurationError,
        lambda it: _("The site is not set up for this; its log says why."),
    ),
    (
        WorkflowWorkerError,
        lambda it: _("No worker can take this; the log says why."),
    ),
    (
        ActionNotFound,
        lambda it: _("What the record asks for is not known to the site any more."),
    ),
    (WorkflowDefinitionError, _no_workflow),
    (
        DataTooLarge,
        lambda it: (
            _("This is too large to be kept: {n} bytes.", n=number(it["size"]))
            if "size" in it
            else _("This is too large to be kept.")
        ),
    ),
    (
        DataNotSerializable,
        lambda it: _("A number in it is too long, or it is nested too deep."),
    ),
)
