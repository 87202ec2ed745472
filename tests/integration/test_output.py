"""What tasks print belongs to the logs of their objects, with many threads as well."""

from __future__ import annotations

import io
import logging
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

import pytest
from curators import Browser, admit
from sites import Site
from terminals import Terminal

from invenio_workflows import output, signals
from invenio_workflows.api import start, start_delayed
from invenio_workflows.errors import WorkflowError
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.patterns import IF


@pytest.fixture
def standing() -> Iterator[None]:
    """Somebody stands in, as in the process of a worker."""
    output.step_back()
    yield
    output.step_back()


def lines(obj: Any) -> list[tuple[int, str, str]]:
    return [(line.level, line.message, line.task) for line in obj.get_log()]


def told(obj: Any) -> list[str]:
    return [line.message for line in obj.get_log()]


def test_prints_and_warnings_are_in_the_log(site: Site, standing: None) -> None:
    def speak(obj: Any, eng: Any) -> None:
        print("looking", end=" ")
        print("at", obj.data)
        obj.log.error("between")
        print("aside", file=sys.stderr)
        warnings.warn("old", FutureWarning, stacklevel=1)
        sys.stdout.buffer.write(b"no end of line")
        assert [line.message for line in obj.get_log()][0] == "looking at 1"

    site.register("speaks", speak)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda *args: None  # pytest tells each of them
        output.stand_in()
        eng = start("speaks", [1])
    (obj,) = eng.completed_objects
    *first, warned, last = lines(obj)
    assert first == [
        (20, "looking at 1", "speak"),
        (40, "between", "speak"),
        (30, "aside", "speak"),
    ]
    assert warned[0] == 30 and warned[1].startswith("FutureWarning: old (")
    assert last == (20, "no end of line", "speak")
    assert eng.get_log() == []


def test_a_line_ends_with_its_task(site: Site, standing: None) -> None:
    def first(obj: Any, eng: Any) -> None:
        print("one", end="")

    def second(obj: Any, eng: Any) -> None:
        print("two")
        eng.halt("?")

    def unsure(obj: Any, eng: Any) -> bool:
        print("asked")
        return True

    site.register("halves", first, IF(unsure, [second]))
    output.stand_in()
    (obj,) = start("halves", [1]).halted_objects
    assert lines(obj) == [
        (20, "one", "first"),
        (20, "asked", ""),
        (20, "two", "second"),
    ]


def test_lines_of_a_failed_task_are_kept(site: Site, standing: None) -> None:
    def fail(obj: Any, eng: Any) -> None:
        print("the last words", end="")
        raise ValueError

    site.register("fails", fail)
    output.stand_in()
    with pytest.raises(WorkflowError) as caught:
        start("fails", [1])
    assert told(WorkflowObject.get(caught.value.id_object)) == ["the last words"]


def test_what_is_printed_outside_of_a_task_is_not_heard(
    site: Site, standing: None, capsys: Any
) -> None:
    def task(obj: Any, eng: Any) -> None:
        print("by the task")

    def listener(*args: Any, **kwargs: Any) -> None:
        print("by a listener")

    site.register("tells", task)
    output.stand_in()
    print("before")
    with signals.workflow_finished.connected_to(listener):
        (obj,) = start("tells", [1]).completed_objects
    print("after")
    assert told(obj) == ["by the task"]
    printed = "before\nby the task\nby a listener\nafter\n"
    assert capsys.readouterr().out == printed


def test_a_start_leaves_the_streams_of_its_caller_alone(
    site: Site, standing: None
) -> None:
    seen: list[Any] = []

    def look(obj: Any, eng: Any) -> None:
        seen.append((sys.stdout, sys.stderr, warnings.showwarning))
        print("to the caller")

    site.register("looks", look)
    own = sys.stdout, sys.stderr, warnings.showwarning
    with redirect_stdout(io.StringIO()) as caught:
        (obj,) = start("looks", [1]).completed_objects
    assert seen == [(caught, own[1], own[2])]
    assert caught.getvalue() == "to the caller\n"
    assert (sys.stdout, sys.stderr, warnings.showwarning) == own
    assert told(obj) == []


def test_threads_of_the_process_leave_them_alone(site: Site, standing: None) -> None:
    """The embedded worker of a web process."""
    seen: list[Any] = []

    def look(obj: Any, eng: Any) -> None:
        seen.append(sys.stdout)
        print("to the process")

    site.register("looks", look)
    result = start_delayed("looks", [1])
    (obj,) = result.get(timeout=60).completed_objects
    assert seen == [sys.stdout]
    assert told(obj) == []


