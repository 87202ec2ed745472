"""Modules that are loaded anew: all that hang together, or none."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from properties import examples

from invenio_workflows.catalogue import CannotReload, Catalogue
from invenio_workflows.definition.limits import Limit
from invenio_workflows.sourcecode import Source, sources

_numbers = count()


class Limits:
    """Who is told of limits."""

    def __init__(self) -> None:
        self.told: dict[str, Limit] = {}

    def set(self, workflow: str, limit: Limit | None) -> None:
        self.told.pop(workflow, None)
        if limit is not None:
            self.told[workflow] = limit

    def all(self) -> Any:
        return self.told.values()


class Root:
    """Something on which an application hangs."""


class Package:
    """A package that is written, loaded and loaded anew."""

    def __init__(self, home: Path) -> None:
        self.name = f"reloaded{next(_numbers)}"
        self.home = home / self.name
        self.limits = Limits()
        self._stamp = 1_000_000_000
        self.write("__init__", "")
        self.write("workflows/__init__", "")

    def write(self, name: str, text: str) -> None:
        """Write a module, at a time of its own; all of them are of one size."""
        file = self.home / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n".ljust(400))
        self._stamp += 1
        os.utime(file, (self._stamp, self._stamp))

    def load(self) -> Package:
        self.catalogue = Catalogue([self.name], self.limits, lambda name: ("", {}))
        self.catalogue.load()
        self.files = self.catalogue.files()
        return self

    def reload(self) -> None:
        """Take in what has changed, as a worker does."""
        now = self.catalogue.files()
        both = self.files.keys() | now.keys()
        changed = {n for n in both if self.files.get(n) != now.get(n)}
        self.catalogue.reload(self.files, changed, lambda thing: type(thing) is Root)
        self.files = self.catalogue.files()

    def refused(self) -> str:
        with pytest.raises(CannotReload) as caught:
            self.reload()
        return str(caught.value)

    def module(self, name: str) -> Any:
        return sys.modules[f"{self.name}.{name}"]

    def run(self, name: str = "review") -> Any:
        """Return what the only task of a workflow says."""
        (leaf,) = self.catalogue.definition(name).leaves
        return leaf.call(None, None)

    def known(self) -> set[str]:
        """The modules that others would import one from."""
        return {each.rpartition(".")[2] for each in self.files}


REVIEW = """
from ..tasks import say
class review:
    workflow = [say]
    concurrency_limit = {limit}
"""
TASKS = """
from .words import WORD
def say(obj, eng):
    return WORD
