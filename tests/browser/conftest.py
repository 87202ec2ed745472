"""One browser for all tests of this folder, and for each test a site of its own.

No test sees what another one left: not its records, drafts and votes, nor its workflows
and settings. A site takes a twentieth of a second: its database is copied.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from browser.pen import Pen
from browser.reader import Reader
from playwright.sync_api import Browser, expect, sync_playwright
from servers import PostgreSQL

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# How long something takes says more about the machine than about the code.
expect.set_options(timeout=60_000)
#: Makes a site, on a kind of database.
Pens = Callable[[str], Pen]
#: Makes a reader: who it is, and what Playwright's ``new_context`` takes.
Readers = Callable[..., Reader]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without it its tests fail, never skip."""
    if not Path(CHROMIUM).exists():
        pytest.fail(
            f"Chromium is not at {CHROMIUM}, and this test needs it: install the "
            "package 'chromium' (apt-get install chromium), or let scripts/test do it "
            "as root; CHROMIUM=/path names another one",
            pytrace=False,
        )
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield made
        made.close()


@pytest.fixture(scope="session")
def filled_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with some sixty records, to be copied."""
    path = tmp_path_factory.mktemp("filled") / "workflows.db"
    _fill(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def filled_postgresql(postgresql_server: PostgreSQL) -> Iterator[str]:
    """The URL of a PostgreSQL database with the same records, to be copied."""
    url = postgresql_server.create_database()
    _fill(url)
    yield url
    postgresql_server.drop_database(url)


def _fill(url: str) -> None:
    made = Pen(url)
    try:
        made.fill()
    finally:
        made.stop()


@pytest.fixture
def pens(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pens]:
    """Make sites with some sixty records, which are gone after the test."""
    with ExitStack() as ends:

        def make(kind: str) -> Pen:
            filled = request.getfixturevalue(f"filled_{kind}")
            if kind == "sqlite":
                url = f"sqlite:///{shutil.copy(filled, tmp_path / 'pen.db')}"
            else:
                server = request.getfixturevalue("postgresql_server")
                url = server.create_database(filled)
                ends.callback(server.drop_database, url)
            made = Pen(url, tables=False)
            ends.callback(made.stop)
            return made

        yield make


@pytest.fixture
def pen(pens: Pens) -> Pen:
    """A site with some sixty records."""
    return pens("sqlite")


@pytest.fixture(params=["sqlite", "postgresql"])
def each_pen(request: pytest.FixtureRequest, pens: Pens) -> Pen:
    """That site, once on each kind of database."""
    return pens(request.param)


@pytest.fixture
def reader_of(browser: Browser, pens: Pens) -> Iterator[Readers]:
    """Make readers, each with a browser window of its own; none saw an error.

    They go before the sites do: what a page asks at its end is answered.
    """
    made: list[Reader] = []

    def make(pen: Pen, name: str | None = "curator", **kwargs: Any) -> Reader:
        made.append(Reader(browser, pen.url, name, **kwargs))
        return made[-1]

    yield make
    for each in made:
        each.close()
    for each in made:
        assert not each.faults, each.faults


@pytest.fixture
def curator(pen: Pen, reader_of: Readers) -> Reader:
    """A curator before the site."""
    return reader_of(pen)
