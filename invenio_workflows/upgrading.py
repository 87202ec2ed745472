"""What the present code means for the objects that sleep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .definition.facts import facts_of
from .definition.workflow import Definition
from .encoding import loads
from .engine.proposing import Orphan, Proposal, proposal, renamed
from .engine.upgrade import Meaning, Verdict, meaning
from .errors import WorkflowDefinitionError, WorkflowWorkerError
from .proxies import current_workflows
from .states import ObjectStatus
from .store.standing import Standing

#: At most this many objects of a kind are named.
NAMED = 5
_ENDED = (ObjectStatus.COMPLETED, ObjectStatus.CANCELLED)
#: A meaning beside those of the engine: the object stays, its question does not.
QUESTION = "question"


@dataclass(slots=True)
class Finding:
    """Objects of which the new code means the same.

    :param meaning: ``moved``, ``orphaned`` or ``question``.
    :param task: the task at which they stand; of a question, the action.
    :param lost: the name that is gone, by which a mapping speaks of it: that task, a
        node or pattern around it, or the workflow.
    :param to: where that is now, or what ``lost`` is called now.
    :param path: the path there.
    :param why: why they are orphaned, or what of the question is another.
    :param reasons: what speaks for ``to``, if it is proposed; nothing if it is said.
    :param blocks: whether somebody has to see to it before they can go on.
    """

    workflow: str
    meaning: str
    task: str
    lost: str = ""
    to: str = ""
    path: tuple[int, ...] = ()
    why: str = ""
    reasons: list[str] = field(default_factory=list)
    number: int = 0
    ids: list[int] = field(default_factory=list)
    blocks: bool = False
    #: Where they stand, as the store knows it.
    places: set[str] = field(default_factory=set)
    #: The cursor of one of them.
    cursor: str = ""

    @property
    def is_gone(self) -> bool:
        """Whether their workflow is gone, and not only their task."""
        return self.meaning == Meaning.ORPHANED and not self.task

    def add(self, oid: int, at: str = "") -> None:
        """Count one more object."""
        self.number += 1
        if len(self.ids) < NAMED:
            self.ids.append(oid)
        if at:
            self.places.add(at)


def check(
    workflow: str | None = None, tell: Callable[[], None] = lambda: None
) -> list[Finding]:
    """Return what the present code means for the objects that sleep.

    Those of which it means the same as before are left out. Reads in batches, and
    nothing of those that were put down in this definition.

    :param workflow: of this one only.
    :param tell: is called for each object that was read.
    :raises WorkflowDefinitionError: if no workflow is called so, and no object's was.
    """
    counters = _counters()
    names = _living(counters)
    if workflow is not None:
        if workflow not in names and workflow not in current_workflows.workflows:
            known = ", ".join(sorted({*names, *current_workflows.workflows}))
            raise WorkflowDefinitionError(
                f"There is no workflow {workflow!r}; there are {known}.", workflow
            )
        names = [workflow]
    found: list[Finding] = []
    for name in names:
        if name not in current_workflows.workflows:
            found += _gone(name, counters)
            continue
        found += _of_places(current_workflows.definition(name), tell)
        found += _of_questions(name, counters)
    return found


def running(workflow: str | None = None) -> int:
    """Return how many objects run now, of which nothing can be said yet."""
    return sum(
        number
        for name, status, _, _, number in _counters()
        if status == ObjectStatus.RUNNING and workflow in (None, name)
    )


def refuse_orphans() -> None:
    """Raise where a worker is not to begin while some objects could not go on.

    :raises WorkflowWorkerError: if ``WORKFLOWS_REFUSE_ORPHANS`` says so; naming one.
    """
    if told := refused_orphan():
        raise WorkflowWorkerError(
            "WORKFLOWS_REFUSE_ORPHANS is set, and some objects cannot go on with this "
            f"code, so the worker does not begin. {told} Run: flask workflows "
            "upgrade-check."
        )


def refused_orphan() -> str | None:
    """Return why some object cannot go on, if ``WORKFLOWS_REFUSE_ORPHANS`` asks."""
    asks = current_workflows.settings.refuse_orphans
    counters = _counters() if asks else []
    for name in _living(counters) if asks else ():
        if name not in current_workflows.workflows:
            told = next(_gone(name, counters), None)
            if told is not None:
                return f"{told.why} ({told.number:,} of its objects have not ended.)"
            continue
        definition = current_workflows.definition(name)
        for row, verdict in _others(definition):
            if verdict.meaning == Meaning.ORPHANED:
                return f"Object {row.id}: {verdict.why}"
    return None


def _of_places(definition: Definition, tell: Callable[[], None]) -> list[Finding]:
    found: dict[Any, Finding] = {}
    known: set[str] = set()
    for row, verdict in _others(definition):
        tell()
        known.add(verdict.task)
        if verdict.meaning == Meaning.SAME:
            continue
        to = verdict.place
        path = () if to is None else to.path
        key = verdict.meaning, verdict.task, path, verdict.why
        if key not in found:
            found[key] = finding = Finding(
                definition.name, verdict.meaning, verdict.task, path=path
            )
            finding.why, finding.to = verdict.why, "" if to is None else to.name
            finding.lost, finding.cursor = verdict.lost, row.cursor
            finding.blocks = verdict.meaning == Meaning.ORPHANED
        found[key].add(row.id, row.stands_at)
    _propose(definition, [each for each in found.values() if each.lost], known)
    return list(found.values())


def _others(definition: Definition) -> Iterator[tuple[Standing, Verdict]]:
    """Yield those that were put down in another definition, and what becomes of them.

    Many have the same cursor: what is said of one is said of all.
    """
    said = lru_cache(maxsize=1000)(lambda cursor: meaning(definition, cursor))
    standing = current_workflows.standing
    for row in standing.others(definition.name, definition.fingerprint):
        yield row, said(row.cursor)


def _propose(definition: Definition, orphans: list[Finding], known: set[str]) -> None:
    """Say of each name that is gone what it probably is now, if that is clear."""
    if not orphans:
        return
    sleepers = current_workflows.standing
    before = sleepers.ways_before(definition.name, definition.fingerprint)
    asked = []
    for each in orphans:
        ways = [*map(sleepers.passed, each.ids), *before]
        orphan = Orphan(each.cursor, each.lost, ways[0], known.union(*ways), ways)
        asked.append((each, orphan))
    names: dict[str, str] = {}
    for _ in range(2):  # a task in a branch is found when its Fork is
        told: dict[str, list[Proposal]] = {}
        for finding, orphan in asked:
            if finding.lost in names:
                continue
            if (proposed := proposal(definition, orphan, names)) is not None:
                told.setdefault(finding.lost, []).append(proposed)
        for lost, several in told.items():
            if len({each.to for each in several}) == 1:
                names[lost] = several[0].to
                for each in orphans:
                    if each.lost == lost:
                        each.to, each.reasons = several[0].to, several[0].reasons


# --- what nobody can go on with -------------------------------------------------------


def _counters() -> list[tuple[str, int, str | None, str, int]]:
    """Return workflow, status, what they wait for, action and number, of all."""
    return [
        (each.workflow, each.status, each.waits_for, each.action, each.number)
        for each in current_workflows.lists.counters()
        if each.workflow and each.status not in _ENDED and each.number > 0
    ]


def _living(counters: Any) -> list[str]:
    """Return the names of the workflows of what has not ended."""
    names = {each[0] for each in counters}
    return sorted(names.union(current_workflows.standing.workflows()))


def _gone(name: str, counters: Any) -> Iterator[Finding]:
    """Yield the objects of a workflow that is not registered any more."""
    number = sum(each[4] for each in counters if each[0] == name)
    if not number:  # branches alone, of which the lists count those that need somebody
        return
    why = (
        f"The workflow {name!r} is not registered any more; put it back under that "
        "name, map it to its new one, or cancel them."
    )
    ids = current_workflows.standing.some(name, NAMED)
    found = Finding(name, Meaning.ORPHANED, "", name, why=why, number=number, ids=ids)
    found.blocks = True
    found.to, found.reasons = _renamed(name)
    yield found


def _renamed(name: str) -> tuple[str, list[str]]:
    """Return what a workflow that is gone is probably called now, and why.

    That is one that nobody knew while the other was there.
    """
    known = {each.name: each for each in current_workflows.known.all()}
    row = known.get(name)
    there = current_workflows.standing.place(name).partition(":")[0]
    fresh = [
        facts_of(current_workflows.definition(each))
        for each in current_workflows.workflows
        if each not in known or row and known[each].first_seen > row.last_seen
    ]
    if row is None:
        return renamed(name, "", there, fresh)
    return renamed(name, row.module, row.fingerprint, fresh)


def _of_questions(name: str, counters: Any) -> Iterator[Finding]:
    """Yield what halted objects ask that is asked otherwise now, or by nobody."""
    asked: dict[str, int] = {}
    for workflow, status, _, action, number in counters:
        if workflow == name and action and status == ObjectStatus.HALTED:
            asked[action] = asked.get(action, 0) + number
    for action, number in sorted(asked.items()):
        if action not in current_workflows.actions:
            why = f"The action {action!r} is not registered, so nobody can answer it."
            ids = current_workflows.standing.some(name, NAMED, action)
            found = Finding(name, QUESTION, action, why=why, number=number, ids=ids)
            found.blocks = True
            yield found
            continue
        changed = getattr(current_workflows.actions[action], "changed", None)
        if changed is not None:
            yield from _changed(name, action, changed).values()


def _changed(name: str, action: str, changed: Any) -> dict[str, Finding]:
    found: dict[str, Finding] = {}
    for oid, text in current_workflows.standing.asking(name, action):
        payload = loads(text).get("_payload")
        why = changed(payload if isinstance(payload, dict) else {})
        if why:
            found.setdefault(why, Finding(name, QUESTION, action, why=why)).add(oid)
    return found
