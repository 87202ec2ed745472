"""Measure lists over many objects: ``python -m benchmarks.lists``.

Each question is one look at a list: its page, count, groups and facets. Flask-Admin's
own ModelView shows the same table in the same run. A row is a question: statements,
median and 95th percentile in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "tests"))

from flask import Flask  # noqa: E402
from sqlalchemy import event, text  # noqa: E402

from invenio_workflows import InvenioWorkflows  # noqa: E402
from invenio_workflows.store.look import Look  # noqa: E402
from invenio_workflows.store.wanted import Wanted  # noqa: E402

from ..places import databases  # noqa: E402
from .filling import fill  # noqa: E402
from .questions import HALTED, questions  # noqa: E402

#: The bar, in milliseconds.
BAR = 60.0


class Figures:
    """The figures of one question."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.milliseconds: list[float] = []
        self.statements = 0
        self.rows = 0
        self.complete = True

    def as_dict(self) -> dict[str, Any]:
        """Return them for machines."""
        ordered = sorted(self.milliseconds)
        return {
            "question": self.name,
            "median": statistics.median(ordered),
            "p95": ordered[max(0, -(-len(ordered) * 95 // 100) - 1)],
            "statements": self.statements,
            "rows": self.rows,
            "complete": self.complete,
        }


@contextmanager
def counting(engine: Any) -> Iterator[list[str]]:
    """Give the statements that go to the database meanwhile."""
    seen: list[str] = []

    def executed(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", executed)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", executed)


def measured(name: str, ask: Callable[[], Any], engine: Any, rounds: int) -> Figures:
    """Ask again and again; the first time does not count."""
    figures = Figures(name)
    for turn in range(rounds + 1):
        with counting(engine) as seen:
            begun = time.perf_counter()
            page = ask()
            passed = (time.perf_counter() - begun) * 1000
        figures.statements = max(figures.statements, len(seen))
        if turn:
            figures.milliseconds.append(passed)
    figures.rows = len(getattr(page, "rows", ()))
    figures.complete = getattr(page, "complete", True)
    return figures


def look(lists: Any, wanted: Wanted) -> Any:
    """Ask all that a page shows of a list."""
    one: Look = lists.look(wanted)
    page = one.page()
    one.count()
    one.groups()
    one.facets()
    return page


def deep(engine: Any, lists: Any, wanted: Wanted, pages: int) -> Wanted:
    """Return the list so many pages further on, found by its place in the order."""
    with engine.connect() as connection:
        row = connection.execute(
            text(
                "SELECT id, modified FROM workflows_object WHERE status = 2 "
                "ORDER BY modified DESC, id DESC LIMIT 1 OFFSET :n"
            ).columns(),
            {"n": pages * wanted.limit},
        ).one_or_none()
    if row is None:
        return wanted
    from datetime import UTC, datetime

    from invenio_workflows.store.wanted import Key, write_key

    when = row.modified
    if isinstance(when, str):
        when = datetime.fromisoformat(when).replace(tzinfo=UTC)
    return replace(wanted, after=write_key("updated", Key(when, row.id)))


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lists")
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", choices=["sqlite-full", "postgresql"])
    parser.add_argument("--url", help="a database that was filled before")
    parser.add_argument("--question", help="only those whose name has this")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    places: Any = [(options.url, options.url, {})]
    if options.url is None:
        places = (p for p in databases(options.only) if "NORMAL" not in p[0])
    for title, url, settings in places:
        app = Flask("lists")
        app.config.update(SQLALCHEMY_DATABASE_URI=url, **settings)
        ext = InvenioWorkflows(app)
        ext.create_all()
        with app.app_context():
            report(title, ext, options)


def report(title: str, ext: Any, options: argparse.Namespace) -> None:
    """Measure on one database and print."""
    state = ext.state
    with ext.engine.connect() as connection:
        there = connection.execute(text("SELECT max(id) FROM workflows_object"))
        empty = there.scalar() is None
    if empty:
        begun = time.perf_counter()
        fill(ext.engine, options.objects)
        folded = state.lists.fold()
        passed = time.perf_counter() - begun
        print(f"filled in {passed:.0f} s; {folded:,} deltas folded", file=sys.stderr)
    asked = questions()
    asked["page 4,000"] = deep(ext.engine, state.lists, HALTED, 3_999)
    asked["page 10,000"] = deep(
        ext.engine, state.lists, replace(HALTED, limit=10), 9_999
    )
    found = []
    for name, wanted in asked.items():
        if options.question and options.question not in name:
            continue
        ask: Any = lambda wanted=wanted: look(state.lists, wanted)  # noqa: E731
        found.append(measured(name, ask, ext.engine, options.rounds).as_dict())
    if options.json:
        print(json.dumps({"title": title, "rows": found}, indent=2))
        return
    print(f"\n{title}\n  {'':30} {'median':>9} {'p95':>9}  statements  rows")
    for each in found:
        note = "" if each["complete"] else "  search further"
        note += "  OVER" if each["p95"] >= BAR else ""
        print(
            f"  {each['question']:30} {each['median']:9.1f} {each['p95']:9.1f}  "
            f"{each['statements']:10}  {each['rows']:4}{note}"
        )


if __name__ == "__main__":
    main()
