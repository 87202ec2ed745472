"""What the readers of input give, and what they say of what they cannot read."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from invenio_workflows import registry
from invenio_workflows.errors import ConfigurationError, WorkflowAPIError
from invenio_workflows.processors import processors, read_json, read_jsonl

Reader = Callable[..., Any]


def read(reader: Reader, content: bytes) -> list[Any]:
    return list(reader(io.BytesIO(content)))


@pytest.mark.parametrize(
    ("content", "items"),
    [
        (b'[{"a": 1}, 2, null]', [{"a": 1}, 2, None]),
        (b"[]", []),
        (b'{"a": [1, 2]}', [{"a": [1, 2]}]),
        (b'"text"', ["text"]),
        (b"\xef\xbb\xbf[1]", [1]),
        ('["é"]'.encode(), ["é"]),
    ],
)
def test_json_gives_the_items_of_a_list_or_the_whole(content: bytes, items: Any):
    assert read(read_json, content) == items


@pytest.mark.parametrize(
    ("content", "items"),
    [
        (b"1\n[2, 3]\n", [1, [2, 3]]),
        (b'{"a": 1}\r\n\r\n  \n{"a": 2}', [{"a": 1}, {"a": 2}]),
        (b"\xef\xbb\xbf1\n2", [1, 2]),
        (b"", []),
        ('"a\u2028b\x85c"'.encode(), ["a\u2028b\x85c"]),
    ],
)
def test_json_lines_give_the_value_of_each_line(content: bytes, items: Any):
    assert read(read_jsonl, content) == items


def test_json_lines_are_read_one_at_a_time():
    def lines() -> Any:
        yield b"1\n"
        yield b"2\n"
        raise AssertionError("read too far")

    items = read_jsonl(lines())
    assert [next(items), next(items)] == [1, 2]


@pytest.mark.parametrize(
    ("reader", "content", "said"),
    [
        (read_json, b"[1,\n2,,3]", "Line 2 is not JSON: Expecting value (column 3)."),
        (read_json, b"", "Line 1 is not JSON: Expecting value (column 1)."),
        (read_json, b"1\n2", "Line 2 is not JSON: Extra data (column 1)."),
        (read_json, b"[1,\n\xff]", "Line 2 is not UTF-8: invalid start byte."),
        (
            read_json,
            b"[NaN]",
            "The document cannot be read: NaN is not JSON; write null or a string.",
        ),
        (read_json, b"[" * 100_000, "The document is nested too deeply."),
        (read_jsonl, b"1\n\nx", "Line 3 is not JSON: Expecting value (column 1)."),
        (read_jsonl, b"1\n\xff", "Line 2 is not UTF-8: invalid start byte."),
        (
            read_jsonl,
            b"1\n-Infinity",
            "Line 2 cannot be read: -Infinity is not JSON; write null or a string.",
        ),
        (read_jsonl, b"1\n" + b"[" * 100_000, "Line 2 is nested too deeply."),
    ],
)
def test_bad_input_is_told_with_its_line(reader: Reader, content: bytes, said: str):
    with pytest.raises(ValueError) as caught:
        read(reader, content)
    assert str(caught.value) == said


def test_a_number_that_is_too_long_is_told_with_its_line():
    with pytest.raises(ValueError, match="^Line 2 cannot be read: Exceeds the limit"):
        read(read_jsonl, b"1\n" + b"9" * 5000)


def test_ours_are_found_by_entry_point_like_those_of_a_stranger():
    known = processors({})
    assert known["json"] is read_json and known["jsonl"] is read_jsonl


def test_a_site_adds_readers_by_callable_or_by_name():
    known = processors(
        {"chars": list, "again": "invenio_workflows.processors:read_json"}
    )
    assert known["chars"] is list and known["again"] is read_json


def test_an_unknown_reader_is_refused_and_the_known_ones_are_named():
    with pytest.raises(WorkflowAPIError, match=r"'nope'\. Known: .*json, jsonl"):
        processors({})["nope"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("no_such_module:read", "No module named 'no_such_module'"),
        ("invenio_workflows.processors:nope", "has no attribute 'nope'"),
        ("not a name", "'not a name'"),
        (7, "cannot be called: 7"),
    ],
)
def test_a_reader_that_cannot_be_used_is_refused_with_its_name(given: Any, said: str):
    with pytest.raises(ConfigurationError, match="'mine'") as caught:
        processors({"mine": given})
    assert said in str(caught.value)


def test_a_second_owner_of_a_name_is_refused():
    with pytest.raises(ConfigurationError, match="data processor 'json' already"):
        processors({"json": list})


def test_an_entry_point_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch):
    broken = EntryPoint("arxiv", "no_such_module:read", "invenio_workflows.processors")
    monkeypatch.setattr(registry, "entries_of", lambda group: [broken])
    with pytest.raises(ConfigurationError, match="arxiv = no_such_module:read"):
        processors({})
