"""A name has one owner, and one that is missing is answered with those there are."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from invenio_workflows import registry
from invenio_workflows.errors import ConfigurationError, WorkflowDefinitionError


def workflows() -> registry.Registry[Any]:
    return registry.Registry("workflow", WorkflowDefinitionError)


def test_a_thing_is_found_by_its_name() -> None:
    known = workflows()
    assert known.register("b", 1) == 1
    known.register("a", 2)
    assert (known["b"], known.get("c"), "a" in known, len(known)) == (1, None, True, 2)
    assert list(known) == ["a", "b"]


@pytest.mark.parametrize("name", ["x" * 256, "a\0b", "\ud800", "two\nlines"])
def test_a_name_that_no_database_keeps_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="1 to 255 letters in one line"):
        workflows().register(name, 1)


def test_a_second_owner_is_refused_unless_it_replaces() -> None:
    known = workflows()
    known.register("a", 1)
    with pytest.raises(ConfigurationError, match="already: 1.*replace=True"):
        known.register("a", 2)
    assert known["a"] == 1
    known.register("a", 2, replace=True)
    assert known["a"] == 2


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_name_is_a_string(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="a name that is a string"):
        workflows().register(name, 1)


@pytest.mark.parametrize("name", ["z", None, []])
def test_an_unknown_name_is_answered_with_the_known(name: Any) -> None:
    known = workflows()
    with pytest.raises(WorkflowDefinitionError, match="Known: none"):
        known[name]
    known.register("b", 1)
    known.register("a", 1)
    with pytest.raises(WorkflowDefinitionError, match="Known: a, b"):
        known[name]


class Entry:
    name, value = "broken", "nowhere:thing"

    def load(self) -> Any:
        raise ImportError("nowhere")


def test_a_plugin_that_cannot_be_loaded_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "entries_of", lambda group: [Entry()])
    with pytest.raises(ConfigurationError, match="broken = nowhere:thing.*group g"):
        list(registry.plugins("g"))


def test_what_is_installed_meanwhile_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    assert list(registry.plugins("some.group")) == []
    about = tmp_path / "thing-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: thing\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[some.group]\npi = math:pi\n")
    assert dict(registry.plugins("some.group")) == {"pi": math.pi}
    shutil.rmtree(about)
    assert list(registry.plugins("some.group")) == []
