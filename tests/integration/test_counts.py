"""How much is asked of the database, and how much memory a large start takes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sites import Site
from sqlalchemy import event

from invenio_workflows.api import continue_oid, start
from invenio_workflows.states import WorkflowStatus


def step(obj: Any, eng: Any) -> None:
    obj.data["n"] += 1


class Counted:
    def __init__(self) -> None:
        self.commits = 0
        self.statements: list[str] = []


@contextmanager
def counting(engine: Any) -> Iterator[Counted]:
    """Count what goes to the database through an engine."""
    counted = Counted()

    def committed(connection: Any) -> None:
        counted.commits += 1

    def executed(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        counted.statements.append(statement)

    event.listen(engine, "commit", committed)
    event.listen(engine, "before_cursor_execute", executed)
    try:
        yield counted
    finally:
        event.remove(engine, "commit", committed)
        event.remove(engine, "before_cursor_execute", executed)


def test_one_object_with_five_tasks_is_seven_commits_at_most(site: Site) -> None:
    site.register("five", *[step] * 5)
    start("five", [{"n": 0}])  # the first asks the server's version too
    with counting(site.ext.engine) as counted:
        eng = start("five", [{"n": 0}])
    assert counted.commits <= 7
    assert len(counted.statements) <= 20, "\n".join(counted.statements)
    assert eng.completed_objects[0].data == {"n": 5}


def test_going_on_costs_no_more_than_starting(site: Site) -> None:
    site.register("halts", lambda obj, eng: eng.halt("?"), *[step] * 5)
    (obj,) = start("halts", [{"n": 0}]).halted_objects
    with counting(site.ext.engine) as counted:
        continue_oid(obj.id)
    assert counted.commits <= 7
    assert len(counted.statements) <= 20, "\n".join(counted.statements)


@pytest.mark.parametrize("number", [1, 10])
def test_each_further_object_costs_its_tasks_only(site: Site, number: int) -> None:
    site.register("five", *[step] * 5)
    start("five", [{"n": 0}])
    with counting(site.ext.engine) as counted:
        start("five", [{"n": 0} for _ in range(number)])
    # its tasks; the last with the end of this one and the claim of the next
    assert counted.commits <= 2 + 5 * number


def peak_of(site: Site, number: int) -> int:
    """Return the most memory, in bytes, that a start of so many objects took."""
    tracemalloc.start()
    try:
        eng = start("one", ({"n": n, "text": "x" * 200} for n in range(number)))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        assert eng.status == WorkflowStatus.COMPLETED


def test_memory_does_not_grow_with_the_number_of_objects(
    make_site: Any, tmp_path: Any
) -> None:
    site = make_site(
        f"sqlite:///{tmp_path / 'm.db'}", WORKFLOWS_SQLITE_SYNCHRONOUS="NORMAL"
    )
    with site.app.app_context():
        site.register("one", step)
        start("one", [{"n": 0}])
        few = peak_of(site, 2_000)
        many = peak_of(site, 10_000)
    assert many < few + 1_000_000, (few, many)
    assert many < 20_000_000, many


def test_a_checkpoint_on_postgresql_is_one_round_trip_and_no_more_after_it(
    make_site: Any, postgresql_ready_url: str
) -> None:
    site = make_site(postgresql_ready_url, tables=False)
    site.register("five", *[step] * 5)
    engine = site.ext.engine
    alone: list[bool] = []

    def executed(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if "workflows_event" in statement:
            alone.append(connection.connection.dbapi_connection.autocommit)

    with site.app.app_context():
        event.listen(engine, "before_cursor_execute", executed)
        start("five", [{"n": 0}])
        event.remove(engine, "before_cursor_execute", executed)
    # The start and the end write more than the object; in between nothing else.
    assert alone == [False, True, True, True, True, False]
    with engine.connect() as connection:
        assert connection.connection.dbapi_connection.autocommit is False
