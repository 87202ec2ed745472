"""An environment for each peer, made once and kept in a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

#: What is installed from PyPI for each peer.
REQUIREMENTS = {
    "dbos": ["dbos>=3.4,<4"],
    "langgraph": ["langgraph>=1.2,<2", "langgraph-checkpoint-sqlite>=3.1,<4"],
    "spiff": ["SpiffWorkflow>=3.2,<4"],
}


def python_for(peer: str, folder: Path) -> str:
    """Return the Python of a peer's environment, which is made if it is not there.

    All are of the Python that runs this, so that all have the same SQLite.
    """
    home = folder / peer
    python = home / "bin" / "python"
    stamp = home / "requirements.txt"
    wanted = f"# {sys.version}\n" + "\n".join(REQUIREMENTS[peer]) + "\n"
    if stamp.exists() and stamp.read_text() == wanted and python.exists():
        return str(python)
    print(f"Making {home}: {', '.join(REQUIREMENTS[peer])}", file=sys.stderr)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    make: list[str | Path] = [sys.executable, "-m", "venv", "--clear", home]
    subprocess.run(make, check=True, env=kept)
    install: list[str | Path] = [
        python,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
    ]
    install += REQUIREMENTS[peer]
    subprocess.run(install, check=True, env=kept, stdout=sys.stderr)
    stamp.write_text(wanted)
    return str(python)
