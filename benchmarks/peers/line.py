"""What every contender shares: one line in is a round, one line out its figure.

It runs in the environments of the peers too, so it needs the standard library only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any, TextIO

TASKS = 5

#: The settings of every SQLite connection of every contender.
PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "NORMAL",
    "foreign_keys": "ON",
    "wal_autocheckpoint": "4000",
    "cache_size": "-32000",
}

_opened: list[sqlite3.Connection] = []


class _Commits:
    """Counts the commits of all connections, until it is told to stop."""

    def __init__(self) -> None:
        self.number = 0
        self.counting = True

    def watch(self, connection: sqlite3.Connection) -> None:
        if self.counting:
            connection.set_trace_callback(self._see)

    def stop(self) -> int:
        self.counting = False
        for connection in _opened:
            connection.set_trace_callback(None)
        return self.number

    def _see(self, statement: str) -> None:
        self.number += statement.lstrip().upper().startswith("COMMIT")


_commits = _Commits()


def arguments(description: str | None) -> argparse.Namespace:
    """Read what every contender is told, and keep its answers apart from its talk."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--url", required=True, help="SQLAlchemy URL of the database")
    parser.add_argument("--objects", type=int, default=200, help="objects a round")
    parser.add_argument("--record", required=True, help="the data of an object, JSON")
    parser.add_argument(
        "--rounds", type=int, default=0, help="0: a round for each line of the input"
    )
    parser.add_argument("--contender", help="which of ours")
    options = parser.parse_args()
    options.answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return options


def settle(connection: Any, record: Any = None) -> None:
    """Give a new SQLite connection the settings; SQLAlchemy's ``connect`` event.

    Connections of another database are left as they are.
    """
    if isinstance(connection, sqlite3.Connection):
        for name, value in PRAGMAS.items():
            connection.execute(f"PRAGMA {name}={value}")
        _opened.append(connection)
        _commits.watch(connection)


def timed(
    work: Callable[[list[Any]], None], options: argparse.Namespace
) -> Callable[[], float]:
    """Return the work as a round that tells its seconds.

    :param work: takes the records of a round, made before the clock starts.
    """

    def one_round() -> float:
        records = [json.loads(options.record) for _ in range(options.objects)]
        began = time.perf_counter()
        work(records)
        return time.perf_counter() - began

    return one_round


def serve(
    one_round: Callable[[], float], options: argparse.Namespace, packages: Iterable[str]
) -> None:
    """Warm up, then run a round for each line and answer with what it took.

    The commits are those of the warm-up, on SQLite; nothing watches afterwards.
    """
    before = _commits.number
    one_round()
    commits = (_commits.stop() - before) / options.objects
    about = {
        "tasks": options.objects * TASKS,
        "commits": commits if _opened else None,
        "settings": [_read_back(connection) for connection in _opened],
        "versions": {name: version(name) for name in packages}
        | {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version},
    }
    answers: TextIO = options.answers
    for _ in range(options.rounds) if options.rounds else sys.stdin:
        print(json.dumps({"seconds": one_round(), **about}), file=answers, flush=True)


def _read_back(connection: sqlite3.Connection) -> dict[str, Any]:
    """Return what holds now, after whatever the peer itself has set."""
    return {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS
    }
