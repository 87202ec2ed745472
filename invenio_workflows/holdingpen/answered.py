"""What a person answered or voted for, in words."""

from __future__ import annotations

import re
from typing import Any

from .texts import _
from .tree import visible

#: Votes on input tell only which are alike.
_SEALED = re.compile(r"given \(([0-9a-f]{6})[0-9a-f]{18}\)\Z")


def decided(action: Any, value: Any) -> str:
    """Return what a person answered, in words."""
    known = {
        ("approval", "accept"): _("accepted it"),
        ("approval", "reject"): _("rejected it"),
    }
    if sealed := _SEALED.match(str(value)):
        return _("gave input, sealed as {code}", code=sealed[1])
    plain = _("answered {action}: {value}", action=action, value=value)
    return known.get((str(action), str(value))) or visible(plain, 300)


def vote(action: Any, value: Any) -> str:
    """Return what a person voted for, in a word where there is one."""
    known = {"accept": _("accept"), "reject": _("reject")}
    if action == "approval" and value in known:
        return known[value]
    return decided(action, value) if _SEALED.match(str(value)) else visible(value, 300)
