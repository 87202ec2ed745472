"""The lists: what they show, in which order, page by page, and what they count."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sites import Site
from sqlalchemy import event, text

from invenio_workflows.groups import Group, group_of
from invenio_workflows.proxies import current_workflows
from invenio_workflows.store import list_find as lists_module
from invenio_workflows.store.list_models import SORT
from invenio_workflows.store.models import ObjectRow
from invenio_workflows.store.wanted import Count, Row, Term, Wanted

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def fill(
    site: Site,
    number: int,
    names: tuple[str, ...] = ("one", "two"),
    begin: datetime = BEGIN,
) -> None:
    """Make rows in every status, some changed at the same moment."""
    chance = random.Random(1)
    rows = []
    for oid in range(1, number + 1):
        status, waits_for = chance.choice(
            [(0, None), (1, None), (2, None), (2, None), (3, None), (5, None)]
            + [(6, None), (4, "queue"), (4, "timer"), (4, "join"), (4, "event")]
        )
        when = begin + timedelta(seconds=chance.randrange(number // 2))
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
    with site.ext.engine.begin() as connection:
        connection.execute(ObjectRow.__table__.insert(), rows)


def walk(wanted: Wanted) -> tuple[list[int], list[list[int]]]:
    """Return the ids of all pages forwards, and the pages met on the way back."""
    lists, there, back = current_workflows.lists, [], []
    # Behind those that have the sort key, where an owner is asked for.
    stops = bool(wanted.owners) and wanted.sort.removeprefix("-") == "k"
    page = lists.page(wanted)
    while True:
        there.append([row.id for row in page.rows])
        assert page.complete or stops
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


def give_values(site: Site, number: int, some: int) -> dict[int, str]:
    """Give most objects a sort key, few different ones; return them."""
    chance = random.Random(5)
    values = {
        oid: f"s{chance.randrange(some)}"
        for oid in range(1, number + 1)
        if oid % 4 != 0
    }
    with site.ext.engine.begin() as connection:
        connection.execute(
            SORT.insert(),
            [
                {"id_object": oid, "name": "k", "value": value}
                for oid, value in values.items()
            ],
        )
    return values


@pytest.mark.parametrize("few", [5000, -1], ids=["gathered", "walked"])
@pytest.mark.parametrize("groups", [(), (Group.NEED_ACTION, Group.DONE)])
@pytest.mark.parametrize("sort", ["k", "-k"])
def test_by_a_sort_key_those_without_it_come_last(
    site: Site, sort: str, groups: Any, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists_module, "FEW", few)
    fill(site, 100)
    values = give_values(site, 100, 8)
    rows = site.rows("SELECT id, status, waits_for FROM workflows_object")
    ids = [
        row.id
        for row in rows
        if not groups or group_of(row.status, row.waits_for) in groups
    ]
    has = [oid for oid in ids if oid in values]
    has.sort(key=lambda oid: (values[oid], oid), reverse=sort == "-k")
    none = sorted((oid for oid in ids if oid not in values), reverse=True)
    wanted = Wanted(("one", "two"), groups=groups, sort=sort, limit=7)
    there, back = walk(wanted)
    assert there == has + none
    pages = [there[at : at + 7] for at in range(0, len(there), 7)]
    assert back == pages[:-1]


#: How few are gathered, and how many of an owner are walked in their own order.
PLANS = pytest.mark.parametrize(
    ("few", "owned"),
    [(5000, 20_000), (-1, 20_000), (-1, -1)],
    ids=["gathered", "owned", "walked"],
)


@PLANS
@pytest.mark.parametrize("sort", ["updated", "oldest", "k"])
@pytest.mark.parametrize(
    "more",
    [
        {"actions": ("approval",)},
        {"data_types": ("hep",)},
        {"owners": (1, 3)},
        {"owners": (0,)},
        {
            "since": BEGIN + timedelta(seconds=20),
            "until": BEGIN + timedelta(seconds=70),
        },
        {"actions": ("approval",), "owners": (2,), "data_types": ("",)},
        {"workflows": ("two", "three")},
        {"workflows": ("three",)},
    ],
    ids=str,
)
def test_filters_keep_what_they_say(
    site: Site,
    more: dict[str, Any],
    sort: str,
    few: int,
    owned: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lists_module, "FEW", few)
    monkeypatch.setattr(lists_module, "OWNED", owned)
    fill(site, 150)
    give_values(site, 150, 9)
    wanted = replace(Wanted(("one", "two"), sort=sort, limit=11), **more)
    there, _ = walk(wanted)
    everything, _ = walk(Wanted(("one", "two"), sort=sort, limit=500))
    rows = {row.id: row for row in whole(everything)}

    def fits(row: Row) -> bool:
        return (
            row.workflow in wanted.workflows
            and (not wanted.actions or row.action in wanted.actions)
            and (not wanted.data_types or row.data_type in wanted.data_types)
            and (not wanted.owners or row.id_user in wanted.owners)
            and (wanted.since is None or row.modified >= wanted.since)
            and (wanted.until is None or row.modified < wanted.until)
        )

    assert there == [oid for oid in everything if fits(rows[oid])]
    look = current_workflows.lists.look(wanted)
    assert look.count() == Count(len(there))
    assert sum(count.number for count in look.groups().values()) == len(there)


def whole(ids: list[int]) -> list[Row]:
    """Return the rows of all objects."""
    page = current_workflows.lists.page(Wanted(("one", "two"), limit=500))
    assert {row.id for row in page.rows} == set(ids)
    return page.rows


@PLANS
def test_owners_and_ages_that_could_be_chosen_instead_are_counted(
    site: Site, few: int, owned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists_module, "FEW", few)
    monkeypatch.setattr(lists_module, "OWNED", owned)
    begin = datetime.now(UTC) - timedelta(days=100)
    fill(site, 150, begin=begin)
    both = Wanted(("one", "two"), groups=(Group.NEED_ACTION,))

    def facet(name: str, **more: Any) -> dict[Any, int]:
        found = current_workflows.lists.look(replace(both, **more)).facets()
        return {value: count.number for value, count in found[name]}

    owners, ages = facet("owner"), facet("age")
    assert set(owners) == {0, 1, 2, 3, 4} and set(ages) == {"365d"}
    assert facet("owner", owners=(1, 3)) == owners
    assert facet("age", owners=(1,)) == {"365d": owners[1]}
    # An age that is written in the search is no choice; one of the facet is.
    begun = begin + timedelta(seconds=40)
    since = facet("owner", since=begun)
    assert 0 < sum(since.values()) < sum(owners.values())
    chosen: dict[str, Any] = {"since": begun, "span": (None, None)}
    assert facet("age", **chosen) == ages
    assert facet("owner", **chosen) == since
    assert facet("owner", **chosen, owners=(1,)) == since
    assert facet("age", **chosen, owners=(1,)) == {"365d": owners[1]}
    assert facet("workflow", **chosen, owners=(1,)).keys() <= {"one", "two"}


def test_nobody_sees_what_they_may_not(site: Site) -> None:
    fill(site, 20)
    look = current_workflows.lists.look(Wanted(()))
    assert look.page().rows == [] and look.count() == Count(0)
    assert not any(count.number for count in look.groups().values())
    assert not any(look.facets().values())
    term = Term(("1",), text="1")
    assert current_workflows.lists.page(Wanted((), terms=(term,))).rows == []


@pytest.mark.parametrize(
    "after",
    [
        "",
        "x",
        "W10",
        "bnVsbA",
        "WyJ1cGRhdGVkIiwxLDIsMCwwXQ",
        "é",
        "WyJ1cGRhdGVkIiwiMjAyNi0wMS0wMSIsMiwwLDBd",
    ],
)
@pytest.mark.parametrize("sort", ["updated", "newest", "title"])
def test_a_key_that_no_page_gave_is_refused(site: Site, sort: str, after: str) -> None:
    with pytest.raises(ValueError, match="begin at its first page"):
        current_workflows.lists.page(Wanted(("one",), sort=sort, after=after))


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_a_page_has_one_to_five_hundred_rows(site: Site, limit: int) -> None:
    with pytest.raises(ValueError, match="1 to 500"):
        current_workflows.lists.page(Wanted(("one",), limit=limit))


def test_snapshots_are_not_listed_and_branches_only_when_they_need_somebody(
    site: Site,
) -> None:
    fill(site, 40)
    change = "UPDATE workflows_object SET {} WHERE id % 4 = {}"
    with site.ext.engine.begin() as connection:
        connection.execute(text(change.format("id_parent = 4", 1)))
        connection.execute(text(change.format("id_fork = 4", 2)))
    listed, _ = walk(Wanted(("one", "two"), limit=3))
    rows = site.rows("SELECT id, status FROM workflows_object ORDER BY id")
    expected = {
        row.id
        for row in rows
        if row.id % 4 in (0, 3) or (row.id % 4 == 2 and row.status in (2, 5))
    }
    assert set(listed) == expected and len(listed) == len(expected)
    count = current_workflows.lists.count(Wanted(("one", "two")))
    assert count == Count(len(expected))


def test_what_is_new_is_counted_from_a_mark_on(site: Site) -> None:
    fill(site, 30)
    lists, wanted = current_workflows.lists, Wanted(("one", "two"))
    mark = lists.mark(wanted)
    assert lists.newer(wanted, mark) == Count(0)
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE workflows_object SET modified = '2026-02-01 00:00:00+00' "
            "WHERE id <= 12"
            if site.ext.engine.dialect.name == "postgresql"
            else "UPDATE workflows_object SET modified = '2026-02-01 00:00:00.000000' "
            "WHERE id <= 12"
        )
    assert lists.newer(wanted, mark) == Count(12)
    assert lists.newer(wanted, mark, most=10) == Count(10, exact=False)
    assert lists.mark(wanted) != mark
    assert lists.mark(Wanted(("three",))) == lists.mark(Wanted(()))


def test_a_walk_has_the_order_of_the_list(site: Site) -> None:
    fill(site, 450)
    wanted = Wanted(("one", "two"), groups=(Group.DONE, Group.NEED_ACTION))
    expected, _ = walk(replace(wanted, limit=500))
    assert current_workflows.lists.ids(wanted, 50) == expected[:50]


def test_the_names_of_the_sort_keys_are_known(site: Site) -> None:
    assert current_workflows.lists.sort_keys() == []
    with site.ext.engine.begin() as connection:
        rows = [
            {"id_object": oid, "name": name, "value": "s"}
            for oid in (1, 2)
            for name in ("pages", "title", "age")
        ]
        connection.execute(SORT.insert(), rows)
    assert current_workflows.lists.sort_keys() == ["title", "age", "pages"]


@contextmanager
def counting(site: Site) -> Iterator[list[str]]:
    seen: list[str] = []

    def executed(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    event.listen(site.ext.engine, "before_cursor_execute", executed)
    try:
        yield seen
    finally:
        event.remove(site.ext.engine, "before_cursor_execute", executed)


@PLANS
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"actions": ("approval",)},
        {"owners": (1,)},
        {"terms": (Term(("word",)),)},
        {"terms": (Term(("word",)),), "owners": (1,), "actions": ("approval",)},
        {"sort": "k"},
        {"sort": "k", "terms": (Term(("word",)),)},
        {"sort": "k", "owners": (1,)},
        {"sort": "newest", "owners": (1,), "overdue": True, "since": BEGIN},
    ],
    ids=str,
)
def test_a_page_with_all_that_it_counts_is_six_statements_at_most(
    site: Site,
    more: dict[str, Any],
    few: int,
    owned: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lists_module, "FEW", few)
    monkeypatch.setattr(lists_module, "OWNED", owned)
    fill(site, 100)
    give_values(site, 100, 9)
    wanted = replace(Wanted(("one", "two")), **more)
    first = current_workflows.lists.page(replace(wanted, limit=3))
    for after in {None, first.next}:
        with counting(site) as seen:
            look = current_workflows.lists.look(replace(wanted, after=after))
            look.page(), look.groups(), look.facets(), look.count(), look.mark()
        assert len(seen) <= 6, "\n".join(seen)
        assert look.mark() == current_workflows.lists.mark(wanted)


def test_a_state_in_which_nothing_is_is_not_walked(site: Site) -> None:
    """All that waits for other things would be passed to find nothing."""
    fill(site, 200)
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE workflows_object SET waits_for = 'queue' "
            "WHERE waits_for IN ('join', 'event')"
        )
    wanted = Wanted(("one", "two"), groups=(Group.WAITING,))
    with counting(site) as seen:
        page = current_workflows.lists.page(wanted)
    assert {row.waits_for for row in page.rows} == {"timer"}
    (walked,) = [each for each in seen if "workflows_object" in each]
    assert "'timer'" in walked
    assert "'join'" not in walked and "'event'" not in walked


@pytest.mark.parametrize("sort", ["updated", "least_updated"])
def test_a_walk_within_a_time_passes_no_more_rows(
    make_site: Callable[..., Site],
    sqlite_ready_url: str,
    sort: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SQLite looks up one bound of two, and would take that which is far away."""
    for name, number in {"FEW": -1, "OWNED": -1, "WALK": 20}.items():
        monkeypatch.setattr(lists_module, name, number)
    site = make_site(sqlite_ready_url, tables=False)
    fill(site, 2_000)
    taken = 0

    def step() -> int:
        nonlocal taken
        taken += 1
        return 0

    @event.listens_for(site.ext.engine, "before_cursor_execute")
    def watch(conn: Any, *rest: Any) -> None:
        conn.connection.dbapi_connection.set_progress_handler(step, 10)

    def steps(**more: Any) -> int:
        nonlocal taken
        wanted = Wanted(("one", "two"), owners=(99,), sort=sort, **more)
        with site.app.app_context():
            first = current_workflows.lists.page(wanted)
            taken = 0
            second = current_workflows.lists.page(replace(wanted, after=first.next))
        assert not first.complete and not second.complete
        return taken

    times = {"since": BEGIN - timedelta(1), "until": BEGIN + timedelta(1)}
    usual = steps()
    assert 0 < steps(**times) < 2 * usual
