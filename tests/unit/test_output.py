"""What a task writes is heard; the stream behind is written as if nobody listened."""

from __future__ import annotations

import contextvars
import io
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from invenio_workflows import output
from invenio_workflows.output import StandIn, end, listen, stand_in, step_back

Streams: TypeAlias = dict[str, io.TextIOWrapper]


def tell_of_warning(*warning: Any) -> None:
    """Do what Python does by itself."""
    sys.stderr.write(warnings.formatwarning(*warning[:4]))


def standing_in(test: Callable[[Streams], None]) -> Callable[[], None]:
    """Give a test real streams, with somebody standing in for them.

    Not as a fixture: pytest puts its own there between that and the test.
    """

    def body() -> None:
        kept = sys.stdout, sys.stderr, warnings.showwarning
        made = {
            name: io.TextIOWrapper(io.BytesIO(), "latin-1") for name in output.LEVELS
        }
        sys.stdout, sys.stderr = made["stdout"], made["stderr"]
        warnings.showwarning = tell_of_warning  # pytest records them
        stand_in()
        try:
            test(made)
        finally:
            step_back()
            sys.stdout, sys.stderr, warnings.showwarning = kept

    body.__doc__ = test.__doc__
    return body


class Ear:
    """Listens in a block, and has the lines."""

    def __init__(self, longest: int = 100, most: int = 100) -> None:
        self.lines: list[tuple[int, str]] = []
        self._limits = longest, most

    def __enter__(self) -> list[tuple[int, str]]:
        self.hearer = listen(lambda *line: self.lines.append(line), *self._limits)
        return self.lines

    def __exit__(self, *error: object) -> None:
        end(self.hearer)


def written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    below: Any = stream.buffer
    return str(below.getvalue().decode("latin-1"))


@standing_in
def test_partial_lines_are_joined_and_passed_on_as_they_are(streams: Streams) -> None:
    with Ear() as lines:
        print("one", end="")
        assert lines == []
        print(", two\nthree\n\n   \nfour", end="")
        sys.stderr.writelines(["a", "side\n"])
    assert lines == [(20, "one, two"), (20, "three"), (30, "aside"), (20, "four")]
    assert written(streams["stdout"]) == "one, two\nthree\n\n   \nfour"
    assert written(streams["stderr"]) == "aside\n"


@standing_in
def test_outside_of_a_task_nothing_is_heard(streams: Streams) -> None:
    print("before")
    with Ear() as lines:
        print("within")
    print("after")
    assert lines == [(20, "within")]
    assert written(streams["stdout"]) == "before\nwithin\nafter\n"


def test_nobody_listens_where_nobody_stands_in() -> None:
    step_back()
    assert listen(lambda *line: None, 10, 10) is None
    end(None)


@standing_in
def test_it_is_all_that_the_stream_is(streams: Streams) -> None:
    real = streams["stdout"]
    assert isinstance(sys.stdout, io.TextIOWrapper)
    assert sys.stdout.encoding == "latin-1" and sys.stdout.errors == real.errors
    assert sys.stdout.isatty() is False and sys.stdout.writable()
    assert sys.stdout.buffer is sys.stdout.buffer
    with Ear(), pytest.raises(io.UnsupportedOperation, match="fileno"):
        sys.stdout.fileno()
    with Ear() as lines:
        with pytest.raises(TypeError, match="must be str"):
            sys.stdout.write(b"bytes")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="bytes-like"):
            sys.stdout.buffer.write("text")  # type: ignore[arg-type]
        with pytest.raises(UnicodeEncodeError):
            sys.stdout.write("€")
        with pytest.raises(AttributeError, match="nothing"):
            sys.stdout.nothing  # type: ignore[attr-defined] # noqa: B018
    assert lines == [(20, "€")]
    sys.stdout.reconfigure(encoding="utf-8")
    assert real.encoding == "utf-8"


@standing_in
def test_the_descriptor_is_the_real_one(streams: Streams) -> None:
    with tempfile.NamedTemporaryFile("w") as file:
        sys.stdout = StandIn(file, 20)  # type: ignore[assignment]
        assert sys.stdout.fileno() == file.fileno()
        with Ear() as lines:
            print("whole lines of a task are passed on at once")
            assert os.stat(file.name).st_size == 44
        assert len(lines) == 1


@standing_in
def test_bytes_are_heard_in_the_encoding_of_the_stream(streams: Streams) -> None:
    sys.stdout.reconfigure(encoding="utf-8")
    with Ear() as lines:
        for each in ("caf", b"\xc3", b"\xa9 au l", bytearray(b"ait\nn"), b"o\xff\n"):
            where = sys.stdout if isinstance(each, str) else sys.stdout.buffer
            where.write(each)  # type: ignore[arg-type]
            where.flush()
    assert lines == [(20, "café au lait"), (20, "no\ufffd")]


