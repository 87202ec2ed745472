"""The checks of the reference about output, by number, with real workers.

W14 and check 19: what a step prints is in the log of its object, whatever else is at
work in the process; nobody but who may see the object reads it. W18 and check 20:
``flask workflows doctor``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fleet import Fleet
from servers import PostgreSQL

from invenio_workflows.states import WorkflowStatus

SOON = 30.0
KINDS = [
    ("local", "sqlite", None),
    ("celery", "postgresql", "redis"),
    ("rq", "postgresql", "redis"),
]


@pytest.fixture(scope="module", params=KINDS, ids=lambda parts: parts[0])
def afloat(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """Two workers of a kind."""
    worker, kind, broker = request.param
    directory: Path = tmp_path_factory.mktemp("fleet")
    url = f"sqlite:///{directory / 'workflows.db'}"
    if kind == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql_server")
        url = server.create_database()
    at = request.getfixturevalue(f"{broker}_server") if broker else None
    fleet = Fleet(worker, url, at, directory)
    yield fleet
    fleet.close()
    if kind == "postgresql":
        server.drop_database(url)


@pytest.fixture
def fleet(afloat: Fleet) -> Iterator[Fleet]:
    """Two workers that are at work, and the application context of who delays."""
    afloat.mend()
    with afloat.app.app_context():
        yield afloat


def lines(obj: Any) -> list[tuple[int, str, str]]:
    """Return the lines of an object; of a warning, what comes before its place."""
    return [
        (line.level, line.message.partition(" (/")[0], line.task)
        for line in obj.get_log()
    ]


def said(obj: Any, word: str, task: str) -> list[tuple[int, str, str]]:
    return [
        (20, f"{word} {obj.id}", task),
        (30, f"{word} aside", task),
        (30, f"UserWarning: {word} of {obj.id}", task),
    ]


def test_check_19_prints_are_in_the_log_of_their_object(fleet: Fleet) -> None:
    words = [f"word{number}" for number in range(20)]
    runs = [
        fleet.start({"speak": {"one": word, "three": word + "!"}}) for word in words
    ]
    for result, word in zip(runs, words, strict=True):
        assert result.get(timeout=SOON).status == WorkflowStatus.COMPLETED
        (obj,) = fleet.objects(result.uuid)
        assert lines(obj) == said(obj, word, "one") + said(obj, f"{word}!", "three")
    for word in words:  # and where it went before
        assert word in fleet.log


def test_check_19_a_killed_worker_takes_the_lines_of_its_task_along(
    fleet: Fleet,
) -> None:
    """They are where the process wrote them; the log has those of the next try."""
    result = fleet.start(
        {"speak": {"one": "first", "two": "last"}, "die": {"two": "now"}}
    )
    fleet.mend_until_it_rests(result)
    (obj,) = fleet.objects(result.uuid)
    assert obj.data["done"] == ["one", "two", "three"]
    assert lines(obj) == said(obj, "first", "one") + said(obj, "last", "two")
    assert fleet.log.count(f"UserWarning: last of {obj.id}") == 2
