"""Ctrl-C between two tasks: nothing stays RUNNING that nobody moves."""

from __future__ import annotations

import signal

import pytest

from invenio_workflows import ObjectStatus, recover, resume_objects_in_workflow, start
from invenio_workflows.models import WorkflowObject
from invenio_workflows.store.alone import ChangeAlone


def three_tasks():
    def first(obj, eng):
        obj.data["first"] = True

    def second(obj, eng):
        obj.data["second"] = True

    def third(obj, eng):
        obj.data["third"] = True

    return [first, second, third]


class Interrupt:
    """Ctrl-C at the commit of a number, before or after it took effect.

    A statement that PostgreSQL is sent alone is a commit too.
    """

    def __init__(self, engine, number, after, patch):
        self.left, self.after = number, after
        commit, answer = engine.dialect.do_commit, ChangeAlone._answer

        def answered(statement, connection, *of):
            driver = connection.connection.dbapi_connection
            if not connection.get_execution_options().get("workflows_alone"):
                return answer(statement, connection, *of)
            if not driver.autocommit:
                return answer(statement, connection, *of)
            return self.counted(lambda: answer(statement, connection, *of))

        def committed(connection):
            self.counted(lambda: commit(connection))

        patch.setattr(engine.dialect, "do_commit", committed)
        patch.setattr(ChangeAlone, "_answer", answered)

    def counted(self, commit):
        self.left -= 1
        if self.left == 0 and not self.after:
            raise KeyboardInterrupt
        found = commit()
        if self.left == 0:
            raise KeyboardInterrupt
        return found


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6])
def test_an_interrupt_at_any_commit_leaves_nothing_running(
    site, number, after, monkeypatch
):
    site.register("three", *three_tasks())
    with site.app.app_context():
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            Interrupt(site.ext.engine, number, after, patch)
            start("three", [{}, {}])
        list(recover())
        running = WorkflowObject.query.filter_by(status=ObjectStatus.RUNNING)
        assert running.count() == 0
        accepted = WorkflowObject.query.filter_by(id_parent=None).all()
        for uuid in {obj.id_workflow for obj in accepted}:
            list(resume_objects_in_workflow(uuid))
        done = {"first": True, "second": True, "third": True}
        live = WorkflowObject.query.filter_by(id_parent=None).all()
        assert [obj.data for obj in live] == [done] * len(live)
        assert len(live) == (0 if (number, after) == (1, False) else 2)
        assert all(obj.status == ObjectStatus.COMPLETED for obj in live)


class Impatience:
    """A person who presses Ctrl-C at each commit from one on, before or after it."""

    def __init__(self, engine, number, after):
        self.left, self.after, self.engine = number, after, engine
        self.real = engine.dialect.do_commit
        engine.dialect.do_commit = self.commit
        self.handler = signal.getsignal(signal.SIGINT)

    def commit(self, connection):
        self.left -= 1
        if self.left <= 0 and not self.after:
            signal.raise_signal(signal.SIGINT)
        self.real(connection)
        if self.left <= 0:
            signal.raise_signal(signal.SIGINT)

    def end(self):
        self.engine.dialect.do_commit = self.real
        assert signal.getsignal(signal.SIGINT) is self.handler


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", [2, 3, 4, 5, 6])
def test_further_interrupts_do_not_keep_an_object_from_being_put_down(
    sqlite_site, number, after
):
    sqlite_site.register("three", *three_tasks())
    impatience = Impatience(sqlite_site.ext.engine, number, after)
    with pytest.raises(KeyboardInterrupt):
        start("three", [{}, {}])
    impatience.end()
    found = WorkflowObject.query.filter_by(id_parent=None).all()
    assert len(found) == 2
    # One that was claimed for what is interrupted now is not begun: recover has it.
    left = [obj for obj in found if obj.status == ObjectStatus.RUNNING]
    assert len(left) == (1 if (number, after) == (4, True) else 0)
    done = list(recover())
    assert len(done) == len(left)


def test_interrupts_after_one_in_a_task_wait_until_it_is_put_down(sqlite_site):
    def work(obj, eng):
        signal.raise_signal(signal.SIGINT)

    sqlite_site.register("pressed", work)
    impatience = Impatience(sqlite_site.ext.engine, 2, False)
    with pytest.raises(KeyboardInterrupt):
        start("pressed", [{}])
    impatience.end()
    (obj,) = WorkflowObject.query.filter_by(id_parent=None)
    assert obj.status == ObjectStatus.ERROR
