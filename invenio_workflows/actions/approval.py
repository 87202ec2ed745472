"""Accept or reject. Either way the object goes on; deleting it is another thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .core import Action, Resolution


class Approval(Action):
    """Sets ``extra_data["approved"]``, and ``extra_data["reason"]`` if one is given."""

    name: ClassVar[str] = "approval"
    title: ClassVar[str] = "Approve or reject"

    def resolve(self, obj: Any, form: Mapping[str, Any], actor: Any) -> Resolution:
        """Take ``{"value": "accept" | "reject", "reason": "…"}``."""
        value = form.get("value")
        if value not in ("accept", "reject"):
            raise ValueError(
                f"approval is answered by value=accept or value=reject, not {value!r}."
            )
        unknown = sorted(set(form) - {"value", "reason"})
        if unknown:
            raise ValueError(f"approval knows no field {', '.join(unknown)}.")
        reason = str(form.get("reason") or "")
        obj.extra_data["approved"] = value == "accept"
        obj.extra_data["reason"] = reason
        return Resolution(str(value), reason=reason)
