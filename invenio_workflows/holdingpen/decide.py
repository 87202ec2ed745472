"""What a person decides: every route here changes something, by POST."""

from __future__ import annotations

from typing import Any

from flask import abort

from .record import seen


def resolve(oid: int) -> Any:
    """Answer what a halted record asks."""
    seen(oid, "decide")
    abort(501)


ROUTES = (("/<int:oid>/resolve", resolve, ("POST",)),)
