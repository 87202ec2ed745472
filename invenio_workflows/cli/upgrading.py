"""``upgrade-check``: what the present code means for the objects that sleep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from flask.cli import with_appcontext

from ..settling import apply, settle
from ..upgrading import Finding, check, running
from .arguments import as_json, command, person
from .progress import done_of, looked_at
from .running import objects
from .text import clean, say, say_json


def _pairs(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    found = {}
    for value in values:
        old, equals, new = value.partition("=")
        if not (old and equals):
            raise click.BadParameter(
                f"{value!r} is not OLD=NEW, the old name and the new one.", ctx, param
            )
        found[old] = new
    return found


@click.command("upgrade-check")
@click.option("--workflow", metavar="NAME", help="Only objects of this workflow.")
@click.option(
    "--apply",
    "applies",
    is_flag=True,
    help="Do what is proposed, and what --map says, all in one transaction.",
)
@click.option(
    *("--map", "wanted"),
    metavar="OLD=NEW",
    multiple=True,
    callback=_pairs,
    help="What OLD is called now: a task, a node of a graph, a pattern or a workflow; "
    "what halted in the task OLD goes on after NEW. A pattern is named by its place, "
    "such as 2/0. Without NEW: leave those as they are. May be given again.",
)
@as_json
@with_appcontext
def upgrade_check(
    workflow: str | None, applies: bool, wanted: dict[str, str], as_json: bool
) -> None:
    """Say what this code means for the objects that sleep.

    An object is orphaned, and would become ERROR, when the task at which it stands, or
    the loop or branch around it, is gone or no longer the only one like it; and when
    its workflow is gone. For what was probably renamed the new name is proposed.
    Objects whose task only moved go on where it is now.

    Exit code 1: some objects cannot go on. It writes nothing without --apply, and may
    be run while workers work.
    """
    found = _found(workflow)
    settle(found, wanted)
    number = _applied(found) if applies else None
    if number:
        found = _found(workflow)
    if as_json:
        for each in found:
            say_json(_told(each))
        if number is not None:
            say_json({"mapped": number})
    else:
        if number is not None:
            say(f"{objects(number)} mapped.")
        for line in _lines(found, {} if number else wanted):
            say(line)
        if at_work := running(workflow):
            say(
                f"Running now, so it may stop anywhere: {objects(at_work)}. Ask again "
                "when the workers of the old code have ended."
            )
    if any(each.blocks for each in found):
        raise click.exceptions.Exit(1)


def _found(workflow: str | None) -> list[Finding]:
    with looked_at() as tell:
        return check(workflow, tell)


def _applied(found: list[Finding]) -> int:
    orphans = [each for each in found if each.meaning == "orphaned" and each.to]
    with done_of(sum(each.number for each in orphans)) as tell:
        return apply(orphans, person(), "cli", tell)


def _told(finding: Finding) -> dict[str, Any]:
    return {
        "workflow": finding.workflow,
        "meaning": finding.meaning,
        "task": finding.task or None,
        "lost": finding.lost or None,
        "to": finding.to or None,
        "path": list(finding.path) or None,
        "why": finding.why or None,
        "reasons": finding.reasons,
        "objects": finding.number,
        "ids": finding.ids,
        "blocks": finding.blocks,
    }


def _lines(found: list[Finding], wanted: dict[str, str]) -> Iterator[str]:
    if not found:
        yield "Every object that sleeps goes on where it stands."
        return
    for each in sorted(found, key=lambda f: (not f.blocks, f.workflow, f.meaning)):
        yield from _one(each)
    stuck = [each for each in found if each.blocks]
    if not stuck:
        yield "Nothing has to be done: all of them go on."
        return
    yield f"{objects(sum(each.number for each in stuck))} cannot go on."
    if any(each.to for each in stuck):
        said = [word for pair in wanted.items() for word in ("--map", "=".join(pair))]
        words = "upgrade-check", *said, "--apply"
        yield f"To map them like that: {command(*words)}"
    if lost := sorted({each.lost for each in stuck} - {""}):
        words = "upgrade-check", "--map", "OLD=NEW", "--apply"
        yield (
            f"To say yourself what {clean(' or '.join(lost))} is now: {command(*words)}"
        )


def _one(finding: Finding) -> Iterator[str]:
    task, number = clean(finding.task), objects(finding.number)
    named = ", ".join(map(str, finding.ids))
    more = ", …" if finding.number > len(finding.ids) else ""
    where = {
        "moved": f" at {task}",
        "orphaned": f" at {task}" if task else "",
        "question": f", asking for {task}",
    }[finding.meaning]
    says = click.style(finding.meaning.upper(), bold=True)
    yield f"{says}  {clean(finding.workflow)}: {number}{where} ({named}{more})"
    if finding.meaning == "moved":
        path = "/".join(map(str, finding.path))
        yield f"  Its place is {path} now; they go on there."
        return
    yield f"  {clean(finding.why)}"
    if finding.to and finding.reasons:
        reasons = clean(", and ".join(finding.reasons))
        lost = clean(finding.lost)
        yield f"  Proposed: {lost} is {clean(finding.to)} now, for {reasons}."
    elif finding.to:
        yield f"  As you say, {clean(finding.lost)} is {clean(finding.to)} now."
