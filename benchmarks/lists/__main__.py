"""Measure the pen's list over many objects: ``python -m benchmarks.lists``.

Each question is a request for a page of the list: SQL, counting, facets and HTML.
Flask-Admin's own ModelView shows the same table in the same run, all of them in turn.
Printed are the statements, the median and the 95th percentile in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "tests"))

from people import PEN  # noqa: E402
from sqlalchemy import event, text  # noqa: E402

from invenio_workflows.groups import Group  # noqa: E402
from invenio_workflows.proxies import current_workflows  # noqa: E402
from invenio_workflows.store.wanted import Key, Wanted, write_key  # noqa: E402

from ..places import databases  # noqa: E402
from .filling import WORKFLOWS, fill  # noqa: E402
from .questions import Asked, questions  # noqa: E402
from .site import flask_admin, pen  # noqa: E402

#: The bar, in milliseconds.
BAR = 60.0
ADMIN = "Flask-Admin: "


class Figures:
    """The figures of one question."""

    def __init__(self, name: str, ask: Callable[[], str]) -> None:
        self.name, self.ask = name, ask
        self.milliseconds: list[float] = []
        #: Of this process: with SQLite all of it, however busy the machine is.
        self.processor: list[float] = []
        self.statements = 0
        self.note = ""

    def once(self, engine: Any, counts: bool) -> None:
        """Ask, and keep how long it took."""
        with counting(engine) as seen:
            begun, worked = time.perf_counter(), time.process_time()
            page = self.ask()
            passed = (time.perf_counter() - begun) * 1000
            worked = (time.process_time() - worked) * 1000
        self.statements = max(self.statements, len(seen))
        if counts:
            self.milliseconds.append(passed)
            self.processor.append(worked)
        if "search further" in page.lower():
            self.note = "search further"

    def as_dict(self) -> dict[str, Any]:
        """Return them for machines."""
        return {
            "question": self.name,
            "median": statistics.median(self.milliseconds),
            "p95": _p95(self.milliseconds),
            "processor": statistics.median(self.processor),
            "processor_p95": _p95(self.processor),
            "statements": self.statements,
            "note": self.note,
        }


def _p95(figures: list[float]) -> float:
    return sorted(figures)[-(-len(figures) * 95 // 100) - 1]


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


def asked(client: Any, path: str, query: Asked, headers: Any) -> Callable[[], str]:
    """Return what asks for a page and gives its HTML."""

    def ask() -> str:
        answer = client.get(path, query_string=query, headers=headers)
        assert answer.status_code == 200, answer.status
        return str(answer.text)

    return ask


def deep(app: Any, pages: int) -> str | None:
    """Return the key of the page so many pages on, found by walking there."""
    wanted = Wanted(WORKFLOWS, groups=(Group.NEED_ACTION,), limit=10)
    with app.app_context():
        ids = current_workflows.lists.ids(wanted, limit=pages * 10 + 1)
        if len(ids) <= pages * 10:
            return None
        row = current_workflows.queries.query().get(ids[-1])
        return write_key("updated", Key(row.modified, row.id))


def contenders(site: Any, browser: Any) -> list[Figures]:
    """Return what is asked of the pen and of Flask-Admin."""
    found = [
        Figures(name, asked(browser.client, f"{PEN}/", query, browser.headers))
        for name, query in questions().items()
    ]
    key = deep(site.app, 9_999)
    for name, query in {
        "10 rows, page 1": {"size": "10"},
        "10 rows, page 10,000": {"size": "10", "after": key},
        "100 rows": {"size": "100"},
        "500 rows": {"size": "500"},
    }.items():
        if query.get("after", "") is not None:
            ask = asked(browser.client, f"{PEN}/", query, browser.headers)
            found.append(Figures(name, ask))
    client = flask_admin(site.ext.engine)
    for name, query in {
        "page 0": {},
        "10 rows, page 0": {"page_size": "10"},
        "100 rows, page 0": {"page_size": "100"},
        "page 10,000": {"page": "9999"},
        "search": {"search": "higgs"},
    }.items():
        ask = asked(client, "/admin/table/", query, {})
        found.append(Figures(ADMIN + name, ask))
    return found


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lists")
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", choices=["sqlite-full", "postgresql"])
    parser.add_argument("--url", help="a database of its own, filled the first time")
    parser.add_argument("--question", default="", help="those whose name has this")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    places: Any = [(options.url, options.url, {})]
    if options.url is None:
        places = (p for p in databases(options.only) if "NORMAL" not in p[0])
    for title, url, settings in places:
        report(title, url, settings, options)


def report(title: str, url: str, settings: Any, options: argparse.Namespace) -> None:
    """Measure on one database and print."""
    site, browser = pen(url, **settings)
    engine = site.ext.engine
    with engine.connect() as connection:
        there = connection.execute(text("SELECT max(id) FROM workflows_object"))
        empty = there.scalar() is None
    if empty:
        begun = time.perf_counter()
        fill(engine, options.objects)
        with site.app.app_context():
            folded = current_workflows.lists.fold()
        passed = time.perf_counter() - begun
        print(f"filled in {passed:.0f} s; {folded:,} deltas folded", file=sys.stderr)
    found = contenders(site, browser)
    found = [each for each in found if options.question in each.name]
    load = os.getloadavg()[0]
    for turn in range(options.rounds + 1):
        for each in found:
            each.once(engine, bool(turn))
    rows = [each.as_dict() for each in found]
    if options.json:
        print(json.dumps({"title": title, "load": load, "rows": rows}, indent=2))
        return
    print(f"\n{title}; {options.rounds} rounds; load at the beginning {load:.1f}")
    heads = ("median", "p95", "cpu", "cpu p95")
    print(f"  {'':30} {' '.join(f'{head:>8}' for head in heads)}  statements")
    for row in rows:
        over = row["p95"] >= BAR and not row["question"].startswith(ADMIN)
        print(
            f"  {row['question']:30} {row['median']:8.1f} {row['p95']:8.1f} "
            f"{row['processor']:8.1f} {row['processor_p95']:8.1f}  "
            f"{row['statements']:10}  {row['note']}{'  OVER' if over else ''}"
        )


if __name__ == "__main__":
    main()
