"""Answers that several persons must give: each has one vote, one of them decides."""

from __future__ import annotations

import io
import json
import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from flask.cli import ScriptInfo
from pydantic import BaseModel, SecretStr
from sites import Site

from invenio_workflows import File, WorkflowObject
from invenio_workflows.actions import Action, Choice, Resolution
from invenio_workflows.actions.voting import in_a_word
from invenio_workflows.api import (
    add_file,
    comment,
    continue_oid,
    edit,
    poll_of,
    provide_input,
    resolve,
    start,
)
from invenio_workflows.cli import workflows
from invenio_workflows.errors import (
    IllegalMove,
    InputNotValid,
    OwnSubmission,
    WorkflowError,
)
from invenio_workflows.jobs import sweep
from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import ObjectStatus

S = ObjectStatus


@pytest.fixture(autouse=True)
def nobody_works(site: Site) -> None:
    """What is delayed stays in its queue."""
    current_workflows.embeds = False


def publish(obj: Any, eng: Any) -> None:
    obj.data["published"] = obj.data.get("published", 0) + 1


def halted(site: Site, **asks: Any) -> WorkflowObject:
    def ask(obj: Any, eng: Any) -> None:
        eng.halt("Is it good?", **{"action": "approval", "votes": 2, **asks})

    site.register("voting", ask, publish)
    (obj,) = start("voting", [{"title": "A"}]).halted_objects
    found: WorkflowObject = WorkflowObject.get(obj.id)
    return found


def vote(obj: WorkflowObject, actor: Any, value: str = "accept", **more: Any) -> Any:
    """Vote as somebody does who has just looked at the object."""
    form = {"value": value, **more.pop("form", {})}
    return resolve(obj.id, "approval", form, actor, obj.revision, **more)


def given(obj: WorkflowObject) -> list[tuple[str, str]]:
    poll = poll_of(obj.id)
    assert poll is not None
    return [(each.actor, each.value) for each in poll.votes]


def audited(obj: WorkflowObject) -> list[tuple[str, str | None, str | None]]:
    return [
        (row.verb, row.actor, row.value) for row in current_workflows.audit.of(obj.id)
    ]


def now(obj: WorkflowObject) -> WorkflowObject:
    found: WorkflowObject = WorkflowObject.get(obj.id)
    return found


def test_the_vote_that_makes_enough_moves_the_object(site: Site) -> None:
    obj = halted(site)
    assert vote(obj, "ann", form={"reason": "fine"}) is None
    waiting = now(obj)
    assert waiting.status == S.HALTED and waiting.revision == obj.revision
    assert "approved" not in waiting.extra_data
    assert len(waiting.history()) == len(obj.history())
    poll = poll_of(obj.id)
    assert poll is not None and (poll.needed, poll.lacking) == (2, 1)
    assert given(obj) == [("ann", "accept")]
    engine = vote(obj, "bob")
    assert engine is not None
    done = now(obj)
    assert done.status == S.COMPLETED and done.data["published"] == 1
    assert done.extra_data["approved"] is True
    assert audited(obj) == [("vote", "ann", "accept"), ("resolve", "bob", "accept")]
    assert poll_of(obj.id) is None


def test_a_person_has_one_vote_and_may_change_it(site: Site) -> None:
    obj = halted(site, veto=[])
    for _ in range(3):
        assert vote(obj, "ann") is None
    assert audited(obj) == [("vote", "ann", "accept")]
    assert vote(obj, "ann", "reject") is None
    assert given(obj) == [("ann", "reject")]
    assert vote(obj, "bob") is None
    assert vote(obj, "ann", "accept") is not None
    assert now(obj).extra_data["approved"] is True
    assert [row[:2] for row in audited(obj)] == [
        ("vote", "ann"),
        ("vote", "ann"),
        ("vote", "bob"),
        ("resolve", "ann"),
    ]


