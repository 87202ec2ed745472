"""Measure the peers against us in one run: ``python -m benchmarks.peers``.

On request only: it installs the peers from PyPI, each in an environment of its own.
Every contender does the same work, five trivial durable tasks over the same 1 KB of
JSON for each object, in a process that lives through all rounds, on a database of its
own with the same settings. They take turns, round by round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contenders import RECORD
from benchmarks.measure import rounds

from .environments import REQUIREMENTS, python_for
from .process import ROOT, PeerFailed, Process
from .report import OURS, report, versions

sys.path.insert(0, str(ROOT / "tests"))

from servers import PostgreSQL, ServerMissing  # noqa: E402

#: Names in the tables; ours are the contenders of the other benchmark.
LABELS = {"dbos": "DBOS", "langgraph": "LangGraph", "spiff": "SpiffWorkflow"}
CONTENDERS = {
    "floor": "floor",
    OURS[0]: "100 objects a start",
    OURS[1]: "1 object a start",
}
#: Which peers are measured on which database.
PLACES = {"sqlite": ["dbos", "langgraph", "spiff"], "postgresql": ["dbos"]}
TITLES = {
    "sqlite": "SQLite, journal_mode=WAL, synchronous=NORMAL",
    "postgresql": "PostgreSQL, fsync and synchronous_commit on, loopback",
}


class Urls:
    """Databases of one place, each empty and for one contender only."""

    def __init__(self, folder: Path, server: PostgreSQL | None) -> None:
        self._folder = folder
        self._server = server

    def new(self, name: str) -> str:
        """Make a database and return its URL."""
        if self._server is None:
            return f"sqlite:///{self._folder / name.replace(' ', '-')}.db"
        return self._server.create_database()


@contextmanager
def databases(place: str) -> Iterator[tuple[Path, Urls]]:
    """Give a folder and databases that are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=f"peers-{place}-") as name:
        folder = Path(name)
        if place == "sqlite":
            yield folder, Urls(folder, None)
            return
        server = PostgreSQL(durable=True).start()
        try:
            yield folder, Urls(folder, server)
        finally:
            server.stop()


def measure(place: str, pythons: dict[str, str], options: argparse.Namespace) -> None:
    """Let all contenders of one database take turns, and print their table."""
    with databases(place) as (folder, urls), ExitStack() as ends:
        processes: dict[str, Process] = {}

        def enter(label: str, python: str, script: str, **more: str) -> None:
            processes[label] = Process(
                python,
                script,
                folder / f"{label.replace(' ', '-')}.log",
                url=urls.new(label),
                objects=str(options.objects),
                record=json.dumps(RECORD),
                **more,
            )
            ends.callback(processes[label].stop)

        for label, contender in CONTENDERS.items():
            enter(label, sys.executable, "peer_ours", contender=contender)
        for peer, python in pythons.items():
            if peer in PLACES[place]:
                enter(LABELS[peer], python, f"peer_{peer}")
        table = rounds(TITLES[place], dict(processes), options.rounds)
        abouts = {label: process.about for label, process in processes.items()}
        print(report(place, table, abouts))
        print(versions(abouts), flush=True)


def commit() -> str:
    """Return which state of this repository is measured."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return "unknown: there is no git"
    return done.stdout.strip() or "unknown: not a git repository"


def main() -> int:
    """Make the environments, run what was asked for, print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each (7)")
    parser.add_argument("--objects", type=int, default=200, help="objects a round")
    parser.add_argument("--only", choices=list(REQUIREMENTS), help="one peer")
    parser.add_argument(
        "--envs",
        type=Path,
        default=ROOT / "build" / "peers",
        help="where the environments are kept (build/peers)",
    )
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    if options.objects < 100 or options.objects % 100:
        parser.error("--objects: a multiple of 100, because we start 100 at once")
    peers = [options.only] if options.only else list(REQUIREMENTS)
    try:
        pythons = {peer: python_for(peer, options.envs.resolve()) for peer in peers}
        print(
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.platform()}, "
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}; "
            f"{options.rounds} rounds of {options.objects} objects, 5 tasks each; "
            f"commit {commit()}"
        )
        for place, able in PLACES.items():
            if set(able) & set(peers):
                measure(place, pythons, options)
        print(f"\nLoad at the end {os.getloadavg()[0]:.2f}")
    except (PeerFailed, ServerMissing, subprocess.CalledProcessError) as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
