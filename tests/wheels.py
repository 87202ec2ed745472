"""Builds wheels without a network, and installs them where a process looks."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path


def built(source: Path, folder: Path) -> Path:
    """Build the wheel of a project as its `pyproject.toml` says.

    The backend is called as an installer calls it, in a process of its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    call = "import sys, setuptools.build_meta as b; print(b.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", call, str(folder)],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / done.stdout.splitlines()[-1]


def names_in(wheel: Path) -> set[str]:
    """The files that a wheel holds."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def install(wheel: Path, folder: Path) -> None:
    """Install a wheel; one of pure Python only has to be unpacked."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
