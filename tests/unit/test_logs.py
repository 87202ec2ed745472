"""A line that is logged is kept as well, as the text that a person would read."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from invenio_workflows.logs import KeptLog, LogLine


def kept_by(use: object) -> list[tuple[int, str]]:
    lines: list[tuple[int, str]] = []
    log = KeptLog("object", {"id_object": 17}, lambda *line: lines.append(line))
    use(log)  # type: ignore[operator]
    return lines


def test_a_line_is_kept_with_its_level_and_arguments() -> None:
    assert kept_by(lambda log: log.info("%s of %s", 1, 2)) == [(20, "1 of 2")]
    assert kept_by(lambda log: log.warning("100 %")) == [(30, "100 %")]
    assert kept_by(lambda log: log.debug({"a": 1})) == [(10, "{'a': 1}")]


def test_a_traceback_is_kept_with_its_line() -> None:
    def use(log: KeptLog) -> None:
        try:
            raise ValueError("on purpose")
        except ValueError as error:
            log.exception("failed")
            log.error("again", exc_info=error)

    first, second = kept_by(use)
    for _, text in (first, second):
        assert "ValueError: on purpose" in text
        assert "Traceback" in text
    assert first[1].startswith("failed\n")


def test_a_line_goes_to_logging_with_what_it_is_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG, "invenio_workflows.object"):
        kept_by(lambda log: log.info("here", extra={"more": 1}))
    (record,) = caplog.records
    assert (record.message, record.id_object, record.more) == ("here", 17, 1)  # type: ignore[attr-defined]
    assert record.filename == "test_logs.py", "the caller, not our adapter"


def test_a_kept_line_reads_well() -> None:
    line = LogLine(30, "careful", "check", datetime(2026, 1, 2, tzinfo=UTC))
    assert str(line) == "2026-01-02T00:00:00.000+00:00 WARNING careful"
    assert line.log_type == 30
