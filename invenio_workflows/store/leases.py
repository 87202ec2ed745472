"""Who holds a lease, and whether that process of this machine is still alive."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from contextlib import suppress
from functools import lru_cache
from pathlib import Path


def owner() -> str:
    """Return who holds the leases taken by this thread: host, process, thread.

    The thread says in which process its own was begun: ``thread@parent``.
    """
    return _owner(os.getpid(), threading.get_ident())


def process() -> str:
    """Return who this process is: its leases begin with that."""
    return owner().rpartition(":")[0]


@lru_cache(maxsize=64)
def _owner(pid: int, thread: int) -> str:
    return f"{_machine()}:{pid}:{_began(pid)}:{thread}@{os.getppid()}"


def _machine() -> str:
    return f"{socket.gethostname()}/{_mark()}"


@lru_cache(maxsize=1)
def _mark() -> str:
    """Return what tells machines, and containers, of one host name apart.

    A process is only looked for where its number means that process.
    """
    parts = []
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        with suppress(OSError):
            linked = os.path.islink(path)
            parts.append(os.readlink(path) if linked else Path(path).read_text())
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:8]


def is_dead(lease_owner: str | None) -> bool | None:
    """Say whether the holder is dead; ``None`` if that cannot be known from here."""
    if not lease_owner:
        return True
    host, pid, began, *_ = [*lease_owner.rsplit(":", 3), "", "", ""]
    if host != _machine() or not pid.isdigit():
        return None
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    now = _began(int(pid))
    return bool(began) and now != began


def is_mine(lease_owner: str | None) -> bool:
    """Say whether this thread took the lease, or one of this process that has ended."""
    here, _, thread = owner().rpartition(":")
    place, _, holder = (lease_owner or "").rpartition(":")
    living = {str(each.ident) for each in threading.enumerate()}
    return place == here and (
        holder == thread or holder.partition("@")[0] not in living
    )


def _began(pid: int) -> str:
    """Return when the process began, so that a pid used again is another one.

    ``""`` where the system does not tell; ``"ended"`` for one not yet reaped.
    """
    try:
        # It holds the name of the program: any bytes, cut after the fifteenth.
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "ended" if fields[0] == "Z" else fields[19]