def test_one_rejection_decides_unless_said_otherwise(site: Site) -> None:
    obj = halted(site)
    vote(obj, "ann")
    assert vote(obj, "bob", "reject") is not None
    assert now(obj).extra_data["approved"] is False
    other = halted(site, veto=[])
    assert vote(other, "ann", "reject") is None
    assert vote(other, "bob", "reject") is not None
    assert now(other).extra_data["approved"] is False


def test_nobody_votes_without_a_name(site: Site) -> None:
    obj = halted(site)
    for nobody in (None, ""):
        with pytest.raises(ValueError, match="it must be known whose"):
            vote(obj, nobody)
    with pytest.raises(ValueError, match="it must be known whose"):
        vote(obj, None, "reject")
    assert given(obj) == [] and audited(obj) == []


def test_a_vote_that_is_no_answer_is_refused(site: Site) -> None:
    obj = halted(site, needs_reason=["accept"])
    with pytest.raises(ValueError, match="Say why"):
        vote(obj, "ann")
    with pytest.raises(ValueError, match="not 'maybe'"):
        vote(obj, "ann", "maybe")
    assert given(obj) == []


def test_comments_and_votes_leave_the_revision(site: Site) -> None:
    obj = halted(site)
    comment(obj.id, "I wonder.", "cy")
    vote(obj, "ann")
    assert now(obj).revision == obj.revision
    assert vote(obj, "bob") is not None  # who saw it before ann voted


def test_what_was_voted_on_is_what_is_decided(site: Site) -> None:
    """Other data, another start: the votes were on something else."""
    obj = halted(site)
    vote(obj, "ann")
    edit(obj.id, {"title": "B"}, "cy")
    with pytest.raises(IllegalMove, match="changed since"):
        vote(obj, "bob")
    obj = now(obj)
    assert given(obj) == []
    assert vote(obj, "bob") is None
    continue_oid(obj.id, "restart_first")
    obj = now(obj)
    assert obj.status == S.HALTED and given(obj) == []
    assert vote(obj, "bob") is None and vote(obj, "ann") is not None
    assert now(obj).data["published"] == 1


def test_nobody_passes_over_it_alone(site: Site) -> None:
    obj = halted(site)
    for start_point in ("continue_next", "task:publish"):
        with pytest.raises(IllegalMove, match="asks 2 persons to answer alike"):
            continue_oid(obj.id, start_point, actor="ann")
    assert now(obj).status == S.HALTED
    continue_oid(obj.id)  # a program knows what it does
    assert now(obj).status == S.COMPLETED
    one = halted(site, votes=1)
    continue_oid(one.id, actor="ann")
    assert now(one).status == S.COMPLETED


def test_a_vote_on_what_is_decided_is_told_so(site: Site) -> None:
    obj = halted(site)
    vote(obj, "ann")
    vote(obj, "bob")
    with pytest.raises(IllegalMove, match="bob decided meanwhile: approval, accept"):
        vote(obj, "cy")


def test_a_vote_of_a_stale_document_is_refused_in_the_database(site: Site) -> None:
    """Between reading the object and voting, others decide."""
    obj, stale = halted(site), None
    stale = now(obj)
    vote(obj, "ann")
    vote(obj, "bob")
    with pytest.raises(IllegalMove, match="the vote is not kept. bob decided"):
        resolve(stale, "approval", {"value": "accept"}, "cy")
    assert len(audited(obj)) == 2


def test_delayed_the_deciding_vote_queues_it(site: Site) -> None:
    obj = halted(site)
    assert vote(obj, "ann", delayed=True) is None
    assert vote(obj, "bob", delayed=True) is not None
    assert now(obj).waits_for == "queue"


