"""Prometheus metrics: what this process did, and what the database holds.

They need the extra ``metrics``. Nothing is counted before a :class:`WorkflowMetrics`
is made, and nothing is served before somebody serves it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Flask, current_app, has_app_context

from . import signals
from .config import DEFAULT_QUEUE
from .errors import ConfigurationError
from .proxies import EXTENSION
from .states import ObjectStatus
from .store.census import Census, Counted, census

try:
    from prometheus_client import (
        REGISTRY,
        CollectorRegistry,
        Counter,
        Histogram,
        generate_latest,
        start_http_server,
    )
    from prometheus_client.metrics_core import GaugeMetricFamily, Metric
    from prometheus_client.multiprocess import MultiProcessCollector
    from prometheus_client.registry import Collector
except ImportError as error:
    raise ImportError(
        "Metrics need prometheus-client: pip install 'invenio-workflows[metrics]'",
        name=error.name,
    ) from error

__all__ = ["DatabaseCollector", "WorkflowMetrics", "metrics_of"]

_KEY = "invenio-workflows-metrics"
#: From a task that only looks to one that asks a slow server.
_BUCKETS = (0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 20, 60, 300, 1800, 7200)
#: Counting may take this part of the time, however large the tables are.
_SHARE = 0.05
_ENDED = (ObjectStatus.INITIAL, ObjectStatus.COMPLETED, ObjectStatus.CANCELLED)

_logger = logging.getLogger(__name__)


class WorkflowMetrics:
    """Counts what this process does in an application, and shows its database.

    :param registry: where the metrics are; prometheus_client's own when left out. With
        ``PROMETHEUS_MULTIPROC_DIR`` set it is one of its own, which adds up what all
        processes counted.
    :param cache_seconds: for how long what was counted in the database is shown again.
    """

    def __init__(
        self,
        app: Flask,
        registry: CollectorRegistry | None = None,
        cache_seconds: float = 15.0,
    ) -> None:
        if _KEY in app.extensions:
            raise ConfigurationError(
                "This application has metrics already; metrics_of(app) gives them."
            )
        shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        if registry is None:
            registry = CollectorRegistry() if shared else REGISTRY
        #: What is to be exposed: for ``make_wsgi_app(registry)`` and its like.
        self.registry = registry
        #: What of it is read from the database.
        self.database = DatabaseCollector(app, cache_seconds)
        self._app = app
        self._shared = shared
        self._server = 0
        # Files are shared by all processes: their collector gives them to the registry.
        self._make(None if shared else registry)
        if shared:
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        registry.register(self.database)
        self._listen()
        app.extensions[_KEY] = self

    def serve(self, port: int, address: str = "127.0.0.1") -> str:
        """Serve the metrics over HTTP in a thread of this process; return the URL.

        :param port: 0 for any that is free.
        :raises ConfigurationError: if the port cannot be had.
        """
        try:
            server, _ = start_http_server(port, address, self.registry)
        except OSError as error:
            raise ConfigurationError(
                f"Metrics cannot be served at {address}:{port}: {error.strerror}."
            ) from error
        self._server = os.getpid()
        host = f"[{address}]" if ":" in address else address
        return f"http://{host}:{server.server_port}/metrics"

    def _make(self, registry: CollectorRegistry | None) -> None:
        both = ("workflow", "task")

        def counter(name: str, text: str, labels: tuple[str, ...] = both) -> Counter:
            return Counter(f"workflows_{name}", text, labels, registry=registry)

        self._seconds = Histogram(
            "workflows_task_seconds",
            "Seconds that a task took which finished.",
            both,
            buckets=_BUCKETS,
            registry=registry,
        )
        self._retries = counter("task_retries", "Tasks that failed and run again.")
        self._failures = counter("task_failures", "Tasks that failed for good.")
        self._halts = counter("halts", "Objects that halted for a person.")
        self._waits = counter("waits", "Objects that went to sleep.")
        self._recoveries = counter(
            "recoveries", "Objects taken from a worker that is gone.", ("workflow",)
        )
        self._runs = counter(
            "runs_finished", "Runs all of whose objects are done.", ("workflow",)
        )

    def _listen(self) -> None:
        # blinker holds these methods weakly; the application holds this object.
        signals.task_finished.connect(self._task_finished)
        signals.task_retried.connect(self._task_retried)
        signals.workflow_error.connect(self._failed)
        signals.workflow_halted.connect(self._stopped)
        signals.workflow_object_recovered.connect(self._recovered)
        signals.workflow_finished.connect(self._run_finished)

    def _counts(self) -> bool:
        """Say whether what happens here is to be counted.

        Not what another application does; nor in a process that was forked from one
        that serves: nobody can ask it, and a lock may have been held at the fork.
        """
        ours = has_app_context() and current_app == self._app
        return ours and (self._shared or self._server in (0, os.getpid()))

    # --- what happens ---------------------------------------------------------------

    def _task_finished(self, obj: Any, task: str, seconds: float, **_: Any) -> None:
        if self._counts():
            self._seconds.labels(obj.workflow_name, task).observe(seconds)

    def _task_retried(self, obj: Any, task: str, **_: Any) -> None:
        if self._counts():
            self._retries.labels(obj.workflow_name, task).inc()

    def _failed(self, obj: Any, **_: Any) -> None:
        if self._counts():
            self._failures.labels(obj.workflow_name, _last_task(obj)).inc()

    def _stopped(self, obj: Any, **_: Any) -> None:
        if self._counts():
            halted = obj.status == ObjectStatus.HALTED
            stops = self._halts if halted else self._waits
            stops.labels(obj.workflow_name, _last_task(obj)).inc()

    def _recovered(self, obj: Any, **_: Any) -> None:
        if self._counts():
            self._recoveries.labels(obj.workflow_name).inc()

    def _run_finished(self, eng: Any, **_: Any) -> None:
        if self._counts():
            self._runs.labels(eng.name).inc()


def metrics_of(app: Flask) -> WorkflowMetrics:
    """Return the metrics of an application, made now if it has none."""
    found = app.extensions.get(_KEY)
    return found if isinstance(found, WorkflowMetrics) else WorkflowMetrics(app)


class DatabaseCollector(Collector):
    """Asks the database when it is scraped; what it learned is kept for a while.

    It is kept for ``cache_seconds``, or 20 times as long as asking took if that is
    more. A database that is away is a metric, no error.
    """

    def __init__(self, app: Flask, cache_seconds: float = 15.0) -> None:
        self._app = app
        self._cache_seconds = cache_seconds
        self._lock = threading.Lock()
        self._kept: list[Metric] = []
        self._until = 0.0

    def describe(self) -> Iterable[Metric]:
        """Name the metrics without asking the database."""
        return _families().values()

    def collect(self) -> Iterable[Metric]:
        """Give the metrics; one thread asks, the others wait for it."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._kept = self._asked()
            return self._kept

    def text(self) -> str:
        """Return these metrics alone, as Prometheus reads them."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry).decode()

    def _asked(self) -> list[Metric]:
        began = time.monotonic()
        families = _families()
        up = families.pop("database_up")
        try:
            with self._app.app_context():
                state = self._app.extensions[EXTENSION]
                found = census(state.store.transactions)
        except Exception as error:  # a driver has errors of its own
            _logger.warning("The database cannot be asked for metrics: %s", error)
            up.add_metric((), 0)
            return [up]
        seconds = time.monotonic() - began
        up.add_metric((), 1)
        families["database_seconds"].add_metric((), seconds)
        _fill(families, found, state)
        kept = max(self._cache_seconds, seconds / _SHARE)
        self._until = time.monotonic() + kept
        return [up, *families.values()]


def _families() -> dict[str, GaugeMetricFamily]:
    """Return the metrics of the database, without a value yet."""
    described = {
        "database_up": ("Whether the database could be asked.", ()),
        "database_seconds": ("Seconds that it took to ask.", ()),
        "objects": (
            "Live objects; without a workflow: of all together.",
            ("workflow", "status"),
        ),
        "queue_objects": ("Objects that wait in a queue.", ("queue",)),
        "queue_oldest_seconds": ("Seconds for which the oldest waits.", ("queue",)),
        "leases": ("Objects that move: held, or left by a worker.", ("state",)),
        "busy_processes": ("Processes that move an object.", ()),
        "workers": ("Workers that live, idle ones too.", ("kind",)),
    }
    return {
        name: GaugeMetricFamily(f"workflows_{name}", text, labels=labels)
        for name, (text, labels) in described.items()
    }


def _fill(families: dict[str, GaugeMetricFamily], found: Census, state: Any) -> None:
    for labels, number in _objects(found, state):
        families["objects"].add_metric(labels, number)
    configured = dict.fromkeys([DEFAULT_QUEUE, *state.settings.queues.values()])
    lines = {name: (0, 0.0) for name in configured}
    lines |= {line.queue: (line.objects, line.seconds) for line in found.queues}
    for queue, (objects, seconds) in lines.items():
        families["queue_objects"].add_metric((queue,), objects)
        families["queue_oldest_seconds"].add_metric((queue,), max(seconds, 0.0))
    families["leases"].add_metric(("held",), found.leases.held)
    families["leases"].add_metric(("expired",), found.leases.expired)
    families["busy_processes"].add_metric((), found.leases.processes)
    for kind, number in ({state.settings.worker: 0} | found.workers).items():
        families["workers"].add_metric((kind,), number)


def _objects(found: Census, state: Any) -> Iterator[tuple[tuple[str, str], int]]:
    """Yield numbers by workflow and status; 0 too, so that no line breaks off."""
    labels = [status.name.lower() for status in ObjectStatus if status not in _ENDED]
    numbers = dict.fromkeys(
        ((name, label) for name in state.workflows for label in [*labels, "queued"]), 0
    )
    for each in found.objects:
        numbers[each.workflow, _label(each)] = each.objects
    yield from numbers.items()


def _label(counted: Counted) -> str:
    return "queued" if counted.queued else counted.status.name.lower()


def _last_task(obj: Any) -> str:
    return str(obj.extra_data.get("_last_task_name") or "")
