"""Errors say what happened, travel through a queue, and have one root."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from invenio_workflows import errors


def below(kind: type) -> list[type]:
    found = []
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            found += [each, *below(each)]
    return found


ERRORS: list[Any] = [errors.WorkflowsError, *below(errors.WorkflowsError)]
WISHES: list[Any] = below(errors.Control)


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_travels_and_can_be_told_as_json(kind: Any) -> None:
    error = kind("what happened")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert (str(back), back.args) == ("what happened", ("what happened",))
    assert back.__dict__ == error.__dict__
    told = json.loads(json.dumps(error.to_dict()))
    assert (told["error"], told["message"]) == (kind.__name__, "what happened")


@pytest.mark.parametrize("kind", ERRORS)
def test_the_docstring_is_the_message_when_none_is_given(kind: Any) -> None:
    assert str(kind()) == kind.__doc__.split("\n")[0]


def test_the_arguments_of_old_releases() -> None:
    failed = errors.WorkflowError("why", "5d9c", 17, payload=["x"])
    assert (failed.id_workflow, failed.id_object, failed.payload) == ("5d9c", 17, ["x"])
    assert str(failed) == "Error in workflow 5d9c, object 17: why"
    assert failed.to_dict()["payload"] == ["x"]
    assert pickle.loads(pickle.dumps(failed)).id_object == 17
    definition = errors.WorkflowDefinitionError("why", "name", more=1)
    assert (definition.workflow_name, definition.payload) == ("name", {"more": 1})
    worker = errors.WorkflowWorkerError("why")
    assert worker.worker_name == "No Name Given"
    version = errors.WorkflowObjectVersionError("why", 17, 3)
    assert (version.id_object, version.obj_version) == (17, 3)
    assert isinstance(version, errors.IllegalMove)


@pytest.mark.parametrize("kind", WISHES)
def test_a_wish_is_no_error_and_travels_too(kind: Any) -> None:
    wish = kind(2) if kind is errors.JumpCall else kind("x")
    assert not isinstance(wish, Exception)
    back = pickle.loads(pickle.dumps(wish))
    assert back.__dict__ == wish.__dict__


def test_a_halt_says_what_it_asks() -> None:
    halt = errors.WorkflowHalt("why", action="approval", level=2)
    assert halt.to_dict() == {"message": "why", "action": "approval", "level": 2}
