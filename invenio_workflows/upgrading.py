"""What the code of now means for the objects that sleep, and what is done about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .decisions import decision
from .definition.workflow import Definition
from .encoding import loads
from .engine.upgrade import Meaning, Verdict, mapped, meaning, proposal
from .errors import DefinitionChanged, WorkflowDefinitionError, WorkflowWorkerError
from .proxies import current_workflows
from .states import ObjectStatus
from .store.mapping import Step, put
from .store.standing import Standing

#: So many objects of a kind are named.
NAMED = 5
_ENDED = (ObjectStatus.COMPLETED, ObjectStatus.CANCELLED)
#: A meaning beside those of the engine: the object stays, its question does not.
QUESTION = "question"


@dataclass(slots=True)
class Finding:
    """Objects of which the new code means the same.

    :param meaning: ``moved``, ``orphaned`` or ``question``.
    :param task: the task at which they stand; of a question, the action.
    :param to: where that is now, or to which task they are to be mapped.
    :param path: the path there.
    :param why: why they are orphaned, or what of the question is another.
    :param reasons: what speaks for ``to``, if it is proposed; nothing if it is said.
    :param blocks: whether somebody has to see to it before they can go on.
    """

    workflow: str
    meaning: str
    task: str
    to: str = ""
    path: tuple[int, ...] = ()
    why: str = ""
    reasons: list[str] = field(default_factory=list)
    number: int = 0
    ids: list[int] = field(default_factory=list)
    blocks: bool = False
    #: Where they stand, as the store knows it.
    places: set[str] = field(default_factory=set)

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
    """Return what the code of now means for the objects that sleep, where not the same.

    Reads in batches, and nothing of those that were put down in this definition.

    :param workflow: of this one only.
    :param tell: is called for each object that was read.
    :raises WorkflowDefinitionError: if no workflow is called so, and no object's was.
    """
    counters = _counters()
    names = sorted({name for name, *_ in counters} | _sleeping())
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
        found += _of_places(current_workflows.definition(name), tell).values()
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
    if current_workflows.settings.refuse_orphans and (told := first_orphan()):
        raise WorkflowWorkerError(
            "WORKFLOWS_REFUSE_ORPHANS is set, and some objects cannot go on with this "
            f"code, so the worker does not begin. {told} Run: flask workflows "
            "upgrade-check."
        )


def first_orphan() -> str | None:
    """Return in a sentence why some object cannot go on; ``None`` if all can."""
    counters = _counters()
    for name in sorted({name for name, *_ in counters} | _sleeping()):
        if name not in current_workflows.workflows:
            told = next(_gone(name, counters), None)
            if told is not None:
                return f"{told.number:,} objects of the workflow {name!r}: {told.why}"
            continue
        definition = current_workflows.definition(name)
        for row, verdict in _others(definition):
            if verdict.meaning == Meaning.ORPHANED:
                return f"Object {row.id}: {verdict.why}"
    return None


Key = tuple[str, str, tuple[int, ...], str]


def _of_places(
    definition: Definition, tell: Callable[[], None]
) -> dict[Key, Finding]:
    found: dict[Key, Finding] = {}
    for row, verdict in _others(definition):
        tell()
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
            finding.blocks = verdict.meaning == Meaning.ORPHANED
            if finding.blocks:
                _propose(definition, row, finding)
        found[key].add(row.id, row.stands_at)
    return found


def _others(definition: Definition) -> Iterator[tuple[Standing, Verdict]]:
    """Yield those that were put down in another definition, and what becomes of them.

    Many have the same cursor: what is said of one is said of all.
    """
    said = lru_cache(maxsize=1000)(lambda cursor: meaning(definition, cursor))
    standing = current_workflows.standing
    for row in standing.others(definition.name, definition.fingerprint):
        yield row, said(row.cursor)


def _propose(definition: Definition, row: Standing, finding: Finding) -> None:
    passed = current_workflows.standing.passed(row.id)
    proposed = proposal(definition, row.cursor, passed)
    if proposed is not None:
        finding.to, finding.reasons = proposed.task, proposed.reasons


# --- what nobody can go on with -------------------------------------------------------


def _counters() -> list[tuple[str, int, str | None, str, int]]:
    """Return workflow, status, what they wait for, action and number, of all."""
    return [
        (each.workflow, each.status, each.waits_for, each.action, each.number)
        for each in current_workflows.lists.counters()
        if each.workflow and each.status not in _ENDED and each.number > 0
    ]


def _sleeping() -> set[str]:
    return set(current_workflows.standing.workflows())


def _gone(name: str, counters: Any) -> Iterator[Finding]:
    """Yield the objects of a workflow that is not registered any more."""
    number = sum(each[4] for each in counters if each[0] == name)
    if not number:  # branches alone, of which the lists count those that need somebody
        return
    why = (
        f"The workflow {name!r} is not registered any more; put it back under that "
        "name, or cancel them."
    )
    ids = current_workflows.standing.some(name, NAMED)
    yield Finding(
        name, Meaning.ORPHANED, "", why=why, number=number, ids=ids, blocks=True
    )


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


# --- doing it -------------------------------------------------------------------------


def settle(found: list[Finding], wanted: Mapping[str, str]) -> None:
    """Let a person's words decide where orphans go, before what is proposed.

    :param wanted: old names of tasks to new ones; an empty one: they stay.
    :raises WorkflowDefinitionError: for an old name that no orphan stands at, and a
        new one that the workflow has not got, or not once.
    """
    orphans = [each for each in found if each.meaning == Meaning.ORPHANED]
    tasks = sorted({each.task for each in orphans if each.task})
    for old, new in wanted.items():
        mine = [each for each in orphans if each.task == old]
        if not mine:
            there = ", ".join(tasks) or "none"
            raise WorkflowDefinitionError(
                f"No orphan stands at a task {old!r}; orphans stand at: {there}."
            )
        for finding in mine:
            named = current_workflows.definition(finding.workflow).named(new)
            number = sum(place.is_leaf for place in named)
            if new and number != 1:
                raise WorkflowDefinitionError(
                    f"The workflow {finding.workflow!r} has {number or 'no'} tasks "
                    f"{new!r}; name one that it has once.",
                    finding.workflow,
                )
            finding.to, finding.reasons = new, []


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
    ways = {(each.workflow, each.task, each.why): each for each in orphans}
    places = sorted({(each.workflow, at) for each in orphans for at in each.places})

    @lru_cache(maxsize=1000)  # many have the same cursor
    def step(workflow: str, was: str) -> Step | None:
        definition = current_workflows.definition(workflow)
        verdict = meaning(definition, was)
        way = ways.get((workflow, verdict.task, verdict.why))
        if verdict.meaning != Meaning.ORPHANED or way is None:
            return None
        try:
            cursor, place = mapped(definition, was, way.to)
        except DefinitionChanged:
            return None
        said = decision("map", actor, origin, value=f"{way.task} → {way.to}")
        reasons = ", ".join(way.reasons) or "somebody said so"
        said.reason = f"{way.why} Mapped: {reasons}."
        return Step(cursor, place.name, place.path, said)

    if not places:
        return 0
    return put(
        current_workflows.store.transactions,
        places,
        lambda row: step(row.workflow, row.cursor),
        tell,
    )
