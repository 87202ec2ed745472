"""What is done about objects that cannot go on: put where their tasks are now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from .decisions import Decision, decision
from .engine.mapping import mapped
from .engine.upgrade import Meaning, meaning
from .errors import DefinitionChanged, WorkflowDefinitionError
from .proxies import current_workflows
from .store.mapping import Step
from .store.renaming import Rename, put_all
from .upgrading import Finding


def settle(found: list[Finding], wanted: Mapping[str, str]) -> None:
    """Let a person's words decide what is called how, before what is proposed.

    :param wanted: old names to new ones, of tasks, nodes, patterns and workflows; an
        empty one: those stay as they are. A new one may be a path, as in ``2/0``.
    :raises WorkflowDefinitionError: for an old name that no orphan has lost, and a
        new one that there is not, or at which they could not stand.
    """
    orphans = [each for each in found if each.meaning == Meaning.ORPHANED]
    for old, new in wanted.items():
        mine = [each for each in orphans if each.lost == old]
        if not mine:
            there = ", ".join(sorted({each.lost for each in orphans} - {""}))
            raise WorkflowDefinitionError(
                f"Nothing called {old!r} is gone; gone are: {there or 'no names'}."
            )
        if len({each.is_gone for each in mine}) > 1:
            raise WorkflowDefinitionError(
                f"A workflow and a task are called {old!r}; say --workflow as well."
            )
        for finding in mine:
            finding.to, finding.reasons = new, []
    for finding in orphans:
        if finding.to and finding.lost in wanted:
            _check(finding, _names(orphans, finding.workflow))


def _check(finding: Finding, names: dict[str, str]) -> None:
    """Refuse what a person said if it cannot be.

    :raises WorkflowDefinitionError: saying why.
    """
    if finding.is_gone:
        if finding.to not in current_workflows.workflows:
            known = ", ".join(sorted(current_workflows.workflows)) or "none"
            raise WorkflowDefinitionError(
                f"There is no workflow {finding.to!r}; there are {known}.", finding.to
            )
        return
    definition = current_workflows.definition(finding.workflow)
    try:
        text, _ = mapped(definition, finding.cursor, names)
    except DefinitionChanged as error:
        raise WorkflowDefinitionError(error.message, finding.workflow) from error
    verdict = meaning(definition, text)
    if verdict.meaning != Meaning.SAME:
        raise WorkflowDefinitionError(verdict.why, finding.workflow)


def _names(orphans: list[Finding], workflow: str) -> dict[str, str]:
    """Return what is called otherwise in a workflow."""
    mine = (each for each in orphans if each.workflow == workflow and not each.is_gone)
    return {each.lost: each.to for each in mine if each.lost and each.to}


def apply(
    found: list[Finding],
    actor: str | None,
    origin: str = "api",
    tell: Callable[[int], None] = lambda number: None,
) -> int:
    """Commit the app's session, and map the orphans that have somewhere to go.

    All of them in one transaction, and of them those that still stand as they did.

    :param tell: is told how many are done, again and again.
    :return: how many objects were mapped.
    :raises IllegalMove: if they moved at that moment; nothing is changed then.
    """
    orphans = [each for each in found if each.meaning == Meaning.ORPHANED and each.to]
    mine = [each for each in orphans if not each.is_gone]
    ways = {(each.workflow, each.task, each.why): each for each in mine}
    places = sorted({(each.workflow, at) for each in mine for at in each.places})
    names = {each.workflow: _names(mine, each.workflow) for each in mine}

    @lru_cache(maxsize=1000)  # many have the same cursor
    def step(workflow: str, was: str) -> Step | None:
        definition = current_workflows.definition(workflow)
        verdict = meaning(definition, was)
        way = ways.get((workflow, verdict.task, verdict.why))
        if verdict.meaning != Meaning.ORPHANED or way is None:
            return None
        try:
            cursor, place = mapped(definition, was, names[workflow])
        except DefinitionChanged:
            return None
        if meaning(definition, cursor).meaning != Meaning.SAME:
            return None
        return Step(cursor, place.name, place.path, _said(way, actor, origin))

    if not orphans:
        return 0
    queue_of = current_workflows.settings.queue_of
    return put_all(
        current_workflows.store.transactions,
        [
            Rename(each.lost, each.to, queue_of(each.to), _said(each, actor, origin))
            for each in orphans
            if each.is_gone
        ],
        places,
        lambda row: step(row.workflow, row.cursor),
        tell,
    )


def _said(way: Finding, actor: str | None, origin: str) -> Decision:
    said = decision("map", actor, origin, value=f"{way.lost} → {way.to}")
    reasons = ", ".join(way.reasons) or "somebody said so"
    said.reason = f"{way.why} Mapped: {reasons}."
    return said
