"""What workers ask again and again is found by an index among a million objects.

A table is filled by the database itself; each statement that is really sent is then
asked for its plan.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sites import Site
from sqlalchemy import Connection, event, text

from invenio_workflows.groups import Group
from invenio_workflows.proxies import current_workflows
from invenio_workflows.store.list_counts import recount
from invenio_workflows.store.models import ObjectRow
from invenio_workflows.store.wanted import Wanted

OBJECTS = int(os.environ.get("WORKFLOWS_MANY", 1_000_000))
TABLE: Any = ObjectRow.__table__

NUMBERS = {
    "postgresql": f"SELECT n FROM generate_series(1, {OBJECTS}) AS n",
    "sqlite": (
        "WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted "
        f"WHERE n < {OBJECTS}) SELECT n FROM counted"
    ),
}
#: Almost all are done. Some are at work, wait in a queue, for their time, an event.
FILL = """
INSERT INTO workflows_object (
    id_workflow, position, status, waits_for, lease_until, wake_at, queue,
    data, extra_data, revision, seq, fence, in_start, attempts,
    workflow, data_type, uri, id_user, created, modified)
SELECT 'run-' || (1 + n / 100), n % 100,
    CASE WHEN n % 10000 = 1 THEN 3 WHEN n % 1000 < 4 THEN 4 ELSE 1 END,
    CASE n % 1000 WHEN 0 THEN 'queue' WHEN 2 THEN 'timer' WHEN 3 THEN 'event' END,
    CASE WHEN n % 10000 = 1 THEN CURRENT_TIMESTAMP END,
    CASE WHEN n % 1000 < 4 AND n % 1000 <> 1 THEN CURRENT_TIMESTAMP END,
    CASE WHEN n % 1000 = 0 THEN 'default' END,
    '{}', '{}', 0, 0, 0, 0, 0, 'many', '', '', n % 50,
    CURRENT_TIMESTAMP, CURRENT_TIMESTAMP
