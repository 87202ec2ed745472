"""Writes the parts of the documentation that the code knows better.

    python docs/generate.py           writes them into the pages
    python docs/generate.py --check   says which pages are not up to date

A page holds a part between `<!-- begin NAME -->` and `<!-- end NAME -->`, so that it
can be read where it lies. A test runs the check.
"""

from __future__ import annotations

import ast
import configparser
import dataclasses
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click

import invenio_workflows
from invenio_workflows import config, errors, signals, states
from invenio_workflows.engine.old_names import RENAMED
from invenio_workflows.holdingpen import pen

DOCS = Path(__file__).parent
PACKAGE = Path(invenio_workflows.__file__).parent
_PART = r"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)"


def settings() -> str:
    """Every setting with its default and its meaning."""
    rows = []
    for each in dataclasses.fields(config.Settings):
        default = each.default
        if default is dataclasses.MISSING:
            default = each.default_factory()  # type: ignore[misc]
        name = f"`{config.PREFIX}{each.name.upper()}`"
        rows.append((name, f"`{_default(default)}`", each.metadata["meaning"]))
    return _table(("setting", "default", "meaning"), rows)


def error_tree() -> str:
    """The tree of the errors, with the sentence of each."""
    kinds = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if kind.__module__ == errors.__name__
    ]
    parts = []
    for root in (errors.WorkflowsError, errors.Control):
        lines = list(_branch(root, kinds, 0))
        parts.append("\n".join(lines))
    return "\n\n".join(
        [
            "## Errors",
            parts[0],
            "## What a task asks for",
            "These are raised by `eng.halt()` and the like, leave the task as an "
            "exception does, and are no errors: they descend from `BaseException`, so "
            "`except Exception` lets them pass.",
            parts[1],
        ]
    )


def signal_table() -> str:
    """Every signal with its sentence."""
    tree = ast.parse(inspect.getsource(signals))
    rows = []
    for node, after in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(node, ast.Assign) and isinstance(after, ast.Expr):
            name = ast.unparse(node.targets[0])
            assert isinstance(after.value, ast.Constant)
            rows.append((f"`{name}`", _markdown(str(after.value.value))))
    return _table(("signal", "meaning"), rows)


def statuses() -> str:
    """The numbers and labels of objects and runs."""
    runs = {each.name: each for each in states.WorkflowStatus}
    rows = []
    for each in states.ObjectStatus:
        run = runs.get({"INITIAL": "NEW"}.get(each.name, each.name))
        rows.append(
            (
                f"`{each.name}` {each.value}",
                each.label,
                f"`{run.name}` {run.value}" if run is not None else "",
            )
        )
    return _table(("object", "shown as", "run"), rows)


def legal() -> str:
    """Which operation is legal in which status."""
    rows = []
    for name, allowed in states.ALLOWED.items():
        label = "task:&lt;name&gt;" if name == "task" else name
        marks = ["yes" if status in allowed else "" for status in states.ObjectStatus]
        rows.append((label, *marks))
    return _table(("", *(status.name for status in states.ObjectStatus)), rows)


def events() -> str:
    """Every event, and the status that it leads to."""
    rows = [
        (f"`{kind.__name__}`", _first(kind), f"`{status.name}`")
        for kind, status in states.LEADS_TO.items()
    ]
    return _table(("event", "meaning", "then the object is"), rows)


def commands() -> str:
    """Every command with its arguments and options."""
    group = command_group()
    parts = [inspect.cleandoc(group.help or "")]
    for name, command in sorted(group.commands.items()):
        parts += list(_command(f"flask workflows {name}", command))
    return "\n\n".join(parts)


def command_group() -> click.Group:
    """The group `flask workflows`."""
    module = importlib.import_module("invenio_workflows.cli")
    group: click.Group = module.workflows
    return group


def checks() -> str:
    """Every check of `flask workflows doctor`."""
    known: dict[str, tuple[str, str]] = importlib.import_module(
        "invenio_workflows.cli.findings"
    ).CHECKS
    rows = [(f"`{name}`", *said) for name, said in known.items()]
    return _table(("id", "looks at", "what to do"), rows)


def routes() -> str:
    """Every address of the pages."""
    rows = []
    for room in pen.ROOMS:
        for rule, view, methods in room.ROUTES:
            address = f"{pen.PREFIX}{rule}"
            rows.append((f"`{methods[0]}`", f"`{address}`", _first(view)))
    return _table(("method", "address", "gives"), rows)


def stairs() -> str:
    """The stairs, as the contract has them."""
    contract = configparser.ConfigParser()
    contract.read(PACKAGE.parent / ".importlinter")
    layers = contract["importlinter:contract:stairs"]["layers"].strip()
    return f"```text\n{inspect.cleandoc(layers)}\n```"


