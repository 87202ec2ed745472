"""What a lost worker was doing is done again as it was meant, or named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sites import Site
from sqlalchemy import text

from invenio_workflows.api import (
    continue_oid,
    continue_oid_delayed,
    recover,
    start,
    start_delayed,
)
from invenio_workflows.calls import Call
from invenio_workflows.jobs import move, perform, sweep
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.patterns import IF, TRY
from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import ObjectStatus as S


class Killed(BaseException):
    """The worker ended here, and nobody heard of it."""


def one(obj: Any, eng: Any) -> None:
    obj.data["done"].append("one")


def two(obj: Any, eng: Any) -> None:
    obj.data["done"].append("two")


def always(obj: Any, eng: Any) -> bool:
    return True


@pytest.fixture
def idle(make_site: Callable[..., Site], ready_url: str) -> Iterator[Site]:
    """A site without a worker."""
    site = make_site(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    with site.app.app_context():
        yield site


def lose(oid: int) -> None:
    """Let a worker take an object, and be gone; a sweep finds it."""
    assert current_workflows.queue.take_one(oid) is not None
    assert sweep().taken_over == 1


def again(oid: int) -> WorkflowObject:
    perform(Call((oid,)))
    return WorkflowObject.query.get(oid)


@pytest.mark.parametrize(
    ("tasks", "finished", "where"),
    [
        ([one, two], 0, "in task one"),
        ([TRY([one], retry=1), two], 0, "in task one"),
        ([IF(always, [one])], 0, "before its first task"),
        ([one, two], 1, "in task two"),
        ([one, [[two]]], 1, "in task two"),
        ([IF(always, [one]), two], 1, "after task one"),
        ([one, IF(always, [two])], 1, "after task one"),
    ],
)
def test_where_workers_were_lost_is_named(
    idle: Site, tasks: list[Any], finished: int, where: str
) -> None:
    idle.register("kills", *tasks)
    result = start_delayed("kills", [{"done": []}])
    (oid,) = idle.rows("SELECT min(id) AS id FROM workflows_object")[0]
    if finished:  # and the object is given back behind its first task
        current_workflows.store.stopping.set()
        move(*current_workflows.queue.take_one(oid))
        current_workflows.store.stopping.clear()
    for _ in range(3):
        lose(oid)
    obj = again(oid)
    assert obj.status == S.ERROR
    assert f"Worker lost 3 times {where}. Find out" in str(obj.get_error_message())
    assert obj.data["done"] == ["one"][:finished]
    assert result.uuid == obj.id_workflow


@pytest.mark.parametrize(
    ("start_point", "done"),
    [
        ("restart_first", ["one", "one", "bad", "two"]),
        ("restart_prev", ["one", "one", "bad", "two"]),
        ("restart_task", ["one", "bad", "two"]),
        ("continue_next", ["one", "two"]),
        ("task:two", ["one", "two"]),
    ],
)
@pytest.mark.parametrize("delayed", [True, False])
def test_where_to_go_on_is_known_when_the_worker_is_lost(
    idle: Site,
    monkeypatch: pytest.MonkeyPatch,
    start_point: str,
    done: list[str],
    delayed: bool,
) -> None:
    good: list[str] = []

    def bad(obj: Any, eng: Any) -> None:
        obj.data["done"].append("bad")
        if not good:
            raise ValueError("bad")

    idle.register("fails", one, bad, two)
    eng = start("fails", [{"done": []}], stop_on_error=False)
    (oid,) = [obj.id for obj in eng.processed_objects]
    good.append("now")
    if delayed:
        continue_oid_delayed(oid, start_point)
        lose(oid)
        lose(oid)
        obj = again(oid)
    else:
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr("invenio_workflows.moving.conduct_here", killed)
            continue_oid(oid, start_point)
        assert [each.outcome for each in recover()] == [S.COMPLETED]
        obj = WorkflowObject.query.get(oid)
    assert (obj.status, obj.data["done"]) == (S.COMPLETED, done)


def killed(*_: Any) -> None:
    raise Killed


def test_what_was_done_since_is_not_done_again(idle: Site) -> None:
    """A checkpoint ends what was asked for: the next worker goes on behind it."""
    idle.register("steps", one, two)
    eng = start("steps", [{"done": []}])
    (oid,) = [obj.id for obj in eng.processed_objects]
    continue_oid_delayed(oid, "restart_first")
    current_workflows.store.stopping.set()
    move(*current_workflows.queue.take_one(oid))
    current_workflows.store.stopping.clear()
    lose(oid)
    assert again(oid).data["done"] == ["one", "two", "one", "two"]


@pytest.mark.parametrize("notices", ["the task", "its checkpoint"])
def test_a_task_whose_connection_was_cut_is_run_again(
    make_site: Callable[..., Site], postgresql_ready_url: str, notices: str
) -> None:
    """What it wrote is undone with the connection, so it is none of its errors."""
    site = make_site(postgresql_ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    cut: list[int] = []

    def writes(obj: Any, eng: Any) -> None:
        obj.data["done"].append("writes")
        mine = text("SELECT pg_backend_pid()")
        pid = site.session.execute(mine).scalar_one()
        if not cut:
            cut.append(pid)
            site.rows("SELECT pg_terminate_backend(:pid, 5000)", pid=pid)
            if notices == "the task":
                site.session.execute(mine)

    site.register("writes", one, writes, two)
    with site.app.app_context():
        (obj,) = start("writes", [{"done": []}]).completed_objects
        assert obj.data["done"] == ["one", "writes", "two"]
        kinds = [event.kind for event in obj.history()]
        assert kinds.count("TaskFinished") == 3 and "TaskRetried" in kinds
