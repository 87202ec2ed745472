"""The checks of the reference about input, by number, in the Holding Pen."""

from __future__ import annotations

import re
from typing import Any

import pytest
from curators import Browser, admit, page
from pydantic import BaseModel
from sites import Site

from invenio_workflows import START, Step, WorkflowObject, start
from invenio_workflows.calls import Call
from invenio_workflows.jobs import perform
from invenio_workflows.proxies import current_workflows

SEEN: list[Any] = []


class Ask(Step):
    """Asks for a number."""

    class UserInputSchema(BaseModel):
        some_data: int

    def execute(self, _input: Any = None, external_input: Any = None) -> Any:
        assert external_input is not None
        SEEN.append(external_input["some_data"])


@pytest.fixture
def pen(site: Site) -> Site:
    SEEN.clear()
    admit(site.app)
    current_workflows.embeds = False
    graph = {START: [Ask], Ask: []}
    site.ext.register_workflow("ask", type("Asks", (), {"graph": graph}))
    return site


@pytest.fixture
def oid(pen: Site) -> int:
    found: int = start("ask", [1]).halted_objects[0].id
    return found


def fields(text: str) -> dict[str, str]:
    hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', text)
    return dict(hidden)


def test_check_6_the_pen_says_that_input_is_required(pen: Site, oid: int) -> None:
    obj = WorkflowObject.get(oid)
    assert (obj.status.name, obj.get_action()) == ("HALTED", "input")
    text = page(pen, f"/{oid}", "curator")
    assert "Need action" in text and "Ask needs input." in text


def test_check_7_input_is_provided_in_the_pen(pen: Site, oid: int) -> None:
    browser, path = Browser(pen.app, "curator"), f"/{oid}/resolve"
    before = pen.rows("SELECT * FROM workflows_object ORDER BY id")
    bad = browser.send(path, some_data="x")
    assert bad.status_code == 422 and "This is not a whole number." in bad.text
    assert pen.rows("SELECT * FROM workflows_object ORDER BY id") == before
    assert browser.send(path, some_data="3").status_code == 303
    perform(Call((oid,)))
    assert WorkflowObject.get(oid).status.name == "COMPLETED" and SEEN == [3]


def test_check_9_of_two_answers_in_the_pen_one_is_taken(pen: Site, oid: int) -> None:
    form = fields(page(pen, f"/{oid}", "curator"))
    ann, bob = (Browser(pen.app, name) for name in ("curator", "admin"))
    tokens = {each: each.token(f"/{oid}") for each in (ann, bob)}
    codes = [
        each.post(
            f"/{oid}/resolve", **{**form, "csrf_token": tokens[each], "some_data": "3"}
        ).status_code
        for each in (ann, bob)
    ]
    assert codes == [303, 409]
    perform(Call((oid,)))
    assert SEEN == [3]


def test_check_11_the_form_is_made_from_the_schema(pen: Site, oid: int) -> None:
    text = page(pen, f"/{oid}", "curator")
    (field,) = re.findall(r'<input [^>]*name="some_data"[^>]*>', text)
    assert 'type="number"' in field
    Browser(pen.app, "curator").send(f"/{oid}/resolve", some_data="3")
    perform(Call((oid,)))
    assert WorkflowObject.get(oid).status.name != "HALTED"