def rooms() -> str:
    """Every room with the first sentence of its docstring, from the top stair down."""
    contract = configparser.ConfigParser()
    contract.read(PACKAGE.parent / ".importlinter")
    layers = contract["importlinter:contract:stairs"]["layers"]
    rows = []
    for name in re.findall(r"\w+", layers):
        module = importlib.import_module(f"invenio_workflows.{name}")
        rows.append((f"`{name}`", _first(module)))
    return _table(("room", "what it is for"), rows)


def old_names() -> str:
    """The methods of `eng` that are called otherwise now."""
    rows = [(f"`eng.{old}()`", f"`eng.{new}()`") for old, new in RENAMED.items()]
    rows.append(("`eng.getCurrObjId()`", "`eng.get_current_object().position`"))
    return _table(("old", "now"), rows)


PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "settings": ("reference/settings.md", settings),
    "errors": ("reference/errors.md", error_tree),
    "signals": ("reference/signals.md", signal_table),
    "commands": ("reference/cli.md", commands),
    "statuses": ("explanation/statuses.md", statuses),
    "legal": ("explanation/statuses.md", legal),
    "events": ("explanation/statuses.md", events),
    "routes": ("reference/pages.md", routes),
    "stairs": ("explanation/house.md", stairs),
    "checks": ("reference/checks.md", checks),
    "rooms": ("explanation/house.md", rooms),
    "old-names": ("howto/move-from-0.1-or-7.md", old_names),
}


def outdated(write: bool = False) -> list[str]:
    """Return the parts that differ from the code; write them if that is wanted."""
    found = []
    for name, (page, make) in PARTS.items():
        path = DOCS / page
        text = path.read_text("utf-8")
        pattern = re.compile(_PART.format(name=name), re.DOTALL)
        if len(pattern.findall(text)) != 1:
            raise SystemExit(f"docs/{page} needs one part {name}")
        part = f"\n{make()}\n\n"
        fresh = pattern.sub(lambda match, part=part: match[1] + part + match[2], text)
        if fresh != text:
            found.append(f"docs/{page}: {name}")
            if write:
                path.write_text(fresh, "utf-8")
    return found


# --- how ------------------------------------------------------------------------------


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _default(value: object) -> str:
    return f"{value:_}" if type(value) is int and value > 9999 else repr(value)


def _first(thing: object) -> str:
    """The first paragraph of a docstring, as Markdown."""
    return _markdown((inspect.getdoc(thing) or "").split("\n\n")[0])


def _markdown(text: str) -> str:
    text = re.sub(r":\w+:`~?([^`]*)`", r"`\1`", " ".join(text.split()))
    text = text.replace("``", "`").replace("|", "\\|")
    parts = re.split(r"(`[^`]*`)", text)  # in code an entity would be shown as it is
    parts[::2] = [each.replace("<", "&lt;").replace(">", "&gt;") for each in parts[::2]]
    return "".join(parts)


def _branch(kind: type, kinds: list[type], depth: int) -> Iterator[str]:
    sentence = _markdown((kind.__doc__ or "").split("\n")[0])
    yield f"{'  ' * depth}- `{kind.__name__}`: {sentence}"
    below = [each for each in kinds if each.__base__ is kind]
    for each in sorted(below, key=lambda each: inspect.getsourcelines(each)[1]):
        yield from _branch(each, kinds, depth + 1)


def _command(name: str, command: click.Command) -> Iterator[str]:
    if isinstance(command, click.Group):
        for inner, each in sorted(command.commands.items()):
            yield from _command(f"{name} {inner}", each)
        return
    context = click.Context(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    yield f"## {name.removeprefix('flask workflows ')}"
    yield f"```text\n{usage}\n```"
    help_text = inspect.cleandoc(command.help or "").replace("\b\n", "")
    yield help_text.split("\f")[0].strip()
    rows = [
        (_option(each), _meaning(each))
        for each in command.params
        if isinstance(each, click.Option)
    ]
    if rows:
        yield _table(("option", "meaning"), rows)


def _option(option: click.Option) -> str:
    value = "" if option.is_flag else f" {option.metavar or option.type.name.upper()}"
    return f"`{', '.join(option.opts)}{value}`"


def _meaning(option: click.Option) -> str:
    default = f" Default: {option.default}." if option.show_default else ""
    return _markdown(option.help or "") + default


def main() -> None:
    check = "--check" in sys.argv
    found = outdated(write=not check)
    for each in found:
        print(f"{each} is not up to date" if check else f"wrote {each}")
    sys.exit(bool(check and found))


if __name__ == "__main__":
    main()
