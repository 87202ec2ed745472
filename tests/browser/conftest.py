"""One browser for all tests of this folder, and a site on each kind of database."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser.pen import Pen
from browser.reader import Reader
from playwright.sync_api import Browser, expect, sync_playwright

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
expect.set_options(timeout=30_000)
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
def sqlite_pen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pen]:
    """The site on SQLite."""
    path = tmp_path_factory.mktemp("pen") / "workflows.db"
    yield from _served(f"sqlite:///{path}")


@pytest.fixture(scope="session")
def postgresql_pen(postgresql_server: Any) -> Iterator[Pen]:
    """The site on PostgreSQL."""
    url = postgresql_server.create_database()
    yield from _served(url)
    postgresql_server.drop_database(url)


def _served(url: str) -> Iterator[Pen]:
    made = Pen(url)
    try:
        made.fill()
        yield made
    finally:
        made.stop()


@pytest.fixture
def pen(sqlite_pen: Pen) -> Pen:
    """A site with some sixty records."""
    return sqlite_pen


@pytest.fixture(params=["sqlite", "postgresql"])
def each_pen(request: pytest.FixtureRequest) -> Pen:
    """That site, once on each kind of database."""
    made: Pen = request.getfixturevalue(f"{request.param}_pen")
    return made


@pytest.fixture
def reader_of(browser: Browser) -> Iterator[Readers]:
    """Make readers, each with a browser window of its own; none saw an error."""
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
