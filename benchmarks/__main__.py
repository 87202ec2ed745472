"""Measure us and the floor in one run: ``python -m benchmarks``.

The floor does what a durable task cannot do without: encode the same JSON, one
``UPDATE`` and one ``INSERT`` by SQLAlchemy Core, statements built once, on a held
connection, and a commit. We are everything from ``start()`` to COMPLETED, divided
by the number of tasks. The contenders take turns, round by round; the medians and
the ratio of each round are printed, with minimum and maximum.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path

import sqlalchemy

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from .contenders import ENGINE, durable, graphs  # noqa: E402
from .measure import Table, rounds  # noqa: E402
from .places import databases  # noqa: E402


def main() -> None:
    """Run what was asked for and print the ratios."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--rounds", type=int, default=12, help="rounds of each (12)")
    parser.add_argument("--objects", type=int, default=200, help="objects a round")
    parser.add_argument(
        "--only", choices=["engine", "sqlite-normal", "sqlite-full", "postgresql"]
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    tables: list[Table] = []
    if options.only in (None, "engine"):
        tables.append(rounds("pure engine", ENGINE, options.rounds))
    for name, url, settings in databases(options.only):
        contenders = durable(url, settings, options.objects)
        tables.append(rounds(name, contenders, options.rounds, floor="floor"))
        ways = graphs(url, settings, options.objects)
        title = f"{name}, a graph and the list"
        tables.append(rounds(title, ways, options.rounds, floor="list"))
    if options.json:
        print(json.dumps([table.as_dict() for table in tables], indent=2))
        return
    print(
        f"Python {platform.python_version()}, SQLAlchemy {sqlalchemy.__version__}, "
        f"{platform.system()} {platform.machine()}; {options.rounds} rounds"
    )
    for table in tables:
        print(table)


if __name__ == "__main__":
    main()
