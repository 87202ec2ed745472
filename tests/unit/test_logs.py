"""A line that is logged is kept as well, as the text that a person would read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from invenio_workflows import signals
from invenio_workflows.logs import KeptLog, LogLine, WorkflowContextFilter
from invenio_workflows.patterns import IF
from invenio_workflows.testing import run


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


# --- records that say what they are about ---------------------------------------------


class Heard(logging.Handler):
    """Keeps the records that come through the filter."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(WorkflowContextFilter())
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def told(self) -> list[tuple[Any, ...]]:
        return [tuple(vars(each)[name] for name in NAMES) for each in self.records]


NAMES = ("workflow", "workflow_object", "workflow_task")


@pytest.fixture
def heard() -> Iterator[Heard]:
    handler, root = Heard(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)


def test_what_any_logger_says_in_a_task_says_where(heard: Heard) -> None:
    strange = logging.getLogger("of.somebody.else")

    def first(obj: Any, eng: Any) -> None:
        strange.info("one")
        run([inner], 2, name="within")
        strange.info("two")

    def inner(obj: Any, eng: Any) -> None:
        strange.info("inner")

    def second(obj: Any, eng: Any) -> None:
        strange.info("three")

    strange.info("before")
    result = run([first, second], 1, name="outer")
    strange.info("after")
    oid = result.objects[0].id
    assert heard.told == [
        (None, None, None),
        ("outer", oid, "first"),
        ("within", 1, "inner"),
        ("outer", oid, "first"),
        ("outer", oid, "second"),
        (None, None, None),
    ]
    runs = [record.workflow_run for record in heard.records]  # type: ignore[attr-defined]
    assert runs[0] is None and runs[1] and runs[1] == runs[3] == runs[4] != runs[2]


def test_what_a_record_says_itself_is_kept(heard: Heard) -> None:
    def task(obj: Any, eng: Any) -> None:
        logging.getLogger("mine").info("of another", extra={"workflow_object": 99})

    run([task], 1, name="outer")
    assert heard.told == [("outer", 99, "task")]


def test_both_kept_logs_say_the_same_without_the_filter(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def task(obj: Any, eng: Any) -> None:
        obj.log.info("of the object")
        eng.log.info("of the run")

    with caplog.at_level(logging.INFO):
        (obj,) = run([task], 1, name="outer").objects
        obj.log.info("outside")
    first, second, outside = (vars(record) for record in caplog.records)
    for record in (first, second):
        assert record["workflow_run"] == obj.id_workflow
        assert [record[name] for name in NAMES] == ["outer", obj.id, "task"]
    assert [outside[name] for name in NAMES] == ["outer", obj.id, None]


def test_a_condition_that_logs_is_of_its_object(heard: Heard) -> None:
    def asks(obj: Any, eng: Any) -> bool:
        logging.getLogger("mine").info("asked")
        return True

    (obj,) = run([IF(asks, lambda obj, eng: None)], 1, name="outer").objects
    assert heard.told == [("outer", obj.id, None)]


def test_a_receiver_that_fails_is_logged_with_what_it_was_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def bad(sender: Any, **_: Any) -> None:
        raise ValueError("on purpose")

    def work(obj: Any, eng: Any) -> None:
        """A task."""

    with (
        signals.task_finished.connected_to(bad),
        signals.workflow_finished.connected_to(bad),
    ):
        (obj,) = run([work], 1, name="outer").objects
    told = [vars(record) for record in caplog.records]
    assert [[each[name] for name in NAMES] for each in told] == [
        ["outer", obj.id, "work"],
        ["outer", None, None],
    ]
    assert {each["workflow_run"] for each in told} == {obj.id_workflow}
