"""What ``eng.wait`` was given, checked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..encoding import is_text
from ..states import Awaited, check_start_point

_LONGEST = 10**9


def awaited(
    until: Any, seconds: Any, event: Any, key: Any, timeout: Any, then: Any
) -> Awaited | None:
    """Return what is waited for, ``None`` for a person.

    :raises ValueError: if the arguments do not fit together.
    """
    given = [each is not None for each in (until, seconds, event)]
    if sum(given) > 1:
        raise ValueError("eng.wait() takes one of until, seconds and event.")
    if event is None and (key is not None or timeout is not None):
        raise ValueError("eng.wait() takes key and timeout together with event only.")
    if timeout is None and then is not None:
        raise ValueError("eng.wait() takes then together with timeout only.")
    then = "continue_next" if then is None else then
    if not any(given):
        return None
    if until is not None:
        return Awaited(until=_aware(until))
    if event is None:
        return Awaited(seconds=_positive("seconds", seconds))
    check_event(event)
    if then != "error":
        check_start_point(then)
    wait = None if timeout is None else _positive("timeout", timeout)
    return Awaited(wait, event=event, key=checked_key(key), then=then)


def check_event(name: Any) -> None:
    """Look at the name of an event.

    :raises ValueError: if it cannot be one.
    """
    if not is_text(name, 100):
        raise ValueError(f"An event has a name of 1 to 100 letters, not {name!r}.")


def checked_key(key: Any) -> str | None:
    """Return the key of an event as text.

    :raises ValueError: if it cannot be one.
    """
    text = None if key is None else str(key)
    if text and not is_text(text, 255):
        raise ValueError(f"The key of an event has 255 letters at most: {text[:50]!r}")
    return text


def _aware(until: Any) -> datetime:
    if not isinstance(until, datetime) or until.tzinfo is None:
        raise ValueError(
            f"until must be a datetime with a time zone, such as UTC, not {until!r}."
        )
    try:
        return until.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"until is {until}, before or after all time.") from None


def _positive(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} must be a number of seconds, not {value!r}.")
    if not 0 <= value <= _LONGEST:
        raise ValueError(f"{name} must be from 0 to {_LONGEST}, not {value!r}.")
    return float(value)
