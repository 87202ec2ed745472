"""The table of definitions: who writes it, what it says, and what it never decides."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr
from sites import Site
from sqlalchemy import event
from terminals import Terminal

from invenio_workflows import (
    START,
    InvenioWorkflows,
    Step,
    WorkflowObject,
    order_workflow_execution,
)
from invenio_workflows.api import start, start_delayed
from invenio_workflows.definition.facts import Facts
from invenio_workflows.errors import WorkflowDefinitionError
from invenio_workflows.jobs import sweep
from invenio_workflows.states import ObjectStatus
from invenio_workflows.store.definitions import Definitions, Known


def work(obj: Any, eng: Any) -> None:
    pass


def halt(obj: Any, eng: Any) -> None:
    eng.halt("?")


@pytest.fixture
def site(make_site: Callable[..., Site], ready_url: str) -> Iterator[Site]:
    """A site that begins no threads, with one workflow."""
    site = make_site(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    site.register("review", work, title="Review")
    with site.app.app_context():
        yield site


@pytest.fixture
def flask(site: Site) -> Terminal:
    return Terminal(site.app, site)


def known(site: Site) -> Definitions:
    found: Definitions = site.ext.state.known
    return found


def row(site: Site, name: str) -> Known:
    (found,) = [each for each in known(site).all() if each.name == name]
    return found


def facts(name: str, mark: str = "") -> Facts:
    return Facts(name, f"site.workflows.{name}:{name}", mark, "", {}, "f")


def forget(site: Site, name: str) -> None:
    """Let the code have this workflow no more."""
    catalogue = site.ext.state.catalogue
    del catalogue.workflows._things[name], catalogue._definitions[name]


def long_ago(site: Site) -> None:
    """Let all that is known now have been seen long ago only."""
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE workflows_definition SET first_seen = '2020-01-01 00:00:00.000', "
            "last_seen = '2020-01-01 00:00:00.000'"
        )


# --- what is written ------------------------------------------------------------------


def test_sync_writes_what_is_there_and_removes_what_is_not(
    site: Site, flask: Terminal
) -> None:
    site.register("intake", work)
    assert flask("definitions", "sync").splitlines()[0] == (
        "created 2, updated 0, removed 0"
    )
    long_ago(site)
    first = row(site, "review")
    assert (first.title, first.removed) == ("Review", None)
    assert first.module.endswith(":review")
    assert first.fingerprint == site.ext.state.definition("review").fingerprint
    assert "created 0, updated 0, removed 0" in flask("definitions", "sync")
    forget(site, "review")
    printed = flask("definitions", "sync")
    assert "created 0, updated 0, removed 1" in printed and "removed  review" in printed
    removed = row(site, "review").removed
    assert removed is not None
    # Once: the time stays that of the first sync that missed it.
    assert "removed 0" in flask("definitions", "sync")
    assert row(site, "review").removed == removed
    site.register("review", work, work, title="Review")
    assert "updated 1" in flask("definitions", "sync")
    again = row(site, "review")
    assert (again.id, again.first_seen, again.removed) == (
        first.id,
        first.first_seen,
        None,
    )
    assert again.last_seen > first.last_seen
    assert again.fingerprint != first.fingerprint


@pytest.mark.parametrize("seconds", ["nan", "0", "inf"])
def test_no_sync_looks_without_end(flask: Terminal, seconds: str) -> None:
    command = ("definitions", "sync", "--watch", "--interval", seconds)
    assert "'--interval'" in flask.refused(*command, code=2)


def test_a_worker_that_begins_adds_and_touches_and_removes_nothing(
    site: Site,
) -> None:
    known(site).sync([facts("gone"), facts("review")])
    long_ago(site)
    first = row(site, "review")
    sweep()
    assert row(site, "review") == first, "who only sweeps is no worker"
    site.register("intake", work)
    presence = site.ext.state.presence
    presence.begin("local", ["default"], 1)
    sweep()
    presence.end()
    assert row(site, "gone").removed is None
    assert row(site, "intake").first_seen > first.first_seen
    assert row(site, "review").last_seen > first.last_seen
    assert row(site, "review").first_seen == first.first_seen


def test_a_worker_brings_back_what_was_removed(site: Site) -> None:
    known(site).sync([facts("review")])
    known(site).sync([])
    assert row(site, "review").removed is not None
    site.ext.state.presence.begin("local", ["default"], 1)
    sweep()
    site.ext.state.presence.end()
    assert row(site, "review").removed is None


def test_init_app_asks_the_database_nothing(ready_url: str) -> None:
    said: list[str] = []

    class Told(Flask):
        pass

    app = Told("told")
    app.config.update(SQLALCHEMY_DATABASE_URI=ready_url)
    ext = InvenioWorkflows()
    ext.register_workflow("review", [work])
    ext.init_app(app)
    state = app.extensions["invenio-workflows"]
    assert state.database._engine is None, "no engine was made yet"
    event.listen(ext.engine, "before_cursor_execute", lambda *a: said.append(a[2]))
    ext.register_workflow("intake", [work])
    assert said == []
    ext.engine.dispose()


class Asking(Step):
    """Asks for a password."""

    class UserInputSchema(BaseModel):
        """What is asked, with fields that are called as keywords are."""

        default: str = Field("SECRET-1", examples=["SECRET-2"])
        key: SecretStr = SecretStr("SECRET-3")
        plain: str = "SECRET-1"

    def execute(self, _input: Any = None, external_input: Any = None) -> Any:
        return None


def logs_in(password: str) -> Any:
    def log_in(obj: Any, eng: Any) -> None:
        assert password

    return log_in


def test_no_secret_is_in_the_row(site: Site) -> None:
    class Graph:
        """Asks."""

        graph = {START: [Asking], Asking: []}
        extra = "SECRET-4"

    site.ext.register_workflow("graph", Graph)
    site.register("list", logs_in("SECRET-5"))
    known(site).sync(site.ext.state.catalogue.facts())
    rows = site.rows("SELECT * FROM workflows_definition")
    assert len(rows) == 3 and "SECRET" not in repr(rows)
    schema = row(site, "graph").schema["Asking"]
    assert list(schema["properties"]) == ["default", "key", "plain"]


# --- two at once ----------------------------------------------------------------------


def test_of_two_syncs_at_once_one_creates(
    make_site: Callable[..., Site], ready_url: str
) -> None:
    """Each name is created, and removed, by exactly one of those that do it at once."""
    sites = [make_site(ready_url, tables=False) for _ in range(4)]
    told = [facts(f"w{n:02}") for n in range(20)]
    names = [each.name for each in told]
    for there, word, changed in (
        (told, "created", names),
        (told[:5], "removed", names[5:]),
        (told, "returned", names[5:]),
    ):
        done = at_once(sites, lambda site, there=there: known(site).sync(there))
        assert sorted(n for each in done for n in getattr(each, word)) == changed
        with sites[0].app.app_context():
            rows = known(sites[0]).all()
        assert [each.name for each in rows] == names
        assert {r.name for r in rows if r.removed is None} == {f.name for f in there}


def test_workers_that_begin_while_one_syncs(
    make_site: Callable[..., Site], ready_url: str
) -> None:
    """Whoever comes last decides of a name; none is written twice, nobody fails."""
    sites = [make_site(ready_url, tables=False) for _ in range(4)]
    mine, theirs = [facts("a"), facts("b")], [facts("b"), facts("c")]
    for _ in range(5):
        at_once(
            sites,
            lambda site: (
                known(site).sync(mine)
                if site in sites[:2]
                else known(site).see(reversed(theirs))
            ),
        )
    with sites[0].app.app_context():
        rows = {each.name: each.removed for each in known(sites[0]).all()}
    assert rows.keys() == {"a", "b", "c"}
    assert rows["a"] is None and rows["b"] is None


def at_once(sites: list[Site], do: Callable[[Site], Any]) -> list[Any]:
    """Do something at each site at the same moment; return what it returned."""
    barrier = threading.Barrier(len(sites))
    done: list[Any] = []
    errors: list[Exception] = []

    def one(site: Site) -> None:
        try:
            with site.app.app_context():
                barrier.wait()
                done.append(do(site))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(site,)) for site in sites]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    return done


NAMES = st.frozensets(st.sampled_from("abcd"))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.booleans(), NAMES, st.sampled_from(["", "x"])), max_size=8)
)
def test_any_order_of_syncs_and_beginnings(
    site: Site, moves: list[tuple[bool, frozenset[str], str]]
) -> None:
    """Against a model: a dictionary of what is there, and of what ever was."""
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM workflows_definition")
    there: dict[str, bool] = {}
    marks: dict[str, str] = {}
    first: dict[str, tuple[int, datetime]] = {}
    for is_sync, names, mark in moves:
        told = [facts(name, mark) for name in names]
        before = dict(there)
        done = known(site).sync(told) if is_sync else known(site).see(told)
        assert set(done.created) == names - before.keys()
        assert set(done.returned) == {n for n in names if before.get(n) is False}
        lost = {n for n in before if before[n] and n not in names}
        assert set(done.removed) == (lost if is_sync else set())
        changed = {n for n in names & marks.keys() if marks[n] != mark}
        assert set(done.updated) == changed | {*done.returned}
        there |= dict.fromkeys(done.removed, False) | dict.fromkeys(names, True)
        marks |= dict.fromkeys(names, mark)
        rows = {each.name: each for each in known(site).all()}
        assert {n: each.removed is None for n, each in rows.items()} == there
        assert {n: each.title for n, each in rows.items()} == marks
        for name, each in rows.items():
            kept = first.setdefault(name, (each.id, each.first_seen))
            assert (each.id, each.first_seen) == kept
            assert each.last_seen >= each.first_seen


# --- who asks for it ------------------------------------------------------------------


def test_check_16_what_is_removed_says_since_when(site: Site, flask: Terminal) -> None:
    start("review", [1])
    known(site).sync([facts("review"), facts("elsewhere")])
    known(site).sync([facts("elsewhere")])
    since = f"{row(site, 'review').removed:%Y-%m-%d %H:%M}"
    start("review", [1])  # the registry decides, whatever the table says
    forget(site, "review")
    for verb in (start, start_delayed):
        with pytest.raises(
            WorkflowDefinitionError, match=rf"removed since {since}"
        ) as e:
            verb("review", [1])
        assert e.value.to_dict()["removed"].startswith(since.replace(" ", "T"))
    with pytest.raises(WorkflowDefinitionError, match="known to a worker since 20"):
        start("elsewhere", [1])
    with pytest.raises(WorkflowDefinitionError, match=r"Known: none\.$"):
        start("nowhere", [1])
    assert f"removed since {since}" in flask.refused("definitions", "show", "review")


def test_a_table_that_cannot_be_read_hides_no_error(site: Site) -> None:
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE workflows_definition RENAME TO away")
    try:
        with pytest.raises(WorkflowDefinitionError, match="There is no workflow"):
            start("nowhere", [1])
    finally:
        with site.ext.engine.begin() as connection:
            connection.exec_driver_sql(
                "ALTER TABLE away RENAME TO workflows_definition"
            )


def test_who_starts_a_known_workflow_asks_the_table_nothing(site: Site) -> None:
    said: list[str] = []
    event.listen(site.ext.engine, "before_cursor_execute", lambda *a: said.append(a[2]))
    start("review", [1])
    start_delayed("review", [1])
    order_workflow_execution("review")
    assert said and not [each for each in said if "workflows_definition" in each]


def test_a_workflow_is_ordered_by_its_id(site: Site) -> None:
    site.register("7", work, object_type="seven")
    known(site).sync(site.ext.state.catalogue.facts())
    number = row(site, "review").id
    for named in ("review", number, str(number)):
        obj = WorkflowObject.get(order_workflow_execution(workflow_id=named))
        assert (obj.get_workflow_name(), obj.data) == ("review", None)
    assert WorkflowObject.get(order_workflow_execution("7")).data_type == "seven"
    before = site.counts()
    for wrong in (0, -1, 10**30, "999", str(10**30), True, None, 1.0, [1]):
        with pytest.raises(WorkflowDefinitionError):
            order_workflow_execution(wrong)  # type: ignore[arg-type]
    forget(site, "review")
    known(site).sync(site.ext.state.catalogue.facts())
    with pytest.raises(WorkflowDefinitionError, match="removed since"):
        order_workflow_execution(number)
    assert {**site.counts(), "workflows_definition": 0} == {
        **before,
        "workflows_definition": 0,
    }


def test_an_object_of_a_removed_workflow_fails_with_the_reason(site: Site) -> None:
    site.register("asks", halt)
    (obj,) = start("asks", [{"n": 1}]).halted_objects
    known(site).sync(site.ext.state.catalogue.facts())
    forget(site, "asks")
    known(site).sync(site.ext.state.catalogue.facts())
    with pytest.raises(WorkflowDefinitionError, match="removed since"):
        obj.continue_workflow()
    kept = WorkflowObject.get(obj.id)
    assert (kept.status, kept.data) == (ObjectStatus.HALTED, {"n": 1})
    assert [each.kind for each in kept.history()][-1] == "Halted"
    kept.save()
    kept.delete()
    assert WorkflowObject.query.get(obj.id) is None


# --- the terminal ---------------------------------------------------------------------


def test_the_list_tells_what_is_known(site: Site, flask: Terminal) -> None:
    site.register("asks", halt)
    start("asks", [1, 2])
    start("review", [1])
    known(site).sync([facts("review"), facts("gone"), facts("elsewhere")])
    known(site).sync([facts("review"), facts("elsewhere")])
    rows = {each["name"]: each for each in flask.lines("definitions", "list")}
    assert {name: each["state"].partition(" 2")[0] for name, each in rows.items()} == {
        "asks": "here",
        "elsewhere": "elsewhere",
        "gone": "removed since",
        "review": "here",
    }
    assert (rows["asks"]["living"], rows["asks"]["id"]) == (2, None)
    assert (rows["review"]["living"], rows["review"]["removed"]) == (0, None)
    seen = datetime.fromisoformat(rows["review"]["last_seen"])
    assert abs((datetime.now(UTC) - seen).total_seconds()) < 60
    printed = flask("definitions", "list")
    assert "removed since 20" in printed and "definitions sync" in printed


def test_what_is_removed_is_named_where_its_objects_are(
    site: Site, flask: Terminal
) -> None:
    site.register("asks", halt)
    (obj,) = start("asks", [{"n": 1}]).halted_objects
    known(site).sync(site.ext.state.catalogue.facts())
    forget(site, "asks")
    known(site).sync(site.ext.state.catalogue.facts())
    printed = flask("object", obj.id)
    assert '"n": 1' in printed and "Nothing can move it" in printed
    assert "removed since 20" in printed
    assert "asks (1 object, removed since 20" in flask("doctor")
    assert "removed since 20" in flask.refused("continue", obj.id)
    assert str(obj.id) in flask("objects", "--status", "halted")
