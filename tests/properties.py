"""How many examples a property is tried with."""

from __future__ import annotations

from typing import Any

from hypothesis import settings


def examples(number: int, **more: Any) -> settings:
    """Return settings for so many examples, or fewer where each test has fewer.

    The profile says how many a test has that does not say it itself: 100, or as many
    in a hundred as there are; see ``conftest``.
    """
    return settings(
        max_examples=max(number * settings().max_examples // 100, 1), **more
    )
