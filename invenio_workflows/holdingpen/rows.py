"""The rows of a list: what is kept of each record, and what its code adds to it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from io import StringIO
from typing import Any, NamedTuple

from flask import current_app, url_for
from markupsafe import Markup, escape

from ..actions.core import four_eyes
from ..actions.voting import Poll, Vote
from ..definition.workflow import WorkflowBase
from ..groups import Group
from ..proxies import current_workflows
from ..states import ObjectStatus
from ..store.wanted import Row
from .answer_by import chip, why_not
from .answered import vote
from .display import group_label, html, moment
from .hiding import error_as_seen, sees_all
from .minis import Mini, wants_object
from .own_words import waiting_for
from .permissions import actor, may
from .seeing import shown_copy, sight
from .texts import N_, _, ngettext

_logger = logging.getLogger(__name__)

#: The votes on what rows ask, by their ids; the oldest first.
Votes = Mapping[int, list[Vote]]


class Shown(NamedTuple):
    """A row as the template has it: every text is HTML, escaped if it was none."""

    id: int
    group: Group
    #: Where the record stands, more precisely than its group, …
    label: Markup
    #: … and whether that says more.
    is_special: bool
    title: Markup
    #: Whether the title is its own, and not its number.
    is_named: bool
    description: Markup
    reason: Markup
    workflow: Markup
    additional: Markup
    mini: Markup
    #: Whether it asks something that is not answered here, but on its own page.
    opens: bool
    changed: Markup
    #: Whether its deadline is over, and when it is or was.
    due: tuple[bool, Markup] | None
    #: Where several must answer alike: how many are missing, how many did, and what
    #: this person has answered, if they have.
    votes: tuple[Markup, Markup, Markup] | None
    #: Why this person may not answer what others may; empty if they may.
    barred: Markup
    #: The record that it is a branch of.
    id_fork: int | None


def drawn(rows: list[Row], context: dict[str, Any], votes: Votes) -> Markup:
    """Return the rows of a page.

    Each is thrown away when it is written. Held together those of a page of 500 have
    Python look for garbage, now and then among all that the process has.

    :param context: what the templates of the rows and of the actions are given.
    """
    template = current_app.jinja_env.get_template("workflows/holdingpen/_rows.html")
    text = StringIO()
    shown = _shown(rows, context, votes)
    above = url_for("holdingpen.index")
    text.writelines(template.generate(**context, rows=shown, above=above))
    return Markup(text.getvalue())


def _shown(rows: list[Row], context: dict[str, Any], votes: Votes) -> Iterator[Shown]:
    hooks = {name: _hook(name) for name in {row.workflow for row in rows}}
    deciding = {name: may("decide", name) for name in hooks}
    told_all = {name: sees_all(name) for name in hooks}
    names = {name: escape(name) for name in hooks}
    documents, own = _documents(rows, hooks)
    minis = {name: Mini(name, context) for name in {row.action for row in rows}}
    needed = {name: _needed(name) for name in minis}
    standing, counted, me = cache(_standing), cache(_counted), actor()
    for row in rows:
        obj, workflow = documents.get(row.id), row.workflow
        mine = row.group is Group.NEED_ACTION and deciding[workflow]
        asks = mine and row.action and row.id not in own
        mini = minis[row.action].of(row, obj) if asks else _NOTHING
        title = _text(row.title, 300)
        yield Shown(
            row.id,
            row.group,
            *standing(row.status, row.waits_for, row.group),
            title=title or escape(_("Record {id}", id=row.id)),
            is_named=bool(title),
            description=_text(row.description, 500),
            reason=_text(_reason(row, told_all[workflow])),
            workflow=names[workflow],
            additional=_additional(row, hooks[workflow], obj),
            mini=mini,
            opens=mine and not mini,
            changed=moment(row.modified),
            due=None if row.deadline is None else chip(row.deadline),
            votes=_votes(row, needed[row.action], votes, me, counted),
            barred=_text(own.get(row.id)) if mine else _NOTHING,
            id_fork=row.id_fork,
        )


def _needed(action: str | None) -> int:
    """Return how many persons must answer alike, if a halt says nothing else."""
    return int(getattr(current_workflows.actions.get(action), "votes", 1))


def _votes(
    row: Row, needed: int, votes: Votes, me: str | None, counted: Any
) -> tuple[Markup, Markup, Markup] | None:
    """Return what is shown of votes; ``None`` where one answer is enough.

    :param me: who looks at it.
    :param counted: :func:`_counted`, which says each number once.
    """
    needed = row.rules.get("votes", needed)
    if needed < 2 or row.group is not Group.NEED_ACTION:
        return None
    if row.id not in votes:
        return *counted(needed, needed), _NOTHING
    poll = Poll(needed).with_votes(votes[row.id])
    mine, said = poll.of(me), _NOTHING
    if mine is not None:
        said = escape(_("Your vote: {what}", what=vote(row.action, mine.value)))
    return *counted(needed, poll.lacking), said


def _counted(needed: int, lacking: int) -> tuple[Markup, Markup]:
    """Return how many votes are missing, and how many were alike."""
    missing = ngettext(
        "{needed} persons must answer alike; {n} vote is missing.",
        "{needed} persons must answer alike; {n} votes are missing.",
        lacking,
        needed=needed,
    )
    alike = ngettext(
        "{n} of {needed} votes",
        "{n} of {needed} votes",
        needed - lacking,
        needed=needed,
    )
    return escape(missing), escape(alike)


_NOTHING = Markup("")


def _text(value: Any, most: int = 300) -> Markup:
    """Return what is kept of a record as HTML, on one line."""
    return escape(html(value, most)) if value else _NOTHING


def _documents(
    rows: Iterable[Row], hooks: dict[str, Any]
) -> tuple[dict[int, Any], dict[int, str]]:
    """Return the objects of those rows whose code wants more than is kept.

    And why this person may not decide some, by their ids: they are their own.
    """
    actions = {row.action for row in rows if row.action}
    wanting = {name for name in actions if wants_object(name)}
    careful = {name for name in actions if _is_for_four_eyes(name)}
    wanted = {
        row.id
        for row in rows
        if hooks[row.workflow] is not None or row.action in wanting
    }
    asking = {
        row.id
        for row in rows
        if row.group is Group.NEED_ACTION
        and row.action
        and ("four_eyes" in row.rules or row.action in careful)
    }
    if not wanted | asking:
        return {}, {}
    query = current_workflows.queries.query()
    found = query.filter_by(id=list(wanted | asking)).all()
    barred = {obj.id: why_not(obj) for obj in found if obj.id in asking}
    own = {oid: told for oid, told in barred.items() if told is not None}
    # a person may not see all that the code would show
    shown = {obj.id: shown_copy(obj, sight(obj)) for obj in found if obj.id in wanted}
    return shown, own


def _is_for_four_eyes(action: str) -> bool:
    return bool(four_eyes(current_workflows.actions.get(action), None))


def _hook(workflow: str | None) -> Any:
    """Return the workflow's ``get_additional``, if it is one that says anything."""
    if workflow not in current_workflows.workflows:
        return None
    hook = current_workflows.definition(workflow).hook("get_additional")
    return None if hook is WorkflowBase.get_additional else hook


