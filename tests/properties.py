"""How many examples a property is tried with."""

from __future__ import annotations

from typing import Any

from hypothesis import settings


def examples(number: int, **more: Any) -> settings:
    """Return settings for so many examples, of which a profile takes its share.

    A test that does not say how many has 100, or as many as the profile says.
    """
    return settings(
        max_examples=max(number * settings().max_examples // 100, 1), **more
    )