@standing_in
def test_a_line_that_is_written_over_is_kept_as_it_was_last(streams: Streams) -> None:
    with Ear() as lines:
        for percent in range(0, 101, 10):
            sys.stderr.write(f"\r{percent} %")
        print("windows\r\n", end="")
        print("50 %\r", end="")
        print("60 %")
    assert lines == [(20, "windows"), (20, "60 %"), (30, "100 %")]


@standing_in
def test_neither_long_lines_nor_many_are_held(streams: Streams) -> None:
    ear = Ear(longest=10, most=3)
    with ear as lines:
        for _ in range(1000):
            print("x" * 100, end="")
            assert ear.hearer is not None
            assert sum(map(len, ear.hearer._begun.values())) <= 11
        print()
        for number in range(6):
            print(number)
    assert lines[0] == (20, "x" * 11)  # one more: who keeps it cuts it visibly
    assert lines[1:] == [
        (20, "0"),
        (20, "1"),
        (20, "… and 4 more lines that are not kept"),
    ]


@standing_in
def test_twenty_threads_never_hear_each_other(streams: Streams) -> None:
    ears = [Ear(most=1000) for _ in range(20)]
    together = threading.Barrier(20)

    def work(number: int) -> None:
        with ears[number]:
            together.wait()
            for line in range(50):
                print(number, end=":")
                sys.stdout.write(f"{line}\n")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, ear in enumerate(ears):
        assert ear.lines == [(20, f"{number}:{line}") for line in range(50)]


@standing_in
def test_a_thread_is_heard_in_a_copy_of_the_context_only(streams: Streams) -> None:
    go_on = threading.Event()

    def late() -> None:
        print("in time")
        go_on.wait(60)
        print("too late")

    with Ear() as lines:
        plain = threading.Thread(target=print, args=("on its own",))
        plain.start()
        plain.join()
        copied = threading.Thread(target=contextvars.copy_context().run, args=(late,))
        copied.start()
        while not lines:
            threading.Event().wait(0.001)
    go_on.set()
    copied.join()
    assert lines == [(20, "in time")]
    assert "on its own\n" in written(streams["stdout"])
    assert "too late\n" in written(streams["stdout"])


@standing_in
def test_a_warning_is_a_line_with_its_category(streams: Streams) -> None:
    with Ear() as lines, warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("soon gone", DeprecationWarning, stacklevel=1)
    ((level, text),) = lines
    assert level == 30
    assert text.startswith("DeprecationWarning: soon gone (")
    assert text.endswith(")") and "test_output.py:" in text
    assert "DeprecationWarning: soon gone" in written(streams["stderr"])


@standing_in
def test_a_warning_that_a_task_catches_is_its_own(streams: Streams) -> None:
    with Ear() as lines, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn("mine", stacklevel=1)
    assert [str(each.message) for each in caught] == ["mine"]
    assert lines == []


@standing_in
def test_once_for_each_place_stays_once(streams: Streams) -> None:
    def warn() -> None:
        warnings.warn("again and again", stacklevel=1)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        globals().pop("__warningregistry__", None)
        with Ear() as first:
            warn()
            warn()
        with Ear() as second:
            warn()
    assert (len(first), len(second)) == (1, 0)
    assert written(streams["stderr"]).count("UserWarning") == 1


@standing_in
def test_a_handler_that_prints_begins_no_circle(streams: Streams) -> None:
    def keep(level: int, text: str) -> None:
        print("kept:", text)

    hearer = listen(keep, 100, 100)
    sys.stdout.write("once\n")
    end(hearer)
    assert written(streams["stdout"]) == "kept: once\nonce\n"


@standing_in
def test_to_stand_in_again_changes_nothing_but_what_was_replaced(
    streams: Streams,
) -> None:
    first, shower = sys.stdout, warnings.showwarning
    stand_in()
    assert sys.stdout is first and warnings.showwarning is shower
    sys.stdout = io.StringIO()
    stand_in()
    assert sys.stdout is not first
    with Ear() as lines:
        print("heard again")
    assert lines == [(20, "heard again")]


@standing_in
def test_who_steps_back_leaves_what_others_put_there(streams: Streams) -> None:
    own = io.StringIO()
    sys.stderr = own
    step_back()
    assert sys.stdout is streams["stdout"]
    assert sys.stderr is own


@standing_in
def test_what_a_forked_process_writes_is_not_heard(streams: Streams) -> None:
    with Ear() as lines:
        pid = os.fork()
        if not pid:
            os._exit(int(output._hearer.get() is not None))
        assert os.waitpid(pid, 0)[1] == 0
        print("still heard")
    assert lines == [(20, "still heard")]
