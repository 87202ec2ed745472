"""A record as this person may see it: without hidden fields, whatever its hooks do."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app
from jinja2 import TemplateError
from markupsafe import Markup

from ..definition.workflow import Definition
from ..differences import without
from ..extra_data import extra_without
from ..objects import WorkflowObject
from ..proxies import current_workflows
from ..states import ObjectStatus
from .display import html
from .hiding import hidden_from_me
from .texts import _
from .tree import tree, visible

_logger = logging.getLogger(__name__)


def definition_of(obj: WorkflowObject) -> Definition | None:
    """Return the definition of an object's workflow, if it is still registered."""
    name = obj.get_workflow_name()
    if name not in current_workflows.workflows:
        return None
    found: Definition = current_workflows.definition(str(name))
    return found


@dataclass(frozen=True, slots=True)
class Sight:
    """What of an object's data this person does not see.

    :param all_hidden: the definition is gone, and with it what it hides.
    """

    paths: tuple[tuple[str, ...], ...] = ()
    all_hidden: bool = False

    def of(self, data: Any) -> Any:
        """Return data without what is hidden."""
        return None if self.all_hidden else without(data, self.paths)

    def of_extra(self, extra: Mapping[str, Any]) -> dict[str, Any]:
        """Return extra_data without what is hidden, at any depth of it."""
        return extra_without(extra, None if self.all_hidden else self.paths)

    @property
    def sees_all(self) -> bool:
        """Whether nothing is hidden."""
        return not (self.paths or self.all_hidden)


def sight(obj: WorkflowObject) -> Sight:
    """Return what of an object's data this person does not see."""
    paths = hidden_from_me(obj.get_workflow_name())
    return Sight(all_hidden=True) if paths is None else Sight(paths)


def shown_copy(obj: WorkflowObject, seen: Sight) -> WorkflowObject:
    """Return an object to give to hooks and templates: it holds what may be seen."""
    shown = copy.copy(obj)
    shown.data = seen.of(copy.deepcopy(obj.data))
    shown.extra_data = seen.of_extra(obj.extra_data)
    return shown


def title_of(shown: WorkflowObject) -> str | Markup:
    """Return what the workflow calls the object."""
    return _hook(shown, "get_title") or _("Record {id}", id=shown.id)


def description_of(shown: WorkflowObject) -> str | Markup:
    """Return what the workflow says of the object."""
    return _hook(shown, "get_description")


def _hook(shown: WorkflowObject, name: str) -> str | Markup:
    definition = definition_of(shown)
    hook = definition.own_hook(name) if definition else None
    if hook is None:
        return ""
    try:
        return html(hook(shown) or "")
    except Exception:
        _logger.exception("%s of %s failed for %r.", name, shown.workflow_name, shown)
        return ""


@dataclass(frozen=True, slots=True)
class Formatted:
    """What a ``formatter`` made: HTML, a text, or a value for a tree."""

    html: Markup | None = None
    text: str = ""
    tree: Any = None
    failed: bool = False


def formatted(shown: WorkflowObject, of: str) -> Formatted | None:
    """Return what a workflow's own ``formatter`` makes of an object, if it has one."""
    definition = definition_of(shown)
    hook = definition.own_hook("formatter") if definition else None
    if hook is None:
        return None
    try:
        made = hook(shown, of=of)
    except Exception:
        _logger.exception("The formatter of %s failed.", shown.workflow_name)
        return Formatted(failed=True)
    if isinstance(made, Markup):
        return Formatted(html=made)
    if isinstance(made, (dict, list)):
        return Formatted(tree=tree(made))
    return Formatted(text=visible(made, 200_000)) if made else None


def formats_of(definition: Definition | None, default: str) -> list[str]:
    """Return the formats that the definition names, the usual first."""
    named = getattr(definition.source, "formats", ()) if definition else ()
    return list(dict.fromkeys([default, *(str(each)[:20] for each in named)]))


# --- what it is -----------------------------------------------------------------------


def status_in_words(status: ObjectStatus, waits_for: str | None) -> str:
    """Return where a record stands, in a word."""
    if waits_for == "queue":
        return _("Queued")
    return {
        ObjectStatus.INITIAL: _("New"),
        ObjectStatus.COMPLETED: _("Done"),
        ObjectStatus.HALTED: _("Need action"),
        ObjectStatus.RUNNING: _("Running"),
        ObjectStatus.WAITING: _("Waiting"),
        ObjectStatus.ERROR: _("Failed"),
        ObjectStatus.CANCELLED: _("Cancelled"),
    }[status]


def default_format() -> str:
    """Return the format in which the data are shown first."""
    found: str = current_workflows.settings.holding_pen_default_output_format
    return found


def has_template(name: str) -> bool:
    """Say whether there is a template of this name."""
    try:
        current_app.jinja_env.get_template(name)
    except TemplateError:
        return False
    return True
