"""PostgreSQL: an object stops and the next one is claimed, in one statement."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sites import Site
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.pool import NullPool

from invenio_workflows.api import cancel, start_delayed
from invenio_workflows.calls import Call
from invenio_workflows.jobs import perform
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import WorkflowStatus
from invenio_workflows.store.alone import ChangeAlone, positional
from invenio_workflows.store.told_with_it import advance_and_tell
from invenio_workflows.worker_result import uuid_to_workflow


def step(obj: Any, eng: Any) -> None:
    obj.data["n"] += 1
    eng.extra_data.setdefault("seen", 0)


def last(obj: Any, eng: Any) -> None:
    obj.data["last"] = True


@pytest.fixture
def idle(make_site: Callable[..., Site], postgresql_ready_url: str) -> Iterator[Site]:
    """A site of which this test is the worker."""
    url = postgresql_ready_url
    site = make_site(url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    site.register("steps", step, last)
    with site.app.app_context():
        yield site


def live(uuid: str) -> list[WorkflowObject]:
    query = WorkflowObject.query.filter_by(id_workflow=uuid, id_parent=None)
    found: list[WorkflowObject] = query.order_by("position").all()
    return found


def started(number: int) -> tuple[str, list[int]]:
    uuid = start_delayed("steps", [{"n": n} for n in range(number)]).uuid
    return uuid, [obj.id for obj in live(uuid)]


def beside(change: str, oid: int) -> None:
    """Change an object as another worker would, in a transaction of its own."""
    statement = text(f"UPDATE workflows_object SET {change} WHERE id = :oid")
    with current_workflows.store.transactions.database.engine.begin() as connection:
        connection.execute(statement, {"oid": oid})


@contextmanager
def sent() -> Iterator[list[str]]:
    """Give what is sent to the database in the block, COMMITs too."""
    engine = current_workflows.store.transactions.database.engine
    found: list[str] = []

    def note(connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def history(oid: int) -> list[tuple[int, str]]:
    with current_workflows.store.transactions.reading() as connection:
        found = connection.execute(
            text(
                "SELECT seq, kind FROM workflows_event "
                "WHERE id_object = :oid ORDER BY seq"
            ),
            {"oid": oid},
        )
        return [(row.seq, row.kind) for row in found]


def is_handing_over(statement: str) -> bool:
    return "stopped AS" in statement


def moves(statements: list[str]) -> list[bool]:
    """Return whether each statement that moved an object moved two."""
    each = [one for one in statements if "UPDATE workflows_object" in one]
    return [is_handing_over(one) for one in each]


def test_each_object_of_a_call_costs_one_statement_a_task(idle: Site) -> None:
    uuid, oids = started(3)
    before = {obj.id: obj.created for obj in live(uuid)}
    with sent() as statements:
        perform(Call(tuple(oids)))
    # The first is claimed by itself, and nobody comes behind the last.
    assert moves(statements) == [False, False, True, False, True, False, False]
    assert uuid_to_workflow(uuid).status == WorkflowStatus.COMPLETED
    for n, obj in enumerate(live(uuid)):
        assert obj.data == {"n": n + 1, "last": True}
        assert (obj.status.name, obj.created) == ("COMPLETED", before[obj.id])
        assert (obj.columns["lease_owner"], obj.columns["in_start"]) == (None, 0)
        assert history(obj.id) == list(
            enumerate(["Started", "TaskFinished", "TaskFinished", "Finished"], 1)
        )
    assert uuid_to_workflow(uuid).get_extra_data() == {"seen": 0}


def test_its_statements_are_prepared_on_the_connection_by_their_names(
    idle: Site,
) -> None:
    _, oids = started(4)
    with current_workflows.store.held():
        perform(Call(tuple(oids)))
        with current_workflows.store.transactions.reading() as connection:
            counted = connection.execute(
                text(
                    "SELECT sum(generic_plans + custom_plans) "
                    "FROM pg_prepared_statements WHERE name LIKE 'workflows%'"
                )
            )
            # A task each, but the first, which shares something; three handed over to.
            assert counted.scalar_one() == 3 + 3


def test_what_it_holds_it_finds_by_its_number(idle: Site) -> None:
    _, oids = started(30)
    perform(Call(tuple(oids)))
    with current_workflows.store.transactions.database.engine.begin() as connection:
        said = connection.exec_driver_sql
        said("ANALYZE workflows_object")
        said("SET LOCAL plan_cache_mode = force_generic_plan")
        said("SET LOCAL enable_seqscan = off")
        query, _ = positional(_text_of(advance_and_tell(*_A_TASK, events=1)))
        said("PREPARE checkpoint AS " + query.decode().replace("%", "%%"))
        nothing = ", ".join(["NULL"] * query.count(b"$"))
        plan = said(f"EXPLAIN EXECUTE checkpoint ({nothing})").scalars().all()
        said("DEALLOCATE checkpoint")
    assert any("workflows_object_pkey" in line for line in plan), plan


#: Of the object that a task leaves RUNNING, its data changed.
_A_TASK = True, False, False, False, False, False


def _text_of(statement: ChangeAlone) -> str:
    engine = current_workflows.store.transactions.database.engine
    with engine.connect() as connection:
        return statement._text(connection)


def test_a_look_at_a_run_is_one_round_trip(
    idle: Site,
) -> None:
    result = start_delayed("steps", [{"n": 1}])
    engine = current_workflows.store.transactions.database.engine
    last = text(
        "SELECT query FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND datname = current_database() AND backend_type = 'client backend' "
        "AND application_name = 'the one that looks'"
    )
    looks: list[Callable[[], object]] = [
        result.status,
        lambda: current_workflows.queries.moves(result.uuid),
        current_workflows.queue.is_due,
    ]
    for look in looks:
        engine.dispose()
        with engine.connect() as connection:
            connection.exec_driver_sql("SET application_name = 'the one that looks'")
            connection.commit()
        look()
        with create_engine(engine.url, poolclass=NullPool).connect() as other:
            (sent,) = other.execute(last).scalars()
        # Not a ROLLBACK, before which there was a BEGIN.
        assert sent.startswith("SELECT")


def test_objects_of_several_runs_in_one_call_end_their_own(idle: Site) -> None:
    (one, first), (other, second) = started(2), started(2)
    perform(Call((first[0], second[0], first[1], second[1])))
    for uuid in (one, other):
        assert uuid_to_workflow(uuid).status == WorkflowStatus.COMPLETED
        assert [obj.status.name for obj in live(uuid)] == ["COMPLETED"] * 2


def test_one_that_is_gone_from_the_queue_is_left_out(idle: Site) -> None:
    uuid, oids = started(3)
    cancel(oids[1])
    perform(Call(tuple(oids)))
    statuses = [obj.status.name for obj in live(uuid)]
    assert statuses == ["COMPLETED", "CANCELLED", "COMPLETED"]


def test_what_is_asked_of_the_object_is_done_and_the_next_one_goes_on(
    idle: Site,
) -> None:
    uuid, oids = started(2)

    def asked(obj: Any, eng: Any) -> None:
        if obj.id == oids[0]:
            beside("wanted = 'cancel'", obj.id)

    idle.register("steps", asked)
    perform(Call(tuple(oids)))
    assert [obj.status.name for obj in live(uuid)] == ["CANCELLED", "COMPLETED"]


def test_who_lost_the_lease_is_told_and_the_next_one_goes_on(
    idle: Site, caplog: pytest.LogCaptureFixture
) -> None:
    uuid, oids = started(2)

    def lost(obj: Any, eng: Any) -> None:
        obj.data["mine"] = True
        if obj.id == oids[0]:
            beside("fence = fence + 1", obj.id)

    idle.register("steps", lost)
    perform(Call(tuple(oids)))
    assert f"Object {oids[0]} is moved by another worker now" in caplog.text
    one, other = live(uuid)
    assert (one.status.name, "mine" in one.data) == ("RUNNING", False)
    assert history(one.id) == [(1, "Started")]
    assert (other.status.name, other.data["mine"]) == ("COMPLETED", True)


@contextmanager
def at_the_stop_of(site: Site, oid: int, change: str) -> Iterator[None]:
    """Change an object just as it stops: who stops it has to wait for that."""
    engine = current_workflows.store.transactions.database.engine
    waits: list[threading.Thread] = []

    def work(obj: Any, eng: Any) -> None:
        if obj.id != oid:
            return
        connection = engine.connect()
        statement = text(f"UPDATE workflows_object SET {change} WHERE id = :oid")
        connection.execute(statement, {"oid": oid})

        def let_go() -> None:
            held = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            with engine.connect() as looking:
                while not looking.execute(held).scalar():
                    looking.rollback()
            connection.commit()
            connection.close()

        waits.append(threading.Thread(target=let_go))
        waits[0].start()

    site.register("steps", work)
    yield
    waits[0].join()


def test_a_lease_that_is_renewed_at_that_moment_stays_held(idle: Site) -> None:
    uuid, oids = started(2)
    later = "lease_until = lease_until + interval '1 second'"
    with at_the_stop_of(idle, oids[0], later), sent() as statements:
        perform(Call(tuple(oids)))
    # The second is the renewal.
    assert moves(statements) == [False, False, True, False]
    assert [obj.status.name for obj in live(uuid)] == ["COMPLETED"] * 2


@pytest.mark.parametrize(
    ("change", "one"),
    [("fence = fence + 1", "RUNNING"), ("wanted = 'cancel'", "CANCELLED")],
)
def test_what_comes_at_that_moment_is_not_passed_over(
    idle: Site, change: str, one: str
) -> None:
    uuid, oids = started(2)
    with at_the_stop_of(idle, oids[0], change), sent() as statements:
        perform(Call(tuple(oids)))
    # It was tried, and nothing was done: the next one is not claimed twice.
    assert moves(statements)[2]
    assert [obj.status.name for obj in live(uuid)] == [one, "COMPLETED"]
    assert [kind for _, kind in history(oids[1])].count("Started") == 1
