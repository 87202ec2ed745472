"""What is raised below the pages is told there in the reader's words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import invenio_workflows
from invenio_workflows.actions import Approval
from invenio_workflows.errors import (
    ActionNotFound,
    DatabaseUnavailable,
    IllegalMove,
    WorkflowsError,
)
from invenio_workflows.holdingpen import texts
from invenio_workflows.holdingpen.refusals import SAID, told
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.states import ObjectStatus, check_start_point, require

PACKAGE = Path(invenio_workflows.__file__).parent
#: Those that are made of a word: `own_` and why it is somebody's own.
MADE = {"own_submitted", "own_edited", "own_unknown"}


def test_each_code_is_told_and_none_is_told_that_nothing_has() -> None:
    rooms = [each for each in PACKAGE.rglob("*.py") if "holdingpen" not in each.parts]
    source = "".join(each.read_text("utf-8") for each in rooms)
    assert set(re.findall(r'\bcode="(\w+)"', source)) | MADE == set(SAID)
    words = (PACKAGE / "four_eyes.py").read_text("utf-8")
    assert 'code=f"own_{kind}"' in words
    for each in MADE:
        assert f'"{each.removeprefix("own_")}"' in words


def test_a_page_says_what_the_record_is_not_what_a_program_would_call() -> None:
    with pytest.raises(IllegalMove, match="restart_task is not possible") as caught:
        require("restart_task", 7, ObjectStatus.WAITING, "queue")
    assert told(caught.value) == "Record 7 is “Queued”, so this is not possible."
    with pytest.raises(ValueError, match="There is no start point") as wrong:
        check_start_point("task:")
    assert told(wrong.value) == "There is no such task any more; choose another."


def test_a_reason_that_lacks_is_asked_for_in_the_words_of_the_button() -> None:
    asked = Approval(needs_reason=["reject"])
    with pytest.raises(ValueError, match="Say why: to reject") as caught:
        asked.resolve(WorkflowObject({}), {"value": "reject"}, "7")
    assert told(caught.value) == "Say why: who rejects gives a reason."


def test_what_has_no_code_is_told_by_its_kind_and_the_log_has_the_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    moved = IllegalMove("Object 7 was moved by someone else.", id_object=7)
    assert told(moved).startswith("Record 7 changed meanwhile")
    assert not caplog.records
    assert told(ActionNotFound("There is no action 'x'.")).startswith("What the record")
    away = DatabaseUnavailable("The database cannot be used: at db.internal:5432")
    assert told(away) == "The database cannot be reached. Try again soon."
    assert "db.internal" in caplog.text


def test_what_the_site_says_itself_is_told_as_it_is() -> None:
    assert told(ValueError("Titel fehlt.")) == "Titel fehlt."
    assert told(WorkflowsError("Nicht heute.")) == "Nicht heute."


def test_in_the_reader_s_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "language", lambda: "fr")
    error = IllegalMove("Object 7 …", code="needs_input", id_object=7)
    assert told(error).startswith("La notice 7 demande une saisie")
