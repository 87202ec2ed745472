"""What every test may ask for: databases of its own, empty and soon gone."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import scratch
from brokers import Broker, RabbitMQ, Redis
from hypothesis import HealthCheck, settings
from servers import PostgreSQL, ServerMissing

B = TypeVar("B", bound=Broker)

HERE = Path(__file__).parent

#: The files that take longest, the longest first.
LONGEST = (
    "acceptance/test_crash.py",
    "acceptance/test_workers.py",
    "acceptance/test_definition_checks.py",
    "acceptance/test_local_kills.py",
    "acceptance/test_start_kills.py",
    "browser/test_pages.py",
    "acceptance/test_demo.py",
    "integration/test_pen_attacks.py",
    "acceptance/test_graph_checks.py",
    "integration/test_cli_workers.py",
    "integration/test_pen_forms.py",
    "integration/test_embedded.py",
    "integration/test_presence.py",
    "integration/test_cli.py",
    "acceptance/test_input_workers.py",
    "integration/test_deciding_pages.py",
    "integration/test_record_page.py",
    "integration/test_counts.py",
    "acceptance/test_docs.py",
    "acceptance/test_a_million.py",
)

# How long an example takes says more about the machine than about the code.
#: A change is judged by the same examples each time; where people work they are new.
settings.register_profile(
    "all",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
# For `scripts/test unit`: an answer in seconds, while one writes. All tests have all.
settings.register_profile("few", settings.get_profile("all"), max_examples=10)
settings.load_profile("all")

# A shell that begins this in the background lets it, and what it begins, not hear
# Ctrl-C; the programs that are tried here are to hear it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Whatever proxy a machine has, it does not lead back to this machine.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"


def pytest_configure(config: pytest.Config) -> None:
    """Begin in the first process: those of xdist are told by their environment."""
    made = scratch.begin()
    if made is not None:
        config.add_cleanup(lambda: scratch.end(made))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that all processes end at the same time."""
    order = {HERE / path: number for number, path in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Let reports pass from process to process, whatever text a test has logged."""
    report = yield
    report.sections = [
        (name, text.encode(errors="replace").decode()) for name, text in report.sections
    ]
    return report


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    """A PostgreSQL server of this run; without one its tests fail, never skip."""
    try:
        server = PostgreSQL().start()
    except ServerMissing as error:
        pytest.fail(str(error), pytrace=False)
    yield server
    server.stop()


@pytest.fixture
def postgresql_url(postgresql_server: PostgreSQL) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of this test."""
    url = postgresql_server.create_database()
    yield url
    postgresql_server.drop_database(url)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """A Redis server of this run; without one its tests fail, never skip."""
    yield from running(Redis)


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RabbitMQ]:
    """A RabbitMQ server of this run; without one its tests fail, never skip."""
    yield from running(RabbitMQ)


def running(kind: type[B]) -> Iterator[B]:
    try:
        server = kind().start()
    except ServerMissing as error:
        pytest.fail(str(error), pytrace=False)
    yield server
    server.stop()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file of this test, which is not there yet."""
    return f"sqlite:///{tmp_path / 'workflows.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of this test: once of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