def _additional(row: Row, hook: Any, obj: Any) -> Markup:
    if hook is None or obj is None:
        return _NOTHING
    try:
        return escape(html(hook(obj)))
    except Exception:
        _logger.exception("get_additional of %s failed for %r.", row.workflow, obj)
        return escape(_("(what else there is cannot be shown)"))


def _reason(row: Row, told_all: bool) -> str:
    """Return why the record is where it is."""
    if row.group is Group.FAILED:
        return error_as_seen(row.error, told_all) or row.message or ""
    if row.waits_for == "join" and row.message:
        return waiting_for(row.message)
    return row.message or ""


def _standing(
    status: ObjectStatus, waits_for: str | None, group: Group
) -> tuple[Markup, bool]:
    """Return where a record stands, and whether that says more than its group."""
    label = _label(status, waits_for)
    return escape(label), label != group_label(group)


def _label(status: ObjectStatus, waits_for: str | None) -> str:
    if status == ObjectStatus.CANCELLED:
        return _("Cancelled")
    if waits_for == "queue":
        return _("Queued")
    return _(_LABELS[status])


_LABELS = {
    ObjectStatus.INITIAL: N_("New"),
    ObjectStatus.COMPLETED: N_("Done"),
    ObjectStatus.HALTED: N_("Need action"),
    ObjectStatus.RUNNING: N_("Running"),
    ObjectStatus.WAITING: N_("Waiting"),
    ObjectStatus.ERROR: N_("Failed"),
}
