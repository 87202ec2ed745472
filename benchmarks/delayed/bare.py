"""The bare message: five plain function calls on a record, nothing kept.

That it is done is a byte more in a file, not a word to the broker, so the floor pays
nothing for being counted.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

TASKS = 5


def _call(number: int) -> Callable[[dict[str, Any]], None]:
    def call(record: dict[str, Any]) -> None:
        record["step"] = number

    return call


_CALLS = [_call(number) for number in range(1, TASKS + 1)]


def five_calls(record: dict[str, Any], counted: str) -> None:
    """Do with a record what five tasks do with an object, and count it as done."""
    for call in _CALLS:
        call(record)
    file = os.open(counted, os.O_WRONLY | os.O_APPEND)
    os.write(file, b".")
    os.close(file)
