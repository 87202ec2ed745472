"""Every address of the pen, with every method, for everybody: what it answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from people import PEN, PEOPLE, PenSite, texts

from invenio_workflows import start

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ROLES = (None, "viewer", "stranger", "curator", "editor", "admin")

#: Of each address: the method that it takes, the permission that it needs, and what
#: it answers to who has it. An address that is not here fails the test.
ADDRESSES: dict[str, tuple[str, str, int]] = {
    "/": ("GET", "view", 200),
    "/arrivals": ("GET", "view", 200),
    "/export.<form>": ("GET", "view", 200),
    "/audit": ("GET", "admin", 200),
    "/audit.jsonl": ("GET", "admin", 200),
    "/definitions": ("GET", "view", 200),
    "/definitions/<path:name>": ("GET", "view", 200),
    "/start": ("GET", "start", 200),
    "/start/run": ("POST", "start", 303),
    "/<int:oid>": ("GET", "view", 200),
    "/details/<int:oid>": ("GET", "view", 301),
    "/<int:oid>/data.json": ("GET", "view", 200),
    "/<int:oid>/changes": ("GET", "view", 200),
    "/<int:oid>/fields": ("GET", "view", 200),
    "/<int:oid>/results": ("GET", "view", 200),
    "/<int:oid>/resolve": ("POST", "decide", 303),
    "/<int:oid>/form": ("POST", "decide", 409),
    "/<int:oid>/file/<name>": ("GET", "view", 404),
    "/<int:oid>/comment": ("POST", "decide", 303),
    "/<int:oid>/continue": ("POST", "restart", 303),
    "/<int:oid>/restart": ("POST", "restart", 303),
    "/<int:oid>/restart_task": ("POST", "restart", 303),
    "/<int:oid>/restart_from": ("POST", "restart", 303),
    "/<int:oid>/restart_alike": ("POST", "restart", 303),
    "/<int:oid>/cancel": ("POST", "restart", 303),
    "/<int:oid>/edit": ("GET", "edit", 200),
    "/<int:oid>/save": ("POST", "edit", 303),
    "/<int:oid>/remove": ("GET", "delete", 200),
    "/<int:oid>/delete": ("POST", "delete", 303),
}
#: What an address ends in that is asked for something by name.
TAILS = {"/<int:oid>/results": "?name=found"}
#: What a form says besides the token and the revision.
FORMS = {
    "/start/run": {"workflow": "review", "data": "{}"},
    "/<int:oid>/resolve": {"value": "accept"},
    "/<int:oid>/comment": {"text": "Hm"},
    "/<int:oid>/restart_from": {"task": "ask"},
    "/<int:oid>/save": {"data": '{"title": "B"}', "confirm": "1"},
}
#: More than any record's number.
MISSING = 999_999


def ask(obj: Any, eng: Any) -> None:
    obj.add_task_result("found", {"n": 1})
    eng.halt("Is it ours?", action="approval")


@pytest.fixture
def pen(sqlite_ready_url: str) -> Iterator[PenSite]:
    site = PenSite(sqlite_ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    for name in ("review", "other"):
        site.register(name, ask)
    site.ext.state.embeds = False
    yield site
    site.close()


def rules(pen: PenSite) -> dict[str, set[str]]:
    """The addresses that the application has, and the methods that each takes."""
    return {
        rule.rule.removeprefix(PEN): set(rule.methods or ())
        for rule in pen.app.url_map.iter_rules()
        if rule.endpoint.startswith("holdingpen.")
        and rule.endpoint != "holdingpen.static"
    }


def expected(rule: str, method: str, name: str | None, is_there: bool = True) -> int:
    """What a method of an address answers to somebody."""
    own, verb, right = ADDRESSES[rule]
    if method != "OPTIONS" and method not in (
        (own, "HEAD") if own == "GET" else (own,)
    ):
        return 405
    if name is None:
        return 302
    if method == "OPTIONS":
        return 200
    rights = PEOPLE[name][1]
    here = [verb for verb, workflow in rights.items() if workflow in ("*", "review")]
    if "<path:name>" in rule:
        return right if verb in here and is_there else 404
    if "<int:oid>" not in rule:
        if rule == "/start/run":
            return right if verb in here else 403 if "view" in here else 404
        return right if verb in rights else 403
    if "view" not in here or not is_there:
        return 404
    return right if verb in here else 403


def sent(pen: PenSite, rule: str, method: str, name: str | None, oid: int) -> Any:
    """Send a request as the pages would, with the right token and revision."""
    path = rule.replace("<int:oid>", str(oid)).replace("<form>", "csv")
    path = path.replace("<path:name>", "nothing" if oid == MISSING else "review")
    browser = pen.browser(name)
    if method != "POST":
        return browser.open(method, path + TAILS.get(rule, ""))
    seq = pen.rows(f"SELECT seq FROM workflows_object WHERE id = {oid}")
    form = {"_revision": str(seq[0][0] if seq else 1), **FORMS.get(rule, {})}
    return browser.post(path, form)


def state_of(pen: PenSite) -> Any:
    return pen.counts(), pen.rows("SELECT id, seq, status FROM workflows_object")


def new_record(pen: PenSite) -> int:
    with pen.app.app_context():
        return int(start("review", {"title": "A"}).halted_objects[0].id)


def test_the_table_has_every_address_and_no_other(pen: PenSite) -> None:
    table = {
        rule: {method, "OPTIONS"} | ({"HEAD"} if method == "GET" else set())
        for rule, (method, _, _) in ADDRESSES.items()
    }
    assert rules(pen) == table


@pytest.mark.parametrize("name", ROLES)
def test_each_method_answers_each_person_as_it_should(
    pen: PenSite, name: str | None
) -> None:
    oid = new_record(pen)
    for rule in rules(pen):
        for method in METHODS:
            before = state_of(pen)
            answer = sent(pen, rule, method, name, oid)
            wanted = expected(rule, method, name)
            assert answer.status_code == wanted, (rule, method, texts(answer.text))
            if method == "HEAD":
                assert answer.data == b""
            if method == "POST" and wanted == 303:
                oid = new_record(pen)
            elif not (wanted == 200 and rule == "/<int:oid>"):
                assert state_of(pen) == before, (rule, method, name)


@pytest.mark.parametrize("name", ROLES)
def test_an_id_that_is_not_there_answers_each_person_as_it_should(
    pen: PenSite, name: str | None
) -> None:
    new_record(pen)
    before = state_of(pen)
    for rule in rules(pen):
        if "<int:oid>" not in rule and "<path:name>" not in rule:
            continue
        for method in METHODS:
            answer = sent(pen, rule, method, name, MISSING)
            wanted = expected(rule, method, name, is_there=False)
            assert answer.status_code == wanted, (rule, method, texts(answer.text))
    assert state_of(pen) == before
