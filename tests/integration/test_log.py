"""Log lines are kept with object and run, and never commit a task's half work."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from sites import Site

from invenio_workflows.api import continue_oid, start
from invenio_workflows.errors import WorkflowError
from invenio_workflows.objects import WorkflowObject


def lines(obj: Any, **filters: Any) -> list[tuple[int, str, str]]:
    return [(line.level, line.message, line.task) for line in obj.get_log(**filters)]


def test_lines_are_kept_with_their_task(site: Site) -> None:
    """OBJ-16."""

    def talk(obj: Any, eng: Any) -> None:
        obj.log.info("number %d of %s", obj.data, "two")
        obj.log.error("bad")
        eng.log.warning("of the run")
        assert [line.message for line in obj.get_log()] == ["number 1 of two", "bad"]
        assert [line.message for line in eng.get_log()] == ["of the run"]

    site.register("talks", talk)
    eng = start("talks", [1])
    (obj,) = eng.completed_objects
    assert lines(obj) == [(20, "number 1 of two", "talk"), (40, "bad", "talk")]
    assert lines(obj, level=logging.ERROR) == [(40, "bad", "talk")]
    assert [line.message for line in eng.get_log()] == ["of the run"]
    assert obj.get_log()[0].id_workflow == eng.uuid
    assert obj.get_log()[0].log_type == 20
    with pytest.raises(TypeError, match="keywords"):
        obj.get_log(40)


def test_lines_of_a_failed_task_are_kept(site: Site) -> None:
    def fail(obj: Any, eng: Any) -> None:
        obj.log.info("before")
        try:
            raise KeyError("inner")
        except KeyError:
            obj.log.exception("caught")
        eng.log.info("of the run")
        raise ValueError

    site.register("fails", fail)
    with pytest.raises(WorkflowError) as caught:
        start("fails", [1])
    obj = WorkflowObject.query.get(caught.value.id_object)
    first, second = obj.get_log()
    assert first.message == "before"
    assert second.message.startswith("caught\nTraceback")
    assert "KeyError: 'inner'" in second.message
    with pytest.raises(WorkflowError):
        continue_oid(obj.id, "restart_task")
    assert len(obj.get_log()) == 4


def test_a_line_commits_nothing_of_a_task(site: Site) -> None:
    def write(obj: Any, eng: Any) -> None:
        site.session.connection().exec_driver_sql("DELETE FROM others")
        obj.log.info("a line")
        eng.log.info("a line")
        seen.append(site.value("SELECT count(*) FROM others"))
        seen.append(site.counts()["workflows_log"])
        raise ValueError

    seen: list[int] = []
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS others")
        connection.exec_driver_sql("CREATE TABLE others (n INTEGER)")
        connection.exec_driver_sql("INSERT INTO others VALUES (1)")
    site.register("writes", write)
    with pytest.raises(WorkflowError):
        start("writes", [1])
    assert seen == [1, 0]
    assert site.value("SELECT count(*) FROM others") == 1
    assert site.counts()["workflows_log"] == 2
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE others")


def test_2_15_7_logging_without_a_workflow(site: Site) -> None:
    """2.15-7."""
    obj = WorkflowObject.create_object()
    obj.log.info("alone")
    assert lines(obj) == [(20, "alone", "")]
    unsaved = WorkflowObject()
    unsaved.log.info("nowhere")
    assert site.counts()["workflows_log"] == 1


def test_what_is_kept_has_a_level_and_a_length(make_site: Any, ready_url: str) -> None:
    site = make_site(
        ready_url, tables=False, WORKFLOWS_LOG_LEVEL="WARNING", WORKFLOWS_MAX_LOG_SIZE=9
    )
    with site.app.app_context():
        obj = WorkflowObject.create_object()
        obj.log.info("too low")
        obj.log.warning("123456789 and more")
        assert lines(obj) == [(30, "12345678…", "")]


def test_lines_go_to_logging_too(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    obj = WorkflowObject.create_object()
    with caplog.at_level(logging.INFO):
        obj.log.info("number %d", 7, extra={"mine": 1})
    (record,) = caplog.records
    assert record.getMessage() == "number 7"
    assert record.name == "invenio_workflows.object"
    assert (record.workflow_object, record.mine) == (obj.id, 1)
    assert record.funcName == "test_lines_go_to_logging_too"
