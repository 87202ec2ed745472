"""The kept counters are what counting gives, whoever moves objects, and how."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from sites import Site
from sqlalchemy import text

from invenio_workflows.api import continue_oid, start
from invenio_workflows.groups import Group, group_of
from invenio_workflows.proxies import current_workflows
from invenio_workflows.store import list_counts
from invenio_workflows.store.models import LISTED
from invenio_workflows.store.wanted import Wanted

NAMES = ("one", "two")
GROUPED = (
    "SELECT workflow, status, waits_for, action, data_type, count(*) "
    f"FROM workflows_object WHERE {LISTED} GROUP BY 1, 2, 3, 4, 5"
)


def counted(site: Site) -> dict[Any, int]:
    """Return what counting gives."""
    return {
        (row[0], row[1], row[2], row[3] or "", row[4]): row[5]
        for row in site.rows(GROUPED)
    }


def kept() -> dict[Any, int]:
    """Return what the counters say."""
    return {
        (each.workflow, each.status, each.waits_for, each.action, each.data_type): (
            each.number
        )
        for each in current_workflows.lists.look(Wanted(NAMES)).counters
    }


def insert(site: Site, number: int) -> None:
    with site.ext.engine.begin() as connection:
        for oid in range(1, number + 1):
            connection.execute(
                text(
                    "INSERT INTO workflows_object (id, workflow, status, data, "
                    "extra_data, position, revision, seq, fence, in_start, attempts, "
                    "data_type, uri, id_user, created, modified) VALUES (:id, :name, "
                    "0, '1', '{}', 0, 0, 0, 0, 0, 0, '', '', 0, '2026-01-01 00:00:00', "
                    "'2026-01-01 00:00:00')"
                ),
                {"id": oid, "name": NAMES[oid % 2]},
            )


def moves(chance: random.Random, number: int) -> tuple[str, dict[str, Any]]:
    """Return one statement that moves an object, or some."""
    status, waits_for = chance.choice(
        [(0, None), (1, None), (2, None), (3, None), (4, "queue"), (4, "timer")]
        + [(5, None), (6, None)]
    )
    values = {
        "oid": chance.randint(1, number),
        "status": status,
        "waits_for": waits_for,
        "action": "approval" if status == 2 else None,
        "type": chance.choice(["", "hep"]),
        "name": chance.choice(NAMES),
        "parent": 1 if chance.random() < 0.1 else None,
        "fork": 1 if chance.random() < 0.1 else None,
    }
    sets = {
        0: "status = :status, waits_for = :waits_for, action = :action",
        1: "data_type = :type",
        2: "workflow = :name",
        3: "id_fork = :fork",
        4: "id_parent = :parent",
        5: "position = position + 1",
    }[chance.choice([0, 0, 0, 0, 1, 2, 3, 4, 5])]
    used = {name: values[name] for name in values if f":{name}" in sets}
    return f"UPDATE workflows_object SET {sets} WHERE id = :oid", used | {
        "oid": values["oid"]
    }


def test_after_random_moves_the_counters_are_what_counting_gives(site: Site) -> None:
    insert(site, 40)
    chance = random.Random(7)
    for turn in range(400):
        statement, values = moves(chance, 40)
        with site.ext.engine.begin() as connection:
            connection.execute(text(statement), values)
            if chance.random() < 0.1:
                connection.rollback()
        if turn % 50 == 0:
            current_workflows.lists.fold()
            assert kept() == counted(site)
    with site.ext.engine.begin() as connection:
        gone = "DELETE FROM workflows_object WHERE id > 30 AND id_parent IS NULL"
        connection.execute(text(gone))
    assert kept() == counted(site)
    assert current_workflows.reindexer.wrong_counts() == 0


def test_the_counters_follow_what_the_engine_does(site: Site) -> None:
    site.register("one", lambda obj, eng: eng.halt("?", action="approval"))
    site.register("two", lambda obj, eng: obj.data["missing"])
    first = start("one", [{} for _ in range(3)], stop_on_halt=False)
    start("two", [{} for _ in range(2)], stop_on_error=False)
    continue_oid(first.halted_objects[0].id)
    first.halted_objects[0].delete()
    assert kept() == counted(site)
    groups = current_workflows.lists.groups(Wanted(NAMES))
    assert {group: count.number for group, count in groups.items() if count.number} == {
        Group.NEED_ACTION: 1,
        Group.FAILED: 2,
        Group.DONE: 1,
    }


def test_eight_writers_make_no_deadlock(
    make_site: Callable[..., Site], postgresql_ready_url: str
) -> None:
    site = make_site(postgresql_ready_url, tables=False)
    number, writers = 64, 8
    errors: list[BaseException] = []
    done = threading.Event()

    def write(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for _ in range(60):
                # Objects of one's own, as a lease gives them; the counters are shared.
                with site.ext.engine.begin() as connection:
                    for _ in range(3):
                        statement, values = moves(chance, number)
                        values["oid"] = values["oid"] // writers * writers + seed + 1
                        connection.execute(text(statement), values)
        except BaseException as error:
            errors.append(error)

    def fold_and_read() -> None:
        try:
            with site.app.app_context():
                while not done.is_set():
                    current_workflows.lists.fold()
                    kept()
        except BaseException as error:
            errors.append(error)

    with site.app.app_context():
        insert(site, number + writers)
        threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
        folders = [threading.Thread(target=fold_and_read) for _ in range(3)]
        for thread in (*threads, *folders):
            thread.start()
        for thread in threads:
            thread.join(300)
        done.set()
        for thread in folders:
            thread.join(300)
        assert errors == []
        assert kept() == counted(site)
        current_workflows.lists.fold()
        assert site.value("SELECT count(*) FROM workflows_count_delta") == 0
        assert kept() == counted(site)


def test_many_deltas_are_folded_by_who_reads(
    make_site: Callable[..., Site], postgresql_ready_url: str, monkeypatch: Any
) -> None:
    site = make_site(postgresql_ready_url, tables=False)
    monkeypatch.setattr(list_counts, "_FEW", 5)
    with site.app.app_context():
        insert(site, 10)
        assert site.value("SELECT count(*) FROM workflows_count_delta") == 10
        assert sum(kept().values()) == 10
        assert site.value("SELECT count(*) FROM workflows_count_delta") == 0
        assert sum(kept().values()) == 10


def test_counters_that_went_wrong_are_corrected(site: Site) -> None:
    insert(site, 10)
    with site.ext.engine.begin() as connection:
        connection.execute(text("DELETE FROM workflows_count"))
        connection.execute(text("DELETE FROM workflows_count_delta"))
    reindexer = current_workflows.reindexer
    assert reindexer.wrong_counts() == 2
    assert reindexer.recount() == 2
    assert kept() == counted(site)
    assert reindexer.recount() == 0


def test_groups_and_facets_are_what_counting_gives(site: Site) -> None:
    insert(site, 40)
    chance = random.Random(3)
    with site.ext.engine.begin() as connection:
        for _ in range(300):
            statement, values = moves(chance, 40)
            connection.execute(text(statement), values)
    everything = counted(site)
    look = current_workflows.lists.look(Wanted(("one",), visible=NAMES))
    groups: Counter[Group] = Counter()
    for (workflow, status, waits_for, *_), number in everything.items():
        if workflow == "one":
            groups[group_of(status, waits_for)] += number
    found = {group: count.number for group, count in look.groups().items()}
    assert found == {group: groups[group] for group in Group}
    assert look.count().number == sum(groups.values())
    facets = look.facets()
    names: Counter[str] = Counter()
    for (workflow, *_), number in everything.items():
        names[workflow] += number
    assert {name: count.number for name, count in facets["workflow"]} == dict(names)
    assert sum(count.number for _, count in facets["owner"]) == sum(groups.values())
