"""Whether the process that holds a lease is still alive."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from invenio_workflows.store.leases import is_dead, process


def test_a_process_is_found_whatever_its_name(tmp_path: Path) -> None:
    """The system tells the name as bytes, in the line that says when it began."""
    program = os.fsencode(tmp_path) + b"/\xff) Z \xe9"
    os.symlink(shutil.which("sleep") or "", program)
    with subprocess.Popen(["sleep", "600"], executable=program) as named:
        told = Path(f"/proc/{named.pid}/stat").read_bytes()
        began = told.rpartition(b")")[2].split()[19].decode()
        held = f"{process().rsplit(':', 2)[0]}:{named.pid}:{began}:1@1"
        try:
            assert b"\xff" in told
            assert is_dead(held) is False
        finally:
            named.kill()
    assert is_dead(held) is True
