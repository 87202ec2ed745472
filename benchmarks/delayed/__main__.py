"""Measure what is delayed: ``python -m benchmarks.delayed``.

Each contender has a database and worker processes of its own, on one PostgreSQL server
with the flushes of production and one Redis; they take turns, round by round.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import signal
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from subprocess import CalledProcessError

import psycopg
from redis import Redis as RedisClient

from benchmarks.contenders import RECORD
from benchmarks.measure import Contender, rounds
from benchmarks.peers.__main__ import commit
from benchmarks.peers.environments import python_for
from benchmarks.peers.process import ROOT, PeerFailed, Process
from invenio_workflows.errors import ConfigurationError

sys.path.insert(0, str(ROOT / "tests"))

from brokers import Redis  # noqa: E402
from servers import PostgreSQL, ServerMissing  # noqa: E402

from .contenders import (  # noqa: E402
    a_task_to_an_object,
    bare,
    celery_sender,
    durable,
    rq_sender,
    split,
)
from .processes import WorkerFailed, ours, rq_own  # noqa: E402
from .report import Bar, latency, reached, throughput  # noqa: E402
from .site import Place, make_app  # noqa: E402
from .waits import idle, waits  # noqa: E402

PACKAGES = ("celery", "kombu", "rq", "redis", "SQLAlchemy", "psycopg", "Flask")


class Bench:
    """The servers of one run, what was asked for, and what ends with it."""

    def __init__(self, options: argparse.Namespace, stack: ExitStack) -> None:
        self.options = options
        self.stack = stack
        self.postgresql = PostgreSQL(durable=True).start()
        stack.callback(self.postgresql.stop)
        self.redis = Redis().start()
        stack.callback(self.redis.stop)
        self.numbers = itertools.count(1)
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

    def settings(self) -> str:
        """Return what the servers say of themselves."""
        names = ("server_version", "fsync", "synchronous_commit", "full_page_writes")
        with psycopg.connect(self.address, autocommit=True) as connection:
            found = [connection.execute(f"SHOW {n}").fetchone() for n in names]
        told = ", ".join(
            f"{n} {row and row[0]}" for n, row in zip(names, found, strict=True)
        )
        client = RedisClient.from_url(self.redis.url)
        kept = client.config_get("appendonly") | client.config_get("save")
        return (
            f"PostgreSQL {told}; Redis {client.info('server')['redis_version']}, "
            + ", ".join(f"{name} {value or 'off'}" for name, value in kept.items())
        )

    @property
    def address(self) -> str:
        """The server's own database, for the driver."""
        return self.postgresql.url("postgres").replace("+psycopg", "")

    def place(self, worker: str = "local", threads: int = 0) -> Place:
        """Make an empty database for a site."""
        url = self.postgresql.create_database()
        return Place(url, worker, self.redis.url, threads)

    def ours(self, worker: str, processes: int, number: int) -> Contender:
        """Return a site of ours with its workers."""
        place = self.place(worker)
        contender = durable(place, self.options.objects)
        self.stack.enter_context(ours(place, processes, number))
        return contender

    def peer(self, python: str, script: str, contender: str, objects: int) -> Contender:
        """Return a contender of the other benchmarks, with a database of its own."""
        process = Process(
            python,
            script,
            self.folder / f"{script}-{next(self.numbers)}.log",
            url=self.postgresql.create_database(),
            objects=objects,
            record=json.dumps(RECORD),
            contender=contender,
        )
        self.stack.callback(process.stop)
        return a_task_to_an_object(process)

    def turns(
        self, title: str, contenders: dict[str, Contender], bars: list[Bar]
    ) -> None:
        """Let the contenders take turns, and print their table."""
        floor = next(iter(contenders))
        table = rounds(title, contenders, self.options.rounds, floor)
        print(throughput(table, bars), flush=True)


def celery(bench: Bench) -> None:
    """One prefork worker of two processes, for us and for bare messages."""
    place = bench.place("celery")
    contender = durable(place, bench.options.objects)
    bench.stack.enter_context(ours(place, 1, 2))
    floor = bench.stack.enter_context(bare(celery_sender(place), bench.options.objects))
    bench.turns(
        "Celery on Redis: one worker, prefork, -c 2, prefetch multiplier 4 (default)",
        {"floor: bare messages": floor, "5 durable tasks": contender},
        [Bar("5 durable tasks", "floor: bare messages", at_most=2.5)],
    )


def rq_floor(bench: Bench, kind: str) -> Contender:
    """Return bare jobs through two processes of a worker of RQ."""
    place = Place("", redis=bench.redis.url)
    queue = f"bare-{kind}-{next(bench.numbers)}"
    bench.stack.enter_context(rq_own(place, kind, queue))
    sender = rq_sender(place.redis, queue)
    return bench.stack.enter_context(bare(sender, bench.options.objects))


def rq(bench: Bench) -> None:
    """Two processes of our worker, of RQ's own and of its SimpleWorker."""
    contenders = {
        "floor: fork-per-job Worker": rq_floor(bench, "Worker"),
        "floor: SimpleWorker": rq_floor(bench, "SimpleWorker"),
        "5 durable tasks": bench.ours("rq", 2, 1),
    }
    told = [Bar("5 durable tasks", "floor: SimpleWorker")]
    bench.turns("RQ on Redis: 2 worker processes each", contenders, told)


