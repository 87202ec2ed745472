"""Every event keeps what it changed: the object as it was can be had again."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sites import Site

from invenio_workflows.api import (
    cancel,
    continue_oid,
    resolve,
    start,
    start_by_wid,
)
from invenio_workflows.errors import ObjectNotFound, WorkflowError
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.states import ObjectStatus

S = ObjectStatus


def stored(oid: int) -> WorkflowObject:
    found: WorkflowObject = WorkflowObject.query.one_by_id(oid)
    return found


def check_replay(oid: int) -> None:
    """The object after its last event is the object as it is."""
    now = stored(oid)
    then = now.at(now.history()[-1])
    assert then.data == now.data
    assert then.get_extra_data() == now.get_extra_data()
    assert then.status == now.status
    assert then.revision <= now.history()[-1].seq


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=6,
)
#: What a task does: new data or none, a new key or none, and how it ends.
DEEDS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.tuples(VALUES)),
        st.one_of(st.none(), st.tuples(st.sampled_from("ab"), VALUES)),
        st.sampled_from(["go", "go", "go", "halt", "fail", "stop", "abort"]),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=VALUES, deeds=DEEDS)
def test_the_last_event_replayed_is_the_row(
    site: Site, first: Any, deeds: list[Any]
) -> None:
    after: list[tuple[str, Any, dict[str, Any]]] = []

    def doing(number: int) -> Any:
        new, key, end = deeds[number]

        def task(obj: Any, eng: Any) -> None:
            before = copy.deepcopy((obj.data, obj.extra_data.get("a")))
            if new is not None:
                obj.data = new[0]
            if key is not None:
                obj.extra_data[key[0]] = key[1]
            undone = end in ("fail", "abort")
            data = before[0] if undone else obj.data
            extra = before[1] if undone else obj.extra_data.get("a")
            after.append((f"task{number}", copy.deepcopy(data), extra))
            if end == "fail":
                raise ValueError(number)
            if end != "go":
                getattr(eng, end)()

        task.task_name = f"task{number}"  # type: ignore[attr-defined]
        return task

    site.register("does", *[doing(number) for number in range(len(deeds))])
    obj = WorkflowObject(first)
    try:
        start("does", [obj])
    except WorkflowError:
        pass
    while stored(obj.id).status in (S.HALTED, S.ERROR):
        check_replay(obj.id)
        try:
            continue_oid(obj.id)
        except WorkflowError:
            pass
    check_replay(obj.id)
    now = stored(obj.id)
    told = [
        event for event in now.history() if event.task and event.kind != "TaskSkipped"
    ]
    assert [event.task for event in told] == [name for name, _, _ in after]
    for event, (_, data, extra) in zip(told, after, strict=True):
        then = now.at(event)
        assert (then.data, then.extra_data.get("a")) == (data, extra)
        assert then.extra_data["_last_task_name"] == event.task


def test_every_verb_can_be_replayed(site: Site) -> None:
    def ask(obj: Any, eng: Any) -> None:
        obj.data["asked"] = obj.data.get("asked", 0) + 1
        eng.halt("?", action="approval", why=1)

    site.register("asks", ask, [ask])
    obj = WorkflowObject.create_object(data={"n": 1})
    check_replay(obj.id)
    obj.set_data({"n": 2})
    obj.save()
    check_replay(obj.id)
    eng = start("asks", [obj])
    check_replay(obj.id)
    resolve(obj.id, "approval", {"value": "accept"}, actor="ann")
    check_replay(obj.id)
    stored(obj.id).save(task_counter=[0])
    check_replay(obj.id)
    continue_oid(obj.id, "restart_first")
    check_replay(obj.id)
    start_by_wid(eng.uuid)
    check_replay(obj.id)
    site.register("stops", lambda obj, eng: eng.stop())
    other = start("asks", [{}]).halted_objects[0]
    start("stops", [1, other])  # accepted, and left INITIAL
    check_replay(other.id)
    assert stored(other.id).extra_data["_task_counter"] == {}
    start("stops", [other])
    check_replay(other.id)
    cancelled = start("asks", [{}]).halted_objects[0]
    cancel(cancelled.id)
    check_replay(cancelled.id)


def test_a_refused_start_loses_nothing_of_the_history(site: Site) -> None:
    """What a start that was refused had encoded is not taken for what is kept."""
    site.register("nothing", lambda obj, eng: None)
    obj = WorkflowObject.create_object(data="before")
    obj.set_data("after")
    with pytest.raises(Exception, match="object"):
        start("nothing", [obj, object()])
    assert stored(obj.id).data == "before"
    obj.save()
    check_replay(obj.id)


def test_two_events_can_be_compared(site: Site) -> None:
    def change(obj: Any, eng: Any) -> None:
        obj.data["title"] = "changed"

    def look(obj: Any, eng: Any) -> None:
        pass

    site.register("changes", look, change, look)
    (obj,) = start("changes", [{"title": "old", "n": 1}]).completed_objects
    history = obj.history()
    assert [(event.kind, event.task) for event in history] == [
        ("Started", ""),
        ("TaskFinished", "look"),
        ("TaskFinished", "change"),
        ("TaskFinished", "look"),
        ("Finished", ""),
    ]
    assert ["data" in event.changed for event in history] == [False] * 2 + [True] + [
        False
    ] * 2
    assert obj.at(history[1]).data == {"title": "old", "n": 1}
    assert obj.at(history[2]).data == {"title": "changed", "n": 1}
    assert obj.at(2).data == obj.at(history[1]).data
    assert [event.seq for event in history] == [1, 2, 3, 4, 5]
    assert history[2].position == [1]
    assert history[2].seconds is not None and history[2].seconds < 60
    assert {event.id_workflow for event in history} == {obj.id_workflow}
    with pytest.raises(ObjectNotFound):
        WorkflowObject.create_object().at(0)


def test_the_task_history_is_made_from_the_events(site: Site) -> None:
    """DESIGN 6.14: present in the document, never in the row."""

    def look(obj: Any, eng: Any) -> None:
        seen.append([entry["name"] for entry in obj.extra_data["_task_history"]])

    seen: list[Any] = []
    site.register("looks", look, [look, lambda obj, eng: eng.halt("?")], look)
    (obj,) = start("looks", [1]).halted_objects
    continue_oid(obj.id)
    assert seen[0] == []
    done = stored(obj.id)
    names = [entry["name"] for entry in done.extra_data["_task_history"]]
    assert names == ["look", "look", "<lambda>", "look"]
    positions = [entry["position"] for entry in done.extra_data["_task_history"]]
    assert positions == [[0], [1, 0], [1, 1], [2]]
    assert done.extra_data["_task_counter"] == [2]
    assert done.extra_data["_last_task_name"] == "look"
    rows = site.rows("SELECT extra_data FROM workflows_object")
    for key in ("_task_history", "_task_counter", "_last_task_name"):
        assert key not in str(rows)
