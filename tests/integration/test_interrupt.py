"""Ctrl-C between two tasks: nothing stays RUNNING that nobody moves."""

from __future__ import annotations

import pytest

from invenio_workflows import ObjectStatus, recover, resume_objects_in_workflow, start
from invenio_workflows.models import WorkflowObject


def three_tasks():
    def first(obj, eng):
        obj.data["first"] = True

    def second(obj, eng):
        obj.data["second"] = True

    def third(obj, eng):
        obj.data["third"] = True

    return [first, second, third]


class Interrupt:
    """Ctrl-C at the commit of a number, before or after it took effect."""

    def __init__(self, engine, number, after):
        self.left, self.after, self.engine = number, after, engine
        self.real = engine.dialect.do_commit
        engine.dialect.do_commit = self.commit

    def commit(self, connection):
        self.left -= 1
        if self.left == 0 and not self.after:
            raise KeyboardInterrupt
        self.real(connection)
        if self.left == 0:
            raise KeyboardInterrupt

    def end(self):
        self.engine.dialect.do_commit = self.real


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6])
def test_an_interrupt_at_any_commit_leaves_nothing_running(site, number, after):
    site.register("three", *three_tasks())
    with site.app.app_context():
        interrupt = Interrupt(site.ext.engine, number, after)
        with pytest.raises(KeyboardInterrupt):
            start("three", [{}, {}])
        interrupt.end()
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