def local(bench: Bench) -> None:
    """Two processes, and one of two threads, against commits, DBOS and RQ."""
    objects = bench.options.objects
    floor = partial(bench.peer, sys.executable, "peer_ours", "floor")
    contenders = {
        "floor: commits, 1 process": floor(objects),
        "floor: commits, 2 processes": split([floor(objects // 2) for _ in range(2)]),
        "local, 2 processes of 1 thread": bench.ours("local", 2, 1),
        "local, 1 process of 2 threads": bench.ours("local", 1, 2),
        "RQ's fork-per-job floor": rq_floor(bench, "Worker"),
    }
    peers = []
    if not bench.options.no_peers:
        python = python_for("dbos", bench.options.envs.resolve())
        for queue in ("defaults", "tuned"):
            peers.append(f"DBOS queue, {queue}, 2 processes")
            queued = bench.peer(python, "peer_dbos_queue", queue, objects)
            contenders[peers[-1]] = queued
    bars = []
    for us in ("local, 2 processes of 1 thread", "local, 1 process of 2 threads"):
        bars += [Bar(us, peer, at_least=3) for peer in peers]
        bars.append(Bar(us, "RQ's fork-per-job floor", at_least=1))
    bench.turns("local on PostgreSQL", contenders, bars)


def waiting(bench: Bench) -> None:
    """How long an idle worker lets an object wait."""
    times = bench.options.times

    def say(name: str, place: Place) -> None:
        bar = None if place.worker == "rq" else 15  # RQ forks for each call
        print(latency(name, waits(place, times), bar), flush=True)

    print(f"\nFrom start_delayed() returning to its task, in ms; {times} times, idle")
    file = f"sqlite:///{bench.folder / 'latency.db'}"
    say("threads in the process, SQLite", Place(file, threads=2))
    say("threads in the process, PostgreSQL", bench.place(threads=2))
    for worker in bench.options.workers:
        place = bench.place(worker)
        make_app(place, tables=True)
        with ours(place, 1, 2 if worker != "rq" else 1):
            say(f"{worker}, a process of its own, PostgreSQL", place)


def asking(bench: Bench) -> None:
    """What a worker without work asks."""
    asked = idle(bench.place(), bench.postgresql, bench.options.seconds)
    a_second = asked.queries.total() / asked.seconds
    print(
        f"\nAn idle local worker of 2 threads, in {asked.seconds:.1f} seconds:"
        f" {a_second:.2f} queries/s"
        f" ({asked.statements.total() / asked.seconds:.2f} statements/s with BEGIN,"
        f" COMMIT and ROLLBACK; {asked.transactions / asked.seconds:.2f}"
        " transactions/s as the server counts)"
    )
    for text, number in asked.queries.most_common():
        print(f"  {number:5} × {text[:70]}")
    print(f"  bar: at most 1 query/s: {reached(a_second <= 1)}", flush=True)


PARTS = {
    "celery": celery,
    "rq": rq,
    "local": local,
    "latency": waiting,
    "idle": asking,
}
FAILURES = (
    CalledProcessError,
    ConfigurationError,
    PeerFailed,
    ServerMissing,
    WorkerFailed,
)
WORKERS = ("local", "celery", "rq")


def asked() -> argparse.Namespace:
    """Read what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.delayed")
    add = parser.add_argument
    add("--rounds", type=int, default=5, help="rounds of each (5)")
    add("--objects", type=int, default=1000, help="objects a round (1000)")
    add("--times", type=int, default=100, help="waits of each worker (100)")
    add("--seconds", type=float, default=20, help="how long to look at an idle one")
    add("--only", choices=PARTS, action="append", help="one part; may be given again")
    add("--workers", nargs="+", choices=WORKERS, default=WORKERS, help="of latency")
    add("--no-peers", action="store_true", help="without DBOS's queue")
    envs = ROOT / "build" / "peers"
    add("--envs", type=Path, default=envs, help="where the peers are (build/peers)")
    options = parser.parse_args()
    if options.objects < 200 or options.objects % 200:
        parser.error("--objects: a multiple of 200, for two floors of whole hundreds")
    if options.rounds < 1 or options.times < 2:
        parser.error("--rounds: at least 1; --times: at least 2")
    return options


def head(options: argparse.Namespace) -> str:
    """Return where and with what it is measured."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.platform()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}; {options.rounds} "
        f"rounds of {options.objects} objects, 5 tasks each; commit {commit()}\n"
        f"Python {platform.python_version()}, {versions}"
    )


def main() -> int:
    """Run what was asked for, and print the figures."""
    options = asked()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the workers end as well
    print(head(options), flush=True)
    failed, said = 0, False
    for part in options.only or PARTS:
        try:
            with ExitStack() as stack:
                bench = Bench(options, stack)
                if not said:
                    print(bench.settings(), flush=True)
                    said = True
                PARTS[part](bench)
        except FAILURES as error:
            print(f"\n{part}: {error}", file=sys.stderr)
            failed = 1
    print(f"\nLoad at the end {os.getloadavg()[0]:.2f}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
