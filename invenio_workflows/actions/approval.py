"""Accept or reject. Either way the object goes on; deleting it is another thing."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from ..errors import InputNotValid
from .core import Action, Resolution, Shown
from .core import four_eyes as rule
from .voting import Choice, poll

VALUES = ("accept", "reject")


class Approval(Action):
    """Sets ``extra_data["approved"]``, and ``extra_data["reason"]`` if one is given.

    :param reasons: reasons that a person may choose from.
    :param needs_reason: the answers that need one: ``"reject"``, ``"accept"``.
    :param four_eyes: who may not answer: ``"submitter"``, which is ``True``, and
        ``"editors"``.
    :param votes: how many persons must accept.
    :param veto: the answers of which one is enough: a single rejection, if nothing else
        is said; with none of them as many must reject as accept.

    A task may say both for its own halt: ``eng.halt("…", action="approval",
    reasons=["A copy"], needs_reason=["reject"])``.
    """

    name: ClassVar[str] = "approval"
    title: ClassVar[str] = "Approve or reject"
    mini_of_row: ClassVar[bool] = True

    def __init__(
        self,
        reasons: Iterable[str] = (),
        needs_reason: Iterable[str] = (),
        four_eyes: bool | str | Iterable[str] = False,
        votes: int = 1,
        veto: Iterable[str] = ("reject",),
    ) -> None:
        self.reasons = list(reasons)
        self.needs_reason = list(needs_reason)
        self.votes, self.veto = votes, tuple(veto)
        poll(votes, self.veto)
        unknown = sorted({*self.needs_reason, *self.veto} - set(VALUES))
        if unknown:
            raise ValueError(f"approval has no answer {', '.join(unknown)}.")
        self.four_eyes = rule(self, {"four_eyes": four_eyes})

    def render_mini(self, obj: Any) -> Shown | None:
        """Return the two buttons of a row; one that needs a reason leads to its field.

        :param obj: a row of the list, or the object itself.
        """
        rules = getattr(obj, "rules", None)
        if rules is None:
            needs_reason = self._needs_reason(obj)
        else:
            needs_reason = _said(rules, "needs_reason", self.needs_reason)
        context = {"offered": list(VALUES), "needs_reason": needs_reason}
        return "workflows/actions/approval_mini.html", context

    def render(self, obj: Any) -> dict[str, Shown]:
        """Return the form beside the record."""
        context = {
            "reasons": self._reasons(obj),
            "needs_reason": self._needs_reason(obj),
        }
        return {"side": ("workflows/actions/approval_side.html", context)}

    def resolve(self, obj: Any, form: Mapping[str, Any], actor: Any) -> Resolution:
        """Take ``{"value": "accept" | "reject", "canned": "…", "reason": "…"}``."""
        value = _value(form)
        reason = self._reason(obj, form)
        if not reason and value in self._needs_reason(obj):
            raise _without_reason(value)
        obj.extra_data["approved"] = value == "accept"
        obj.extra_data["reason"] = reason
        return Resolution(value, reason=reason)

    def check(
        self, obj: Any, form: Mapping[str, Any], payload: Mapping[str, Any]
    ) -> None:
        """Refuse an answer at the deadline that :meth:`resolve` would not take."""
        value, own = _value(form), str(form.get("reason") or "").strip()
        offered = _said(payload, "reasons", self.reasons)
        canned = _canned(form, offered)
        if not (canned or own) and value in _said(
            payload, "needs_reason", self.needs_reason
        ):
            raise _without_reason(value)

    def choice(self, obj: Any, form: Mapping[str, Any], actor: Any) -> Choice:
        """Vote to accept or to reject; reasons may differ."""
        tried = copy.copy(obj)
        tried.extra_data = dict(obj.extra_data)
        made = self.resolve(tried, form, actor)
        return Choice(made.value, made.reason)

    def _reason(self, obj: Any, form: Mapping[str, Any]) -> str:
        canned = _canned(form, self._reasons(obj))
        own = str(form.get("reason") or "").strip()
        return f"{canned}: {own}" if canned and own else canned or own

    def _reasons(self, obj: Any) -> list[str]:
        return _said(obj.extra_data.get("_payload"), "reasons", self.reasons)

    def _needs_reason(self, obj: Any) -> list[str]:
        payload = obj.extra_data.get("_payload")
        return _said(payload, "needs_reason", self.needs_reason)


def _value(form: Mapping[str, Any]) -> str:
    value = form.get("value")
    if value not in VALUES:
        raise InputNotValid(
            f"approval is answered by value=accept or value=reject, not {value!r}.",
            code="no_answer",
        )
    unknown = sorted(set(form) - {"value", "canned", "reason"})
    if unknown:
        raise ValueError(f"approval knows no field {', '.join(unknown)}.")
    return str(value)


def _without_reason(value: str) -> InputNotValid:
    return InputNotValid(
        f"Say why: to {value} needs a reason.", code="needs_reason", value=value
    )


def _canned(form: Mapping[str, Any], offered: list[str]) -> str:
    canned = str(form.get("canned") or "")
    if canned and canned not in offered:
        raise InputNotValid(
            f"{canned[:100]!r} is none of the reasons that are offered.",
            code="reason_not_offered",
        )
    return canned


def _said(payload: Any, key: str, usual: list[str]) -> list[str]:
    """Return what the halt said of it; the usual, if it said nothing that can be."""
    said = payload.get(key) if isinstance(payload, dict) else None
    return [str(each) for each in said] if isinstance(said, (list, tuple)) else usual
