"""What the engine and Python say in English is translated when it is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from invenio_workflows.definition.joining import done_of, split
from invenio_workflows.errors import WaitProcessing
from invenio_workflows.holdingpen.own_words import json_fault, waiting_for


@pytest.fixture
def french() -> Iterator[None]:
    """A request of who reads French."""
    with Flask("site").test_request_context(headers={"Accept-Language": "fr"}):
        yield


NO_JSON = (
    *("", "{", "[1 2]", '{"a" 1}', '{"a": 1} b', '"a', '"\n"', "[1,]", '{"a": 1,}'),
    *(r'"\q"', r'"\u12"'),
)


@pytest.mark.parametrize("text", NO_JSON)
def test_what_python_says_of_a_text_is_said_in_french(french: None, text: str) -> None:
    with pytest.raises(json.JSONDecodeError) as told:
        json.loads(text)
    assert json_fault(told.value.msg) not in (told.value.msg, "")


def test_what_branches_are_waited_for_is_said_in_french(french: None) -> None:
    def said(*asks: Any, of: Any = split) -> str:
        try:
            return str(of(*asks).message)
        except WaitProcessing as wish:
            return str(wish.message)

    class Going:
        class obj:
            status = 3

    assert said(3, 2) == "3 branches; 2 must be done."
    assert waiting_for(said(3, 2)).endswith("doivent être terminées.")
    assert waiting_for(said(3, 1)).endswith("doit être terminée.")
    left = said([Going, Going], 2, of=done_of)
    assert left == "0 of 2 branches are done."
    assert waiting_for(left) == "0 branche sur 2 est terminée."


def test_what_a_task_says_stays_as_it_is(french: None) -> None:
    for said in ("Three authors have this name.", "3 branches; 2 must be done. No?"):
        assert waiting_for(said) == said
