"""Approval: accept or reject, with a reason where one is needed."""

from __future__ import annotations

from typing import Any

import pytest

from invenio_workflows import WorkflowObject
from invenio_workflows.actions import Action, Approval


def halted(**payload: Any) -> WorkflowObject:
    return WorkflowObject({}, {"_payload": payload} if payload else {})


def test_either_answer_is_kept_with_its_reason() -> None:
    obj = halted()
    made = Approval().resolve(obj, {"value": "reject", "reason": " A copy. "}, "ann")
    assert (made.value, made.reason, made.start_point) == (
        "reject",
        "A copy.",
        "continue_next",
    )
    assert obj.extra_data["approved"] is False and obj.extra_data["reason"] == "A copy."


@pytest.mark.parametrize(
    "form", [{}, {"value": "maybe"}, {"value": "accept", "colour": "red"}]
)
def test_what_is_no_answer_changes_nothing(form: Any) -> None:
    obj = halted()
    with pytest.raises(ValueError):
        Approval().resolve(obj, form, None)
    assert "approved" not in obj.extra_data


def test_a_reason_may_be_needed() -> None:
    action = Approval(needs_reason=["reject"])
    with pytest.raises(ValueError, match="Say why"):
        action.resolve(halted(), {"value": "reject", "reason": "  "}, None)
    assert action.resolve(halted(), {"value": "accept"}, None).reason == ""
    (_name, context) = action.render_mini(halted()) or ("", {})
    assert context == {"offered": ["accept", "reject"], "needs_reason": ["reject"]}
    with pytest.raises(ValueError):
        Approval(needs_reason=["maybe"])


def test_reasons_are_offered_and_no_other_is_taken() -> None:
    action = Approval(reasons=["A copy", "Off topic"])
    form = {"value": "reject", "canned": "A copy", "reason": "of 12"}
    assert action.resolve(halted(), form, None).reason == "A copy: of 12"
    with pytest.raises(ValueError, match="none of the reasons"):
        action.resolve(halted(), {**form, "canned": "Bad luck"}, None)


def test_a_halt_says_its_own_reasons() -> None:
    obj = halted(reasons=["Too old"], needs_reason=["accept"])
    (name, context) = Approval(reasons=["A copy"]).render(obj)["side"]
    assert name == "workflows/actions/approval_side.html"
    assert context == {"reasons": ["Too old"], "needs_reason": ["accept"]}
    with pytest.raises(ValueError, match="Say why"):
        Approval().resolve(obj, {"value": "accept"}, None)


def test_an_action_names_its_templates() -> None:
    class Merge(Action):
        name = "merge"

    assert Merge().render_mini(None) is None
    assert Merge().render(None) == {
        "side": ("workflows/actions/merge_side.html", {}),
        "main": ("workflows/actions/merge_main.html", {}),
    }


# --- votes ----------------------------------------------------------------------------


def test_how_many_vote_is_said_by_the_site_or_by_the_halt() -> None:
    assert Approval().poll(halted()).needed == 1
    assert Approval(votes=2).poll(halted()).needed == 2
    poll = Approval(votes=2).poll(halted(votes=3, veto=[]))
    assert (poll.needed, poll.veto) == (3, ())
    assert Approval().poll(halted()).veto == ("reject",)


@pytest.mark.parametrize("wrong", [0, -1, "2", True, 2.0, None])
def test_what_is_no_number_of_persons_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="votes is a number of persons"):
        Approval(votes=wrong)
    with pytest.raises(ValueError, match="votes is a number of persons"):
        Approval().poll(halted(votes=wrong))


def test_what_is_no_veto_is_refused() -> None:
    with pytest.raises(ValueError, match="no answer maybe"):
        Approval(veto=["maybe"])
    with pytest.raises(ValueError, match="veto is a list of answers"):
        Approval().poll(halted(votes=2, veto="reject"))


def test_a_vote_is_checked_and_changes_nothing() -> None:
    obj = halted(votes=2, needs_reason=["reject"])
    choice = Approval().choice(obj, {"value": "accept", "reason": " why "}, "ann")
    assert (choice.value, choice.reason) == ("accept", "why")
    with pytest.raises(ValueError, match="Say why"):
        Approval().choice(obj, {"value": "reject"}, "ann")
    assert "approved" not in obj.extra_data and "reason" not in obj.extra_data


def test_an_action_without_choices_says_so() -> None:
    with pytest.raises(TypeError, match="which votes are alike"):
        Action().choice(halted(), {}, "ann")
