"""Celery: calls are messages of the app's own Celery app, performed by its workers.

The task is a shared one, so every Celery app of the process has it, made before or
after this module is imported, which ``init_app`` sees to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from celery import Celery, shared_task, signals
from celery.exceptions import OperationalError, QueueNotFound
from flask import Flask, current_app, has_app_context
from kombu.pools import producers

from ..calls import Call
from ..config import DEFAULT_QUEUE
from ..errors import ConfigurationError, WorkflowWorkerError
from ..jobs import perform
from ..output import stand_in
from ..proxies import EXTENSION
from ..upgrading import refuse_orphans
from .beside import Ending, Sweeper, let_go

TASK = "invenio_workflows.perform"

#: Where extensions keep their Celery app, or themselves with it as ``celery``.
_PLACES = ("celery", "invenio-celery", "flask-celeryext")
#: Seconds for which a connection to the broker is waited for.
_PATIENCE = 2.0
#: One more try, for a connection that was kept while the broker restarted.
_AGAIN = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1}
_AGAIN |= {"interval_max": 0.1}

_NO_CELERY = (
    "The application has no Celery app: keep it as app.extensions['celery'], or give "
    "it to InvenioWorkflows.init_celery(celery_app)."
)

#: The workers of this process, one for each Flask app.
_workers: list[CeleryWorker] = []


class CeleryWorker:
    """Sends calls by Celery; ``celery worker`` performs them."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._sweeper: Sweeper | None = None
        _workers.append(self)

    @property
    def celery(self) -> Any:
        """The Celery app in use.

        :raises ConfigurationError: if there is none.
        """
        found = self.app.extensions[EXTENSION].celery
        for place in _PLACES:
            if found is None:
                kept = self.app.extensions.get(place)
                is_one = kept is None or isinstance(kept, Celery)
                found = kept if is_one else getattr(kept, "celery", None)
        if found is None:
            raise ConfigurationError(_NO_CELERY)
        return found

    def is_of(self, celery: Any) -> bool:
        """Say whether this Celery app is the one in use."""
        try:
            return bool(self.celery == celery)
        except ConfigurationError:
            return False

    # --- the plug-in ----------------------------------------------------------------

    def ready(self) -> None:
        """Raise if there is no Celery app, before anything is accepted for it."""
        _ = self.celery

    def send(self, calls: Sequence[Call]) -> None:
        """Publish a message for each call."""
        celery = self.celery
        task = celery.tasks[TASK]
        try:
            with producers[_connection(celery)].acquire(timeout=_PATIENCE) as producer:
                for call in calls:
                    task.apply_async(
                        (call.encode(),), producer=producer, **_route(call.queue)
                    )
        except QueueNotFound as error:
            raise WorkflowWorkerError(f"Celery knows no such queue: {error}.") from None
        except (OperationalError, OSError) as error:
            raise WorkflowWorkerError(
                f"The broker of Celery cannot be reached: {_told(error)}."
            ) from error

    def run(self, queues: Sequence[str], concurrency: int) -> None:
        """Name the program that does it."""
        names = [each for each in queues if each != DEFAULT_QUEUE]
        if names and len(names) < len(queues):
            names.append(self.celery.conf.task_default_queue)
        wanted = f" -Q {','.join(names)}" if names else ""
        raise WorkflowWorkerError(
            "Celery's own program does this: celery -A YOUR.MODULE.celery_app worker "
            f"-c {concurrency}{wanted}"
        )

    def doctor(self) -> Iterable[tuple[bool, str, str]]:
        """Look at the broker, and whether workers listen there."""
        celery = self.celery
        connection = _connection(celery)
        address = connection.as_uri()
        try:
            with connection:
                connection.ensure_connection(
                    max_retries=1, interval_start=0, timeout=_PATIENCE
                )
        except (OperationalError, OSError) as error:
            told = f"the broker {address} cannot be reached: {_told(error)}"
            yield False, told, "broker"
            return
        yield True, f"the broker {address} answers", "broker"
        answers = celery.control.inspect(timeout=1.0).registered() or {}
        able = [name for name, tasks in answers.items() if TASK in tasks]
        if able:
            told = f"{len(able)} listening: {', '.join(sorted(able))}"
            yield True, told, "listening"
        elif answers:
            yield (
                False,
                f"no worker knows the task {TASK}: the module that `celery -A` names "
                "must make the Flask app, with WORKFLOWS_WORKER = 'celery'",
                "listening",
            )
        else:
            yield (
                False,
                "no worker is listening; start one: celery -A YOUR.MODULE.celery_app "
                "worker",
                "listening",
            )

    # --- a process of Celery --------------------------------------------------------

    def refuse_orphans(self) -> None:
        """End the process, if some objects could not go on with its code."""
        with self.app.app_context():
            try:
                refuse_orphans()
            except WorkflowWorkerError as error:
                # Celery logs an error of a listener, and begins all the same.
                raise SystemExit(str(error)) from None

    def begin(self, consumed: Iterable[str], slots: int) -> None:
        """Sweep in this process from now on.

        :param consumed: the queues of Celery from which it takes messages.
        """
        default = self.celery.conf.task_default_queue
        queues = [DEFAULT_QUEUE if each == default else each for each in consumed]
        self._sweeper = Sweeper(self.app)
        self._sweeper.begin("celery", queues, slots)

    def end(self) -> None:
        """Sweep no more."""
        if self._sweeper is not None:
            self._sweeper.end()

    def stop(self) -> None:
        """Give back what is moved in this process, after the task at work."""
        self.app.extensions[EXTENSION].store.stopping.set()


