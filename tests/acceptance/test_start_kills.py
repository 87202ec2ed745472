"""A start() with branches that is killed at each of its commits, and what ends it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from sites import Site

HERE = Path(__file__).parent


def test_what_a_killed_start_left_of_branches_is_ended(database_url: str) -> None:
    """``flask workflows recover`` and a worker do each task that is left, once."""
    site = Site(database_url)
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE ledger (object INTEGER, task TEXT)")
    site.close()
    done = subprocess.run(
        [sys.executable, HERE / "start_kills.py", database_url],
        capture_output=True,
        text=True,
        timeout=900,
        env={"PYTHONPATH": f"{HERE.parent}:{HERE.parent.parent}"},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-5000:]
    whole, *found = map(json.loads, done.stdout.splitlines())
    data = dict.fromkeys(["first", *"abcd", "last"], 1)
    # Two objects, of two branches each, of which one has two of its own.
    assert whole["data"] == [data, data] and whole["rows"] == 2 * (1 + 2 + 2)
    for at, left in enumerate(found):
        said = left.pop("said")
        if not left["rows"]:  # it was killed before anything was accepted
            assert at < 5
            continue
        assert left == {key: whole[key] for key in left}, (at, said)
    assert whole["statuses"] == ["COMPLETED"]
    assert not whole["more than once"] and not whole["left"]
    assert len(found) > 30
    print(f"killed {len(found)} times on {database_url.partition(':')[0]}")
