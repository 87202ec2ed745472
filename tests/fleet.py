"""Workers that are processes of their own, begun and ended by the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from brokers import Broker
from flask import Flask
from fleet_app import PATIENCE, make_app, until
from kombu import pools
from servers import PostgreSQL
from sqlalchemy import text

from invenio_workflows.api import start_delayed
from invenio_workflows.proxies import EXTENSION
from invenio_workflows.results import AsynchronousResultWrapper
from invenio_workflows.states import ObjectStatus

#: By how many seconds the clocks of two workers that share a server are wrong.
CLOCKS = ("600", "-600")

BIN = Path(sys.executable).parent
TESTS = Path(__file__).parent
STEPS = ["one", "two", "three"]

#: How a worker of each kind is begun, and what it says when it is ready.
FLASK = [BIN / "flask", "--app", "fleet_app", "workflows"]
COMMANDS: dict[str, list[tuple[list[str | Path], str]]] = {
    "local": [([*FLASK, "worker", "-c", "1"], "Ctrl-C or SIGTERM")],
    "celery": [
        (
            [
                BIN / "celery",
                "-A",
                "fleet_app.celery_app",
                "worker",
                "-c",
                "1",
                "-l",
                "INFO",
            ]
            + ["--without-gossip", "--without-mingle", "-n", "{name}@fleet"],
            " ready.",
        )
    ],
    "rq": [
        ([*FLASK, "rq-worker"], "Ctrl-C or SIGTERM"),
        (
            [BIN / "rq", "worker", "-u", "{broker}", "-n", "{fleet}-{name}", "default"]
            + ["-w", "invenio_workflows.workers.rq.FlaskWorker"],
            "ubscribing to channel",
        ),
    ],
}


class Member:
    """A worker: a process, and those that it forks."""

    def __init__(self, fleet: Fleet, name: str, kind: int) -> None:
        self.name, self.kind = name, kind
        self._log = fleet.directory / f"{name}.log"
        commands = COMMANDS[fleet.worker]
        command, self._ready = commands[kind % len(commands)]
        said = {"name": name, "broker": fleet.url, "fleet": fleet.directory.name}
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                [str(part).format_map(said) for part in command],
                env=fleet.environment(name, CLOCKS[kind]),
                cwd=fleet.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        """What it printed."""
        return self._log.read_text(errors="replace")

    @property
    def lives(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def wait(self) -> None:
        """Wait until it is ready to work."""
        until(lambda: self._ready in self.log or not self.lives, f"{self.name} begins")
        assert self._ready in self.log, self.log  # it may have met its end by now

    def kill(self) -> None:
        """End it at once, with all that it forked."""
        if self.lives:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def begun(
    request: pytest.FixtureRequest, directories: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """Two workers of the kind, database and broker that a fixture's parameter names."""
    worker, kind, broker = request.param
    directory = directories.mktemp("fleet")
    url = f"sqlite:///{directory / 'workflows.db'}"
    if kind == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql_server")
        url = server.create_database()
    at = request.getfixturevalue(f"{broker}_server") if broker else None
    fleet = Fleet(worker, url, at, directory)
    yield fleet
    fleet.close()
    if kind == "postgresql":
        server.drop_database(url)


