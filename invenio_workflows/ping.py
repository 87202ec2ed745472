"""The workflow by which a worker is asked whether it works; every site has it."""

from __future__ import annotations

from typing import Any

#: Not among the names that are registered, and not to be used by a site.
NAME = "_ping"


def pong(obj: Any, eng: Any) -> None:
    """Answer."""
    obj.data["pong"] = True


WORKFLOW = [pong]
