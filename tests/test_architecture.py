"""The rules of the house: by each of them a line of code knows its room.

Every rule is one test, and a test that fails says which lines break it. Why the
house has these rules is told in the explanation part of the documentation.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import invenio_workflows

TOP = Path(__file__).parent.parent
PACKAGE = TOP / "invenio_workflows"
TESTS = TOP / "tests"

LONGEST_ROOM = 400
LONGEST_FUNCTION = 40

#: Modules that only pass names on.
DOORS = {"__init__.py", "models.py", "definitions.py", "patterns.py"}
DOORS |= {"steps.py", "workflows.py"}
#: Rooms that decide, and so must answer the same whenever they are asked the same.
PURE = {"definition", "actions", "engine"}
#: Rooms that know a person.
FACES = {"cli", "holdingpen", "metrics"}
#: What is always installed, because we or Flask depend on it.
HARD = {"alembic", "blinker", "click", "flask", "jinja2", "markupsafe", "sqlalchemy"}
HARD |= {"jsonschema", "pydantic", "werkzeug"}
#: What an optional package stands on, and so may be imported beside it.
BESIDE = {
    "kombu": "celery",
    "prometheus_client": "metrics",
    "redis": "rq",
    "wtforms": "flask_wtf",
}
#: Drawers for odds and ends.
DRAWERS = {"common", "helper", "helpers", "misc", "tool", "tools", "util", "utils"}

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Module(NamedTuple):
    """A file of the package, read."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """The module or folder right under the package that it belongs to."""
        return self.path.relative_to(PACKAGE).parts[0].removesuffix(".py")

    def at(self, node: ast.AST) -> str:
        """Where to look, as an editor understands it."""
        line = getattr(node, "lineno", 1)
        return f"{self.path.relative_to(TOP)}:{line}"


def read(folder: Path) -> list[Module]:
    texts = [(path, path.read_text("utf-8")) for path in sorted(folder.rglob("*.py"))]
    return [Module(path, text, ast.parse(text)) for path, text in texts]


MODULES = read(PACKAGE)


def module_at(name: str) -> Module:
    return next(m for m in MODULES if m.path.relative_to(PACKAGE) == Path(name))


def imports(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Every import below the node with its full name; ours begin with a dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, as_ours(alias.name)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            for alias in node.names:
                yield node, as_ours(f"{origin}.{alias.name}")


def as_ours(name: str) -> str:
    return re.sub(r"^invenio_workflows\b", ".", name)


def foreign(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Every import of something that is not ours, by its topmost name."""
    for node, name in imports(tree):
        if not name.startswith("."):
            yield node, name.partition(".")[0]


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Every call below the node with the last part of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node, "." + node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node, node.func.id


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS))


def body_of(
    node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef,
) -> list[ast.stmt]:
    """The statements without the docstring."""
    return node.body[1:] if ast.get_docstring(node) is not None else node.body


def none_of(faults: Iterable[str]) -> None:
    """Fail with the list of faults, one a line, if there are any."""
    found = sorted(set(faults))
    assert not found, "\n" + "\n".join(found)


def said_only_in(rooms: set[str], word: str) -> None:
    """Fail where something is called by that name outside these rooms."""
    none_of(
        f"{module.at(node)} calls {word}(), spoken only in {', '.join(sorted(rooms))}"
        for module in MODULES
        if module.room not in rooms
        for node, name in calls(module.tree)
        if name == word
    )


def imported_only_in(rooms: set[str], package: str) -> None:
    """Fail where that package is imported outside these rooms."""
    none_of(
        f"{module.at(node)} imports {name}, known only in {', '.join(sorted(rooms))}"
        for module in MODULES
        if module.room not in rooms
        for node, name in foreign(module.tree)
        if name == package
    )


# The stairs


def test_imports_go_down_the_stairs() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=TOP, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_of_ours_is_imported_inside_a_function() -> None:
    none_of(
        f"{module.at(node)} {function.name}() imports {name}"
        for module in MODULES
        for function in functions(module.tree)
        for node, name in imports(function)
        if name.startswith(".")
    )


def test_nothing_of_ours_is_imported_by_a_string() -> None:
    none_of(
        f"{module.at(node)} imports {argument.value!r} by its name"
        for module in MODULES
        for node, name in calls(module.tree)
        if name in {"import_module", ".import_module", "import_string", "__import__"}
        for argument in node.args
        if isinstance(argument, ast.Constant)
        and as_ours(str(argument.value)).startswith(".")
    )


def test_no_room_enters_through_the_front_door() -> None:
    rooms = {module.room for module in MODULES}
    none_of(
        f"{module.at(node)} imports {alias.name} from the package itself"
        for module in MODULES
        if module.path != PACKAGE / "__init__.py"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and leads_to_top(module, node)
        for alias in node.names
        if alias.name not in rooms
    )


