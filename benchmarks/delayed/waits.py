"""How long an idle worker lets an object wait, and what it asks while it is idle."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import psycopg
from flask import Flask

from invenio_workflows.api import start_delayed
from invenio_workflows.proxies import EXTENSION

from .processes import ours
from .site import Place, make_app

#: Waits that are not counted: connections and plans are made in them.
FIRST = 5


def waits(place: Place, times: int) -> list[float]:
    """Return milliseconds from ``start_delayed()`` returning to the task beginning."""
    app = make_app(place, tables=True)
    try:
        with app.app_context():
            return [_wait(app) for _ in range(FIRST + times)][FIRST:]
    finally:
        if place.threads:
            app.extensions[EXTENSION].worker.stop()


def _wait(app: Flask) -> float:
    result = start_delayed("stamp", [{}])
    returned = time.time_ns()
    (obj,) = result.get(timeout=60).completed_objects
    began: int = obj.data["began"]
    app.extensions[EXTENSION].db.session.rollback()
    time.sleep(random.uniform(0.05, 0.15))  # so the worker is idle, at no set moment
    return (began - returned) / 1e6


@dataclass(frozen=True)
class Asked:
    """What an idle worker asked of the server in some seconds."""

    seconds: float
    #: How often each statement came, those that begin and end transactions too.
    statements: Counter[str]
    #: Transactions, as the server counts them.
    transactions: int

    @property
    def queries(self) -> Counter[str]:
        """How often each came that asks something."""
        bounds = {"BEGIN", "COMMIT", "ROLLBACK"}
        asked = self.statements.items()
        return Counter({k: n for k, n in asked if k.split()[0] not in bounds})


def idle(place: Place, server: Any, seconds: float) -> Asked:
    """Return what a local worker of two threads without work asks."""
    make_app(place, tables=True)
    name = place.database.rpartition("/")[2]
    address = server.url("postgres").replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE \"{name}\" SET log_statement = 'all'")
        with ours(place, 1, 2):
            time.sleep(3)
            before = _transactions(connection, name), len(server_log(server))
            began = time.monotonic()
            time.sleep(seconds)
            log = server_log(server)[before[1] :]
            lasted = time.monotonic() - began
            counted = _transactions(connection, name) - before[0]
    said = re.findall(r"LOG:  (?:statement|execute [^:]*): (.*)", log)
    return Asked(lasted, Counter(" ".join(each.split()) for each in said), counted)


def server_log(server: Any) -> str:
    """Return what the server has printed."""
    text: str = server._guard.log
    return text


def _transactions(connection: psycopg.Connection, name: str) -> int:
    row = connection.execute(
        "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = %s",
        [name],
    ).fetchone()
    assert row is not None
    return int(row[0])