def together(site: Site, obj: WorkflowObject, **persons: str) -> dict[str, Any]:
    """Let persons vote at once, who all saw the object as it is."""
    begin, came = threading.Barrier(len(persons)), {}

    def one(actor: str, value: str) -> None:
        with site.app.app_context():
            begin.wait(60)
            try:
                came[actor] = vote(obj, actor, value)
            except Exception as error:
                came[actor] = error

    threads = [threading.Thread(target=one, args=each) for each in persons.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came


@pytest.mark.parametrize("again", range(3))
def test_of_votes_at_once_one_decides(site: Site, again: int) -> None:
    obj = halted(site, votes=3)
    came = together(site, obj, **{f"p{n}": "accept" for n in range(8)})
    kinds = ["kept" if each is None else type(each).__name__ for each in came.values()]
    assert sorted(kinds) == ["IllegalMove"] * 5 + ["WorkflowEngine"] + ["kept"] * 2
    assert now(obj).data["published"] == 1
    assert [row[0] for row in audited(obj)] == ["vote", "vote", "resolve"]


@pytest.mark.parametrize("again", range(3))
def test_a_vote_changed_at_once_with_the_deciding_one_is_counted_once(
    site: Site, again: int
) -> None:
    obj = halted(site, veto=[])
    vote(obj, "ann")
    came = together(site, obj, ann="reject", bob="accept")
    if now(obj).status == S.COMPLETED:  # bob came first
        assert isinstance(came["ann"], IllegalMove)
        assert now(obj).extra_data["approved"] is True
    else:
        assert came["ann"] is None
        assert came["bob"] is None or isinstance(came["bob"], IllegalMove)
        assert ("ann", "reject") in given(obj)


def test_a_decision_that_relies_on_a_changed_vote_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ann changes hers after bob's was found to decide, and before it is kept."""
    obj = halted(site, veto=[])
    vote(obj, "ann")
    real = current_workflows.audit.vote

    def slow(*args: Any) -> Any:
        found = real(*args)
        monkeypatch.undo()
        assert vote(obj, "ann", "reject") is None
        return found

    monkeypatch.setattr(current_workflows.audit, "vote", slow)
    with pytest.raises(IllegalMove, match="was changed meanwhile"):
        vote(obj, "bob")
    assert now(obj).status == S.HALTED
    assert given(obj) == [("ann", "reject")]
    assert vote(obj, "bob") is None


def test_an_action_of_a_site_counts_equal_answers(site: Site) -> None:
    class Measure(Action):
        name = "measure"
        votes = 2

        def choice(self, obj: Any, form: Any, actor: Any) -> Choice:
            return Choice(in_a_word(int(form["cm"])), told={"cm": "told"})

        def resolve(self, obj: Any, form: Any, actor: Any) -> Resolution:
            obj.data["cm"] = int(form["cm"])
            return Resolution("measured")

    site.ext.register_action("measure", Measure, replace=True)

    def ask(obj: Any, eng: Any) -> None:
        eng.halt("How long?", action="measure")

    site.register("measuring", ask)
    (obj,) = start("measuring", [{}]).halted_objects
    for actor, cm in (("ann", 12), ("bob", 13)):
        assert resolve(obj.id, "measure", {"cm": cm}, actor) is None
    assert current_workflows.audit.of(obj.id)[0].form == {"cm": "told"}
    assert resolve(obj.id, "measure", {"cm": "13"}, "cy") is not None
    assert now(obj).data == {"cm": 13}


def test_the_terminal_says_who_voted(site: Site) -> None:
    obj = halted(site)
    vote(obj, "ann")
    info = ScriptInfo(create_app=lambda: site.app)
    shown = CliRunner().invoke(workflows, ["object", str(obj.id)], obj=info)
    assert "ann accept; of 2 alike 1 lacks" in shown.output
    given = CliRunner().invoke(
        workflows, ["resolve", str(obj.id), "--accept"], obj=info
    )
    assert given.exit_code == 0, given.output
    assert now(obj).status == S.COMPLETED


# --- with what other answers may be ---------------------------------------------------


class Category(BaseModel):
    """What is asked for."""

    category: int
    password: SecretStr | None = None


def asking(site: Site, votes: Any = 2) -> WorkflowObject:
    def sort(obj: Any, eng: Any) -> None:
        given = eng.ask(Category, "Which category?", votes=votes)
        obj.data["category"] = given.category

    site.register("sorting", sort)
    (obj,) = start("sorting", [{}]).halted_objects
    found: WorkflowObject = WorkflowObject.get(obj.id)
    return found


def test_input_is_taken_when_enough_give_the_same(site: Site) -> None:
    obj = asking(site)
    assert provide_input(obj.id, {"category": 3}, actor="ann") is None
    assert provide_input(obj.id, {"category": 4}, actor="bob") is None
    with pytest.raises(InputNotValid):
        provide_input(obj.id, {"category": "x"}, actor="cy")
    with pytest.raises(ValueError, match="it must be known whose"):
        provide_input(obj.id, {"category": 4})
    assert "category" not in now(obj).data
    first, second = given(obj)
    assert first[1] != second[1]
    assert all(re.fullmatch(r"given \([0-9a-f]{24}\)", each[1]) for each in given(obj))
    # the model makes the same of it
    assert provide_input(obj.id, {"category": "4"}, actor="cy") is not None
    assert now(obj).data["category"] == 4
    assert [row[:2] for row in audited(obj)] == [
        ("vote", "ann"),
        ("vote", "bob"),
        ("resolve", "cy"),
    ]


def test_a_file_is_the_same_whoever_gives_it(site: Site) -> None:
    class Scanned(BaseModel):
        scans: list[File]

    def scan(obj: Any, eng: Any) -> None:
        (one,) = eng.ask(Scanned, "What does it look like?", votes=2).scans
        obj.data["read"] = one.open().read().decode()

    site.register("scanning", scan)
    obj = now(start("scanning", [{}]).halted_objects[0])

    def gives(who: str, content: bytes) -> Any:
        file = add_file(obj.id, io.BytesIO(content), "a.txt", "text/plain", actor=who)
        return provide_input(obj.id, {"scans": [file.model_dump()]}, actor=who)

    assert gives("ann", b"rain") is None
    assert gives("bob", b"snow") is None
    assert gives("cy", b"rain") is not None
    assert now(obj).data["read"] == "rain"


def test_of_input_given_in_secret_votes_tell_nothing(site: Site) -> None:
    obj = asking(site)
    form = {"category": 3, "password": "hunter2"}
    assert provide_input(obj.id, form, actor="ann") is None
    row = current_workflows.audit.of(obj.id)[0]
    assert row.form["category"] == 3
    told = row.told
    assert "hunter2" not in json.dumps(told, default=str)
    other = {**form, "password": "other"}
    assert provide_input(obj.id, other, actor="bob") is None
    assert provide_input(obj.id, form, actor="cy") is not None


def test_a_number_that_is_none_fails_the_task_that_halts(site: Site) -> None:
    for wrong in (0, "2", True):
        with pytest.raises(WorkflowError, match="votes is a number of persons"):
            halted(site, votes=wrong)
    with pytest.raises(WorkflowError, match="veto is a list of answers"):
        halted(site, veto="reject")


def test_who_may_not_answer_may_not_vote(site: Site) -> None:
    def ask(obj: Any, eng: Any) -> None:
        eng.halt("Good?", action="approval", votes=2, four_eyes=True)

    site.register("voting", ask)
    (obj,) = start("voting", [{}], id_user=7).halted_objects
    obj = now(obj)
    with pytest.raises(OwnSubmission):
        vote(obj, "7")
    assert vote(obj, "8") is None
    with pytest.raises(OwnSubmission):
        vote(obj, 7)
    assert vote(obj, "9") is not None


def test_a_deadline_comes_though_votes_lack(site: Site) -> None:
    obj = halted(site, deadline=timedelta(hours=1), on_deadline={"value": "reject"})
    assert vote(obj, "ann") is None
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE workflows_object SET deadline = '2020-01-01 00:00:00.000', "
            f"wake_at = '2020-01-01 00:00:00.000' WHERE id = {obj.id}"
        )
    sweep()
    assert now(obj).extra_data["approved"] is False
    assert [row[:2] for row in audited(obj)] == [("vote", "ann"), ("resolve", None)]
