"""What a record asks of a person, and what else this person may do with it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from flask import current_app, render_template, url_for
from markupsafe import Markup

from ..objects import WorkflowObject
from ..proxies import current_workflows
from ..states import ObjectStatus, may
from ..votes import poll_on
from .answer_by import AnswerBy, answer_by, why_not
from .ballot import Ballot, ballot_of
from .flask_wtf import csrf_field, csrf_token
from .forms import Sent, form_of
from .own_words import waiting_for
from .permissions import may as allowed
from .seeing import definition_of, has_template
from .texts import N_, _
from .tree import visible

_logger = logging.getLogger(__name__)

_SCRIPT_NAME = re.compile(r"\w[\w-]{0,99}\Z", re.A)
_PLACES = "side", "main"
#: What our own actions are called; those of a site are in its own words.
_TITLES = N_("Approve or reject"), N_("Give input")
_DEFAULT_SIDE = "workflows/actions/default_side.html"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the halt asks: its title, the message, the action's own HTML."""

    action: str
    title: str
    message: str
    side: Markup | None = None
    main: Markup | None = None
    script: str | None = None
    #: Until when; and why this person may not answer who may otherwise.
    by: AnswerBy | None = None
    why_not: str | None = None
    #: Who voted for what, where several must answer alike.
    ballot: Ballot | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A button: where its form goes, and what it says."""

    label: str
    url: str
    is_first: bool = False
    is_grave: bool = False
    key: str = ""
    #: Whether it leads to a page that asks again, instead of doing it.
    leads: bool = False


def asked(
    obj: WorkflowObject,
    shown: WorkflowObject,
    hidden: Mapping[str, str],
    given: Mapping[str, Any],
    sent: Sent | None = None,
) -> Asked | None:
    """Return what a record asks; without a form for those who may not decide.

    :param hidden: what every form carries.
    :param given: what the person had filled in already.
    :param sent: what they sent of a form that a JSON Schema makes.
    """
    name = obj.get_action()
    stands = obj.status in (ObjectStatus.HALTED, ObjectStatus.WAITING)
    if not stands or obj.waits_for == "queue":
        return None
    message = visible(waiting_for(obj.get_action_message() or ""), 10_000)
    by = answer_by(obj)
    if name is None:
        return Asked("", "", message, by=by)
    action = current_workflows.actions.get(name)
    title = visible(_(getattr(action, "title", "") or name), 200)
    decides = may("resolve", obj.status, obj.waits_for)
    ballot = ballot_of(obj) if decides else None
    if action is None or not decides or not allowed("decide", obj.get_workflow_name()):
        return Asked(name, title, message, by=by, ballot=ballot)
    if (told := why_not(obj)) is not None:
        return Asked(name, title, message, by=by, why_not=told, ballot=ballot)
    context = {"given": given, "form": form_of(obj, sent)}
    places = _rendered(action, name, shown, hidden, context)
    shows = places.get("side"), places.get("main"), _script(name)
    return Asked(name, title, message, *shows, by=by, ballot=ballot)


def _rendered(
    action: Any,
    name: str,
    shown: WorkflowObject,
    hidden: Mapping[str, str],
    more: Mapping[str, Any],
) -> dict[str, Markup]:
    context = {
        **more,
        "obj": shown,
        "action": name,
        "visible": partial(visible, most=500),
        "form_fields": form_fields({**hidden, "_action": name}),
    }
    try:
        render = getattr(action, "render", None)
        places = {**_usual(name), **(render(shown) if render is not None else {})}
    except Exception:
        _logger.exception("The action %s cannot be shown for %r.", name, shown)
        places = _usual(name)
    made = {}
    for place, (template, values) in places.items():
        if has_template(template):
            try:
                page = render_template(template, **{**values, **context})
                made[place] = Markup(page)
            except Exception:
                _logger.exception("%s cannot be shown for %r.", template, shown)
    if "side" not in made:
        made["side"] = Markup(render_template(_DEFAULT_SIDE, **context))
    return made


def _usual(name: str) -> dict[str, Any]:
    """Return the places whose templates are found by the action's name alone."""
    if not _SCRIPT_NAME.match(name):
        return {}
    usual = {place: f"workflows/actions/{name}_{place}.html" for place in _PLACES}
    return {place: (each, {}) for place, each in usual.items() if has_template(each)}


