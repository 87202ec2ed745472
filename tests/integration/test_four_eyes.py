"""The four-eyes principle: who submitted something does not decide it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sites import Site

from invenio_workflows import WorkflowObject
from invenio_workflows.actions import Action, Approval, Resolution
from invenio_workflows.api import (
    cancel,
    continue_oid,
    continue_oid_delayed,
    edit,
    resolve,
    start,
    start_by_oids,
    start_delayed,
)
from invenio_workflows.errors import ConfigurationError, OwnSubmission
from invenio_workflows.patterns import PARALLEL
from invenio_workflows.states import ObjectStatus as S

ACCEPT = {"value": "accept"}


def halted(site: Site, id_user: int = 5, data: Any = None, **how: Any) -> int:
    """The id of an object of a run that user 5 started, and that asks for approval."""

    def ask(obj: Any, eng: Any) -> None:
        eng.halt("Well?", how.pop("action", "approval"), **how)

    site.register("asks", ask)
    given = data if data is not None else {"n": 1}
    (obj,) = start("asks", [given], id_user=id_user).halted_objects
    oid: int = obj.id
    return oid


def refused(oid: int, actor: Any, match: str) -> None:
    before = WorkflowObject.get(oid)
    with pytest.raises(OwnSubmission, match=match) as raised:
        resolve(oid, "approval", ACCEPT, actor=actor)
    after = WorkflowObject.get(oid)
    assert (after.status, after.revision) == (S.HALTED, before.revision)
    assert "approved" not in after.extra_data
    assert raised.value.to_dict()["error"] == "OwnSubmission"


def test_who_started_the_run_does_not_decide(site: Site) -> None:
    oid = halted(site, four_eyes=True)
    refused(oid, "5", "submitted by 5: somebody else")
    refused(oid, 5, "submitted by 5")
    resolve(oid, "approval", ACCEPT, actor="6")
    assert WorkflowObject.get(oid).status == S.COMPLETED


def test_who_owns_the_object_does_not_decide(site: Site) -> None:
    oid = halted(site, 0, WorkflowObject({"n": 1}, id_user=7), four_eyes=["submitter"])
    refused(oid, "7", "submitted by 7")
    resolve(oid, "approval", ACCEPT, actor="5")


@pytest.mark.parametrize("of", ["run", "object", "delayed", "again"])
def test_ids_of_people_may_be_any_text(site: Site, of: str) -> None:
    """As Flask-Login's get_id() gives them: UUIDs, names, digits that are no number."""

    def ask(obj: Any, eng: Any) -> None:
        eng.halt("Well?", "approval", four_eyes=True)

    site.register("asks", ask)
    for who in ("3f0c8c1e-5c1f-4e59-9c5c-0f2f0a5d7d11", "ann", "007", "9" * 30):
        if of == "run":
            start("asks", [{"n": 1}], id_user=who)
        elif of == "object":
            start("asks", [WorkflowObject({"n": 1}, id_user=who)])
        elif of == "delayed":
            start_delayed("asks", [{"n": 1}], id_user=who).get(timeout=60)
        else:
            obj = WorkflowObject({"n": 1}, id_user=who)
            obj.save()
            start_by_oids("asks", [obj.id])
        asked = WorkflowObject.query.filter_by(status=S.HALTED, id_parent=None)
        (obj,) = asked.all()
        assert (obj.status, obj.id_user) == (S.HALTED, 0)
        refused(obj.id, who, f"submitted by {who}")
        resolve(obj.id, "approval", ACCEPT, actor="7")
        assert WorkflowObject.get(obj.id).status == S.COMPLETED


def test_a_branch_was_submitted_with_what_it_is_a_branch_of(site: Site) -> None:
    def ask(obj: Any, eng: Any) -> None:
        eng.halt("Well?", "approval", four_eyes=True)

    site.register("asks", PARALLEL([ask], [ask]))
    start("asks", [{"n": 1}], id_user="ann")
    waiting = WorkflowObject.query.filter_by(status=S.HALTED, id_parent=None)
    branches = waiting.all()
    assert len(branches) == 2
    for each in branches:
        refused(each.id, "ann", "submitted by ann")


def test_who_is_not_known_does_not_decide(site: Site) -> None:
    oid = halted(site, four_eyes=True)
    refused(oid, None, "it must be known who decides")
    refused(oid, "", "it must be known who decides")


def test_who_edited_does_not_decide_if_it_is_said(site: Site) -> None:
    for rule, may in (
        (True, True),
        (["editors"], False),
        (["submitter", "editors"], 0),
    ):
        oid = halted(site, four_eyes=rule)
        edit(oid, {"n": 2}, actor="6")
        if may:
            resolve(oid, "approval", ACCEPT, actor="6")
            continue
        refused(oid, "6", "edited by 6")
        resolve(oid, "approval", ACCEPT, actor="8")


def test_a_halt_says_more_than_its_action(site: Site) -> None:
    strict = Approval(four_eyes=True)
    assert strict.four_eyes == ("submitter",)
    with pytest.raises(ValueError, match="four_eyes is True, or some of submitter"):
        Approval(four_eyes="nobody")
    site.ext.register_action("approval", strict, replace=True)
    try:
        refused(halted(site), "5", "submitted by 5")
        resolve(halted(site, four_eyes=False), "approval", ACCEPT, actor="5")
    finally:
        site.ext.register_action("approval", Approval(), replace=True)


def test_any_action_may_have_the_rule(site: Site) -> None:
    class Sort(Action):
        name = "sort"
        four_eyes = True

        def resolve(self, obj: Any, form: Any, actor: Any) -> Resolution:
            return Resolution("sorted")

    site.ext.register_action("sort", Sort, replace=True)
    oid = halted(site, action="sort")
    with pytest.raises(OwnSubmission):
        resolve(oid, "sort", {}, actor="5")
    resolve(oid, "sort", {}, actor="6")


def test_nobody_goes_past_the_question_either(site: Site) -> None:
    """To run the task again asks again, and to cancel decides nothing."""
    oid = halted(site, four_eyes=True)
    for verb in (continue_oid, continue_oid_delayed):
        for point in ("continue_next", "task:ask"):
            with pytest.raises(OwnSubmission):
                verb(oid, point, actor="5")
    assert WorkflowObject.get(oid).status == S.HALTED
    continue_oid(oid, "restart_task", actor="5")
    assert WorkflowObject.get(oid).status == S.HALTED
    cancel(oid, actor="5")
    assert WorkflowObject.get(oid).status == S.CANCELLED


def test_without_the_rule_everybody_decides(site: Site) -> None:
    resolve(halted(site), "approval", ACCEPT, actor="5")
    resolve(halted(site), "approval", ACCEPT)


def test_nobody_is_excepted_but_whom_the_site_names(
    make_site: Callable[..., Site], ready_url: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"write \['5'\]"):
        make_site(ready_url, tables=False, WORKFLOWS_FOUR_EYES_EXCEPT="5")
    site = make_site(ready_url, tables=False, WORKFLOWS_FOUR_EYES_EXCEPT=["5"])
    with site.app.app_context():
        resolve(halted(site, four_eyes=True), "approval", ACCEPT, actor="5")
        refused(halted(site, 6, four_eyes=True), "6", "submitted by 6")
