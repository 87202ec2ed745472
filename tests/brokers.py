"""Message brokers that the tests start for themselves, like the servers beside."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from servers import Guard, ServerMissing, free_port

#: Where packages keep the script that runs RabbitMQ as whoever calls it; the one on
#: the PATH of Debian changes to a user of its own.
RABBITMQ_SCRIPTS = "/usr/lib/rabbitmq/bin:/usr/lib/rabbitmq/lib/rabbitmq_server/sbin"

#: How long a broker may take to start, on a busy machine too.
PATIENCE = 90.0


class Broker(ABC):
    """A broker in a directory of its own, gone when it is stopped.

    :meth:`down` and :meth:`up` keep what the broker would keep when somebody stops
    and starts it in production; ``restart(lose=True)`` keeps nothing.
    """

    #: What is sent to ask whether it is there, and how it then begins its answer.
    _question: bytes
    _answer: bytes

    def start(self) -> Self:
        for _ in range(5):  # another process may take the port before we do
            self.port = free_port()
            self._seat: socket.socket | None = None
            self._directory = Path(tempfile.mkdtemp(prefix="workflows-broker-"))
            try:
                self._data.mkdir()
                self._guard = self._launch()
            except BaseException:
                shutil.rmtree(self._directory, ignore_errors=True)
                raise
            if self._answers():
                return self
            log = self._guard.log
            self.stop()
            if "in use" not in log and "eaddrinuse" not in log.lower():
                break
        raise RuntimeError(f"{type(self).__name__} did not start:\n{log}")

    def stop(self) -> None:
        """End it, and with it all that it kept."""
        self._leave_seat()
        self._guard.end()

    def down(self) -> None:
        """Be away: whoever connects is refused, until :meth:`up`."""
        self._save()
        self._go("TERM")

    def _go(self, signal: str) -> None:
        self._guard.down(signal)
        # Nobody else may take the port meanwhile: it is bound, without a listener.
        self._seat = socket.socket()
        self._seat.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._seat.bind(("127.0.0.1", self.port))

    def up(self) -> None:
        """Be back on the same port, with what was kept."""
        self._leave_seat()
        self._guard.up()
        if not self._answers():
            raise RuntimeError(
                f"{type(self).__name__} did not come back:\n{self._guard.log}"
            )

    def restart(self, lose: bool = True) -> None:
        """Go and come back; ``lose``: as a new broker that knows nothing."""
        if lose:
            self._go("KILL")
            shutil.rmtree(self._data)
            self._data.mkdir()
        else:
            self.down()
        self.up()

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is, for a client."""

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    @abstractmethod
    def _launch(self) -> Guard: ...

    def _save(self) -> None:  # noqa: B027
        """Keep what is to be kept, where ending alone would not."""

    def _leave_seat(self) -> None:
        if self._seat is not None:
            self._seat.close()
            self._seat = None

    def _answers(self) -> bool:
        """Wait until it answers; False when it has given up, or it takes too long."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not self._failed():
            try:
                if self._ask(self._question, 2).startswith(self._answer):
                    return not self._failed()  # or else somebody else has answered
            except OSError:
                pass
            time.sleep(0.02)
        return False

    def _ask(self, question: bytes, patience: float = 30) -> bytes:
        address = ("127.0.0.1", self.port)
        with socket.create_connection(address, timeout=patience) as connection:
            connection.sendall(question)
            return connection.recv(64)

    def _failed(self) -> bool:
        """Whether it has said that it cannot start."""
        log = self._guard.log.lower()
        words = ("already in use", "eaddrinuse", "boot failed")
        return any(word in log for word in words)


class Redis(Broker):
    """A Redis server that writes nothing but what :meth:`down` is to keep."""

    _question = b"PING\r\n"
    _answer = b"+PONG"

    def __init__(self) -> None:
        self._program = find("redis-server", "Redis")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def _launch(self) -> Guard:
        command: list[str | Path] = [self._program, "--port", str(self.port)]
        command += ["--bind", "127.0.0.1", "--dir", self._data]
        command += ["--save", "", "--appendonly", "no"]
        return Guard(self._directory, command)

    def _save(self) -> None:
        self._ask(b"SAVE\r\n")


class RabbitMQ(Broker):
    """A RabbitMQ node without plugins, and an epmd of its own."""

    _question = b"AMQP\x00\x00\x09\x01"
    _answer = b"\x01"

    def __init__(self) -> None:
        self._program = find("rabbitmq-server", "RabbitMQ", RABBITMQ_SCRIPTS)
        self._epmd_program = find("epmd", "RabbitMQ", package="rabbitmq-server")

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def stop(self) -> None:
        super().stop()
        self._epmd.end()

    def _launch(self) -> Guard:
        self._write_settings()
        environment = self._environment(free_port())
        # Were none there, the node would start one that outlives it.
        port = environment["ERL_EPMD_PORT"]
        self._epmd = Guard(
            Path(tempfile.mkdtemp(prefix="workflows-epmd-")),
            [self._epmd_program, "-port", port, "-address", "127.0.0.1"],
            environment=environment,
        )
        return Guard(self._directory, [self._program], environment=environment)

    def _write_settings(self) -> None:
        (self._directory / "plugins").write_text("[].\n")
        (self._directory / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            "num_acceptors.tcp = 2\n"
            "vm_memory_high_watermark.absolute = 256MB\n"
            "disk_free_limit.absolute = 10MB\n"
        )

    def _environment(self, epmd: int) -> dict[str, str]:
        """All that the node is told; nothing of the machine's settings."""
        here = self._directory
        return {
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(epmd),
            "HOME": str(here),  # of the cookie
            "LANG": "C.UTF-8",
            "PATH": os.environ.get("PATH", os.defpath),
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "plugins"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_LOG_BASE": str(here / "logs"),
            "RABBITMQ_MNESIA_BASE": str(self._data),
            "RABBITMQ_NODENAME": f"workflows-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1}"
            ),
            # So the script becomes the node, and a signal to it reaches the node.
            "RUNNING_UNDER_SYSTEMD": "true",
        }


def find(program: str, name: str, first: str = "", package: str = "") -> str:
    """Return the path of a program, the places ``first`` before the others."""
    places = [first, os.environ.get("PATH", os.defpath), "/usr/local/sbin:/usr/sbin"]
    found = shutil.which(program, path=":".join(filter(None, places)))
    if found is None:
        package = package or program
        raise ServerMissing(
            f"{name} is not installed, and this test needs it: install the package "
            f"'{package}' (apt-get install {package}), or let scripts/test do it as "
            "root"
        )
    return found
