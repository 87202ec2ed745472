"""The pen in an Invenio: there an identity says who it is, not what it may do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

import pytest
from people import VERBS, PenSite

from invenio_workflows import start

#: To whom Invenio-Access has granted what: the actions by people's numbers.
GRANTED: dict[tuple[str, ...], set[str]] = {
    ("action", "workflows-view"): {"4"},
    ("action", "workflows-view", "review"): {"5"},
}


class Permission:
    """As Invenio-Access has it: it finds to whom its needs were granted."""

    def __init__(self, *needs: Any) -> None:
        self.people = set().union(*(GRANTED.get(tuple(n), set()) for n in needs))

    def allows(self, identity: Any) -> bool:
        return identity.id in self.people


def ask(obj: Any, eng: Any) -> None:
    eng.halt("Is it ours?", action="approval")


@pytest.fixture
def pen(sqlite_ready_url: str) -> Iterator[PenSite]:
    site = PenSite(sqlite_ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    for name in ("review", "other"):
        site.register(name, ask)
        with site.app.app_context():
            start(name, {})
    yield site
    site.close()


def seen(pen: PenSite, name: str) -> list[int]:
    """What the list, a record of `review` and one of `other` answer to somebody."""
    ids = pen.rows("SELECT id FROM workflows_object WHERE status = 2 ORDER BY id")
    paths = ["/", *(f"/{oid}" for (oid,) in ids)]
    return [pen.browser(name).get(path).status_code for path in paths]


def test_what_invenio_access_grants_is_what_a_person_may(
    pen: PenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("invenio_access")
    module.Permission = Permission  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "invenio_access", module)
    assert seen(pen, "stranger") == [200, 404, 200], "only installed, it is not asked"

    pen.app.extensions["invenio-access"] = object()
    assert seen(pen, "stranger") == [200, 200, 200], "granted for all workflows"
    assert seen(pen, "nobody") == [200, 200, 404], "granted for one"
    assert seen(pen, "admin") == [403, 404, 404], "an identity's own needs are nothing"


def test_invenio_access_finds_every_permission_by_its_name() -> None:
    found = {each.name: each.load() for each in entry_points(group=GROUP)}
    ours = {name: need for name, need in found.items() if name.startswith("workflows-")}
    assert ours == {f"workflows-{v}": ("action", f"workflows-{v}") for v in VERBS}


GROUP = "invenio_access.actions"
