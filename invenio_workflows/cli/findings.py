"""What a check of ``flask workflows doctor`` tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import WorkflowsError
from ..store.health import refusal
from .text import clean

#: Every check of ours: its id, which stays, what it looks at, and what to do.
CHECKS: dict[str, tuple[str, str]] = {
    "definitions": (
        "Whether there are workflows, and each compiles.",
        "Name a package in `WORKFLOWS_PACKAGES`, or call `register_workflow()`; "
        "correct the definition that is named.",
    ),
    "settings": (
        "Whether each `WORKFLOWS_…` of the configuration is a setting.",
        "Correct the name, or take it out.",
    ),
    "processors": ("Which readers of input `start -t` knows.", "Nothing."),
    "secret-key": (
        "Whether the `SECRET_KEY` of the pages is one that nobody else knows.",
        "Set a long random one, the same in all processes: "
        "`python -c 'import secrets; print(secrets.token_hex())'`.",
    ),
    "worker": (
        "Whether the worker of `WORKFLOWS_WORKER` is there, with what it needs; a "
        "plug-in's own checks are `worker.<name>`.",
        "Correct the setting, or install what the worker needs.",
    ),
    "worker.broker": (
        "Whether Celery's broker answers.",
        "Start it, or correct its URL.",
    ),
    "worker.redis": (
        "Whether the Redis of RQ answers.",
        "Start it, or correct `WORKFLOWS_RQ_URL`.",
    ),
    "worker.listening": (
        "Whether somebody performs what Celery or RQ carries.",
        "Start the worker that is named.",
    ),
    "database": ("Whether the database answers.", "Start it, or correct its address."),
    "database.owner": (
        "Whose database it is: our own, or the one of the application's "
        "Flask-SQLAlchemy; and whether it keeps anything.",
        "Set `SQLALCHEMY_DATABASE_URI` to a file or a server. With `WORKFLOWS_BIND`, "
        "know that what a task writes elsewhere is another commit.",
    ),
    "sqlite.journal_mode": (
        "Whether readers and the writer wait for each other.",
        "Run `PRAGMA journal_mode=WAL` once on the file.",
    ),
    "sqlite.synchronous": (
        "Whether a power cut may lose what was committed last.",
        "Set `PRAGMA synchronous=FULL` on every connection.",
    ),
    "sqlite.foreign_keys": (
        "Whether SQLite enforces foreign keys.",
        "Set `PRAGMA foreign_keys=ON` on every connection.",
    ),
    "tables": (
        "Whether the tables are there, of this release, and as it made them.",
        "Run `flask workflows init`; change back what was changed by hand.",
    ),
    "audit": (
        "Whether the database still refuses to change, or to delete, what people "
        "decided.",
        "Find out who took the trigger away, compare the audit with a backup, and make "
        "the trigger as the migration did.",
    ),
    "objects.workflows": (
        "Whether objects sleep whose workflow is not registered.",
        "Register it again, or cancel or delete them.",
    ),
    "objects.running": (
        "Whether dead workers left objects behind.",
        "Run `flask workflows recover`.",
    ),
    "workers": (
        "Whether each queue in use is served by a living worker.",
        "Start one, for the queues that are named.",
    ),
    "workers.code": (
        "Whether the living workers run the present code.",
        "Restart those that are named.",
    ),
    "objects.queued": (
        "Whether what waits for a worker is picked up in time.",
        "Start a worker, or one more.",
    ),
    "lists.titles": (
        "Whether lists show what this code makes of the objects.",
        "Run `flask workflows reindex`.",
    ),
    "lists.counters": (
        "Whether the counters of the lists are right, and the triggers that keep them "
        "are there.",
        "Run `flask workflows reindex`; restore the triggers from a backup.",
    ),
    "doctor.skip": (
        "Whether `WORKFLOWS_DOCTOR_SKIP` names checks that there are.",
        "Correct the name, or take it out.",
    ),
    "round-trip": (
        "With `--round-trip`: whether a worker runs a tiny workflow within 10 seconds.",
        "Start a worker, with this database and for the queue that is named.",
    ),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; its ``state`` is ok, warn, fail or skip.

    :param id: one of :data:`CHECKS`, or ``worker.<name>`` of a plug-in.
    :param reason: why it does not count; for ``skip``.
    """

    id: str
    state: str
    text: str
    do: str = ""
    reason: str | None = None

    def told(self) -> dict[str, Any]:
        """Return the check as JSON holds it."""
        return {
            "id": self.id,
            "state": self.state,
            "text": self.text,
            "do": self.do or None,
            "reason": self.reason,
        }


def is_check(name: str) -> bool:
    """Say whether a check may have this id; what a plug-in has is not known here."""
    return name in CHECKS or name.startswith("worker.")


def without(found: Iterable[Check], skip: Mapping[str, str]) -> Iterator[Check]:
    """Yield the checks; those that are skipped say why, and are neither well nor bad.

    :param skip: the reasons, by the ids of the checks.
    """
    for check in found:
        if check.id in skip and check.state != "ok":
            reason = clean(skip[check.id])
            yield replace(check, state="skip", do="", reason=reason)
        else:
            yield check


def told_of(error: Exception) -> str | None:
    """Return an error in a sentence; ``None`` if it is not one that we know."""
    known = error if isinstance(error, WorkflowsError) else refusal(error)
    return None if known is None else clean(known)
