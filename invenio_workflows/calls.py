"""What a queue carries, and who carries it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Protocol

from .errors import WorkflowWorkerError


@dataclass(frozen=True, slots=True)
class Call:
    """Objects that a worker is to move, by id; their rows say the rest."""

    oids: tuple[int, ...]
    queue: str = "default"

    def encode(self) -> dict[str, Any]:
        """Return the call as JSON has it."""
        return {"oids": list(self.oids), "queue": self.queue}

    @classmethod
    def decode(cls, message: Mapping[str, Any]) -> Call:
        """Return the call of a message.

        :raises WorkflowWorkerError: if it is none.
        """
        try:
            return cls(tuple(int(oid) for oid in message["oids"]), message["queue"])
        except (KeyError, TypeError, ValueError):
            raise WorkflowWorkerError(
                f"This message is not a call: {message!r}."
            ) from None


def calls_of(pairs: Iterable[tuple[str, int]], size: int) -> list[Call]:
    """Return calls for objects, by queue and id, of at most ``size`` objects each."""
    calls = []
    for queue, group in groupby(pairs, key=itemgetter(0)):
        ids = (oid for _, oid in group)
        while batch := tuple(islice(ids, size)):
            calls.append(Call(batch, queue))
    return calls


class Worker(Protocol):
    """A plug-in of the group ``invenio_workflows.workers``; made with the app."""

    # And, if it likes: ``ready()``, which raises a ConfigurationError if nothing is to
    # be accepted, because nobody could ever carry it.

    def send(self, calls: Sequence[Call]) -> None:
        """Hand the calls to whoever performs them, with :func:`.jobs.perform`.

        :raises WorkflowWorkerError: if they cannot be handed on now. They are sent
            again later.
        """

    def run(self, queues: Sequence[str], concurrency: int) -> None:
        """Work in this process until it is told to stop by SIGTERM or SIGINT.

        :param queues: their names; all that are configured if there are none.
        :raises WorkflowWorkerError: if another program does that; naming it.
        """

    def doctor(self) -> Iterable[tuple[bool, str] | tuple[bool, str, str]]:
        """Yield whether each thing that the worker needs is well, and a sentence.

        A third part names the check: it is ``worker.<name>`` then, else ``worker``.
        """
