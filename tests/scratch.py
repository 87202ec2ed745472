"""Where the tests write: in memory, where the machine has room for that.

To make a database, to empty a table and to commit cost PostgreSQL and SQLite ten times
as much on a disk; and what a process that is killed has written lasts in both.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
NAME = "workflows-tests-"
#: Bytes that must be free there, and of the machine's memory.
ROOM = 6 * 2**30


def begin() -> Path | None:
    """Let all temporary files of this process, and of those it starts, be in memory.

    :returns: their directory; None where ``TMPDIR`` names another, or memory is short.
    """
    if "TMPDIR" in os.environ or not has_room():
        return None
    for left in MEMORY.glob(f"{NAME}*"):
        if not Path("/proc", left.name.split("-")[-2]).exists():
            shutil.rmtree(left, ignore_errors=True)  # of tests that were killed
    made = Path(tempfile.mkdtemp(prefix=f"{NAME}{os.getpid()}-", dir=MEMORY))
    made.chmod(0o755)  # the servers run as another user
    os.environ["TMPDIR"] = str(made)
    tempfile.tempdir = None  # it is read anew
    return made


def end(made: Path) -> None:
    """Remove them all."""
    del os.environ["TMPDIR"]
    tempfile.tempdir = None
    shutil.rmtree(made, ignore_errors=True)


def has_room() -> bool:
    """Whether there is a file system in memory, for all that the tests do."""
    try:
        found = os.statvfs(MEMORY)
    except OSError:
        return False
    forbidden = found.f_flag & (os.ST_RDONLY | os.ST_NOEXEC)
    free = min(found.f_bavail * found.f_frsize, available())
    return os.access(MEMORY, os.W_OK) and not forbidden and free > ROOM


def available() -> int:
    """Return how many bytes of memory programs can have without swapping."""
    said = Path("/proc/meminfo").read_text()
    found = re.search(r"^MemAvailable: +(\d+) kB$", said, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
