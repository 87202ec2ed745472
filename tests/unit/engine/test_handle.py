"""``eng``: what the objects of a run share, and the names of old releases."""

from __future__ import annotations

from typing import Any

import pytest
from unit.engine.world import FakeRun, Thing, ran

from invenio_workflows import errors
from invenio_workflows.engine import WorkflowEngine
from invenio_workflows.engine.old_names import RENAMED
from invenio_workflows.states import ObjectStatus
from invenio_workflows.testing import run


def made(shared: dict[str, Any] | None = None) -> Any:
    return WorkflowEngine(FakeRun(), shared or {})  # type: ignore[arg-type]


def test_changes_are_what_a_task_changed() -> None:
    eng = made({"same": [1], "set": 1, "gone": 1, "inside": {"a": 1}})
    eng.extra_data["set"] = 2
    eng.extra_data["inside"]["a"] = 2
    del eng.extra_data["gone"]
    found = eng.changes()
    assert (found.values, found.removed) == ({"set": 2, "inside": {"a": 2}}, ["gone"])
    eng.settle(found.apply({"same": [1], "gone": 1, "another's": 3}))
    assert eng.extra_data == {"same": [1], "set": 2, "inside": {"a": 2}, "another's": 3}
    assert not eng.changes()


def test_what_is_added_is_added_to_what_others_added() -> None:
    eng = made({"n": 1, "l": ["a"]})
    eng.add("n", 2)
    eng.add("n")
    eng.append("l", "b")
    eng.append("new", "c")
    assert eng.extra_data == {"n": 4, "l": ["a", "b"], "new": ["c"]}
    theirs = {"n": 100, "l": ["x"], "new": ["y"]}
    assert eng.changes().apply(theirs) == {
        "n": 103,
        "l": ["x", "b"],
        "new": ["y", "c"],
    }


def test_a_key_that_is_set_wins_over_what_was_added() -> None:
    eng = made({"n": 1})
    eng.add("n", 5)
    eng.extra_data["n"] = 0
    assert eng.changes().apply({"n": 50}) == {"n": 0}
    eng = made({"n": 1})
    eng.extra_data["n"] = 10
    eng.add("n", 5)
    assert eng.changes().apply({"n": 50}) == {"n": 15}


def test_outside_of_a_task_it_is_kept_at_once() -> None:
    eng = made({"a": 1})
    eng.set_extra_data_params(b=2)
    assert eng._run.kept == {"b": 2}
    eng.set_extra_data({"c": 3})
    assert eng._run.kept == {"c": 3}
    eng.reset_extra_data()
    assert eng._run.kept == {}


@pytest.mark.parametrize("kept", [{}, {"a": 1}])
@pytest.mark.parametrize("value", [None, [], 0, "text"])
def test_what_is_shared_is_a_dictionary(kept: dict[str, Any], value: Any) -> None:
    told = f"eng.extra_data must be a dictionary, not {type(value).__name__}."
    eng = made(kept)
    with pytest.raises(errors.WorkflowAPIError, match=told):
        eng.set_extra_data(value)
    assert eng.extra_data == kept
    eng.extra_data = value
    with pytest.raises(errors.WorkflowAPIError, match=told):
        eng.save()
    eng.forget()
    assert eng.extra_data == kept


def test_a_task_that_makes_it_anything_else_fails_and_is_undone() -> None:
    def careless(obj: Any, eng: Any) -> None:
        obj.data = "lost"
        eng.extra_data = None

    with pytest.raises(errors.WorkflowError, match="eng.extra_data must be a dict"):
        run([careless, lambda obj, eng: None], "kept")


def test_a_dictionary_may_be_put_in_its_place() -> None:
    eng = made({"a": 1})
    eng.extra_data = {"b": 2}
    eng.save()
    assert eng._run.kept == {"b": 2}
    eng.set_extra_data(eng.extra_data)
    assert eng.extra_data == {"b": 2}


def test_the_lists_of_objects_ask_the_run() -> None:
    eng = made()
    eng._run.things = [Thing(1)]
    assert eng.objects == eng.processed_objects == eng._run.things
    assert eng.halted_objects
    assert eng._run.asked == [
        (None, False),
        (None, True),
        ([ObjectStatus.HALTED], False),
    ]
    assert [index for index, _ in eng.getObjects()] == [0]


def test_a_task_knows_where_it_is() -> None:
    def where(obj: Any, eng: Any) -> None:
        assert eng.get_current_object() is obj
        obj.data = [eng.get_current_taskname(), eng.get_current_task()]

    assert ran([[where]]).data == ["where", [0, 0]]
    eng = made()
    assert (eng.get_current_taskname(), eng.get_current_task()) == ("", [])
    assert eng.get_current_object() is None


def test_a_halt_takes_its_message_under_the_name_of_old_releases() -> None:
    for words in ({"msg": "why"}, {"message": "why"}):
        with pytest.raises(errors.WorkflowHalt) as caught:
            made().halt(**words, action="approval", level=1)
        wish = caught.value
        assert (wish.message, wish.action, wish.payload) == (
            "why",
            "approval",
            {"level": 1},
        )


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_name_answers_and_warns(old: str) -> None:
    arguments = (1,) if "jump" in old else ()
    answers = []
    for name in (old, RENAMED[old]):
        try:
            if name == old:
                with pytest.warns(DeprecationWarning, match=f"eng.{RENAMED[old]}"):
                    answers.append(getattr(made(), name)(*arguments))
            else:
                answers.append(getattr(made(), name)(*arguments))
        except (errors.Control, errors.WorkflowError) as wish:
            answers.append((type(wish), str(wish)))
    assert len(answers) == 2
    assert answers[0] == answers[1]


def test_the_position_of_the_object_by_its_old_name() -> None:
    with pytest.warns(DeprecationWarning):
        assert made().getCurrObjId() is None