class Fleet:
    """Two workers of one kind on a database, and the app that delays things."""

    def __init__(
        self, worker: str, database: str, broker: Broker | None, directory: Path
    ) -> None:
        self.worker, self.broker, self.directory = worker, broker, directory
        self.url = broker.url if broker is not None else ""
        self._database = database
        self.clocks_differ = database.startswith("postgresql")
        self._number = 0
        self.app: Flask = make_app(self.environment(""))
        self.state: Any = self.app.extensions[EXTENSION]
        self.state.create_all()
        self._execute("CREATE TABLE ledger (object INTEGER, task TEXT, worker TEXT)")
        self.members: list[Member] = []
        self._all: list[Member] = []
        try:
            self.mend()
        except BaseException:
            self.close()
            raise

    def environment(self, name: str, clock: str = "") -> dict[str, str]:
        """What a worker is told; ``clock``: by how many seconds its own is wrong.

        On SQLite all share the clock of the machine.
        """
        path = [TESTS, os.environ.get("PYTHONPATH", "")]
        if clock and self.clocks_differ:
            path.insert(0, TESTS / "wrong_clock")
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": ":".join(map(str, path)),
            "WRONG_CLOCK": clock,
            "PYTHONUNBUFFERED": "1",
            "FLASK_APP": "fleet_app:app",
            "FLEET_BROKER": self.url,
            "FLEET_DATABASE": self._database,
            "FLEET_DIRECTORY": str(self.directory),
            "FLEET_NAME": name,
            "FLEET_WORKER": self.worker,
        }

    # --- workers --------------------------------------------------------------------

    def mend(self) -> None:
        """Begin a worker for each that is missing."""
        living = [member for member in self.members if member.lives]
        kinds = {0, 1} - {member.kind for member in living}
        for member in self.members:
            if member not in living:
                member.kill()
        made = []
        for kind in sorted(kinds):
            self._number += 1
            made.append(Member(self, f"w{self._number}", kind))
        self._all += made
        self.members = living + made
        for member in made:
            member.wait()

    def mend_until_it_rests(self, result: AsynchronousResultWrapper) -> None:
        """Begin a worker for each that dies, until no object of the run moves."""
        end = time.monotonic() + PATIENCE
        while self.state.queries.moves(result.uuid) and time.monotonic() < end:
            self.mend()
            time.sleep(0.02)
        assert not self.state.queries.moves(result.uuid)

    def member(self, name: str) -> Member:
        """Return the worker of this name."""
        return next(member for member in self._all if member.name == name)

    @property
    def log(self) -> str:
        """What all its workers printed."""
        return "".join(member.log for member in self._all)

    def cut(self) -> None:
        """Cut every connection to the database, at the server."""
        self._execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        self.state.db.session.remove()
        self.state.engine.dispose()

    def close(self) -> None:
        """End every worker, and every connection."""
        for member in self.members:
            member.kill()
        with self.app.app_context():
            self.state.db.session.remove()
        self.state.engine.dispose()
        pools.reset()
        if self.worker == "rq":
            self.state.worker._redis.close()

    # --- what is delayed ------------------------------------------------------------

    def start(self, *items: dict[str, Any], **kwargs: Any) -> AsynchronousResultWrapper:
        """Delay a run of three steps; each item is what an object's data say."""
        return start_delayed(
            "steps", [{"done": [], **item} for item in items], **kwargs
        )

    def objects(self, uuid: str) -> list[Any]:
        """Return the objects of a run, in its order."""
        objects = self.state.store.objects_of(uuid, live=True)
        return sorted(objects, key=lambda obj: obj.position)

    def oids(self, result: AsynchronousResultWrapper) -> list[int]:
        """Return the ids of the objects of a run."""
        return [obj.id for obj in self.objects(result.uuid)]

    def open(self, gate: str) -> None:
        """Let the tasks go on that wait for this gate."""
        (self.directory / gate).touch()

    def began(self, oid: int, task: str) -> list[str]:
        """Return the names of the workers that began a task, once for each time."""
        file = self.directory / f"{oid}-{task}.begun"
        return file.read_text().split() if file.exists() else []

    def hold(self, gate: str) -> list[AsynchronousResultWrapper]:
        """Keep both workers busy until a gate opens."""
        held = [self.start({"gate": {"one": gate}}) for _ in self.members]
        oids = [oid for result in held for oid in self.oids(result)]
        until(lambda: all(self.began(oid, "one") for oid in oids), "both are busy")
        return held

    def ledger(self, oids: list[int]) -> Counter[tuple[int, str]]:
        """Return how often each task of these objects was finished."""
        rows = self._execute("SELECT object, task FROM ledger")
        return Counter((oid, task) for oid, task in rows if oid in oids)

    def doers(self, oid: int) -> dict[str, str]:
        """Return the worker that finished each task of an object."""
        rows = self._execute("SELECT object, task, worker FROM ledger")
        return {task: worker for each, task, worker in rows if each == oid}

    def check(self, result: AsynchronousResultWrapper) -> None:
        """See that each object of the run arrived, and each task was done once."""
        objects = self.objects(result.uuid)
        oids = [obj.id for obj in objects]
        assert self.ledger(oids) == {(oid, task): 1 for oid in oids for task in STEPS}
        for obj in objects:
            assert (obj.status, obj.data["done"]) == (ObjectStatus.COMPLETED, STEPS)
            ends = ("TaskFinished", "Waiting")
            assert [e.task for e in obj.history() if e.kind in ends] == STEPS
        assert not self.leases(result)

    def leases(self, result: AsynchronousResultWrapper) -> set[int]:
        """Return the ids of the run's objects that a worker holds."""
        held = "SELECT id FROM workflows_object WHERE lease_owner IS NOT NULL"
        return {oid for (oid,) in self._execute(held)} & set(self.oids(result))

    def _execute(self, statement: str) -> list[Any]:
        with self.state.engine.begin() as connection:
            result = connection.execute(text(statement))
            return list(map(tuple, result.all())) if result.returns_rows else []
