"""Sentences that were made in English, by the engine or by Python, for who reads them.

What a record says of itself is kept as it was said, for every reader alike; what we
know of it is translated when it is shown.
"""

from __future__ import annotations

import re

from .texts import N_, _, ngettext

#: What Python says of a text that is not JSON; named here to be translated.
_NO_JSON = (
    N_("Expecting value"),
    N_("Expecting property name enclosed in double quotes"),
    N_("Expecting ',' delimiter"),
    N_("Expecting ':' delimiter"),
    N_("Extra data"),
    N_("Illegal trailing comma before end of array"),
    N_("Illegal trailing comma before end of object"),
    N_("Invalid control character at"),
    N_("Invalid \\escape"),
    N_("Invalid \\uXXXX escape"),
    N_("Unterminated string starting at"),
)

_FORKED = re.compile(r"(\d{1,9}) branches; (\d{1,9}) must be done\.", re.ASCII)
_JOINING = re.compile(r"(\d{1,9}) of (\d{1,9}) branches are done\.", re.ASCII)


def json_fault(said: str) -> str:
    """Return what is wrong with a text that is not JSON, from Python's words for it."""
    return _(said.partition(": ")[0])


def waiting_for(message: str) -> str:
    """Return what a record says of its stop; what the engine has it say, translated."""
    if found := _FORKED.fullmatch(message):
        return ngettext(
            "{all} branches; {n} must be done.",
            "{all} branches; {n} must be done.",
            int(found[2]),
            all=found[1],
        )
    if found := _JOINING.fullmatch(message):
        return ngettext(
            "{n} of {all} branches are done.",
            "{n} of {all} branches are done.",
            int(found[1]),
            all=found[2],
        )
    return message
