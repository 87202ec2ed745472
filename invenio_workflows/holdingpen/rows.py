"""The rows of a list: what is kept of each record, and what its code adds to it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from flask import current_app, url_for
from markupsafe import Markup

from ..actions.core import Action, four_eyes
from ..definition.workflow import WorkflowBase
from ..groups import Group
from ..proxies import current_workflows
from ..states import ObjectStatus
from ..store.wanted import Row
from .answer_by import chip, why_not
from .display import group_label, html, plain
from .hiding import error_as_seen, sees_all
from .permissions import may
from .seeing import has_template, shown_copy, sight
from .texts import N_, _
from .timeline import decided

_logger = logging.getLogger(__name__)


class Shown(NamedTuple):
    """A row as the template has it."""

    row: Row
    url: str
    title: str | Markup
    description: str | Markup
    reason: str
    label: str
    usual: str
    additional: str | Markup
    mini: str | Markup
    #: Whether it asks something that is not answered here, but on its own page.
    opens: bool
    #: Whether its deadline is over, and when it is or was.
    due: tuple[bool, Markup] | None = None
    #: What this person has answered, where others must answer alike.
    voted: str = ""


def shown(
    rows: list[Row], tail: str, context: dict[str, Any], votes: Mapping[int, str]
) -> Iterator[Shown]:
    """Yield what is shown of each row.

    :param tail: what the address of each record ends in.
    :param context: what the templates of the actions are given.
    :param votes: for what the person voted, by the ids of the rows.
    """
    names = {row.workflow for row in rows}
    hooks = {name: _hook(name) for name in names}
    deciding = {name: may("decide", name) for name in names}
    told_all = {name: sees_all(name) for name in names}
    documents, own = _documents(rows, hooks)
    minis = {name: _Mini(name, context) for name in {row.action for row in rows}}
    above = url_for("holdingpen.index")
    for row in rows:
        obj = documents.get(row.id)
        mine = row.group is Group.NEED_ACTION and deciding[row.workflow]
        asks = mine and row.action and row.id not in own
        mini = minis[row.action].of(row, obj) if asks else ""
        yield Shown(
            row=row,
            url=f"{above}{row.id}{tail}",
            title=html(row.title, 300) or _("Record {id}", id=row.id),
            description=html(row.description, 500),
            reason=_reason(row, told_all[row.workflow]),
            label=_label(row),
            usual=group_label(row.group),
            additional=_additional(row, hooks[row.workflow], obj),
            mini=mini,
            opens=mine and not mini,
            due=chip(row.deadline),
            voted=decided(row.action, votes[row.id]) if row.id in votes else "",
        )


def _documents(
    rows: Iterable[Row], hooks: dict[str, Any]
) -> tuple[dict[int, Any], set[int]]:
    """Return the objects of those rows whose code wants more than is kept.

    And the ids of those that this person may not decide, for they are their own.
    """
    actions = {row.action for row in rows if row.action}
    wanting = {name for name in actions if _wants_object(name)}
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
        and (row.four_eyes or row.action in careful)
    }
    if not wanted | asking:
        return {}, set()
    query = current_workflows.queries.query()
    found = query.filter_by(id=list(wanted | asking)).all()
    own = {obj.id for obj in found if obj.id in asking and why_not(obj) is not None}
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


def _wants_object(action: str | None) -> bool:
    """Say whether an action decides by more than the row what to show in it."""
    found = current_workflows.actions.get(action)
    own = getattr(type(found), "render_mini", Action.render_mini)
    if own is Action.render_mini:
        return False
    return not getattr(found, "mini_of_row", False)


def _additional(row: Row, hook: Any, obj: Any) -> str | Markup:
    if hook is None or obj is None:
        return ""
    try:
        return html(hook(obj))
    except Exception:
        _logger.exception("get_additional of %s failed for %r.", row.workflow, obj)
        return _("(what else there is cannot be shown)")


class _Mini:
    """What an action shows in the rows; what all of them share is looked up once."""

    def __init__(self, name: str | None, context: dict[str, Any]) -> None:
        self.context = {**context, "action": name}
        self.wants_object = _wants_object(name)
        action = current_workflows.actions.get(name)
        self.render = getattr(action, "render_mini", None)
        self.usual = _usual_mini(name)
        self.template = cache(current_app.jinja_env.get_template)

    def of(self, row: Row, obj: Any) -> str | Markup:
        """Return what is shown in a row."""
        try:
            made = self.render and self.render(obj if self.wants_object else row)
            made = made or self.usual
            if made is None:
                return ""
            name, values = made
            context = {**self.context, "obj": row, **values}
            return Markup(self.template(name).render(context))
        except Exception:
            _logger.exception(
                "The action %s cannot be shown for %s.", row.action, row.id
            )
            return _("(the decision cannot be shown; open the record)")


def _usual_mini(action: str | None) -> tuple[str, dict[str, Any]] | None:
    """Return the template that has an action's name, if it says nothing else."""
    found = current_workflows.actions.get(action)
    own = getattr(type(found), "render_mini", Action.render_mini)
    name = f"workflows/actions/{action}_mini.html"
    if found is None or own is not Action.render_mini:
        return None
    return (name, {}) if has_template(name) else None


def _reason(row: Row, told_all: bool) -> str:
    """Return why the record is where it is, in a line."""
    if row.group is Group.FAILED:
        return plain(error_as_seen(row.error, told_all) or row.message)
    return plain(row.message)


def _label(row: Row) -> str:
    """Return where the record stands; more precisely than its group."""
    if row.status == ObjectStatus.CANCELLED:
        return _("Cancelled")
    if row.waits_for == "queue":
        return _("Queued")
    return _(_LABELS[ObjectStatus(row.status)])


_LABELS = {
    ObjectStatus.INITIAL: N_("New"),
    ObjectStatus.COMPLETED: N_("Done"),
    ObjectStatus.HALTED: N_("Need action"),
    ObjectStatus.RUNNING: N_("Running"),
    ObjectStatus.WAITING: N_("Waiting"),
    ObjectStatus.ERROR: N_("Failed"),
}
