"""What the commands print, and what becomes of it where it cannot be printed."""

from __future__ import annotations

import os
import sys

import click
import pytest

from invenio_workflows.cli.text import say


def full() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def closed() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize(
    ("device", "error", "told"),
    [
        (full, click.ClickException, "cannot be written: No space left on device."),
        (closed, BrokenPipeError, "Broken pipe"),  # click ends without a word
    ],
)
def test_a_line_that_cannot_be_written_is_told(
    monkeypatch: pytest.MonkeyPatch,
    device: object,
    error: type[Exception],
    told: str,
) -> None:
    output = os.fdopen(device(), "w")  # type: ignore[operator]
    monkeypatch.setattr(sys, "stdout", output)
    with pytest.raises(error, match=told):
        say("a line")
    with pytest.raises(OSError, match=r"\[Errno"):
        output.close()
