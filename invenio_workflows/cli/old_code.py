"""Which workers run other code than this process has just loaded."""

from __future__ import annotations

from collections.abc import Mapping

from ..proxies import current_workflows
from ..store.leases import process
from ..store.presence import Seen, workers
from .text import clean


def old_ones(code: Mapping[str, str]) -> list[tuple[Seen, list[str]]]:
    """Return the workers that live and run other code, with the workflows of it."""
    mine = process()
    there = workers(current_workflows.store.transactions)
    found = [(each, each.runs_old(code)) for each in there if each.process != mine]
    return [(each, names) for each, names in found if each.lives and names]


def sentences(code: Mapping[str, str]) -> list[str]:
    """Return a sentence about each of these."""
    return [sentence(each, names) for each, names in old_ones(code)]


def sentence(worker: Seen, names: list[str]) -> str:
    """Say of which workflows a worker runs old code, and what to do."""
    place, pid, _ = worker.process.rsplit(":", 2)
    host = place.partition("/")[0]
    shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    return clean(
        f"The worker {worker.kind}, process {pid} on {host}, runs old code of {shown}; "
        "restart it."
    )
