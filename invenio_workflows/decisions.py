"""What a person decided, as it is kept: in the object's history and in the audit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from .encoding import dumps

#: From where a person may have decided.
ORIGINS = ("api", "page", "rest", "cli")
#: From where nobody decided: what a halt said was to be done at its deadline.
DEADLINE = "deadline"
#: The verb of a row that says who submitted an object, where that is not a number.
START = "start"
#: At most this many letters of who decided are kept.
LONGEST_ACTOR = 255
#: The largest number of a user that a column holds.
_LARGEST_USER = 2**31 - 1
#: Start points by which one passes over what is asked, without an answer.
PASSING = ("continue_next", "task:")
#: At most this many letters of a form's JSON are kept; of a longer one only the names
#: of its fields.
_LONGEST_FORM = 10_000
_LONGEST_REASON = 10_000


@dataclass(slots=True)
class Decision:
    """What somebody decided about an object, and on which version of it.

    :param verb: ``resolve``, ``vote``, ``continue``, ``edit``, ``comment``, ``cancel``,
        ``delete``, ``map`` or ``start``.
    :param actor: who; ``None`` if that is not known.
    :param origin: from where: ``api``, ``page``, ``rest`` or ``cli``; ``deadline`` if
        nobody did, and a deadline passed.
    :param action: what was answered, for ``resolve``; else where it goes on.
    :param value: the answer in a word.
    :param form: the answer as it came; bounded when it is kept.
    :param revision: the revision of the object on which it was decided.
    """

    verb: str
    actor: str | None = None
    origin: str = "api"
    action: str | None = None
    value: str = ""
    reason: str = ""
    form: Mapping[str, Any] = field(default_factory=dict)
    revision: int = 0
    #: The vote by which it decides, and how many others must have given it by then.
    relied_on: tuple[str, int] = ("", 0)

    @property
    def payload(self) -> str:
        """What the event in the object's history keeps of it, as JSON."""
        told = {
            "action": self.action,
            "value": self.value,
            "reason": self.reason[:_LONGEST_REASON],
            "actor": self.actor,
        }
        return dumps(told, "the decision")

    @property
    def kept_form(self) -> str | None:
        """What the audit keeps of the form, as JSON; ``None`` where there is none."""
        if not self.form:
            return None
        text = dumps(dict(self.form), "the form")
        if len(text) <= _LONGEST_FORM:
            return text
        names = [str(name)[:100] for name in list(self.form)[:50]]
        return json.dumps({"_left_out": f"{len(text)} letters", "_fields": names})

    @property
    def kept_reason(self) -> str:
        """The reason, as long as it is kept."""
        return self.reason[:_LONGEST_REASON]


def decision(
    verb: str, actor: Any = None, origin: str = "api", **what: Any
) -> Decision:
    """Return a decision of ``actor``, whatever the caller's word for a person is.

    :raises ValueError: if there is no such origin.
    """
    if origin not in ORIGINS:
        raise ValueError(
            f"There is no origin {origin!r}; use one of {', '.join(ORIGINS)}."
        )
    who = None if actor is None else str(actor)
    what["reason"] = str(what.get("reason") or "")
    return Decision(verb, who, origin, **what)


def who_submits(who: Any) -> tuple[int, str | None]:
    """Return the number of a user, and their id as text where it is not a number.

    Numbers and texts are told apart as they are written: ``"007"`` is not 7.

    :raises ValueError: if it is not an id of a user.
    """
    if isinstance(who, str):
        if who == str(number := _number(who)):
            return number, None
        return 0, who or None
    if who is None or isinstance(who, (bool, float)) and not who:
        return 0, None
    if isinstance(who, UUID):
        return 0, str(who)
    if isinstance(who, int) and 0 <= who <= _LARGEST_USER:
        return int(who), None
    raise ValueError(f"id_user is the id of a user, a number or a text, not {who!r}.")


def _number(text: str) -> int:
    """Return the number that a text is, or 0 where no column holds it."""
    is_number = text.isascii() and text.isdigit() and len(text) < 11
    return int(text) if is_number and int(text) <= _LARGEST_USER else 0


def who_decided(
    who: str | None,
    verb: str,
    action: str | None,
    value: str | None,
    origin: str = "api",
) -> str:
    """Return who decided what as the part of a sentence: ``ann: approval, accept``."""
    said = ", ".join(part for part in (action, value) if part) or verb
    if verb not in ("resolve", "continue"):
        said = verb
    somebody = "The deadline" if origin == DEADLINE else "somebody"
    return f"{who or somebody} decided meanwhile: {said}"
