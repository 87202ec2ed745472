"""A draft of an answer that nobody asks for any more: another person gave one, or the
record moved on. It is shown until its person forgets it, or for a month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from werkzeug.datastructures import MultiDict

from ..actions.input_form import asked_of
from ..objects import WorkflowObject
from ..proxies import current_workflows
from .forms import Left, left_over
from .permissions import actor


@dataclass(frozen=True, slots=True)
class LeftDraft:
    """What somebody had typed, and when."""

    left: Left
    modified: datetime


def left_draft(obj: WorkflowObject) -> LeftDraft | None:
    """Return what the person of this request had typed for another question.

    :return: ``None`` if there is no such draft, or the record asks its question still.
    """
    who, asked = actor(), asked_of(obj)
    kept = None if who is None else current_workflows.drafts.last(obj.id, who)
    if kept is None or (asked is not None and asked.halt == kept.halt):
        return None
    left = left_over(MultiDict(kept.form), obj)
    return LeftDraft(left, kept.modified) if left.typed else None
