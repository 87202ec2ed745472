"""Commands of ``flask`` in processes of their own, without the second of imports.

They are forked from one process that has imported the package, and done nothing else.
From there on each is like any other: it has the directory, the environment and the
streams that it is given, makes its own application, and ends as an interpreter ends.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from flask import Flask
from flask.cli import main

from invenio_workflows import InvenioWorkflows, cli  # noqa: F401

FLASK = Path(sys.executable).with_name("flask")


# --- the side of the tests ------------------------------------------------------------


class Parent:
    """The process that all others are forked from; begun with the first of them."""

    _one: Parent | None = None

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the tests, not for it
            )
        atexit.register(self._end)

    @classmethod
    def get(cls) -> Parent:
        if cls._one is None:
            cls._one = cls()
        return cls._one

    def fork(self, request: dict[str, Any], streams: list[int]) -> tuple[int, int]:
        """Begin a command; return its id, and where its end is told."""
        tells, told = os.pipe()
        text = json.dumps(request).encode()
        with self._lock:
            self._socket.sendall(len(text).to_bytes(8, "big"))
            socket.send_fds(self._socket, [b"."], [*streams, told])
            self._socket.sendall(text)
            pid = int.from_bytes(_read(self._socket, 8), "big")
        os.close(told)
        return pid, tells

    def _end(self) -> None:
        self._socket.close()
        self._process.wait()


class Popen(subprocess.Popen[str]):
    """What ``subprocess.Popen`` is, for the arguments of ``flask``."""

    def _execute_child(self, *given: Any) -> None:
        """Let the command be forked, where another would be begun."""
        words, cwd, env = given[0], given[5], given[6]
        pairs = [(given[10], given[11]), (given[13], given[12]), (given[15], given[14])]
        streams = [
            number if its == -1 else its for number, (its, _) in enumerate(pairs)
        ]
        request = {
            "words": [str(FLASK), *map(str, words)],
            "cwd": str(cwd or os.getcwd()),
            "environment": dict(os.environ if env is None else env),
        }
        self.pid, self._told = Parent.get().fork(request, streams)
        self._child_created = True
        devnull = getattr(self, "_devnull", -1)
        for its, ours in pairs:
            if its != -1 and ours != -1 and its != devnull:
                os.close(its)
        if devnull != -1:
            os.close(devnull)

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        if self.returncode is None and select.select([self._told], [], [], 0)[0]:
            self._wait(None)
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            status = int(os.read(self._told, 20) or b"255")
            os.close(self._told)
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def run(
    words: list[Any], timeout: float, input: str | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command of ``flask`` to its end, as ``subprocess.run`` does."""
    pipe = subprocess.PIPE
    with Popen(
        words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, **options
    ) as ran:
        try:
            out, error = ran.communicate(input or "", timeout)
        except BaseException:
            ran.kill()
            raise
    return subprocess.CompletedProcess(words, ran.returncode, out, error)


# --- the side of the process that is forked -------------------------------------------


def serve(ours: socket.socket) -> list[str]:
    """Fork for each that asks; return in what was forked, with its words."""
    children: dict[int, tuple[int, int]] = {}
    while True:
        for fd in select.select([ours, *children], [], [])[0]:
            if fd is not ours:
                pid, tell = children.pop(fd)
                os.write(tell, str(os.waitpid(pid, 0)[1]).encode())
                os.close(fd)
                os.close(tell)
                continue
            size = _read(ours, 8)
            if not size:
                os._exit(0)
            _, (*streams, tell), _, _ = socket.recv_fds(ours, 1, 4)
            request = json.loads(_read(ours, int.from_bytes(size, "big")))
            pid = os.fork()
            if not pid:
                for other in children:
                    os.close(other)
                for _, other in children.values():
                    os.close(other)
                os.close(tell)
                ours.close()
                return become(request, streams)
            for stream in streams:
                os.close(stream)
            children[os.pidfd_open(pid)] = (pid, tell)
            ours.sendall(pid.to_bytes(8, "big"))


def become(request: dict[str, Any], streams: list[int]) -> list[str]:
    """Take on what this process is given; return its words."""
    os.setsid()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        line = name == "stderr" or os.isatty(number)
        made = open(number, "w" if number else "r", 1 if line else -1, closefd=False)
        if number and unbuffered:
            made.reconfigure(write_through=True)  # type: ignore[attr-defined]
        setattr(sys, name, made)
        setattr(sys, f"__{name}__", made)
    path = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:0] = [request["cwd"], *path]
    words: list[str] = request["words"]
    return words


def warm() -> None:
    """Make an application, so that all is imported that one loads."""
    app = Flask("warm")
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    InvenioWorkflows(app)
    gc.collect()
    gc.freeze()  # a collection would copy the memory into each that is forked


def _read(where: socket.socket, size: int) -> bytes:
    """Read so many bytes; fewer at the end."""
    found = b""
    while len(found) < size and (more := where.recv(size - len(found))):
        found += more
    return found


if __name__ == "__main__":
    warm()
    sys.argv = serve(socket.socket(fileno=int(sys.argv[1])))
    main()
