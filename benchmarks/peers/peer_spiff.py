"""SpiffWorkflow: a BPMN process of five script tasks, saved to SQLite after each.

It keeps nothing by itself. As its documentation of serialization proposes for SQLite,
the definition is stored once and the instance, without it, as JSON in a row of its own;
here one ``UPDATE`` and one commit after each script task, and one at the end.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from typing import Any

from line import TASKS, arguments, serve, settle, timed
from SpiffWorkflow import TaskState
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.serializer import DEFAULT_CONFIG, BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.serializer.default.workflow import BpmnWorkflowConverter

Task = Any


class InstanceConverter(BpmnWorkflowConverter):
    """The instance without its definition, which is stored once."""

    def to_dict(self, workflow: BpmnWorkflow) -> dict[str, Any]:
        """Return what changes as the workflow runs."""
        kept = super(BpmnWorkflowConverter, self).to_dict(workflow)
        kept["bpmn_events"] = self.registry.convert(workflow.bpmn_events)
        return kept


class Store:
    """A table of definitions, and one of instances."""

    def __init__(self, path: str) -> None:
        self.connection = sqlite3.connect(path)
        settle(self.connection)
        self.connection.executescript(
            "CREATE TABLE spec (id TEXT PRIMARY KEY, serialization TEXT);"
            "CREATE TABLE workflow (id TEXT PRIMARY KEY, completed INTEGER, "
            "spec_id TEXT REFERENCES spec, serialization TEXT);"
        )
        config = DEFAULT_CONFIG | {BpmnWorkflow: InstanceConverter}
        registry = BpmnWorkflowSerializer.configure(config)
        self.serializer = BpmnWorkflowSerializer(registry)

    def add_spec(self, spec: Any) -> str:
        """Store a definition."""
        row = (str(uuid.uuid4()), json.dumps(self.serializer.to_dict(spec)))
        self.connection.execute("INSERT INTO spec VALUES (?, ?)", row)
        self.connection.commit()
        return row[0]

    def add(self, workflow: BpmnWorkflow, spec: str) -> str:
        """Store a new instance."""
        row = (str(uuid.uuid4()), 0, spec, self.serializer.serialize_json(workflow))
        self.connection.execute("INSERT INTO workflow VALUES (?, ?, ?, ?)", row)
        self.connection.commit()
        return row[0]

    def save(self, workflow: BpmnWorkflow, key: str) -> None:
        """Store an instance as it is now."""
        self.connection.execute(
            "UPDATE workflow SET serialization = ?, completed = ? WHERE id = ?",
            (self.serializer.serialize_json(workflow), workflow.completed, key),
        )
        self.connection.commit()


def five() -> Any:
    """Return the definition: start, five script tasks, end."""
    names = ["start", *(f"step_{number}" for number in range(1, TASKS + 1)), "end"]
    parts = ['<startEvent id="start"/>', '<endEvent id="end"/>']
    for number in range(1, TASKS + 1):
        script = f"<script>step = {number}</script>"
        parts.append(f'<scriptTask id="step_{number}">{script}</scriptTask>')
    for here, there in zip(names, names[1:], strict=False):
        flow = f'id="after_{here}" sourceRef="{here}" targetRef="{there}"'
        parts.append(f"<sequenceFlow {flow}/>")
    parser = BpmnParser()
    parser.add_bpmn_str(
        '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">'
        f'<process id="five" isExecutable="true">{"".join(parts)}</process>'
        "</definitions>"
    )
    return parser.get_spec("five")


def main() -> None:
    """Store the definition, and run rounds until the input ends."""
    options = arguments(__doc__)
    store = Store(options.url.removeprefix("sqlite:///"))
    spec = five()
    spec_id = store.add_spec(spec)

    def run(record: dict[str, Any]) -> BpmnWorkflow:
        workflow = BpmnWorkflow(spec)
        first = workflow.get_next_task(state=TaskState.READY)
        first.data.update(record)
        key = store.add(workflow, spec_id)

        def done(task: Task) -> None:
            if task.task_spec.name.startswith("step_"):
                store.save(workflow, key)

        workflow.do_engine_steps(did_complete_task=done)
        assert workflow.is_completed()
        store.save(workflow, key)
        return workflow

    def work(records: list[Any]) -> None:
        for record in records:
            workflow = run(record)
        assert workflow.data["step"] == TASKS

    serve(timed(work, options), options, ["SpiffWorkflow", "lxml"])
    store.connection.close()


if __name__ == "__main__":
    main()
