"""RQ: calls are jobs in Redis, each performed in a process forked for it."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any

from flask import Flask
from flask.cli import ScriptInfo
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from ..calls import Call
from ..config import DEFAULT_QUEUE
from ..errors import ConfigurationError, WorkflowWorkerError
from ..jobs import perform
from ..output import stand_in, step_back
from ..proxies import EXTENSION
from ..upgrading import refuse_orphans
from .beside import Ending, Sweeper, let_go

_logger = logging.getLogger(__name__)

#: Seconds for which a connection to Redis is waited for.
_PATIENCE = 2.0
#: Seconds for which RQ keeps what it says of a call that failed; ours is in the rows.
_KEPT = 24 * 3600

#: The app that this process works for, if it was begun with one.
_serving: list[Flask] = []


class RQWorker:
    """Sends calls by RQ, and performs them as one of its workers."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    @cached_property
    def _redis(self) -> Redis:
        return self._connected(socket_timeout=_PATIENCE)

    def _connected(self, **kwargs: Any) -> Redis:
        url = self._app.extensions[EXTENSION].settings.rq_url
        kwargs |= {"socket_connect_timeout": _PATIENCE, "retry": Retry(NoBackoff(), 1)}
        try:
            return Redis.from_url(url, **kwargs)
        except ValueError as error:
            told = f"WORKFLOWS_RQ_URL is not a URL: {error}."
            raise ConfigurationError(told) from None

    @property
    def _queues(self) -> list[str]:
        configured = self._app.extensions[EXTENSION].settings.queues.values()
        return list(dict.fromkeys([DEFAULT_QUEUE, *configured]))

    def ready(self) -> None:
        """Raise if there is no address of a Redis, before anything is accepted."""
        _ = self._redis

    def send(self, calls: Sequence[Call]) -> None:
        """Put a job into RQ's queue of the same name for each call."""
        try:
            for name, group in groupby(calls, key=lambda call: call.queue):
                queue = Queue(name, connection=self._redis, serializer=JSONSerializer)
                queue.enqueue_many([_job(call) for call in group])
        except (RedisError, OSError) as error:
            raise WorkflowWorkerError(
                f"The Redis of RQ cannot be reached: {_told(error)}."
            ) from error

    def run(self, queues: Sequence[str], concurrency: int) -> None:
        """Work in this process until it is told to stop by SIGTERM or SIGINT.

        One object at a time, as RQ does.
        """
        if concurrency > 1:
            _logger.info("A worker of RQ moves one object at a time; run several.")
        _serving[:] = [self._app]
        try:
            names = list(queues) or self._queues
            worker = FlaskWorker(names, connection=self._connected())
            worker.work(logging_level="WARNING")
        except (RedisError, OSError) as error:
            raise WorkflowWorkerError(
                f"The Redis of RQ cannot be reached: {_told(error)}."
            ) from error

    def doctor(self) -> Iterable[tuple[bool, str, str]]:
        """Look at Redis, and whether workers listen to each queue."""
        try:
            self._redis.ping()
            workers = Worker.all(connection=self._redis, serializer=JSONSerializer)
        except (RedisError, OSError) as error:
            told = f"WORKFLOWS_RQ_URL cannot be reached: {_told(error)}"
            yield False, told, "redis"
            return
        yield True, "Redis answers", "redis"
        for name in self._queues:
            number = sum(name in worker.queue_names() for worker in workers)
            if number:
                yield True, f"{number} listening to the queue {name}", "listening"
            else:
                yield (
                    False,
                    f"no worker is listening to the queue {name}; start one: "
                    "flask workflows rq-worker",
                    "listening",
                )


class FlaskWorker(Worker):
    """RQ's worker, for ``rq worker -w invenio_workflows.workers.rq.FlaskWorker``.

    It works for the Flask app that ``FLASK_APP`` names, and sweeps.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["serializer"] = JSONSerializer
        super().__init__(*args, **kwargs)

    def work(self, *args: Any, **kwargs: Any) -> bool:
        """Work until it is told to stop."""
        app = _app()
        with app.app_context():
            refuse_orphans()
        self._ending, self._sweeper = Ending(), Sweeper(app)
        self._sweeper.begin("rq", self.queue_names(), 1)
        stand_in()
        try:
            return bool(super().work(*args, **kwargs))
        finally:
            step_back()
            self._sweeper.end()

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Say that it lives; who it is as well, if Redis has lost that."""
        if pipeline is None and self.birth_date is not None:
            if not self.connection.hexists(self.key, "birth"):
                self.connection.delete(self.key)
                self.register_birth()
        super().heartbeat(timeout, pipeline)

    def handle_warm_shutdown_request(self) -> None:
        """Tell the process at work to give back what is left after its task."""
        super().handle_warm_shutdown_request()
        self._ending.tell()

    def main_work_horse(self, job: Any, queue: Any) -> None:
        """Perform a job, in the process begun for it."""
        let_go(_app())
        self._ending.hear(_stop)
        super().main_work_horse(job, queue)

    def setup_work_horse_signals(self) -> None:
        """Finish the task at work, whoever says that it is to end."""
        super().setup_work_horse_signals()
        signal.signal(signal.SIGTERM, lambda *_: _stop())


def perform_call(message: Mapping[str, Any]) -> None:
    """Move the objects of a call: what the jobs of RQ name."""
    with _app().app_context():
        perform(Call.decode(message))


def _job(call: Call) -> Any:
    return Queue.prepare_data(
        f"{__name__}.{perform_call.__name__}",
        (call.encode(),),
        timeout=-1,  # how long a task may take is said by the task
        result_ttl=0,
        failure_ttl=_KEPT,
        description=f"{len(call.oids)} objects, from {call.oids[0]}",
    )


def _app() -> Flask:
    """Return the app that this process works for."""
    return _serving[0] if _serving else _loaded()


@lru_cache(maxsize=1)
def _loaded() -> Flask:
    app = ScriptInfo(os.environ.get("FLASK_APP")).load_app()
    if EXTENSION not in app.extensions:
        raise ConfigurationError(
            f"The Flask app {app.name!r} has no workflows; FLASK_APP names another."
        )
    return app


def _stop() -> None:
    _app().extensions[EXTENSION].store.stopping.set()


def _told(error: BaseException) -> str:
    return str(error).rstrip(".") or type(error).__name__
