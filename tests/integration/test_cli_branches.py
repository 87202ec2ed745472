"""Branches as a person at a terminal, and a program, meet them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sites import Site
from terminals import Terminal

from invenio_workflows.calls import Call
from invenio_workflows.cli.watching import _look
from invenio_workflows.jobs import perform
from invenio_workflows.patterns import PARALLEL
from invenio_workflows.proxies import current_workflows


def ask(obj: Any, eng: Any) -> None:
    eng.halt("Is it right?", action="approval")


def put(obj: Any, eng: Any) -> None:
    obj.data["put"] = 1


def fail(obj: Any, eng: Any) -> None:
    raise ValueError("broken")


def wait_for_a_run(obj: Any, eng: Any) -> None:
    eng.wait_for(eng.start_workflow("some", {}))


@pytest.fixture
def site(make_site: Callable[..., Site], ready_url: str) -> Site:
    site = make_site(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    inner = PARALLEL(put, [put, ask], join="any")
    site.register("drawn", put, PARALLEL([ask, put], [put, inner]), put)
    site.register("some", PARALLEL(put, ask, put, join=2, comment="Ask three"))
    site.register("other", PARALLEL(put, put), wait_for_a_run)
    site.register("both", PARALLEL([put, PARALLEL(ask, put)], put, fail), put)
    return site


@pytest.fixture
def flask(site: Site) -> Terminal:
    return Terminal(site.app)


def test_a_block_is_drawn_with_its_branches_alone(flask: Terminal) -> None:
    assert flask("definitions", "show", "drawn").splitlines()[2:] == [
        "├─ put",
        "├─ PARALLEL, join all",
        "│  ├─ branch 0:",
        "│  │  ├─ ask",
        "│  │  └─ put",
        "│  └─ branch 1:",
        "│     ├─ put",
        "│     └─ PARALLEL, join any",
        "│        ├─ branch 0:",
        "│        │  └─ put",
        "│        └─ branch 1:",
        "│           ├─ put",
        "│           └─ ask",
        "└─ put",
    ]
    assert "Ask three, join 2" in flask("definitions", "show", "some")
    block = flask.json("definitions", "show", "drawn")["workflow"][1]
    assert (block["pattern"], block["label"]) == ("PARALLEL", "PARALLEL, join all")
    assert [each["name"] for each in block["branches"]] == ["branch 0", "branch 1"]
    first = block["branches"][0]["workflow"]
    assert [each["task"] for each in first] == ["ask", "put"]
    assert [row["tasks"] for row in flask.lines("list")] == [6, 8, 3, 3]


def test_a_block_is_a_graph_that_parts_and_meets(flask: Terminal) -> None:
    graph = flask("definitions", "show", "drawn", "--dot")
    lines = [line.strip() for line in graph.splitlines()]
    assert 't1 [label="PARALLEL, join all", shape=trapezium];' in lines
    assert 't1_join [label="join all", shape=invtrapezium];' in lines
    assert [line for line in lines if "->" in line and "t1_2_1" not in line] == [
        "start -> t0;",
        "t0 -> t1;",
        't1 -> t1_1_0 [label="branch 0"];',
        "t1_1_0 -> t1_1_1;",
        "t1_1_1 -> t1_join;",
        't1 -> t1_2_0 [label="branch 1"];',
        "t1_join -> t2;",
        "t2 -> end;",
    ]
    assert "t1_2_1_join -> t1_join;" in lines


def test_branches_stand_below_their_object(flask: Terminal) -> None:
    done = flask.run("start", "both", "--keep-going")
    assert "Of these 2 are branches of another." in done.stdout
    rows = {row["id"]: row for row in flask.lines("objects")}
    (oid,) = (i for i, row in rows.items() if row["id_fork"] is None)
    (failed,) = (i for i, row in rows.items() if row["status"] == "ERROR")
    (asked,) = (i for i, row in rows.items() if row["status"] == "HALTED")
    assert (rows[failed]["id_fork"], rows[failed]["branch"]) == (oid, 2)
    assert rows[oid]["branch"] is None and rows[asked]["branch"] == 0
    listed = flask("objects").splitlines()
    # The branch that the asking one is in is none that anybody needs to see.
    ids = [re.match(r"└?[─ ]*(\d+)", line)[1] for line in listed[1:]]  # type: ignore[index]
    assert ids.index(str(failed)) == ids.index(str(oid)) + 1
    assert f"└─ {failed}" in "\n".join(listed)
    assert f"branch 2 of object {oid}" in "\n".join(listed)
    by_status = flask("objects", "--status", "halted")
    assert f"branch 0 of object {rows[asked]['id_fork']}" in by_status


def test_an_object_says_for_whom_it_waits_and_a_branch_whose_it_is(
    flask: Terminal,
) -> None:
    flask.run("start", "both", "--keep-going")
    rows = flask.lines("objects")
    (oid,) = (row["id"] for row in rows if row["id_fork"] is None)
    (failed,) = (row["id"] for row in rows if row["status"] == "ERROR")
    told = flask.json("object", str(oid))["branches"]
    assert [(b["branch"], b["status"]) for b in told] == [
        *((0, "WAITING"), (1, "COMPLETED"), (2, "ERROR"))
    ]
    assert [b["id"] for b in told][2] == failed
    page = flask("object", str(oid))
    each = ", ".join(f"{b['id']} {b['status']}" for b in told)
    assert f"  waits for its branches: {each}\n" in page
    assert page.endswith(f"  flask workflows object {failed}\n")
    branch = flask("object", str(failed))
    assert f"  is          branch 2 of object {oid}\n" in branch
    assert flask.json("object", str(failed))["id_fork"] == oid


def test_an_object_that_went_on_still_says_what_its_branches_came_to(
    flask: Terminal,
) -> None:
    flask.run("start", "some")
    rows = flask.lines("objects")
    (oid,) = (row["id"] for row in rows)
    ended = flask.json("object", str(oid))["branches"]
    each = ", ".join(f"{b['id']} {b['status']}" for b in ended)
    assert [b["status"] for b in ended].count("CANCELLED") == 1
    assert f"  branches    {each}\n" in flask("object", str(oid))


def test_one_that_waits_for_a_run_waits_for_no_branch_any_more(
    flask: Terminal,
) -> None:
    flask.run("start", "other")
    (row,) = (row for row in flask.lines("objects") if row["workflow"] == "other")
    assert (row["status"], row["waits_for"]) == ("WAITING", "join")
    page = flask("object", str(row["id"]))
    assert "COMPLETED, " in page and "waits for its branches" not in page
    assert page.endswith(f"  flask workflows continue {row['id']}\n")


def work(site: Site, oid: int) -> None:
    with site.app.app_context():
        perform(Call((oid,)))


def test_a_run_counts_its_objects_and_tells_their_branches_apart(
    flask: Terminal, site: Site
) -> None:
    done = flask.json("start", "both", "--delayed")
    uuid = done["run"]
    assert (done["objects"], done["branches"]) == ({"WAITING": 1}, 0)
    with site.app.app_context():
        (oid,) = (o.id for o in current_workflows.queries.objects(run=uuid))
        assert _look(uuid).words() == "0 of 1: 1 Queued"
    work(site, oid)
    with site.app.app_context():
        view = _look(uuid)
        assert view.words() == (
            "0 of 1: 1 Waiting for its branches; branches: 3 Queued"
        )
        told = view.told(uuid)
        assert (told["done"], told["total"], told["queued"]) == (0, 1, 3)
        assert told["branches"] == {"WAITING": 3}
        mine = current_workflows.store.branches_of(oid)
    for branch in mine:
        work(site, branch.obj.id)
    with site.app.app_context():
        # The branches of the first branch are queued: it, and who waits for it, move.
        assert _look(uuid).words() == (
            "0 of 1: 1 Waiting for its branches; branches: "
            "1 Waiting for its branches, 2 Queued, 1 Error"
        )
        inner = current_workflows.store.branches_of(mine[0].obj.id)
    for branch in inner:
        work(site, branch.obj.id)
    with site.app.app_context():
        assert _look(uuid).words() == (
            "1 of 1: 1 Waiting; branches: 1 Need action, 1 Waiting, 1 Error"
        )
