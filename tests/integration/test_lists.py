"""The lists: what they show, in which order, page by page, and what they count."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sites import Site

from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import Group, group_of
from invenio_workflows.store.wanted import Wanted

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def fill(site: Site, number: int, names: tuple[str, ...] = ("one", "two")) -> None:
    """Make rows in every status, some changed at the same moment."""
    chance = random.Random(1)
    rows = []
    for oid in range(1, number + 1):
        status, waits_for = chance.choice(
            [(0, None), (1, None), (2, None), (2, None), (3, None), (5, None)]
            + [(6, None), (4, "queue"), (4, "timer"), (4, "join"), (4, "event")]
        )
        when = BEGIN + timedelta(seconds=chance.randrange(number // 2))
        rows.append(
            {
                "id": oid,
                "workflow": chance.choice(names),
                "status": status,
                "waits_for": waits_for,
                "action": "approval" if status == 2 and oid % 3 else None,
                "data_type": chance.choice(["", "hep"]),
                "id_user": oid % 5,
                "modified": when,
                "created": when,
                "position": 0,
                "uri": "",
            }
        )
    objects = current_workflows.lists._store.transactions
    from invenio_workflows.store.models import ObjectRow

    with objects.beside() as connection:
        connection.execute(ObjectRow.__table__.insert(), rows)
        connection.commit()


def walk(wanted: Wanted) -> tuple[list[int], list[list[int]]]:
    """Return the ids of all pages forwards, and the pages met on the way back."""
    from dataclasses import replace

    lists, there, back = current_workflows.lists, [], []
    page = lists.page(wanted)
    while True:
        there.append([row.id for row in page.rows])
        assert page.complete
        if page.next is None:
            break
        page = lists.page(replace(wanted, after=page.next))
    while page.previous is not None:
        page = lists.page(replace(wanted, after=page.previous))
        back.append([row.id for row in page.rows])
    return [oid for ids in there for oid in ids], back[::-1]


@pytest.mark.parametrize("sort", ["updated", "least_updated", "newest", "oldest"])
@pytest.mark.parametrize("groups", [(), (Group.NEED_ACTION,), (Group.IN_PROCESS,)])
def test_every_row_is_on_one_page(site: Site, sort: str, groups: Any) -> None:
    fill(site, 200)
    wanted = Wanted(("one", "two"), groups=groups, sort=sort, limit=7)
    order = {
        "updated": "modified DESC, id DESC",
        "least_updated": "modified, id",
        "newest": "id DESC",
        "oldest": "id",
    }[sort]
    rows = site.rows(
        f"SELECT id, status, waits_for FROM workflows_object ORDER BY {order}"
    )
    expected = [
        row.id
        for row in rows
        if not groups or group_of(row.status, row.waits_for) in groups
    ]
    there, back = walk(wanted)
    assert there == expected
    pages = [expected[at : at + 7] for at in range(0, len(expected), 7)]
    assert back == pages[:-1]
