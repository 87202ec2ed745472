"""The list: what waits for a person, and everything else that was started."""

from __future__ import annotations

from typing import Any

from flask import render_template

from .permissions import workflows_for


def index() -> Any:
    """The list page."""
    return render_template("workflows/holdingpen/list.html", workflows=may_look())


def may_look() -> bool:
    """Say whether this person may see any record at all."""
    return bool(workflows_for("view"))


ROUTES = (("/", index, ("GET",)),)
