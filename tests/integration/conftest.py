"""Sites for the integration tests, on each kind of database."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import PostgreSQL
from sites import EMPTY, Site

SiteMaker = Callable[..., Site]


#: The fixtures whose databases are emptied, or gone, after the test.
DATABASES = ("ready_url", "postgresql_ready_url", "database_url", "postgresql_url")


@pytest.fixture
def make_site(request: pytest.FixtureRequest) -> Iterator[SiteMaker]:
    """Make sites; their connections are closed after the test.

    Before their databases are emptied: threads may be at work there until then.
    """
    for name in DATABASES:
        if name in request.fixturenames:
            request.getfixturevalue(name)
    made: list[Site] = []

    def make(*args: Any, **kwargs: Any) -> Site:
        made.append(Site(*args, **kwargs))
        return made[-1]

    yield make
    for site in made:
        site.close()


@pytest.fixture(scope="session")
def sqlite_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with our tables, to be copied: making them takes longer."""
    path = tmp_path_factory.mktemp("made") / "workflows.db"
    site = Site(f"sqlite:///{path}")
    site.close()
    return path


@pytest.fixture(scope="session")
def postgresql_made(postgresql_server: PostgreSQL) -> Iterator[Site]:
    """A PostgreSQL database with our tables, for one test after the other."""
    url = postgresql_server.create_database()
    site = Site(url)
    yield site
    site.close()
    postgresql_server.drop_database(url)


@pytest.fixture
def sqlite_ready_url(tmp_path: Path, sqlite_made: Path) -> str:
    """The URL of a SQLite file of this test, with empty tables."""
    path = shutil.copy(sqlite_made, tmp_path / "workflows.db")
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_ready_url(postgresql_made: Site) -> Iterator[str]:
    """The URL of the PostgreSQL database, its tables empty."""
    yield postgresql_made.url
    engine = postgresql_made.ext.engine
    with engine.begin() as connection:
        for statement in EMPTY:
            connection.exec_driver_sql(statement)
    engine.dispose()  # a test may look at who is connected, and cut all connections


@pytest.fixture(params=["sqlite", "postgresql"])
def ready_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database with empty tables: once of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_ready_url")
    return url


@pytest.fixture
def site(make_site: SiteMaker, ready_url: str) -> Iterator[Site]:
    """A site in whose application context the test runs, without a ``db``."""
    site = make_site(ready_url, tables=False)
    with site.app.app_context():
        yield site


@pytest.fixture
def sqlite_site(make_site: SiteMaker, sqlite_ready_url: str) -> Iterator[Site]:
    """The same, on SQLite only: for what has nothing to do with the database."""
    site = make_site(sqlite_ready_url, tables=False)
    with site.app.app_context():
        yield site
