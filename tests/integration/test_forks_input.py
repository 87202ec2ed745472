"""Input that the nodes of branches, and a Join, ask for."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from sites import Site

from invenio_workflows import (
    START,
    Fork,
    Join,
    Step,
    WorkflowObject,
    provide_input,
    start,
)
from invenio_workflows.errors import InputNotValid
from invenio_workflows.states import ObjectStatus

S = ObjectStatus
parts = Fork("parts")


class Begin(Step):
    def execute(self, _input: Any, external_input: Any) -> Any:
        return 1


class Price(Step):
    class UserInputSchema(BaseModel):
        price: int

    def execute(self, _input: Any, external_input: Any) -> Any:
        return _input + external_input["price"]


class Place(Step):
    class UserInputSchema(BaseModel):
        place: str

    def execute(self, _input: Any, external_input: Any) -> Any:
        self.obj.data["place"] = external_input["place"]
        return external_input["place"]


class Agreed(Join):
    class UserInputSchema(BaseModel):
        name: str

    def execute(self, _input: Any, external_input: Any) -> Any:
        return {**_input, **external_input}


class Keep(Step):
    def execute(self, _input: Any, external_input: Any) -> Any:
        self.obj.data["kept"] = _input


GRAPH = {
    **{START: [Begin], Begin: [parts], parts: [Price, Place]},
    **{Price: [Agreed], Place: [Agreed], Agreed: [Keep]},
}


def now(oid: int) -> WorkflowObject:
    found: WorkflowObject = WorkflowObject.get(oid)
    return found


def test_each_branch_asks_for_itself_and_the_join_for_all(site: Site) -> None:
    site.ext.register_workflow("agree", GRAPH)
    (obj,) = start("agree", {}).processed_objects
    query = WorkflowObject.query.filter_by(id_fork=obj.id).order_by("branch")
    price, place = query.all()
    assert [price.get_action(), place.get_action()] == ["input", "input"]
    assert (now(obj.id).status, now(obj.id).waits_for) == (S.WAITING, "join")
    provide_input(place.id, {"place": "here"})
    with pytest.raises(InputNotValid):
        provide_input(price.id, {"price": "much"})
    assert now(price.id).status == S.HALTED
    provide_input(price.id, {"price": 4})
    asks = now(obj.id)
    assert (asks.status, asks.get_action()) == (S.HALTED, "input")
    assert asks.data == {}, "what is asked before is put together after the answer"
    provide_input(obj.id, {"name": "Ada"})
    kept = {"Price": 5, "Place": "here", "name": "Ada"}
    assert now(obj.id).data == {"place": "here", "kept": kept}
