"""``flask workflows reindex``, and what ``doctor`` says of the lists."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sites import Site
from terminals import Terminal

from invenio_workflows import api


def halts(obj: Any, eng: Any) -> None:
    eng.halt("Why?")


def title(obj: Any) -> str:
    return str(obj.data["n"])


@pytest.fixture
def desk(make_site: Callable[..., Site], ready_url: str) -> Iterator[Terminal]:
    site = make_site(ready_url, tables=False)
    with site.app.app_context():
        site.register("one", halts)
        site.register("two", halts, get_title=title)
        for name in ("one", "two"):
            api.start(name, [{"n": n} for n in range(3)], stop_on_halt=False)
        yield Terminal(site.app, site)


def checked(desk: Terminal) -> dict[str, str]:
    checks = json.loads(desk.run("doctor", "--json").stdout)["checks"]
    return {c["id"]: c["text"] for c in checks if c["id"].startswith("lists.")}


def test_nothing_is_old_at_first(desk: Terminal) -> None:
    assert checked(desk) == {
        "lists.titles": "lists show what this code makes",
        "lists.counters": "counters are right",
    }
    assert "Nothing is old." in desk("reindex")


def test_new_code_is_found_and_what_it_makes_is_kept(desk: Terminal) -> None:
    desk.site.register("one", halts, get_title=title)
    desk.site.register("two", halts, get_title=title, hidden_fields=("x",))
    assert checked(desk)["lists.titles"] == (
        "Lists show what other code made: one (3 objects), two (3 objects)"
    )
    assert "one: 3 objects renewed." in desk("reindex", "one")
    assert "two (3 objects)" in checked(desk)["lists.titles"]
    assert desk.json("reindex") == {"objects": {"two": 3}, "counters": 0}
    assert desk.json("reindex") == {"objects": {}, "counters": 0}
    assert desk.json("reindex", "two", "--all")["objects"] == {"two": 3}


def test_a_name_that_nobody_has_is_told(desk: Terminal) -> None:
    found = desk.run("reindex", "three")
    assert found.exit_code == 1
    assert "There is no workflow 'three'; there are one, two." in found.stderr


def test_where_there_is_no_object_a_name_is_told_too(sqlite_site: Site) -> None:
    found = Terminal(sqlite_site.app, sqlite_site).run("reindex", "three")
    assert "There is no workflow 'three'; there are no objects of any." in found.stderr


def test_wrong_counters_and_lost_triggers_are_found(desk: Terminal) -> None:
    engine = desk.site.ext.engine
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM workflows_count")
        connection.exec_driver_sql("DELETE FROM workflows_count_delta")
    assert "counters of the lists are wrong" in checked(desk)["lists.counters"]
    assert desk.json("reindex")["counters"] > 0
    assert checked(desk)["lists.counters"] == "counters are right"
    if engine.dialect.name == "sqlite":
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER workflows_count_update")
        assert "workflows_count_update" in checked(desk)["lists.counters"]


def test_an_audit_that_can_be_changed_is_found(desk: Terminal) -> None:
    engine = desk.site.ext.engine

    def told() -> tuple[str, str]:
        checks = json.loads(desk.run("doctor", "--json").stdout)["checks"]
        (found,) = [c for c in checks if c["id"] == "audit"]
        return found["state"], found["text"]

    assert told() == ("ok", "what people decided can only be added to")
    off, on, name = (
        ("DROP TRIGGER workflows_audit_no_delete", "", "workflows_audit_no_delete")
        if engine.dialect.name == "sqlite"
        else ("ALTER TABLE workflows_audit DISABLE TRIGGER workflows_audit_kept",)
        + ("ALTER TABLE workflows_audit ENABLE TRIGGER ALL", "workflows_audit_kept")
    )
    with engine.begin() as connection:
        connection.exec_driver_sql(off)
    try:
        state, text = told()
    finally:
        if on:  # the server is shared
            with engine.begin() as connection:
                connection.exec_driver_sql(on)
    assert (state, name in text) == ("fail", True)
