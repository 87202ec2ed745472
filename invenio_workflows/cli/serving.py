"""Which queues there are, who serves them, and how to begin a worker that does."""

from __future__ import annotations

from collections.abc import Iterable

from ..config import DEFAULT_QUEUE
from ..proxies import current_workflows
from ..store.presence import Seen
from .arguments import command


def known_queues() -> list[str]:
    """Return the names of the queues that are configured."""
    configured = current_workflows.settings.queues.values()
    return list(dict.fromkeys([DEFAULT_QUEUE, *configured]))


def serves(worker: Seen, *queues: str) -> bool:
    """Say whether what is delayed into one of these queues comes to this worker.

    One of a broker to which nothing is sent hears of nothing; threads of ours look
    into the database by themselves.
    """
    kinds = ("local", "embedded", current_workflows.settings.worker)
    return worker.kind in kinds and not {*queues}.isdisjoint(worker.queues)


def to_begin(queues: Iterable[str]) -> str:
    """Return the command that begins a worker for these queues."""
    names = list(queues)
    kind = current_workflows.settings.worker
    if kind == "celery":
        # What our default queue is called there is Celery's to say.
        wanted = [] if DEFAULT_QUEUE in names else ["-Q", ",".join(names)]
        return " ".join(["celery -A YOUR.MODULE.celery_app worker", *wanted])
    known = known_queues()
    wanted = [] if set(known) <= {*names} else names
    options = [word for name in wanted for word in ("-Q", name)]
    return command("rq-worker" if kind == "rq" else "worker", *options)
