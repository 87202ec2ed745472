"""The table of what is legal when, and a run's status from its objects'."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_workflows import states
from invenio_workflows.errors import IllegalMove
from invenio_workflows.states import ObjectStatus as O
from invenio_workflows.states import WorkflowStatus as W

LEGAL = {
    "start": [O.INITIAL, O.COMPLETED, O.HALTED, O.WAITING, O.ERROR, O.CANCELLED],
    "continue_next": [O.HALTED, O.WAITING, O.ERROR],
    "restart_task": [O.HALTED, O.WAITING, O.ERROR, O.COMPLETED, O.CANCELLED],
    "restart_prev": [O.HALTED, O.WAITING, O.ERROR, O.COMPLETED, O.CANCELLED],
    "restart_first": [O.HALTED, O.WAITING, O.ERROR, O.COMPLETED, O.CANCELLED],
    "task": [O.HALTED, O.WAITING, O.ERROR],
    "resume": [O.HALTED, O.WAITING, O.ERROR, O.INITIAL],
    "resolve": [O.HALTED],
    "cancel": [O.HALTED, O.WAITING, O.ERROR, O.INITIAL, O.RUNNING],
    "edit": [O.HALTED, O.WAITING, O.ERROR, O.INITIAL],
    "save": [O.INITIAL, O.COMPLETED, O.HALTED, O.WAITING, O.ERROR, O.CANCELLED],
    "delete": [O.INITIAL, O.COMPLETED, O.HALTED, O.WAITING, O.ERROR, O.CANCELLED],
}


def test_the_numbers_and_labels_are_those_that_are_stored_and_shown() -> None:
    assert [(s.value, s.label) for s in O] == [
        (0, "New"),
        (1, "Done"),
        (2, "Need action"),
        (3, "In process"),
        (4, "Waiting"),
        (5, "Error"),
        (6, "Cancelled"),
    ]
    assert O.name_from_version(2) == "Need action"
    assert O.name_from_version(9) is None
    assert [s.value for s in W] == [0, 1, 2, 3, 4, 5]
    assert states.ObjectVersion is O


@pytest.mark.parametrize("name", states.ALLOWED)
@pytest.mark.parametrize("status", O)
def test_an_operation_is_legal_or_refused_with_a_reason(name: str, status: O) -> None:
    legal = status in LEGAL[name]
    assert states.may(name, status) is legal
    if legal:
        states.require(name, 17, status)
        return
    with pytest.raises(IllegalMove, match=f"17 is {status.name}.*{name} is not") as e:
        states.require(name, 17, status)
    assert e.value.details["status"] == status.name


def test_a_queued_object_can_be_cancelled() -> None:
    states.require("cancel", 17, O.WAITING, "queue")


@pytest.mark.parametrize("name", sorted(states.ALLOWED.keys() - {"cancel"}))
def test_nothing_else_is_legal_for_a_queued_object(name: str) -> None:
    with pytest.raises(IllegalMove, match="Queued.*wait until it stops"):
        states.require(name, 17, O.WAITING, "queue")


@pytest.mark.parametrize("point", [*states.START_POINTS, "task:a"])
def test_start_points_have_an_operation(point: str) -> None:
    assert states.check_start_point(point) == point
    assert states.operation(point) in states.ALLOWED


@pytest.mark.parametrize(
    "point", ["", "task:", "next", "resume", "RESTART_TASK", None, 1]
)
def test_another_start_point_is_refused_naming_those(point: Any) -> None:
    with pytest.raises(ValueError, match="restart_prev, restart_first or task:<name>"):
        states.check_start_point(point)


def slowly(objects: list[tuple[O, str | None]]) -> W:
    """The rule as it is written down, object by object."""
    rules: list[tuple[Any, W]] = [
        (lambda s, w: s is O.RUNNING or (s is O.WAITING and w == "queue"), W.RUNNING),
        (lambda s, w: s is O.ERROR, W.ERROR),
        (lambda s, w: s in (O.HALTED, O.WAITING, O.INITIAL), W.HALTED),
        (lambda s, w: s is O.CANCELLED, W.CANCELLED),
    ]
    for rule, status in rules:
        if any(rule(*each) for each in objects):
            return status
    return W.COMPLETED


objects = st.one_of(
    st.tuples(st.sampled_from([s for s in O if s is not O.WAITING]), st.none()),
    st.tuples(st.just(O.WAITING), st.sampled_from([None, *states.WAITS_FOR])),
)


@given(st.lists(objects, max_size=5))
def test_a_runs_status_is_that_of_its_objects(given: list[Any]) -> None:
    assert states.run_status(given) is slowly(given)
    fresh = states.run_status(given, began=False)
    assert fresh is (W.NEW if slowly(given) is W.RUNNING else slowly(given))


def test_every_event_leads_to_a_status() -> None:
    kinds = set(states.Event.__subclasses__()) | {states.InputAsked}
    assert set(states.LEADS_TO) == kinds