def form_fields(hidden: Mapping[str, str]) -> Markup:
    """Return what every form of ours carries: the token, and what was seen."""
    field = Markup('<input type="hidden" name="{}" value="{}">')
    fields = {csrf_field(): csrf_token(), **hidden}
    return Markup("").join(field.format(*each) for each in fields.items())


def _script(action: str) -> str | None:
    """Return where the action's script is, if the site, a blueprint or we have one."""
    if not _SCRIPT_NAME.match(action):
        return None
    path = f"workflows/actions/{action}.js"
    homes = {"static": current_app.static_folder}
    for name, blueprint in current_app.blueprints.items():
        homes[f"{name}.static"] = blueprint.static_folder
    for endpoint, home in homes.items():
        if home and Path(home, path).is_file():
            return url_for(endpoint, filename=path)
    return None


def moves(obj: WorkflowObject) -> list[Move]:
    """Return what this person may do with a record, what is most likely first."""
    name, oid = obj.get_workflow_name(), obj.id
    if obj.id_parent is not None:
        return []
    found: list[Move] = []
    if obj.id_workflow and definition_of(obj) and allowed("restart", name):
        found += _goings_on(obj)
    if allowed("edit", name) and may("edit", obj.status, obj.waits_for):
        url = url_for("holdingpen.edit", oid=oid)
        found.append(Move(_("Edit the data"), url, key="e", leads=True))
    if allowed("restart", name) and may("cancel", obj.status, obj.waits_for):
        url = url_for("holdingpen.cancel", oid=oid)
        found.append(Move(_("Cancel"), url, is_grave=True))
    deletes = obj.id_fork is None and may("delete", obj.status, obj.waits_for)
    if allowed("delete", name) and deletes:
        url = url_for("holdingpen.remove", oid=oid)
        found.append(Move(_("Delete …"), url, is_grave=True, leads=True))
    return found


def _goings_on(obj: WorkflowObject) -> list[Move]:
    failed = obj.status == ObjectStatus.ERROR
    offered = [
        ("restart_task", _("Run this task again"), "holdingpen.restart_task"),
        ("continue_next", _("Continue with the next task"), "holdingpen.continue"),
        ("restart_first", _("Start over from the first task"), "holdingpen.restart"),
    ]
    if not failed:
        offered[:2] = offered[1::-1]
    found = []
    for point, label, endpoint in offered:
        if not may(point, obj.status, obj.waits_for, obj.get_action()):
            continue
        if point == "continue_next" and _is_for_others(obj):
            continue
        first = failed and point == "restart_task"
        url = url_for(endpoint, oid=obj.id)
        found.append(Move(label, url, first, key="t" if first else ""))
    return found


def _is_for_others(obj: WorkflowObject) -> bool:
    """Say whether this person may not pass over the question alone."""
    if obj.status != ObjectStatus.HALTED:
        return False
    try:
        return why_not(obj) is not None or poll_on(obj) is not None
    except ValueError:  # what its task said of the votes cannot be
        return True


def tasks_to_restart(obj: WorkflowObject) -> list[str]:
    """Return the names of the tasks from which this person may restart a record."""
    definition = definition_of(obj)
    if obj.id_parent is not None or definition is None or not obj.id_workflow:
        return []
    if not allowed("restart", obj.get_workflow_name()):
        return []
    if not may("task", obj.status, obj.waits_for) or _is_for_others(obj):
        return []
    names = dict.fromkeys(
        leaf.name for leaf in definition.leaves if not getattr(leaf, "hidden", False)
    )
    return [each for each in names if len(definition.named(each)) == 1]
