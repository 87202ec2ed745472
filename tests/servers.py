"""Servers that the tests start for themselves: private, on free ports, never
those of the machine."""

from __future__ import annotations

import itertools
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

#: Runs the rest of its arguments in the background until its input is closed, which
#: happens however the test process ends, SIGKILL included. A line of input names the
#: signal to end the program with, and the next line starts the program again.
GUARD = """
directory=$1 last=$2; shift 2
while :; do
    "$@" >"$directory/log" 2>&1 &
    more=yes; read -r signal || { more=; signal=$last; }
    kill -s "$signal" $! 2>/dev/null
    wait $!
    [ "$more" ] || break
    echo down
    read -r _ || break
done
rm -rf "$directory"
"""

#: PostgreSQL refuses to run as root, so it runs as the first of these.
UNPRIVILEGED = ("postgres", "nobody")

#: Nothing here outlives a crash of the machine, only of processes.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "60",
    "synchronous_commit": "off",
    "timezone": "Asia/Tokyo",  # not UTC, so that who relies on it is found out
    "unix_socket_directories": "",
}


class ServerMissing(Exception):
    """What the tests need is not installed; says what to install."""


class Guard:
    """A program with a directory of its own; both go when the tests do.

    What the program prints is in the file ``log`` of the directory.
    """

    def __init__(
        self,
        directory: Path,
        command: Sequence[str | Path],
        *,
        last: str = "KILL",
        user: str | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        """Start it; ``last`` is the signal that ends it for good."""
        self._log = directory / "log"
        self._log.write_bytes(b"")  # what was tried before on another port said more
        if user is not None:
            shutil.chown(self._log, user)
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "guard", directory, last, *command],
            user=user,
            env=environment,
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the tests, not for it
        )

    @property
    def log(self) -> str:
        """What the program printed since it was last started."""
        return self._log.read_text(errors="replace")

    def down(self, signal: str = "KILL") -> None:
        """End the program, and return when it has ended; its directory stays."""
        self._say(signal)
        assert self._shell.stdout is not None
        self._shell.stdout.readline()

    def up(self) -> None:
        """Start the program again."""
        self._say("up")

    def end(self) -> None:
        """End the program and remove its directory."""
        self._shell.communicate(timeout=60)

    def forget(self) -> None:
        """Let go of a program that has ended by itself; its directory stays."""
        self._shell.kill()
        self._shell.communicate()

    def _say(self, word: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(f"{word}\n".encode())
        self._shell.stdin.flush()


class PostgreSQL:
    """A PostgreSQL server in a directory of its own, gone when it is stopped."""

    def __init__(self, durable: bool = False) -> None:
        """Make one; ``durable``: with the flushes of a server in production."""
        kept = {"listen_addresses", "max_connections", "unix_socket_directories"}
        self._settings = {
            name: value
            for name, value in SETTINGS.items()
            if not durable or name in kept
        }
        self._programs = find_postgresql()
        self._user = unprivileged_user()
        self._numbers = itertools.count(1)

    def start(self) -> PostgreSQL:
        self._directory = Path(tempfile.mkdtemp(prefix="workflows-postgresql-"))
        if self._user is not None:
            shutil.chown(self._directory, self._user)
        try:
            self._initdb()
            self._launch()
        except BaseException:
            shutil.rmtree(self._directory, ignore_errors=True)
            raise
        return self

    def stop(self) -> None:
        self._admin.close()
        self._guard.end()

    def create_database(self, like: str = "") -> str:
        """Make a database and return its SQLAlchemy URL.

        :param like: the URL of one that is copied; it is empty without.
        """
        name = f"test_{next(self._numbers)}"
        template = like.rpartition("/")[2] or "template1"
        self._admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Drop what :meth:`create_database` made, whoever is still connected."""
        name = url.rpartition("/")[2]
        self._admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://workflows@127.0.0.1:{self.port}/{database}"

    def _initdb(self) -> None:
        command: list[str | Path] = [
            self._programs / "initdb",
            f"--pgdata={self._directory / 'data'}",
            "--username=workflows",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]
        done = subprocess.run(
            command,
            user=self._user,
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"initdb failed:\n{done.stdout}")

    def _launch(self) -> None:
        for _ in range(5):  # another process may take the port before we do
            self.port = free_port()
            self._guard = self._spawn()
            try:
                self._admin = self._connect()
                return
            except psycopg.OperationalError:
                log = self._guard.log
                if "could not bind" not in log:
                    break
                self._guard.forget()
        self._guard.end()
        raise RuntimeError(f"PostgreSQL did not start:\n{log}")

    def _spawn(self) -> Guard:
        server: list[str | Path] = [self._programs / "postgres"]
        server += ["-D", self._directory / "data", "-p", str(self.port)]
        for name, value in self._settings.items():
            server += ["-c", f"{name}={value}"]
        return Guard(self._directory, server, last="QUIT", user=self._user)

    def _connect(self) -> psycopg.Connection:
        address = self.url("postgres").replace("+psycopg", "")
        end = time.monotonic() + 90
        while True:
            try:
                connection = psycopg.connect(address, autocommit=True)
                self._check(connection)
                return connection
            except psycopg.OperationalError:
                if time.monotonic() > end or "FATAL:  could not" in self._guard.log:
                    raise
                time.sleep(0.02)

    def _check(self, connection: psycopg.Connection) -> None:
        """See that it is ours: another's may have taken the port, and answer there."""
        said = connection.execute("SHOW data_directory").fetchone()
        if said != (str(self._directory / "data"),):
            connection.close()
            raise psycopg.OperationalError("The server of somebody else is there.")


def find_postgresql() -> Path:
    """Return the directory of PostgreSQL's programs, the newest that is here."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: int(re.sub(r"\D", "", path.parts[-3]) or 0),
    )
    on_path = shutil.which("initdb")
    if on_path is not None:
        # Distributions link some of the programs, so ask where they really are.
        found.insert(0, Path(on_path).resolve().with_name("postgres"))
    for postgres in reversed(found):
        if postgres.exists() and postgres.with_name("initdb").exists():
            return postgres.parent
    raise ServerMissing(
        "PostgreSQL is not installed, and this test needs it: install the package "
        "'postgresql' (apt-get install postgresql), or let scripts/test do it as root"
    )


def unprivileged_user() -> str | None:
    """Return who is to run a server that refuses root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in UNPRIVILEGED:
        if name in known:
            return name
    raise ServerMissing(
        "PostgreSQL does not run as root, and none of these users is here to run it: "
        + ", ".join(UNPRIVILEGED)
    )


def free_port() -> int:
    """Return a TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
