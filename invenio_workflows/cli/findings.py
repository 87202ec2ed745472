"""What a check of ``flask workflows doctor`` tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import WorkflowsError
from ..store.health import refusal
from .text import clean


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``state``: ok, warn or fail."""

    id: str
    state: str
    text: str
    do: str = ""

    def told(self) -> dict[str, Any]:
        """Return the check as JSON holds it."""
        return {
            "id": self.id,
            "state": self.state,
            "text": self.text,
            "do": self.do or None,
        }


def told_of(error: Exception) -> str | None:
    """Return an error in a sentence; ``None`` if it is not one that we know."""
    known = error if isinstance(error, WorkflowsError) else refusal(error)
    return None if known is None else clean(known)
