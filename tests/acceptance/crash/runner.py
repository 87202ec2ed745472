"""Kills the scenario at each of its points, recovers, and compares.

``python runner.py URL RESULT.json``. Each point is three processes forked from a
warm parent: one that is killed, one that recovers and finishes, and so each costs
a fraction of what a new interpreter would.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import scenario
import sites
from outcome import collect, difference
from processes import forked
from scenario import Watched, db
from sqlalchemy import event
from sqlalchemy.engine import make_url

Point = tuple[str, str]

EMPTY = [*sites.EMPTY, "DELETE FROM ledger"]


class KillingProbe(scenario.Probe):
    """Counts the points, notes tasks in a file, and kills at the point wanted."""

    def __init__(self, notes: Path, target: int | None) -> None:
        self.points: list[Point] = []
        self._file = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._target = target
        self._label = "before the first task"
        self._open = False

    def began(self, label: str) -> None:
        self._label, self._open = label, True
        self._note(f"began {label}")

    def committed(self) -> None:
        """What the task did is kept: it must never run again."""
        self._open = False

    def point(self, kind: str, what: str = "") -> None:
        self.points.append((kind, f"{self._label}: {what}" if what else self._label))
        if len(self.points) == self._target:
            self._note("cut" if self._open else "between")
            os.kill(os.getpid(), signal.SIGKILL)

    def _note(self, text: str) -> None:
        os.write(self._file, f"{text}\n".encode())


class Site:
    """The app and its database, which is as new before each point."""

    def __init__(self, url: str, folder: Path) -> None:
        self.app = scenario.make_app(url)
        self.folder = folder
        self._url = make_url(url)
        if self._url.get_backend_name() == "postgresql":
            address = self._url.set(drivername="postgresql")
            self._admin = psycopg.connect(
                address.render_as_string(False), autocommit=True
            )

    def prepare(self) -> None:
        """Make the tables, and do everything once, so that every cache is warm."""
        scenario.create_tables(self.app)
        with self.app.app_context():
            db.engine.dispose()
        if self._url.get_backend_name() == "sqlite":
            shutil.copy(self._file, self._template)
        scenario.inside(self.app, scenario.whole, scenario.recover, collect)
        with self.app.app_context():
            db.engine.dispose()
        gc.freeze()  # a collection would copy the parent's memory into each child

    def renew(self) -> None:
        if self._url.get_backend_name() == "sqlite":
            for rest in self._file.parent.glob(f"{self._file.name}-*"):
                rest.unlink()
            shutil.copy(self._template, self._file)
        else:
            for statement in EMPTY:
                self._admin.execute(statement)

    @property
    def _file(self) -> Path:
        return Path(str(self._url.database))

    @property
    def _template(self) -> Path:
        return self.folder / "template.db"

    # --- processes ----------------------------------------------------------------

    def process(
        self, name: str, target: int | None, *steps: Callable[[], Any]
    ) -> dict[str, Any]:
        """Run the steps in a process that is killed at a point; say what it did."""
        notes, result = self.folder / f"{name}.notes", self.folder / f"{name}.json"
        notes.write_text("")
        result.write_text("{}")

        def work() -> None:
            with self.app.app_context():
                probe = Watched.probe = KillingProbe(notes, target)
                watch(db.engine, probe)
                for step in steps:
                    step()
                points, Watched.probe = [*probe.points], scenario.Probe()
                found = {"points": points, "outcome": collect()}
                result.write_text(json.dumps(found, default=str))

        code = forked(work)
        lines = notes.read_text().splitlines()
        began = [line[6:] for line in lines if line.startswith("began ")]
        cut = lines[-1:] == ["cut"]
        return {"code": code, "began": began, "cut": cut} | json.loads(
            result.read_text()
        )


def watch(engine: Any, probe: KillingProbe) -> None:
    """Make a point of each commit's beginning and end, and of each statement."""
    commit = engine.dialect.do_commit

    def do_commit(connection: Any) -> None:
        probe.point("before commit")
        commit(connection)
        probe.committed()
        probe.point("after commit")

    last = [""]

    def statement(text: str) -> None:
        begins = " ".join(text.split())[:45]
        # A row after another of its kind is in the same commit.
        if begins != last[0] and not begins.startswith(("BEGIN", "COMMIT")):
            probe.point("statement", begins)
        last[0] = begins

    def connected(driver: Any, record: Any) -> None:
        driver.set_trace_callback(statement)

    engine.dialect.do_commit = do_commit
    if engine.dialect.name == "sqlite":  # who listens to the engine changes the way
        engine.dispose()
        event.listen(engine, "connect", connected)
    else:
        event.listen(engine, "before_cursor_execute", lambda *a: statement(a[2]))


def unlike(expected: list[str], *processes: dict[str, Any]) -> str:
    """Say how the tasks that began differ from a run without crash.

    A task that was cut short begins once more, as the first of the next process;
    nothing else begins twice, and nothing is left out.
    """
    at = 0
    for process in processes:
        began = process["began"]
        if began != expected[at : at + len(began)]:
            return f"tasks began out of order: {began} instead of {expected[at:]}"
        at += len(began) - (1 if process["cut"] else 0)
    return "" if at == len(expected) else f"never ran: {expected[at:]}"


def judged(
    normal: dict[str, Any], number: int, point: Point, *processes: dict[str, Any]
) -> dict[str, Any]:
    """Return the row of a point in the table."""
    *killed, last = processes
    wrong = ""
    if any(process["code"] != -signal.SIGKILL for process in killed):
        wrong = "was not killed: " + str([process["code"] for process in killed])
    elif last["code"] != 0:
        wrong = f"the recovery failed with code {last['code']}"
    wrong = (
        wrong
        or unlike(normal["began"], *processes)
        or difference(normal["outcome"], last["outcome"])
    )
    again = sum(process["cut"] for process in killed)
    said = f"same, {'its task again' if again else 'no task again'}"
    return {
        "number": number,
        "kind": point[0],
        "what": point[1],
        "outcome": wrong or said,
        "same": not wrong,
    }


def every_point(site: Site, normal: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Kill the scenario at each of its points."""
    for number, point in enumerate(normal["points"], 1):
        site.renew()
        first = site.process("first", number, scenario.whole)
        last = site.process("last", None, scenario.recover, scenario.finish)
        yield judged(normal, number, point, first, last)


def every_point_of_a_recovery(
    site: Site, normal: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Kill the scenario in the middle of one task, and its recovery at each point."""
    at = normal["points"].index(["task", "3 judge"]) + 1
    site.renew()
    site.process("first", at, scenario.whole)
    points = site.process("second", None, scenario.recover)["points"]
    for number, point in enumerate(points, 1):
        site.renew()
        first = site.process("first", at, scenario.whole)
        second = site.process("second", number, scenario.recover)
        last = site.process("last", None, scenario.recover, scenario.finish)
        yield judged(normal, number, point, first, second, last)


def main(url: str, result: str) -> None:
    began = time.monotonic()
    site = Site(url, Path(result).parent)
    site.prepare()
    site.renew()
    normal = site.process("normal", None, scenario.whole, scenario.recover)
    found = {
        "normal": normal,
        "points": list(every_point(site, normal)),
        "recovery": list(every_point_of_a_recovery(site, normal)),
    }
    found["seconds"] = time.monotonic() - began
    Path(result).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
