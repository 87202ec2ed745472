"""``list`` and ``definitions``: which workflows there are, and what they do."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import with_appcontext

from ..definition.workflow import Definition
from ..proxies import current_workflows
from .arguments import as_json
from .drawing import dot, mermaid, outline, tree
from .text import clean_lines, say, say_json, table


@click.command("list")
@as_json
@with_appcontext
def list_(as_json: bool) -> None:
    """List the registered workflows."""
    found = [current_workflows.definition(name) for name in current_workflows.workflows]
    rows = [_row(definition) for definition in found]
    if as_json:
        for row in rows:
            say_json(row)
    elif rows:
        told = [(r["name"], r["tasks"], r["title"], r["doc"]) for r in rows]
        headers = ("NAME", "TASKS", "TITLE", "WHAT IT DOES")
        for line in table(headers, told, whole=headers[:2]):
            say(line)
    else:
        say("No workflow is registered: name a package in WORKFLOWS_PACKAGES.")


def _row(definition: Definition) -> dict[str, Any]:
    return {
        "name": definition.name,
        "title": definition.title,
        "doc": definition.doc.partition("\n")[0],
        "tasks": sum(not leaf.hidden for leaf in definition.leaves),
    }


@click.group("definitions")
def definitions() -> None:
    """Look at workflow definitions."""


@definitions.command("show")
@click.argument("name")
@click.option("--dot", "as_dot", is_flag=True, help="Print a graph for Graphviz.")
@click.option(
    "--mermaid", "as_mermaid", is_flag=True, help="Print a flowchart for Mermaid."
)
@as_json
@with_appcontext
def show(name: str, as_dot: bool, as_mermaid: bool, as_json: bool) -> None:
    """Show the tasks and patterns of the workflow NAME, in their order."""
    if as_dot + as_mermaid + as_json > 1:
        raise click.UsageError("Give one of --dot, --mermaid and --json.")
    definition: Definition = current_workflows.definition(name)
    if as_json:
        say_json(outline(definition))
        return
    if as_dot or as_mermaid:
        for line in (dot if as_dot else mermaid)(definition):
            say(line)
        return
    titled = definition.title != definition.name
    say(f"{name}: {definition.title}" if titled else name)
    for line in clean_lines(definition.doc) if definition.doc else ():
        say(f"  {line}".rstrip())
    say()
    for line in tree(definition):
        say(line)
