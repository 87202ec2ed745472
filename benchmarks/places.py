"""Where it is measured: SQLite files, and a PostgreSQL server of our own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from servers import PostgreSQL


def databases(only: str | None) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield title, URL and settings of each database."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        for level in ("NORMAL", "FULL"):
            name = f"sqlite-{level.lower()}"
            if only in (None, name):
                url = f"sqlite:///{Path(folder) / name}.db"
                settings = {"WORKFLOWS_SQLITE_SYNCHRONOUS": level}
                yield f"SQLite WAL/{level}", url, settings
    if only in (None, "postgresql"):
        server = PostgreSQL(durable=True).start()
        try:
            yield "PostgreSQL, synchronous_commit on", server.create_database(), {}
        finally:
            server.stop()