def test_a_setting_has_all_of_it_kept(
    make_site: Any, sqlite_ready_url: str, standing: None
) -> None:
    site = make_site(sqlite_ready_url, tables=False, WORKFLOWS_CAPTURE_OUTPUT=True)
    site.register("speaks", lambda obj, eng: print("heard"))
    with site.app.app_context():
        (obj,) = start("speaks", [1]).completed_objects
        assert told(obj) == ["heard"]
        result = start_delayed("speaks", [1])
        (obj,) = result.get(timeout=60).completed_objects
        assert told(obj) == ["heard"]


def test_twenty_threads_have_no_line_of_another(site: Site, standing: None) -> None:
    """Check 19, and more of it: both streams, in pieces, and warnings."""
    together = threading.Barrier(20)

    def speak(obj: Any, eng: Any) -> None:
        for number in range(10):
            print(obj.data, end=" says ")
            time.sleep(0.002)
            sys.stderr.write(f"{obj.data} aside\n")
            print(number)
        warnings.warn(f"warned {obj.data}", stacklevel=1)

    site.register("speaks", speak)
    kept: dict[int, list[str]] = {}

    def work(number: int) -> None:
        together.wait(60)
        with site.app.app_context():
            (obj,) = start("speaks", [number]).completed_objects
            kept[number] = told(obj)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda *args: None  # pytest tells each of them
        output.stand_in()
        before = sys.stdout
        threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sys.stdout is before
    assert sorted(kept) == list(range(20))
    for number, said in kept.items():
        *spoken, warned = said
        assert [each for each in spoken if "says" in each] == [
            f"{number} says {line}" for line in range(10)
        ]
        assert [each for each in spoken if "aside" in each] == [f"{number} aside"] * 10
        assert warned.startswith(f"UserWarning: warned {number} (")


def test_a_handler_on_the_stream_keeps_no_line_twice(
    site: Site, standing: None, capsys: Any
) -> None:
    def speak(obj: Any, eng: Any) -> None:
        obj.log.warning("by the log")
        print("by hand")

    site.register("speaks", speak)
    output.stand_in()
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger("invenio_workflows").addHandler(handler)
    try:
        (obj,) = start("speaks", [1]).completed_objects
    finally:
        logging.getLogger("invenio_workflows").removeHandler(handler)
    assert told(obj) == ["by the log", "by hand"]
    assert "by the log\n" in capsys.readouterr().err


def test_long_lines_and_many_are_cut(
    make_site: Any, sqlite_ready_url: str, standing: None
) -> None:
    site = make_site(
        sqlite_ready_url,
        tables=False,
        WORKFLOWS_MAX_LOG_SIZE=10,
        WORKFLOWS_MAX_OUTPUT_LINES=3,
        WORKFLOWS_CAPTURE_OUTPUT=True,
    )

    def speak(obj: Any, eng: Any) -> None:
        print("0123456789")
        print("01234567890")
        print("nul \0")
        for _ in range(99):
            print("more")

    site.register("speaks", speak)
    with site.app.app_context():
        (obj,) = start("speaks", [1]).completed_objects
        assert told(obj) == ["0123456789", "012345678…", "nul \ufffd", "… and 99 …"]


def test_a_level_keeps_what_is_below_it_out(
    make_site: Any, sqlite_ready_url: str, standing: None
) -> None:
    site = make_site(
        sqlite_ready_url,
        tables=False,
        WORKFLOWS_LOG_LEVEL="WARNING",
        WORKFLOWS_CAPTURE_OUTPUT=True,
    )

    def speak(obj: Any, eng: Any) -> None:
        print("out")
        print("err", file=sys.stderr)

    site.register("speaks", speak)
    with site.app.app_context():
        (obj,) = start("speaks", [1]).completed_objects
        assert told(obj) == ["err"]


def test_check_19_the_terminal_and_the_pen_show_it(
    make_site: Any, sqlite_ready_url: str, standing: None
) -> None:
    site = make_site(sqlite_ready_url, tables=False, WORKFLOWS_CAPTURE_OUTPUT=True)
    admit(site.app)
    site.register("speaks", lambda obj, eng: print("of the <b>task</b> \x1b[31mred"))
    with site.app.app_context():
        (obj,) = start("speaks", [1]).completed_objects
    printed = Terminal(site.app)("object", obj.id)
    assert "of the <b>task</b>" in printed and "\x1b" not in printed
    answer = Browser(site.app, "curator").get(f"/{obj.id}")
    page = answer.get_data(as_text=True)
    assert "of the &lt;b&gt;task&lt;/b&gt;" in page and "\x1b" not in page
    assert Browser(site.app, "").get(f"/{obj.id}").status_code != 200
