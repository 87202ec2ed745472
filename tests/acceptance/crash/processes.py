"""Processes that are forked, killed and waited for."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from typing import Any

#: Seconds after which a process that hangs is ended.
PATIENCE = 300


def fork(work: Callable[[], Any]) -> int:
    """Do the work in a process of its own; return its number."""
    pid = os.fork()
    if pid:
        return pid
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(PATIENCE)
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def forked(work: Callable[[], Any]) -> int:
    """Do the work in a process of its own; return its exit code when it has ended.

    -9 is one that was killed by SIGKILL.
    """
    return ended(fork(work))


def ended(pid: int) -> int:
    """Wait for the process to end, and return its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