"""


@pytest.fixture
def package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Package]]:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = {*sys.modules}

    def make() -> Package:
        made = Package(tmp_path)
        made.write("words", "WORD = 1")
        made.write("tasks", TASKS)
        made.write("workflows/review", REVIEW.format(limit=3))
        importlib.invalidate_caches()
        return made

    yield make
    for name in {*sys.modules} - before:
        if name.startswith("reloaded"):
            del sys.modules[name]


def test_what_definitions_import_from_their_package_is_watched(
    package: Callable[[], Package],
) -> None:
    made = package()
    made.write("words", "import json, os.path\nfrom . import late\nWORD = 1")
    made.write("late", "def later():\n    from .latest import x")
    made.write("latest", "x = 1")
    made.write("unused", "")
    made.load()
    names = {"review", "tasks", "words", "workflows", "late", "latest", made.name}
    assert made.known() == names


@pytest.mark.parametrize("name", ["words", "tasks", "workflows/review", "late"])
def test_a_change_reaches_all_that_hang_on_it(
    package: Callable[[], Package], name: str
) -> None:
    made = package()
    texts = {
        "late": "WORD = 2",
        "words": "WORD = 2",
        "tasks": TASKS.replace("WORD\ndef", "WORD as OLD\nWORD = OLD + 1\ndef"),
        "workflows/review": "def two(obj, eng):\n    return 2\n"
        "class review:\n    workflow = [two]",
    }
    if name == "late":
        made.write("late", "WORD = 1")
        made.write("words", "from .late import *")
    made.load()
    old = made.module("workflows.review").review
    assert made.run() == 1
    made.write(name, texts[name])
    made.reload()
    assert made.run() == 2
    assert made.module("workflows.review").review is not old
    parent = made.module("workflows")
    assert parent.review is made.module("workflows.review")


def test_a_definition_comes_and_goes(package: Callable[[], Package]) -> None:
    made = package().load()
    assert made.limits.told["review"].number == 3
    made.write("workflows/other", "class other:\n    workflow = [print]")
    made.reload()
    assert [*made.catalogue.workflows] == ["other", "review"]
    (made.home / "workflows" / "review.py").unlink()
    made.reload()
    assert [*made.catalogue.workflows] == ["other"] and not made.limits.told
    assert made.catalogue.get("review") is None
    made.write("workflows/review", REVIEW.format(limit=5))
    made.reload()
    assert made.run() == 1 and made.limits.told["review"].number == 5


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("words", "WORD = (", "words.py, line 1"),
        ("words", "raise ValueError('no')", "ValueError: no"),
        ("words", "", "ImportError"),
        ("workflows/review", "class review:\n    workflow = [1]", "Workflow 'review'"),
        ("workflows/review", "", "holds no workflow"),
        ("workflows/__init__", "import nowhere_at_all", "nowhere_at_all"),
    ],
)
def test_what_is_refused_leaves_all_as_it_was(
    package: Callable[[], Package], name: str, text: str, why: str
) -> None:
    made = package().load()
    before = {n: m for n, m in sys.modules.items() if n.startswith(made.name)}
    definition = made.catalogue.definition("review")
    made.write(name, text)
    assert why in made.refused()
    after = {n: m for n, m in sys.modules.items() if n.startswith(made.name)}
    assert {n: id(m) for n, m in after.items()} == {n: id(m) for n, m in before.items()}
    assert made.catalogue.definition("review") is definition
    assert made.module("workflows").review is before[f"{made.name}.workflows.review"]
    assert made.run() == 1 and made.limits.told["review"].number == 3


def test_what_the_application_hangs_on_stays(package: Callable[[], Package]) -> None:
    made = package()
    wired = f"from {__name__} import Root\nroot = Root()\nfrom . import tasks"
    sys.modules.setdefault(__name__, sys.modules[Root.__module__])
    made.write("wiring", wired)
    made.write("tasks", f"{TASKS}\ndef later():\n    from .wiring import root\n")
    importlib.import_module(f"{made.name}.wiring")
    made.load()
    root = made.module("wiring").root
    made.write("words", "WORD = 2")
    made.reload()
    assert made.run() == 2 and made.module("wiring").root is root
    made.write("wiring", f"{wired}\n# edited")
    assert "has made 'root', on which the application hangs" in made.refused()
    assert made.module("wiring").root is root


def test_what_was_registered_by_a_call_is_found_again(
    package: Callable[[], Package],
) -> None:
    made = package()
    made.write("given", "from .tasks import say\nclass Mine:\n    workflow = [say]")
    given = importlib.import_module(f"{made.name}.given")
    made.load()
    made.catalogue.register("mine", given.Mine, False)
    made.files = made.catalogue.files()
    made.write("words", "WORD = 2")
    made.reload()
    assert made.run("mine") == 2 and made.run() == 2
    made.write("given", "from .tasks import say\nclass Yours:\n    workflow = [say]")
    assert "'mine' is not at" in made.refused()
    made.catalogue.register("listed", [made.module("tasks").say], False)
    made.write("given", "from .tasks import say\nclass Mine:\n    workflow = [say]")
    made.reload()
    made.write("words", "WORD = 3")
    assert "'listed' is written in a list" in made.refused()
    assert [made.run(each) for each in ("review", "mine", "listed")] == [2, 2, 2]


def test_a_module_that_registers_what_it_holds_may_do_it_again(
    package: Callable[[], Package],
) -> None:
    made = package().load()
    held = f"from {__name__} import HOLDER\nfrom .tasks import say\n"
    sys.modules.setdefault(__name__, sys.modules[Root.__module__])
    HOLDER.append(made.catalogue)
    text = held + "class Mine:\n    workflow = [say]\n"
    made.write("holding", text + "HOLDER[-1].register('mine', Mine, False)")
    importlib.import_module(f"{made.name}.holding")
    made.files = made.catalogue.files()
    made.write("words", "WORD = 2")
    made.reload()
    assert made.run("mine") == 2
    more = "HOLDER[-1].register('more', Mine, False)\nraise ValueError('late')"
    made.write("holding", f"{text}HOLDER[-1].register('mine', Mine, False)\n{more}")
    assert "late" in made.refused()
    assert [*made.catalogue.workflows] == ["mine", "review"]
    made.write("words", "WORD = 3")
    made.write("holding", text + "HOLDER[-1].register('mine', Mine, False)")
    made.reload()
    assert made.run("mine") == 3


HOLDER: list[Catalogue] = []

FILES = {
    "words": ("WORD = {n}", "WORD = ("),
    "tasks": (TASKS.replace("return WORD", "return WORD, {n}"), "raise OSError"),
    "workflows/review": (
        REVIEW.format(limit="{n}").replace("class", "N = {n}\nclass"),
        "class review:\n    workflow = 1, 2",
    ),
}
EDITS = st.tuples(st.sampled_from(sorted(FILES)), st.booleans())


@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(EDITS, min_size=1, max_size=3), max_size=6))
def test_any_edits_are_taken_in_together_or_not_at_all(
    package: Callable[[], Package], rounds: list[list[tuple[str, bool]]]
) -> None:
    """Against a model: what the files said when all of them were well last."""
    made = package()
    number = {name: 1 for name in FILES}
    well = dict.fromkeys(FILES, True)
    for name, (text, _) in FILES.items():
        made.write(name, text.format(n=1))
    made.load()
    taken = dict(number)
    for turn, edits in enumerate(rounds, 2):
        for name, is_well in edits:
            number[name], well[name] = turn, is_well
            made.write(name, FILES[name][0 if is_well else 1].format(n=turn))
        try:
            made.reload()
        except CannotReload:
            assert not all(well.values())
        else:
            assert all(well.values())
            taken = dict(number)
        assert made.run() == (taken["words"], taken["tasks"])
        assert made.limits.told["review"].number == taken["workflows/review"]


def test_neither_ours_nor_pythons_are_watched() -> None:
    found: dict[str, Source] = sources(["json", "invenio_workflows.ping", "__main__"])
    assert found == {}
