"""What lists keep of an object: made by hooks, and never in the way."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from markupsafe import Markup
from sites import Site
from sqlalchemy import text

from invenio_workflows import WorkflowObject
from invenio_workflows.api import continue_oid, start
from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import ObjectStatus
from invenio_workflows.store.wanted import Row, Term, Wanted

HALT = Callable[..., Any]


def halts(obj: Any, eng: Any) -> None:
    obj.data["title"] = obj.data.get("title", "") + " seen"
    eng.halt("Look", action="approval")


def title(obj: Any) -> str:
    return str(obj.data["title"])


def rows(name: str, *words: str, sort: str = "updated") -> list[Row]:
    terms = tuple(Term((word,), prefix=False) for word in words)
    wanted = Wanted((name,), terms=terms, sort=sort)
    return current_workflows.lists.page(wanted).rows


def test_hooks_are_asked_when_an_object_is_accepted_and_when_it_stops(
    site: Site,
) -> None:
    asked: list[tuple[ObjectStatus, Any]] = []

    def get_title(obj: Any) -> str:
        asked.append((obj.status, obj.data["n"]))
        return f"Number {obj.data['n']}"

    def step(obj: Any, eng: Any) -> None:
        obj.data["n"] += 1

    site.register("w", step, step, step, get_title=get_title)
    start("w", [{"n": 0}])
    assert asked == [(ObjectStatus.INITIAL, 0), (ObjectStatus.COMPLETED, 3)]
    (row,) = rows("w", "number", "3")
    assert row.title == "Number 3"
    assert rows("w", "0") == []


def test_a_saved_object_is_shown_as_it_is_now(site: Site) -> None:
    site.register(
        *("w", halts),
        get_title=title,
        get_description=lambda obj: "Described",
        get_search_text=lambda obj: ["Müller", obj.uri],
        get_sort_data=lambda obj: {"pages": obj.data.get("pages")},
    )
    (obj,) = start("w", [{"title": "Größe", "pages": 3}]).halted_objects
    assert [row.id for row in rows("w", "muller")] == [obj.id]
    obj.data = {"title": "Other"}
    obj.save()
    assert rows("w", "große", "seen") == []
    (row,) = rows("w", "other", "described", "muller")
    assert (row.title, row.description) == ("Other", "Described")
    assert site.rows("SELECT name, value FROM workflows_sort") == [("title", "sother")]


def test_a_workflow_without_hooks_keeps_nothing_beside(site: Site) -> None:
    from invenio_workflows.definitions import WorkflowBase

    class Plain(WorkflowBase):
        workflow = [halts]

    site.ext.register_workflow("plain", Plain)
    (obj,) = start("plain", [{}]).halted_objects
    counts = site.counts()
    assert counts["workflows_text"] == counts["workflows_sort"] == 0
    (row,) = rows("plain")
    assert row.title is None and row.id == obj.id


def test_a_hook_that_fails_fails_no_task(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(obj: Any) -> str:
        raise KeyError("no such thing")

    def rude(obj: Any) -> str:
        current_workflows.db.session.execute(text("SELECT nothing FROM nowhere"))
        return "never"

    site.register("w", halts, get_title=broken, get_description=rude)
    with caplog.at_level(logging.WARNING):
        (obj,) = start("w", [{"title": "x"}]).halted_objects
    (row,) = rows("w")
    assert (row.id, row.title, row.description) == (obj.id, None, None)
    assert f"get_title of the workflow w failed for object {obj.id}" in caplog.text


def test_a_hook_cannot_spoil_what_a_task_wrote(site: Site) -> None:
    with site.ext.engine.begin() as connection:
        connection.execute(text("CREATE TABLE paper (id INTEGER)"))
    try:

        def writes(obj: Any, eng: Any) -> None:
            site.session.execute(text("INSERT INTO paper VALUES (1)"))
            eng.halt("Look")

        def rude(obj: Any) -> str:
            site.session.execute(text("SELECT nothing FROM nowhere"))
            return "never"

        site.register("w", writes, get_title=rude)
        (obj,) = start("w", [{}]).halted_objects
        assert obj.status == ObjectStatus.HALTED
        assert site.rows("SELECT * FROM paper") == [(1,)]
        assert not site.session().in_transaction()
    finally:
        site.session.rollback()
        with site.ext.engine.begin() as connection:
            connection.execute(text("DROP TABLE paper"))


def test_a_hook_that_changes_the_document_changes_a_copy(site: Site) -> None:
    def greedy(obj: Any) -> str:
        obj.data.clear()
        obj.extra_data.clear()
        return "taken"

    site.register("w", halts, get_title=greedy)
    (obj,) = start("w", [{"title": "x"}]).halted_objects
    assert WorkflowObject.query.get(obj.id).data == {"title": "x seen"}
    assert obj.get_action() == "approval"


def test_only_markup_is_html(site: Site) -> None:
    site.register(
        *("w", halts),
        get_title=lambda obj: "<script>alert(1)</script>",
        get_description=lambda obj: Markup("<b>bold</b> move"),
    )
    start("w", [{}])
    (row,) = rows("w", "bold", "move")
    assert row.title == "<script>alert(1)</script>"
    assert not isinstance(row.title, Markup)
    assert row.description == Markup("<b>bold</b> move")
    assert isinstance(row.description, Markup)
    assert rows("w", "b") == []  # a tag is no word


def test_hidden_fields_never_reach_a_hook(site: Site) -> None:
    def everything(obj: Any) -> str:
        return repr(obj.data) + repr(obj.extra_data)

    site.register(
        *("w", halts),
        get_title=everything,
        get_description=everything,
        get_search_text=everything,
        get_sort_data=lambda obj: {
            "email": obj.data.get("email"),
            "all": str(obj.data),
        },
        hidden_fields=("email", "person.phone"),
    )
    data = {"email": "sekret", "person": {"name": "Ann", "phone": "sekret"}}
    start("w", [data])
    for table in ("workflows_text", "workflows_sort"):
        assert "sekret" not in repr(site.rows(f"SELECT * FROM {table}"))
    (row,) = rows("w", "ann")
    assert "sekret" not in f"{row.title}{row.description}"


@pytest.mark.parametrize(
    "strange",
    [
        "x" * 1_000_000,
        "a\0b\ud800c",
        "word " * 50_000,
        "\u202eabc",
        "'; DROP TABLE x --",
        "\\' \\ '':* & |",
        "ﷺ" * 20_000,
    ],
)
def test_strange_texts_are_kept_as_far_as_they_can_be(site: Site, strange: str) -> None:
    site.register(
        *("w", halts),
        get_title=lambda obj: strange,
        get_search_text=lambda obj: strange + " needle",
        get_sort_data=lambda obj: {"k": strange, strange: 1, "n": float("nan")},
    )
    start("w", [{}])
    (row,) = rows("w")
    assert row.title and len(row.title) <= 500
    assert [r.id for r in rows("w", sort="k")] == [row.id]


def test_what_is_deleted_leaves_nothing_behind(site: Site) -> None:
    site.register("w", halts, get_title=title)
    (obj,) = start("w", [{"title": "gone"}]).halted_objects
    obj.delete()
    counts = site.counts()
    assert counts["workflows_text"] == counts["workflows_sort"] == 0
    assert rows("w", "gone") == []


def test_going_on_does_not_write_again_what_is_the_same(site: Site) -> None:
    def fixed(obj: Any) -> str:
        return "the same"

    site.register("w", lambda obj, eng: eng.halt("?"), get_title=fixed)
    (obj,) = start("w", [{}]).halted_objects
    if site.url.startswith("postgresql"):
        before = site.rows("SELECT xmin, ctid FROM workflows_text")
        continue_oid(obj.id)
        assert site.rows("SELECT xmin, ctid FROM workflows_text") == before


def test_reindex_redoes_what_older_code_made(site: Site) -> None:
    site.register("w", halts, get_title=title)
    start("w", [{"title": f"t{n}"} for n in range(5)], stop_on_halt=False)
    reindexer = current_workflows.reindexer
    assert reindexer.all_old() == {}
    site.register("w", halts, get_title=lambda obj: "Newer " + title(obj))
    assert reindexer.all_old() == {"w": 5}
    before = site.rows("SELECT id, modified, seq, revision FROM workflows_object")
    assert sum(reindexer.run("w")) == 5
    after = site.rows("SELECT id, modified, seq, revision FROM workflows_object")
    assert sorted(after) == sorted(before)
    assert reindexer.all_old() == {}
    assert len(rows("w", "newer")) == 5
    site.register("w", halts)
    assert sum(reindexer.run("w")) == 5
    assert [row.title for row in rows("w")] == [None] * 5
    assert site.counts()["workflows_text"] == 0
