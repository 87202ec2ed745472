"""Holds Ctrl-C back while an object is put down: the first was heard already."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let the block end; what would have ended it is heard behind it.

    Only what Python would hear, and that is the main thread's alone. A signal that ends
    the process by itself still does.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        held.append(number)

    before = {number: signal.getsignal(number) for number in _ENDING}
    heard = {number: each for number, each in before.items() if callable(each)}
    try:
        for number in heard:
            signal.signal(number, hold)
        yield
    finally:
        for number, handler in reversed(heard.items()):
            signal.signal(number, handler)
        for each in dict.fromkeys(held):
            signal.raise_signal(each)