FROM ("""
RUNS = """
INSERT INTO workflows_run (
    uuid, name, status, extra_data, id_user, stop_on_halt, stop_on_error,
    created, modified)
SELECT 'run-' || (1 + n / 100), 'many', 1, '{}', 0, 0, 1,
    CURRENT_TIMESTAMP, CURRENT_TIMESTAMP
FROM ("""


@dataclass
class Many:
    """A site with many objects, and what it says of how it finds some."""

    site: Site
    kind: str

    def fill(self) -> None:
        with self.site.ext.engine.begin() as connection:
            if self.kind == "postgresql":  # to check each key would take longest
                connection.execute(text("SET LOCAL session_replication_role = replica"))
            for index in TABLE.indexes:
                index.drop(connection)
            numbers = f"{NUMBERS[self.kind]}) AS numbers"
            connection.execute(text(f"{RUNS}{numbers} WHERE n = 1 OR n % 100 = 0"))
            connection.execute(text(FILL + numbers))
            for index in TABLE.indexes:
                index.create(connection)
            if self.kind == "postgresql":
                recount(connection)
        with self.site.ext.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            is_postgresql = self.kind == "postgresql"
            words = "VACUUM (ANALYZE)" if is_postgresql else "ANALYZE"
            connection.execute(text(f"{words} workflows_object"))

    def plans(self, ask: Callable[[], Any]) -> dict[str, str]:
        """Return the plan of each statement on objects that is sent, by its text."""
        sent: dict[str, Any] = {}

        def sending(
            on: Any, cursor: Any, statement: str, given: Any, context: Any, many: Any
        ) -> None:
            if "workflows_object" in statement:
                sent[statement] = given[0] if many else given

        engine = self.site.ext.engine
        event.listen(engine, "before_cursor_execute", sending)
        try:
            ask()
        finally:
            event.remove(engine, "before_cursor_execute", sending)
        with engine.connect() as connection:
            return {each: self._plan(connection, each, sent[each]) for each in sent}

    def _plan(self, connection: Connection, statement: str, given: Any) -> str:
        words = "EXPLAIN" if self.kind == "postgresql" else "EXPLAIN QUERY PLAN"
        rows = connection.exec_driver_sql(f"{words} {statement}", given).all()
        connection.rollback()
        return "\n".join(str(row[-1]) for row in rows)

    def is_scan(self, plan: str) -> bool:
        """Say whether a plan goes through the table, or an index of all of it."""
        scans = [line for line in plan.splitlines() if "SCAN workflows_object" in line]
        whole = [line for line in scans if line.rpartition(" ")[2] not in FEW]
        return "Seq Scan" in plan or bool(whole)

    def only(self, plan: str) -> bool:
        """Say whether what is looked for is found in an index alone."""
        return "Index Only Scan" in plan or "COVERING INDEX" in plan


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def many(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Many]:
    url = f"sqlite:///{tmp_path_factory.mktemp('many') / 'workflows.db'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql_server")
        url = server.create_database()
    site = Site(url, WORKFLOWS_LOCAL_THREADS=0)
    made = Many(site, request.param)
    made.fill()
    with site.app.app_context():
        yield made
    site.close()
    if request.param == "postgresql":
        server.drop_database(url)


#: The indexes of the few objects for which a condition holds.
FEW = {
    str(index.name)
    for index in TABLE.indexes
    if index.dialect_options["sqlite"]["where"] is not None
} - {f"ix_workflows_object_{name}" for name in ("list", "recent", "newest")}

#: What is only read: found in an index alone.
READ: dict[str, Callable[[], Any]] = {
    "who holds what": lambda: next(current_workflows.recovery.held()),
    "what is due next": lambda: current_workflows.queue.next_wake(),
    "whether a run moves": lambda: current_workflows.queries.moves("run-9"),
    "a run's status": lambda: current_workflows.queue.wake(1),
}
#: Those at work have an index of their own, which is not that of lists.
LISTS: dict[tuple[Group, str], set[str]] = {
    (Group.NEED_ACTION, "updated"): {"list"},
    (Group.DONE, "updated"): {"list", "recent"},  # almost all are done
    (Group.IN_PROCESS, "updated"): {"list", "newest", "running"},  # few are queued
    (Group.DONE, "newest"): {"newest"},
    (Group.IN_PROCESS, "newest"): {"newest", "running"},
}
#: What is locked, or written: found by an index.
WRITTEN: dict[str, Callable[[], Any]] = {
    "what is to be woken": lambda: current_workflows.queue.wake(100),
    "what is to be sent again": lambda: current_workflows.queue.unsent(100),
    "what is first in a queue": lambda: current_workflows.queue.take_first(["default"]),
    "an object by its message": lambda: current_workflows.queue.take_one(5000),
}


@pytest.mark.parametrize("what", READ)
def test_what_is_read_again_and_again_is_found_in_an_index_alone(
    many: Many, what: str
) -> None:
    plans = many.plans(READ[what])
    assert plans
    for statement, plan in plans.items():
        assert not many.is_scan(plan), (statement, plan)
    reading = [plan for plan in plans.values() if many.only(plan)]
    assert reading, plans


@pytest.mark.parametrize(("group", "sort"), LISTS)
def test_a_list_is_found_in_an_index_of_those_at_rest(
    many: Many, group: Group, sort: str
) -> None:
    wanted = Wanted(("many",), groups=(group,), sort=sort)
    plans = many.plans(lambda: current_workflows.lists.page(wanted))
    plan = "\n".join(plans.values())
    assert not many.is_scan(plan), plan
    used = set(re.findall(r"ix_workflows_object_(\w+)", plan))
    assert used and used <= LISTS[group, sort], plan


def test_what_an_owner_has_is_walked_in_its_own_index(many: Many) -> None:
    wanted = Wanted(("many",), groups=(Group.DONE,), owners=(7,))
    plans = many.plans(lambda: current_workflows.lists.page(wanted))
    for statement, plan in plans.items():
        assert "ix_workflows_object_owner" in plan, (statement, plan)
        assert not many.is_scan(plan), plan


def test_of_owners_of_many_only_the_newest_are_looked_at(many: Many) -> None:
    wanted = Wanted(("many",), groups=(Group.DONE,), owners=(7, 8))

    def ask() -> None:
        look = current_workflows.lists.look(wanted)
        look.page(), look.count(), look.facets()

    walks = {each: plan for each, plan in many.plans(ask).items() if "walked" in each}
    assert len(walks) >= 3
    for statement, plan in walks.items():
        assert "ix_workflows_object_owner" not in plan, (statement, plan)
        assert "Seq Scan" not in plan, (statement, plan)


def test_the_snapshots_of_an_object_are_found_by_their_index(many: Many) -> None:
    snapshots = many.plans(lambda: current_workflows.records.snapshots(5))
    engine = many.site.ext.engine
    with engine.connect() as connection:
        gone = many._plan(
            connection, "DELETE FROM workflows_object WHERE id_parent = 5", ()
        )
    for plan in (*snapshots.values(), gone):
        assert "ix_workflows_object_parent" in plan, plan


@pytest.mark.parametrize("what", WRITTEN)
def test_what_is_taken_woken_or_sent_is_found_by_an_index(
    many: Many, what: str
) -> None:
    plans = many.plans(WRITTEN[what])
    assert plans
    for statement, plan in plans.items():
        assert not many.is_scan(plan), (statement, plan)
        if "clock_timestamp()" in plan:
            # The time is part of what is looked for, and not asked of every object.
            assert "Filter: (wake_at <= clock_timestamp())" not in plan, plan