@shared_task(
    bind=True,
    name=TASK,
    acks_late=True,
    reject_on_worker_lost=True,
    ignore_result=True,
    serializer="json",
)
def perform_call(task: Any, message: Mapping[str, Any]) -> None:
    """Move the objects of a call."""
    with _worker_of(task.app).app.app_context():
        perform(Call.decode(message))


def _worker_of(celery: Any) -> CeleryWorker:
    """Return the worker of the Flask app whose calls this Celery app carries."""
    found = [worker for worker in _workers if worker.is_of(celery)]
    if not found:
        raise WorkflowWorkerError(
            "No Flask app with WORKFLOWS_WORKER = 'celery' uses this Celery app: the "
            f"module that `celery -A` names must make it. {_NO_CELERY}"
        )
    around = [getattr(celery, "flask_app", None)]
    if has_app_context():
        around.append(current_app._get_current_object())  # type: ignore[attr-defined]
    said = [worker for worker in found if any(worker.app is app for app in around)]
    return (said or found)[-1]


def _connection(celery: Any) -> Any:
    """Return a connection to the broker, not yet open, that fails soon."""
    connection = celery.connection_for_write()
    connection.connect_timeout = min(connection.connect_timeout or 99, _PATIENCE)
    if connection.transport.driver_type == "redis":  # has settings of its own
        for name in ("socket_connect_timeout", "socket_timeout"):
            connection.transport_options.setdefault(name, _PATIENCE)
    return connection


def _route(queue: str) -> dict[str, Any]:
    """Return how a message is sent; to Celery's own default queue, if to ours."""
    route = {"retry": True, "retry_policy": _AGAIN}
    return route if queue == DEFAULT_QUEUE else route | {"queue": queue}


def _told(error: BaseException) -> str:
    return str(error).rstrip(".") or type(error).__name__


# --- what Celery tells of its processes -----------------------------------------------

_endings: list[Ending] = []


@signals.worker_init.connect
def _before_forking(sender: Any, **_: Any) -> None:
    for worker in _workers:
        if worker.is_of(sender.app):
            worker.refuse_orphans()
    _endings.append(Ending())


@signals.worker_process_init.connect
def _forked(**_: Any) -> None:
    stand_in()  # after Celery has put its own streams there
    for worker in _workers:
        let_go(worker.app)
    for ending in _endings:
        ending.hear(_stop)


@signals.worker_ready.connect
def _ready(sender: Any, **_: Any) -> None:
    stand_in()  # pools of threads work in this process
    consumed = sender.app.amqp.queues.consume_from
    _worker_of(sender.app).begin(consumed, sender.controller.concurrency)


@signals.worker_shutting_down.connect
def _stopping(**_: Any) -> None:
    for ending in _endings:
        ending.tell()
    _stop()


@signals.worker_shutdown.connect
def _ended(**_: Any) -> None:
    for worker in _workers:
        worker.end()


def _stop() -> None:
    for worker in _workers:
        worker.stop()
