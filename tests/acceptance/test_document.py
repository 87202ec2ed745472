"""The document, snippet by snippet, as it is written there (with Python 3's print)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from invenio_workflows import InvenioWorkflows
from invenio_workflows.tasks.sample_tasks import (
    add_data,
    halt_if_higher_than_20,
)


class myworkflow(object):  # noqa: UP004 - as the document writes it
    """Add 20 to integer and halt if higher."""

    workflow = [add_data(20), halt_if_higher_than_20]


@pytest.fixture
def extension(database_url: str) -> Iterator[InvenioWorkflows]:
    """A site in whose context the snippets run."""
    app = Flask("site")
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url
    extension = InvenioWorkflows(app)
    extension.create_all()
    extension.register_workflow("myworkflow", myworkflow)
    with app.app_context():
        yield extension
    extension.engine.dispose()


def test_a_task_of_ones_own(extension: InvenioWorkflows) -> None:
    """*Create a task* and *Pass additional arguments*."""

    def halt_if_higher_than_20(obj, eng):  # type: ignore[no-untyped-def]
        """Check if current data is more than than 20."""
        if obj.data > 20:
            eng.halt("Data higher than 20.")

    def add_data(data_param):  # type: ignore[no-untyped-def]
        """Add data_param to the obj.data."""

        def _add_data(obj, eng):  # type: ignore[no-untyped-def]
            data = data_param
            obj.data += data

        return _add_data

    class own:
        workflow = [add_data(20), halt_if_higher_than_20]

    from invenio_workflows.api import start

    extension.register_workflow("own", own)
    eng = start(workflow_name="own", data=[0, 1])
    assert [obj.get_data() for obj in eng.halted_objects] == [21]
    assert [obj.get_data() for obj in eng.completed_objects] == [20]
    assert eng.halted_objects[0].get_action_message() == "Data higher than 20."


def test_run_a_single_data_object(extension: InvenioWorkflows) -> None:
    from invenio_workflows.models import BibWorkflowObject

    myobj = BibWorkflowObject.create_object()
    myobj.set_data(10)
    eng = myobj.start_workflow("myworkflow")

    assert myobj.get_data() == 30
    assert eng.name == "myworkflow"
    assert BibWorkflowObject.query.get(myobj.id).get_data() == 30


def test_run_multiple_data_objects(
    extension: InvenioWorkflows, capsys: pytest.CaptureFixture[str]
) -> None:
    from invenio_workflows.api import start

    eng = start(workflow_name="myworkflow", data=[5, 10])

    assert len(eng.objects) == 4
    assert len(eng.initial_objects) == 2
    assert len(eng.halted_objects) == 2
    assert len(eng.completed_objects) == 0
    assert len(eng.running_objects) == 0
    assert len(eng.waiting_objects) == 0
    assert len(eng.error_objects) == 0

    halted_objects = eng.halted_objects
    res = halted_objects[0].get_data()
    print(res)
    assert capsys.readouterr().out == "25\n"


def test_extra_data_has_the_keys_that_the_document_lists(
    extension: InvenioWorkflows,
) -> None:
    from invenio_workflows.models import BibWorkflowObject

    listed = {
        "_tasks_results": {},
        "owner": {},
        "_task_counter": {},
        "_error_msg": None,
        "_last_task_name": "",
        "latest_object": -1,
        "_action": None,
        "redis_search": {},
        "source": "",
        "_task_history": [],
    }
    assert BibWorkflowObject().extra_data == listed
    obj = BibWorkflowObject.create_object()
    assert obj.get_extra_data() == listed
    assert BibWorkflowObject.query.get(obj.id).get_extra_data() == listed
    obj.extra_data["mine"] = "added"
    obj.save()
    assert BibWorkflowObject.query.get(obj.id).extra_data["mine"] == "added"


def test_using_an_action(extension: InvenioWorkflows) -> None:
    """Both ways of activating one: in ``halt()``, and on the object."""
    from invenio_workflows.api import start
    from invenio_workflows.models import BibWorkflowObject

    def ask(obj, eng):  # type: ignore[no-untyped-def]
        eng.halt("Accept article?", action="approval")

    class approve:
        workflow = [ask]

    extension.register_workflow("approve", approve)
    (halted,) = start("approve", [1]).halted_objects
    assert halted.get_action() == "approval"
    assert halted.get_action_message() == "Accept article?"

    obj = BibWorkflowObject.create_object()
    obj.set_action("approval", "Accept article?")
    assert obj.get_action() == "approval"
    obj.remove_action()
    assert obj.get_action() is None


def test_results_of_a_task(extension: InvenioWorkflows) -> None:
    from invenio_workflows.models import BibWorkflowObject

    my_result = {"found": 3}

    obj = BibWorkflowObject()  # or BibWorkflowObject.query.get(id)
    obj.add_task_result("foo", my_result, "path/to/template")

    entry = {"name": "foo", "result": my_result, "template": "path/to/template"}
    assert obj.get_tasks_results() == {"foo": [entry]}
    obj.update_task_results("foo", [])
    assert obj.get_tasks_results() == {"foo": []}


def test_the_main_api(extension: InvenioWorkflows) -> None:
    """*Main API for the workflows*: each verb that runs at once, as it is called."""
    from invenio_workflows.api import (
        continue_oid,
        resume_objects_in_workflow,
        start,
        start_by_oids,
        start_by_wid,
    )
    from invenio_workflows.engine import BibWorkflowEngine
    from invenio_workflows.models import BibWorkflowObject, Workflow

    eng = start("myworkflow", [5])
    assert isinstance(eng, BibWorkflowEngine)
    (obj,) = eng.halted_objects
    assert continue_oid(oid=str(obj.id), start_point="restart_task").uuid == eng.uuid
    resumed = resume_objects_in_workflow(id_workflow=eng.uuid)
    assert [engine.uuid for engine in resumed] == [eng.uuid]
    assert BibWorkflowObject.query.get(obj.id).get_data() == 25
    assert start_by_wid(wid=eng.uuid).uuid == eng.uuid
    assert BibWorkflowObject.query.get(obj.id).get_data() == 25
    again = start_by_oids("myworkflow", oids=[obj.id])
    assert again.uuid != eng.uuid
    assert BibWorkflowObject.query.get(obj.id).get_data() == 45
    assert extension.db.session.get(Workflow, again.uuid).name == "myworkflow"


def test_every_name_that_the_document_imports_is_there() -> None:
    from invenio_workflows import (  # noqa: F401
        BibWorkflowObject,
        InvenioWorkflows,
        WorkflowEngine,
        WorkflowObject,
        start,
    )
    from invenio_workflows.definitions import WorkflowBase  # noqa: F401
    from invenio_workflows.engine import (  # noqa: F401
        BibWorkflowEngine,
        WorkflowStatus,
    )
    from invenio_workflows.errors import (  # noqa: F401
        AbortProcessing,
        IllegalMove,
        SkipToken,
        WorkflowAPIError,
        WorkflowDefinitionError,
        WorkflowError,
        WorkflowHalt,
        WorkflowObjectVersionError,
        WorkflowsError,
        WorkflowWorkerError,
    )
    from invenio_workflows.models import (
        BibWorkflowObject as Named,
    )
    from invenio_workflows.models import (
        ObjectStatus,
        ObjectVersion,
        Workflow,  # noqa: F401
    )
    from invenio_workflows.patterns import (  # noqa: F401
        BREAK,
        CHOICE,
        CMP,
        FOR,
        HALT,
        IF,
        IF_ELSE,
        IF_NOT,
        STOP,
        TRY,
        WHILE,
    )

    assert Named is BibWorkflowObject is WorkflowObject
    assert BibWorkflowEngine is WorkflowEngine
    assert ObjectVersion is ObjectStatus
