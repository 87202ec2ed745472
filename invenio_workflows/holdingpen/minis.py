"""What an action shows in the rows of a list: the quick decision."""

from __future__ import annotations

import logging
from collections import deque
from functools import cache
from typing import Any

from flask import current_app
from markupsafe import Markup, escape

from ..actions.core import Action
from ..proxies import current_workflows
from ..store.wanted import Row
from .seeing import has_template
from .texts import _

_logger = logging.getLogger(__name__)

#: Stand for id and revision in what is the same for all rows but for these.
_ID, _REVISION = 7204915386027139415, 7204915386027139416

#: Of so many kinds of rows the text is remembered.
_KINDS = 8


class Mini:
    """What one action shows in the rows; what they have in common is made once.

    :param name: of the action.
    :param context: what the templates are given.
    """

    def __init__(self, name: str | None, context: dict[str, Any]) -> None:
        self._context = {**context, "action": name}
        self._wants_object = wants_object(name)
        action = current_workflows.actions.get(name)
        self._render = getattr(action, "render_mini", None)
        self._usual = _usual_mini(name)
        self._template = cache(current_app.jinja_env.get_template)
        self._is_alike: dict[str, bool] = {}
        #: What was drawn last, under which rules, and its text for all such rows.
        self._texts: deque[tuple[Any, str]] = deque(maxlen=_KINDS)

    def of(self, row: Row, obj: Any) -> Markup:
        """Return what is shown in a row.

        :param obj: the record, for an action that looks at more than the row.
        """
        try:
            made = self._render and self._render(obj if self._wants_object else row)
            made = made or self._usual
            return Markup("") if made is None else self._drawn(made, row)
        except Exception:
            _logger.exception(
                "The action %s cannot be shown for %s.", row.action, row.id
            )
            return escape(_("(the decision cannot be shown; open the record)"))

    def _drawn(self, made: Any, row: Row) -> Markup:
        name, values = made
        if not self._is_alike.get(name, True):
            return Markup(self._template(name).render(self._given(values, row)))
        kind = (made, row.rules)
        text = next((text for each, text in self._texts if each == kind), None)
        if text is None:
            if name not in self._is_alike:
                module = self._template(name).make_module(self._given(values, row))
                self._is_alike[name] = getattr(module, "rows_are_alike", False) is True
                if not self._is_alike[name]:
                    return Markup(str(module))
            any_row = row._replace(id=_ID, revision=_REVISION)
            text = self._template(name).render(self._given(values, any_row))
            self._texts.appendleft((kind, text))
        text = text.replace(str(_ID), str(row.id))
        return Markup(text.replace(str(_REVISION), str(row.revision)))

    def _given(self, values: dict[str, Any], row: Row) -> dict[str, Any]:
        return {**self._context, "obj": row, **values}


def wants_object(action: str | None) -> bool:
    """Say whether an action decides by more than the row what to show in it."""
    found = current_workflows.actions.get(action)
    own = getattr(type(found), "render_mini", Action.render_mini)
    if own is Action.render_mini:
        return False
    return not getattr(found, "mini_of_row", False)


def _usual_mini(action: str | None) -> tuple[str, dict[str, Any]] | None:
    """Return the template that has an action's name, if it says nothing else."""
    found = current_workflows.actions.get(action)
    own = getattr(type(found), "render_mini", Action.render_mini)
    name = f"workflows/actions/{action}_mini.html"
    if found is None or own is not Action.render_mini:
        return None
    return (name, {}) if has_template(name) else None
