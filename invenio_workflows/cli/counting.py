"""``metrics``: the numbers of the database, and serving those of a worker."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click
from flask import current_app
from flask.cli import with_appcontext

from ..registry import plugin
from .text import clean, say

F = TypeVar("F", bound=Callable[..., Any])


def serving(command: F) -> F:
    """Give a command the options that say where metrics are served."""
    port = click.option(
        "--metrics-port",
        metavar="PORT",
        type=click.IntRange(0, 65535),
        help="Serve Prometheus metrics of this process at this port; 0 for any.",
    )
    address = click.option(
        "--metrics-address",
        metavar="ADDRESS",
        default="127.0.0.1",
        show_default=True,
        help="Where they are served.",
    )
    return port(address(command))


def serve(name: str, port: int, address: str) -> str:
    """Serve the metrics of this process, which is a worker; return where.

    :param name: of the worker.
    """
    if name == "rq" and "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        say(
            "Warning: RQ runs tasks in processes of their own. Of what they do nothing "
            "is counted here, unless PROMETHEUS_MULTIPROC_DIR is set.",
            err=True,
        )
    return clean(_metrics().serve(port, address))


@click.command("metrics")
@with_appcontext
def metrics() -> None:
    """Print the numbers of the database as Prometheus reads them.

    Objects by status, what waits in the queues and for how long, leases. What a
    process counted (seconds, retries, failures) is served by that process.
    """
    say(_metrics().database.text().rstrip("\n"))


def _metrics() -> Any:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    return plugin("invenio_workflows.metrics", "prometheus", "metrics")(app)
