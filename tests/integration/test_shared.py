"""What the objects of a run share: what does not fit is the task's error."""

from __future__ import annotations

import pytest
from sites import Site
from sqlalchemy import text

from invenio_workflows import ObjectStatus, start
from invenio_workflows.errors import WorkflowError
from invenio_workflows.models import WorkflowObject


def test_adding_to_what_another_worker_made_a_text_is_the_tasks_error(site: Site):
    def meddle_and_add(obj, eng):
        eng.add("count", 1)
        with site.ext.engine.connect() as other:
            other.execute(
                text('UPDATE workflows_run SET extra_data = \'{"count":"many"}\'')
            )
            other.commit()

    site.register("meddled", meddle_and_add)
    with pytest.raises(WorkflowError, match="another worker has put there"):
        start("meddled", [{}])
    obj = WorkflowObject.query.filter_by(id_parent=None).one()
    assert obj.status == ObjectStatus.ERROR


def test_a_started_object_knows_its_times(site: Site):
    seen = []

    def look(obj, eng):
        seen.append((obj.created, obj.modified))

    site.register("timed", look)
    start("timed", [{}])
    (created, modified), kept = seen[0], WorkflowObject.query.filter_by(status=1).one()
    assert abs((kept.created - created).total_seconds()) < 60
    assert modified.tzinfo is not None
