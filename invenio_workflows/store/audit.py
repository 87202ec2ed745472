"""What people decided: written with the decision, never changed, never deleted.

A row is written in the transaction that moves its object, so that there is no
decision without a row and no row without its decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from ..actions.voting import Poll, Vote
from ..checkpoint import EventLine, RunInfo
from ..decisions import START, Decision, who_decided, who_submits
from ..errors import IllegalMove
from ..objects import WorkflowObject
from ..states import ObjectStatus
from . import statements as sql
from .audited import AUDIT, Audited
from .kinds import now
from .prepared import Change
from .rows import changed_row, storable
from .transactions import Transactions

#: At most this many rows are read at once.
_BATCH = 500
#: The most rows that a page looks at, however few of them are wanted.
_LOOKED_AT = 5000


_WRITTEN = (
    "id_object id_workflow workflow revision verb action value reason form actor origin"
).split()

WRITE = Change(
    AUDIT.insert().values(
        **{name: sql._p(name, AUDIT.c[name]) for name in _WRITTEN}, created=now()
    )
)


def keep_event(
    connection: Connection,
    obj: WorkflowObject,
    event: EventLine,
    seq: int,
    status: ObjectStatus,
    texts: tuple[str, str],
) -> None:
    """Write what happened to an object, and if a person decided it, that too."""
    sql.INSERT_EVENT(connection, changed_row(obj, event, seq, status, texts))
    if event.decision is not None:
        keep(connection, obj, event.decision)


def keep(connection: Connection, obj: WorkflowObject, decision: Decision) -> None:
    """Write what a person decided about an object.

    :raises IllegalMove: if it relies on votes that were changed meanwhile.
    """
    if decision.relied_on[1]:
        refuse_if_changed(connection, obj, decision)
    of = obj.id, obj.id_workflow, obj.workflow_name or ""
    WRITE(connection, audit_row(*of, obj.columns.get("revision") or 0, decision))


def audit_row(
    oid: int, uuid: str | None, workflow: str, revision: int, decision: Decision
) -> dict[str, Any]:
    """Return the row of a decision about an object at a revision."""
    return {
        "id_object": oid,
        "id_workflow": uuid,
        "workflow": workflow,
        "revision": revision,
        "verb": decision.verb,
        "action": _short(decision.action),
        "value": _short(decision.value),
        "reason": storable(decision.kept_reason) or None,
        "form": decision.kept_form,
        "actor": _short(decision.actor),
        "origin": decision.origin,
    }


def keep_submitters(
    connection: Connection, objects: Iterable[WorkflowObject], run: RunInfo | None
) -> None:
    """Write who submitted objects, where that is a text; a column takes a number."""
    started = run.submitter if run is not None else None
    rows = []
    for obj in objects:
        own = who_submits(obj.id_user)[1] if type(obj.id_user) is not int else None
        for who in dict.fromkeys(filter(None, (own, started))):
            said = Decision(START, who)
            of = obj.id, obj.id_workflow, obj.workflow_name or ""
            rows.append(audit_row(*of, obj.columns.get("revision") or 0, said))
    if rows:
        WRITE(connection, rows)


def _short(text: str | None) -> str | None:
    return storable(text[:255]) if text else None


def last_decision(connection: Connection, oid: int, since: int) -> Any:
    """Return the newest decision about an object at this revision or later, if any."""
    return connection.execute(
        select(*(AUDIT.c[name] for name in "actor verb action value origin".split()))
        .where(AUDIT.c.id_object == oid, AUDIT.c.revision >= since)
        .where(AUDIT.c.verb.not_in(("comment", "vote", START)))
        .order_by(AUDIT.c.id.desc())
        .limit(1)
    ).one_or_none()


def _moved(connection: Connection, obj: WorkflowObject, row: Any) -> IllegalMove:
    """Return the error of a vote on what is not asked any more."""
    other = last_decision(connection, obj.id, obj.revision)
    who = f" {who_decided(*other)}." if other is not None else ""
    status = "gone" if row is None else ObjectStatus(row.status).name
    return IllegalMove(
        f"Object {obj.id} changed meanwhile, and is {status} now; the vote is not "
        f"kept.{who}",
        code="vote_moved",
        id_object=obj.id,
        status=status,
        **({"by": other.actor} if other is not None else {}),
    )


def votes_on(
    connection: Connection, oid: int, revision: int, action: str | None
) -> list[Vote]:
    """Return the votes on what an object asks, as it is; the oldest first.

    Another revision is another question: its votes do not count.
    """
    columns = AUDIT.c
    statement = (
        select(columns.actor, columns.value, columns.reason, columns.created)
        .where(columns.id_object == oid, columns.revision == revision)
        .where(columns.verb == "vote", columns.action == _short(action))
        .order_by(columns.id)
    )
    return [
        Vote(row.actor or "", row.value or "", row.reason or "", row.created)
        for row in connection.execute(statement)
    ]


def refuse_if_changed(
    connection: Connection, obj: WorkflowObject, decision: Decision
) -> None:
    """Raise if the votes that a decision relies on are not there any more."""
    votes = votes_on(connection, obj.id, obj.revision, decision.action)
    value, others = decision.relied_on
    poll = Poll().with_votes(votes)
    if poll.alike(_short(value) or "", _short(decision.actor)) < others:
        raise IllegalMove(
            f"A vote on object {obj.id} was changed meanwhile, so that this one no "
            "longer decides; look at the votes and give yours again.",
            code="vote_changed",
            id_object=obj.id,
            status=obj.status.name,
        )


class Audit:
    """Reads what people decided, and writes what changes no object."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def comment(self, obj: WorkflowObject, decision: Decision) -> None:
        """Keep a comment: it stands beside the object, whose revision stays."""
        self._transactions.joined(lambda connection: keep(connection, obj, decision))

    def votes(self, obj: WorkflowObject, poll: Poll) -> Poll:
        """Return a poll with the votes that were given on what an object asks."""
        asked = obj.get_action()
        with self._transactions.reading() as connection:
            return poll.with_votes(votes_on(connection, obj.id, obj.revision, asked))

    def vote(self, obj: WorkflowObject, decision: Decision, poll: Poll) -> Poll | None:
        """Keep a vote beside the object, whose revision stays.

        Of two at once the second sees the first.

        :return: the votes with it; ``None`` if it decides: then nothing is kept here.
        :raises IllegalMove: if the object is not as it was seen.
        """

        def work(connection: Connection) -> Poll | None:
            columns = sql.OBJECTS.c
            row = connection.execute(
                select(columns.revision, columns.status)
                .where(columns.id == obj.id)
                .with_for_update()
            ).one_or_none()
            if row is None or tuple(row) != (obj.revision, int(obj.status)):
                raise _moved(connection, obj, row)
            found = votes_on(connection, obj.id, obj.revision, decision.action)
            now = poll.with_votes(found)
            actor, value = _short(decision.actor) or "", _short(decision.value) or ""
            if now.decides(value, actor):
                return None
            mine = Vote(actor, value, storable(decision.kept_reason) or "")
            before = now.of(actor)
            if before is None or replace(before, created=None) != mine:
                keep(connection, obj, decision)
            return now.with_votes([*found, mine])

        return self._transactions.joined(work)

    def of(self, oid: int, limit: int = 1000) -> list[Audited]:
        """Return the newest decisions about an object, the oldest of them first."""
        statement = select(AUDIT).where(AUDIT.c.id_object == oid)
        with self._transactions.reading() as connection:
            rows = connection.execute(
                statement.order_by(AUDIT.c.id.desc()).limit(limit)
            )
            return [Audited(**row._mapping) for row in rows][::-1]

    def said(self, oid: int, limit: int, before: int) -> list[Audited]:
        """Return the newest comments, votes and cancellations before a row."""
        plain = [column for column in AUDIT.c if column.name != "form"]
        statement = (
            select(*plain)
            .where(AUDIT.c.id_object == oid, AUDIT.c.id < before)
            .where(AUDIT.c.verb.in_(("comment", "vote", "cancel")))
            .order_by(AUDIT.c.id.desc())
            .limit(limit)
        )
        with self._transactions.reading() as connection:
            rows = connection.execute(statement)
            return [Audited(**row._mapping, form=None) for row in rows]

    def time(self, oid: int, number: int) -> datetime | None:
        """Return when a row about an object was written; ``None`` for no row."""
        statement = select(AUDIT.c.created).where(
            AUDIT.c.id_object == oid, AUDIT.c.id == number
        )
        with self._transactions.reading() as connection:
            found: datetime | None = connection.execute(statement).scalar_one_or_none()
        return found

    def last_said(self, oid: int, at: datetime) -> int:
        """Return the number of the last row about an object until then, or 0."""
        statement = (
            select(AUDIT.c.id)
            .where(AUDIT.c.id_object == oid, AUDIT.c.created <= at)
            .order_by(AUDIT.c.id.desc())
            .limit(1)
        )
        with self._transactions.reading() as connection:
            return connection.execute(statement).scalar_one_or_none() or 0

    def editors(self, oid: int) -> set[str]:
        """Return who edited the data of an object, as far as that is known."""
        return self._who(oid, "edit")

    def submitters(self, oid: int) -> set[str]:
        """Return who submitted an object, of those whose ids are not numbers."""
        return self._who(oid, START)

    def _who(self, oid: int, verb: str) -> set[str]:
        statement = select(AUDIT.c.actor).where(
            AUDIT.c.id_object == oid, AUDIT.c.verb == verb
        )
        with self._transactions.reading() as connection:
            found = connection.execute(statement.distinct()).scalars()
            return {actor for actor in found if actor is not None}

    def last(self, oid: int, since: int) -> Any:
        """Return the newest decision at this revision or later, if there is one."""
        with self._transactions.reading() as connection:
            return last_decision(connection, oid, since)

    def newest(
        self, most: int, before: int, workflows: Sequence[str] | None, **wanted: Any
    ) -> tuple[list[Audited], int | None]:
        """Return some rows before one, the newest first, and where older ones begin.

        A bounded number of rows is looked at, unless they are of one object: there may
        be further ones where there are few here, or none.

        :param workflows: of which rows may be seen; ``None`` for all.
        :param wanted: what columns are to be: ``id_object``, ``workflow``, ``actor``.
        """
        columns = AUDIT.c
        older = (
            select(columns.id).where(columns.id < before).order_by(columns.id.desc())
        )
        statement = select(AUDIT).where(columns.id < before)
        if workflows is not None:
            statement = statement.where(columns.workflow.in_(workflows))
        for name, value in wanted.items():
            statement = statement.where(columns[name] == value)
        with self._transactions.reading() as connection:
            last = None
            if "id_object" not in wanted:
                last = connection.scalar(older.offset(_LOOKED_AT - 1).limit(1))
            rows = connection.execute(
                statement.where(columns.id >= (last or 0))
                .order_by(columns.id.desc())
                .limit(most + 1)
            ).all()
        found = [Audited(**row._mapping) for row in rows]
        return found[:most], found[most - 1].id if len(found) > most else last

    def all(
        self,
        oid: int | None = None,
        workflow: str | None = None,
        actor: str | None = None,
        since: datetime | None = None,
    ) -> Iterator[Audited]:
        """Yield what was decided, oldest first; read in batches, by its key."""
        columns = AUDIT.c
        statement = select(AUDIT).order_by(columns.id).limit(_BATCH)
        for column, value in (
            (columns.id_object, oid),
            (columns.workflow, workflow),
            (columns.actor, actor),
        ):
            if value is not None:
                statement = statement.where(column == value)
        if since is not None:
            statement = statement.where(columns.created >= since)
        last = 0
        while True:
            with self._transactions.reading() as connection:
                rows = connection.execute(statement.where(columns.id > last)).all()
            for row in rows:
                yield Audited(**row._mapping)
            if len(rows) < _BATCH:
                return
            last = rows[-1].id
