"""The documentation says what the code does, all of it and nothing else."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import os
import pkgutil
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from pages import DOCS, TOP, Page, broken_links, matches, pages, run_python
from sqlalchemy import MetaData
from werkzeug.local import LocalProxy

import invenio_workflows
from invenio_workflows import InvenioWorkflows, api, config, errors, states
from invenio_workflows import signals as signal_room
from invenio_workflows.store import database
from invenio_workflows.store.models import Base

REFERENCE = DOCS / "reference"
#: Pages whose Python blocks run in one namespace each.
RUN = ["howto", "reference", "explanation", "tutorial.md"]
#: Commands of a page that prepare the machine, which the tests have prepared.
PREPARING = ("python3 -m venv", ". ", "pip install", "cd ", "mkdir ")


def page(name: str) -> Page:
    return Page(DOCS / name)


def code_words(name: str) -> set[str]:
    """The first word in backticks of each row or item of a page."""
    text = page(name).text
    return set(re.findall(r"^\s*[|-] `([\w.]+)`", text, re.MULTILINE))


# --- what is generated ----------------------------------------------------------------


def test_the_parts_that_are_made_from_the_code_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(DOCS / "generate.py"), "--check"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, (
        f"{done.stdout}{done.stderr}\nrun python docs/generate.py and read the result"
    )


# --- nothing is missing, nothing is superfluous ---------------------------------------


def test_every_setting_is_documented() -> None:
    known = {f"WORKFLOWS_{f.name.upper()}" for f in dataclasses.fields(config.Settings)}
    assert code_words("reference/settings.md") == known


def test_every_setting_that_is_mentioned_exists() -> None:
    known = {f"WORKFLOWS_{f.name.upper()}" for f in dataclasses.fields(config.Settings)}
    gone = set(re.findall(r"`(\w+)`", old_settings()))
    for each in pages():
        mentioned = set(re.findall(r"\bWORKFLOWS_[A-Z_]+[A-Z]\b", each.text))
        assert mentioned - gone <= known, each.name


def old_settings() -> str:
    """The paragraph about settings that are no more."""
    text = page("howto/move-from-0.1-or-7.md").text
    return text.partition("## Settings")[2].partition("\n## ")[0]


def test_every_error_is_documented() -> None:
    known = {
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if kind.__module__ == errors.__name__
    }
    assert code_words("reference/errors.md") == known


def test_every_signal_is_documented() -> None:
    known = {
        name
        for name, value in vars(signal_room).items()
        if isinstance(value, signal_room.NamedSignal)
    }
    assert code_words("reference/signals.md") == known


def test_every_status_is_documented() -> None:
    text = page("explanation/statuses.md").text
    documented = re.findall(r"`([A-Z]+)` (\d)", text)
    known = [(each.name, str(int(each))) for each in states.ObjectStatus]
    known += [(each.name, str(int(each))) for each in states.WorkflowStatus]
    assert sorted(documented) == sorted(known)


def test_every_command_is_documented() -> None:
    headings = re.findall(r"^## (.+)$", page("reference/cli.md").text, re.MULTILINE)
    assert sorted(headings) == sorted(" ".join(words) for words in commands())


PUBLIC = [
    "invenio_workflows",
    "invenio_workflows.api",
    "invenio_workflows.actions",
    "invenio_workflows.models",
    "invenio_workflows.definitions",
    "invenio_workflows.engine",
    "invenio_workflows.metrics",
    "invenio_workflows.patterns",
    "invenio_workflows.processors",
    "invenio_workflows.steps",
    "invenio_workflows.store",
    "invenio_workflows.testing",
    "invenio_workflows.worker_result",
    "invenio_workflows.workflows",
    *(
        f"invenio_workflows.tasks.{each.name}"
        for each in pkgutil.iter_modules(
            importlib.import_module("invenio_workflows.tasks").__path__
        )
    ),
]


#: Modules that pass on what others own.
DOORS = {
    "models.py",
    "definitions.py",
    "patterns.py",
    "worker_result.py",
    "__init__.py",
}
#: What only the package itself uses.
INTERNAL = {
    "invenio_workflows.engine": {"Cursor", "Machine", "Run", "expected"},
    "invenio_workflows.store": {"Database", "Queries", "SQLStore"},
    "invenio_workflows.processors": {"GROUP", "Processor", "processors"},
    "invenio_workflows.tasks.logic_tasks": {"WORKFLOW_IF"},
}


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_has_its_place_in_the_reference(module: str) -> None:
    known = {f"{module}.{name}" for name in public_names(module)}
    assert known - listed(module) == set(), "not in docs/reference/api.md"
    assert listed(module) - known == set(), "in docs/reference/api.md, and not there"


def public_names(module: str) -> set[str]:
    """What a user may import: all of a door, and what another module owns itself."""
    found = importlib.import_module(module)
    given = getattr(found, "__all__", None)
    if given is not None:
        return set(given) - INTERNAL.get(module, set())
    path = Path(found.__file__ or "")
    tree = ast.parse(path.read_text("utf-8"))
    names = set(passed_on(tree) if path.name in DOORS else owned(tree))
    return {name for name in names if name[0] != "_"} - INTERNAL.get(module, set())


def passed_on(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level:
            yield from (alias.asname or alias.name for alias in node.names)


def owned(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (each.id for each in node.targets if isinstance(each, ast.Name))


def listed(module: str) -> set[str]:
    """What the reference lists of a module: a table row or an autodoc directive."""
    text = page("reference/api.md").text
    part = re.search(rf"^## `{re.escape(module)}`$(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert part is not None, f"docs/reference/api.md has no heading `{module}`"
    names = re.findall(r"^\.\. auto\w+:: (\S+)$", part[1], re.MULTILINE)
    rows = re.findall(r"^\| `(\w+)` \|", part[1], re.MULTILINE)
    return {f"{module}.{name.rpartition('.')[2]}" for name in [*names, *rows]}


def test_what_is_public_has_a_docstring() -> None:
    for module in PUBLIC:
        found = importlib.import_module(module)
        for name in public_names(module):
            thing = getattr(found, name)
            if type(thing) is not LocalProxy and (
                inspect.isclass(thing) or inspect.isroutine(thing)
            ):
                assert inspect.getdoc(thing), f"{module}.{name}"


# --- commands -------------------------------------------------------------------------


def commands() -> dict[tuple[str, ...], click.Command]:
    """Every command by its words."""
    group = importlib.import_module("invenio_workflows.cli").workflows

    def below(
        words: tuple[str, ...], command: click.Command
    ) -> Iterator[tuple[tuple[str, ...], click.Command]]:
        if not isinstance(command, click.Group):
            yield words, command
            return
        for name, each in command.commands.items():
            yield from below((*words, name), each)

    return dict(below((), group))


def mentioned() -> Iterator[tuple[str, list[str]]]:
    """Every use of `flask workflows` on a page, as page and words."""
    for each in [*pages(), Page(TOP / "examples" / "demo" / "README.md")]:
        generated = r"<!-- begin commands -->.*?<!-- end commands -->"
        text = re.sub(generated, "", each.text, flags=re.DOTALL)
        for found in re.finditer(r"flask(?: --app \S+)? workflows (.*)", text):
            line = re.split(r"`|<|>|…| \| |$", found[1])[0]
            if line.strip(" .,"):
                yield each.name, shlex.split(line.replace("'", ""), comments=True)


def test_every_command_that_a_page_mentions_exists() -> None:
    known = commands()
    for name, words in mentioned():
        command = next((known[w] for w in known if list(w) == words[: len(w)]), None)
        assert command is not None, f"{name}: flask workflows {' '.join(words)}"
        options = {option for each in command.params for option in each.opts}
        options |= {option for each in command.params for option in each.secondary_opts}
        options |= {"--help"}
        used = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert used <= options, f"{name}: flask workflows {' '.join(words)}"


# --- what is printed runs -------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Flask]:
    app = Flask("documented", root_path=str(tmp_path))
    app.config["WORKFLOWS_DATABASE_URI"] = f"sqlite:///{tmp_path / 'documented.db'}"
    ext = InvenioWorkflows(app)
    with app.app_context():
        ext.create_all()
    yield app
    with app.app_context():
        worker: Any = api.WorkerBackend().worker
        worker.stop()
    ext.engine.dispose()


@pytest.fixture
def app(site: Flask) -> Iterator[Flask]:
    with site.app_context():
        yield site


def pages_that_run() -> list[Page]:
    wanted = [DOCS / each for each in RUN]
    found = [each for each in pages() if {each.path, *each.path.parents} & {*wanted}]
    return [each for each in found if each.blocks("python")]


@pytest.mark.parametrize("each", pages_that_run(), ids=lambda each: each.name)
def test_the_python_of_a_page_runs(
    each: Page, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    namespace: dict[str, Any] = {"__name__": "page", "__file__": __file__}
    for fixture in ("app", "site"):
        if f"fixtures: {fixture}" in each.comments:
            namespace["app"] = request.getfixturevalue(fixture)
            namespace["ext"] = Extension(namespace["app"])
    for block in each.blocks("python"):
        if block.note != "not run" and not block.note.startswith("file:"):
            run_python(block, namespace)


def Extension(app: Flask) -> InvenioWorkflows:
    """The extension of the app that the fixture made."""
    found = InvenioWorkflows()
    found._app = app
    return found


SHELL_PAGES = [each for each in pages() if "shell" in each.comments]


@pytest.mark.parametrize("each", SHELL_PAGES, ids=lambda each: each.name)
def test_a_page_that_is_followed_prints_what_it_shows(
    each: Page, tmp_path: Path
) -> None:
    for block in each.blocks():
        if block.note.startswith("file:"):
            path = tmp_path / block.note.removeprefix("file:").strip()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
        elif block.kind == "console":
            for command, printed in typed(block.text):
                if not command.startswith(PREPARING):
                    follow(command, printed, tmp_path, block.where)


def typed(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block, and what is printed below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, printed = part.partition("\n")
        while command.endswith("\\"):
            line, _, printed = printed.partition("\n")
            command = f"{command[:-1]}{line.strip()}"
        yield command, printed.strip("\n")


def follow(command: str, printed: str, folder: Path, where: str) -> None:
    environment = dict(os.environ, PATH=f"{Path(sys.executable).parent}:{os.defpath}")
    environment |= {"COLUMNS": "88", "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    told = done.stdout + done.stderr
    if done.returncode == -signal.SIGKILL:
        told += "Killed"  # as a shell says that a person types in
    got = "\n".join(line.rstrip() for line in told.splitlines())
    message = f"{where}: $ {command}\nprints\n{got}\nand not\n{printed}"
    assert "Traceback" not in got, message
    wanted, got = narrow(printed), narrow(got)
    if "workflows objects" in command:  # what changed in one moment has no order
        wanted, got = in_order(wanted), in_order(got)
    assert matches(wanted, got), message


def in_order(text: str) -> str:
    return "\n".join(sorted(text.splitlines()))


def narrow(text: str) -> str:
    """How wide a column is, is not what a page tells."""
    return re.sub(r" +", " ", re.sub(r" +$", "", text, flags=re.MULTILINE)).strip()


def test_the_tutorial_is_followed() -> None:
    assert DOCS / "tutorial.md" in [each.path for each in SHELL_PAGES]


def test_autogenerate_leaves_our_tables_alone(app: Flask) -> None:
    tables = page("howto/keep-the-tables.md").blocks("python")
    (block,) = [each for each in tables if each.note == "include_object"]
    namespace: dict[str, Any] = {}
    run_python(block, namespace)

    def wanted(**options: Any) -> list[Any]:
        with Extension(app).engine.connect() as connection:
            context = MigrationContext.configure(connection, opts=options)
            return compare_metadata(context, MetaData())

    assert wanted(), "without it Alembic would drop them"
    assert wanted(include_object=namespace["include_object"]) == []


def test_of_every_table_it_is_said_what_becomes_of_its_rows() -> None:
    text = page("howto/keep-the-tables.md").text
    told = text.partition("## What grows")[2].partition("\n## ")[0]
    rows = re.findall(r"^\|(.+?)\|", told, re.MULTILINE)
    named = set(re.findall(r"`(workflows_\w+)`", " ".join(rows)))
    assert named == set(Base.metadata.tables)


def test_the_databases_that_are_named_are_those_supported() -> None:
    assert set(database.DIALECTS) == {"sqlite", "postgresql"}
    for name in ("README.md", "docs/howto/keep-the-tables.md"):
        text = (TOP / name).read_text("utf-8")
        assert "SQLite 3.35" in text and "PostgreSQL" in text and "13" in text


# --- links ----------------------------------------------------------------------------


@pytest.mark.parametrize("each", pages(), ids=lambda each: each.name)
def test_every_link_within_the_checkout_leads_somewhere(each: Page) -> None:
    assert list(broken_links(each)) == []


def test_every_page_is_reached_from_the_index() -> None:
    index = page("index.md").text
    for each in pages():
        if DOCS in each.path.parents and each.path.name != "index.md":
            name = each.path.relative_to(DOCS)
            assert f"]({name})" in index, f"docs/index.md does not link to {name}"
            assert f"\n{name.with_suffix('')}\n" in index, f"{name} is in no toctree"


def test_the_verbs_of_the_api_are_those_of_the_package() -> None:
    verbs = {name for name in api.__all__ if inspect.isfunction(getattr(api, name))}
    assert verbs <= set(invenio_workflows.__all__)
