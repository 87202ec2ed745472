"""What a workflow may say of how many of its objects run at once."""

from __future__ import annotations

from typing import Any

import pytest

from invenio_workflows.definition.limits import Limit, refuse_another
from invenio_workflows.definition.workflow import WorkflowBase, compile_workflow
from invenio_workflows.errors import WorkflowDefinitionError


def step(obj: Any, eng: Any) -> None:
    pass


def limit(**attributes: Any) -> Limit | None:
    kind = type("Harvest", (WorkflowBase,), {"workflow": [step], **attributes})
    return compile_workflow("harvest", kind).limit


def key(obj: Any, **attributes: Any) -> str | None:
    found = limit(concurrency_limit=2, **attributes)
    assert found is not None and found.number == 2
    return found.of(obj)


def test_without_a_word_there_is_no_limit() -> None:
    assert limit() is None
    assert compile_workflow("list", [step]).limit is None
    assert limit(concurrency_limit=None) is None


def test_what_is_counted_together() -> None:
    assert key({}) == "harvest:"
    assert key({}, concurrency_key="arxiv") == "arxiv"
    assert key({"host": "a"}, concurrency_key=lambda obj: obj["host"]) == "harvest:a"
    assert key({}, concurrency_key=lambda obj: None) is None
    assert key({}, concurrency_key=staticmethod(lambda obj: "s")) == "harvest:s"
    assert key({}, concurrency_key=classmethod(lambda cls, o: "c")) == "harvest:c"


@pytest.mark.parametrize("number", [0, -1, True, 1.5, "2", [1]])
def test_a_limit_is_a_whole_number_from_1(number: Any) -> None:
    said = r"Workflow 'harvest': concurrency_limit must be a whole number of at least 1"
    with pytest.raises(WorkflowDefinitionError, match=said):
        limit(concurrency_limit=number)


@pytest.mark.parametrize("what", ["", "x" * 256, "a\0", 7, ["a"], property(str)])
def test_a_key_is_a_string_or_a_function(what: Any) -> None:
    with pytest.raises(WorkflowDefinitionError, match="concurrency_key must be a str"):
        limit(concurrency_limit=1, concurrency_key=what)


def test_a_key_without_a_limit_is_refused() -> None:
    with pytest.raises(WorkflowDefinitionError, match="concurrency_limit is missing"):
        limit(concurrency_key="arxiv")


@pytest.mark.parametrize("given", ["", 7, "x" * 256, "a\0"])
def test_a_function_gives_a_key(given: Any) -> None:
    with pytest.raises(WorkflowDefinitionError, match="must return a string of 1 to"):
        key({}, concurrency_key=lambda obj: given)


def test_a_function_that_fails_is_named() -> None:
    said = "concurrency_key of the workflow 'harvest' failed for {}: KeyError: 'host'"
    with pytest.raises(WorkflowDefinitionError, match=said) as caught:
        key({}, concurrency_key=lambda obj: obj["host"])
    assert isinstance(caught.value.__cause__, KeyError)


def test_workflows_that_share_a_key_agree_on_its_limit() -> None:
    two, other = Limit("a", 2, "arxiv"), Limit("b", 3, "arxiv")
    with pytest.raises(WorkflowDefinitionError, match=r"'b' shares .* 'arxiv' and has"):
        refuse_another(two, [other])
    for fine in (None, two, Limit("b", 2, "arxiv"), Limit("b", 3, "x"), Limit("b", 3)):
        refuse_another(two, [fine])
    refuse_another(Limit("a", 2), [Limit("b", 3)])
    refuse_another(None, [two])