def leads_to_top(module: Module, node: ast.ImportFrom) -> bool:
    depth = len(module.path.relative_to(PACKAGE).parts)
    if node.level:
        return node.level == depth and node.module is None
    return node.module == "invenio_workflows"


def test_a_door_only_passes_names_on() -> None:
    none_of(
        f"{module.at(node)} is code, and {module.path.name} is only a door"
        for module in MODULES
        if module.path.name in DOORS
        and (module.path.name == "__init__.py" or module.path.parent == PACKAGE)
        for node in body_of(module.tree)
        if not isinstance(node, ast.Import | ast.ImportFrom)
        and assigned(node) != "__all__"
    )


def assigned(node: ast.AST) -> str:
    """The single name that a statement gives a value to, if it does that."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target: ast.AST = node.targets[0]
    else:
        target = getattr(node, "target", node)
    return target.id if isinstance(target, ast.Name) else ""


# The eight rules


def test_rule_1_and_2_what_decides_knows_no_world() -> None:
    world = {
        *("asyncio", "concurrent", "flask", "multiprocessing", "os", "pathlib"),
        *("random", "requests", "secrets", "socket", "sqlalchemy", "subprocess"),
        *("threading", "time", "urllib", "uuid", "werkzeug"),
    }
    none_of(
        f"{module.at(node)} imports {name} in a room that only decides"
        for module in MODULES
        if module.room in PURE
        for node, name in foreign(module.tree)
        if name in world
    )


def test_rule_1_and_2_what_decides_has_no_clock() -> None:
    none_of(
        f"{module.at(node)} asks the clock ({name})"
        for module in MODULES
        if module.room in PURE
        for node, name in calls(module.tree)
        if name in {".now", ".utcnow", ".today", ".time", ".monotonic"}
    )


def test_rule_3_sqlalchemy_is_known_only_to_the_store() -> None:
    imported_only_in({"store", "alembic"}, "sqlalchemy")


def test_rule_3_alembic_is_known_only_to_the_store() -> None:
    imported_only_in({"store", "alembic"}, "alembic")


def test_rule_3_only_the_store_commits() -> None:
    said_only_in({"store"}, ".commit")


def test_rule_4_only_the_conductor_records() -> None:
    # The in-memory store calls what it stands for.
    said_only_in({"conductor", "store", "testing"}, ".record")


def test_rule_6_every_verb_is_public_typed_and_documented() -> None:
    api = module_at("api.py")
    public = set(importlib.import_module("invenio_workflows.api").__all__)
    faults = []
    for node in api.tree.body:
        if not isinstance(node, FUNCTIONS) or node.name.startswith("_"):
            continue
        if node.name not in public:
            faults.append(f"{api.at(node)} {node.name}() is not in __all__")
        if ast.get_docstring(node) is None:
            faults.append(f"{api.at(node)} {node.name}() has no docstring")
        if node.returns is None or not all(a.annotation for a in arguments(node)):
            faults.append(f"{api.at(node)} {node.name}() is not typed")
    none_of(faults)


def arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    spec = node.args
    rest = [arg for arg in (spec.vararg, spec.kwarg) if arg is not None]
    return [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *rest]


def test_rule_7_nothing_imports_a_face() -> None:
    none_of(
        f"{module.at(node)} imports {name}, which is a face"
        for module in MODULES
        if module.room not in FACES
        for node, name in imports(module.tree)
        if name.startswith(".") and FACES & set(name.split("."))
    )


def test_rule_7_only_a_face_reads_the_command_line() -> None:
    imported_only_in(FACES, "click")


def test_rule_7_flask_stays_at_the_rim() -> None:
    # A worker process begins with a program of its own, which makes the app.
    imported_only_in({"proxies", "ext", "store", "workers", *FACES}, "flask")


def test_rule_8_there_is_no_drawer_for_odds_and_ends() -> None:
    none_of(
        f"{module.path.relative_to(TOP)} is a drawer, not a room"
        for module in MODULES
        for part in module.path.relative_to(PACKAGE).with_suffix("").parts
        if DRAWERS & set(part.strip("_").split("_"))
    )


def test_no_room_is_longer_than_a_few_screens() -> None:
    none_of(
        f"{module.path.relative_to(TOP)} has {length} lines"
        for module in MODULES
        if (length := len(module.text.splitlines())) > LONGEST_ROOM
    )


def test_no_function_is_longer_than_a_screen() -> None:
    none_of(
        f"{module.at(node)} {node.name}() has {length} lines"
        for module in MODULES
        for node in functions(module.tree)
        if (length := length_of(node)) > LONGEST_FUNCTION
    )


def length_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = body_of(node)
    if not body:
        return 0
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


# The habits


def test_every_module_says_what_it_is_for() -> None:
    none_of(
        f"{module.path.relative_to(TOP)} has no docstring"
        for module in MODULES
        if not ast.get_docstring(module.tree)
    )


def test_an_optional_package_is_imported_only_in_the_file_named_after_it() -> None:
    usual = HARD | sys.stdlib_module_names
    none_of(
        f"{module.at(node)} imports {name}; only a file {name}.py may"
        for module in MODULES
        for node, name in foreign(module.tree)
        if name not in usual
        and BESIDE.get(name, name) not in module.path.with_suffix("").parts
    )


def test_nothing_is_pickled() -> None:
    picklers = {"_pickle", "cloudpickle", "dill", "pickle", "shelve"}
    none_of(
        f"{module.at(node)} reads what marshal wrote"
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and getattr(node.value, "id", "") == "marshal"
        and node.attr != "dumps"
    )
    none_of(
        f"{module.at(node)} imports {name}"
        for module in MODULES
        for node, name in foreign(module.tree)
        if name in picklers
    )


def test_every_error_has_the_one_root_and_a_docstring() -> None:
    # What is no Exception is no error: a wish of a task, that the engine hears.
    errors = importlib.import_module("invenio_workflows.errors")
    kinds = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if kind.__module__ == errors.__name__ and issubclass(kind, BaseException)
    ]
    none_of(
        f"errors.{kind.__name__} is no WorkflowsError"
        for kind in kinds
        if issubclass(kind, Exception) and not issubclass(kind, errors.WorkflowsError)
    )
    none_of(
        f"errors.{kind.__name__} has no docstring"
        for kind in kinds
        if not vars(kind).get("__doc__")
    )


def test_every_setting_says_what_it_means() -> None:
    config = importlib.import_module("invenio_workflows.config")
    none_of(
        f"config.Settings.{setting.name} has no meaning"
        for setting in dataclasses.fields(config.Settings)
        if not setting.metadata.get("meaning", "").strip().endswith(".")
    )


def test_every_setting_that_is_spoken_of_is_one() -> None:
    config = importlib.import_module("invenio_workflows.config")
    settings = {
        f"WORKFLOWS_{setting.name.upper()}"
        for setting in dataclasses.fields(config.Settings)
    }
    none_of(
        f"{module.path.relative_to(TOP)} speaks of {name}, which is no setting"
        for module in MODULES
        for name in re.findall(r"WORKFLOWS_[A-Z_]*[A-Z](?!\w|\*)", module.text)
        if name not in settings
    )


def test_settings_are_read_once_when_the_extension_is_set_up() -> None:
    none_of(
        f"{module.at(node)} reads a setting in passing"
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and node.attr == "config"
        and "current_app" in ast.unparse(node.value)
    )


def test_registries_are_not_filled_at_import() -> None:
    none_of(
        f"{module.at(node)} looks for entry points at import"
        for module in MODULES
        for statement in module.tree.body
        if not isinstance(statement, (*FUNCTIONS, ast.ClassDef))
        for node, name in calls(statement)
        if name.lstrip(".") in {"entry_points", "entries_of"}
    )


def test_the_public_names_are_sorted_and_there() -> None:
    names = list(invenio_workflows.__all__)
    assert names == sorted(names)
    assert [name for name in names if not hasattr(invenio_workflows, name)] == []


def test_the_types_are_shipped() -> None:
    assert (PACKAGE / "py.typed").exists()


# The tests themselves


def test_no_test_is_skipped() -> None:
    ways_out = {"importorskip", "skip", "SkipTest", "skipIf", "skipUnless"}
    ways_out |= {"skipif", "xfail", "expectedFailure"}
    none_of(
        f"{module.at(node)} {name}: a test runs, or it fails"
        for module in read(TESTS)
        for node in ast.walk(module.tree)
        if (name := getattr(node, "attr", getattr(node, "id", ""))) in ways_out
    )


def test_unit_tests_need_neither_app_nor_database() -> None:
    fixtures = {"database_url", "postgresql_server", "postgresql_url", "sqlite_url"}
    fixtures |= {"rabbitmq_server", "redis_server"}
    faults = []
    for module in read(TESTS / "unit"):
        for node, name in foreign(module.tree):
            if name in {
                "brokers",
                "flask",
                "flask_sqlalchemy",
                "psycopg",
                "sqlalchemy",
            }:
                faults.append(f"{module.at(node)} imports {name}")
        for function in functions(module.tree):
            for asked in fixtures & {a.arg for a in arguments(function)}:
                faults.append(f"{module.at(function)} asks for {asked}")
    none_of(faults)


def test_tests_are_sentences() -> None:
    none_of(
        f"{module.at(node)} {node.name} is no sentence"
        for module in read(TESTS)
        for node in functions(module.tree)
        if node.name.startswith("test_") and node.name.count("_") < 3
    )
