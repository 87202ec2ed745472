"""What happened to a record: in order, folded, by level, each entry with an address."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy
from curators import admit, page
from sites import Site
from sqlalchemy import event, update

from invenio_workflows import WorkflowObject
from invenio_workflows.api import comment, resolve, start
from invenio_workflows.patterns import FOR
from invenio_workflows.proxies import current_workflows
from invenio_workflows.store.statements import EVENTS, LOGS

FINISHED = ("TaskFinished", "publish")
SIZE = "invenio_workflows.holdingpen.timeline.SIZE"


def ask(obj: Any, eng: Any) -> None:
    eng.halt("Is it good?", action="approval")


def publish(obj: Any, eng: Any) -> None:
    obj.log.info("Published")


def loud(obj: Any, eng: Any) -> None:
    for n in range(20):
        obj.log.info("line %s", n)


@pytest.fixture
def pen(site: Site) -> Site:
    admit(site.app)
    current_workflows.embeds = False
    site.register("asking", ask, publish)
    return site


def begin(workflow: str) -> int:
    start(workflow, [{"title": "On Rain"}], stop_on_error=False)
    found = WorkflowObject.query.filter_by(workflow_name=workflow, id_parent=None)
    oid: int = found.order_by("-id").first().id
    return oid


def told(text: str) -> list[str]:
    """Return the entries that are shown, each as a line."""
    listed = text[text.index('class="hp-timeline"') :]
    found = re.findall(
        r'<div class="hp-entry-head">(.*?)<a class="hp-at"', listed, re.S
    )
    return [" ".join(re.sub("<[^>]+>", " ", each).split()) for each in found]


def anchors(text: str) -> list[str]:
    return re.findall(r'<li id="([ecl]\d+)"', text)


def test_engine_and_people_stand_in_one_row(pen: Site) -> None:
    oid = begin("asking")
    comment(oid, "Look", "ann")
    resolve(oid, None, {"value": "accept", "reason": "Fine"}, "bob")
    order = [
        "done",
        "publish finished took",
        "publish info",
        "bob accepted it",
        "ann commented",
        "ask halted took",
        "began",
    ]

    def said() -> list[str]:
        text = page(pen, f"/{oid}")
        assert "Fine" in text and "Published" in text
        took = re.compile(r"took (under )?[\d.]+ m?s.*")
        return [took.sub("took", each) for each in told(text)]

    assert said() == order
    with pen.ext.engine.begin() as connection:
        for table in ("workflows_event", "workflows_log"):  # all within a millisecond
            connection.exec_driver_sql(
                f"UPDATE {table} SET created = (SELECT created FROM workflows_audit "
                f"WHERE verb = 'comment' AND id_object = {oid})"
            )
    assert said() == order


def test_a_line_stands_where_it_was_written(pen: Site) -> None:
    def slow(obj: Any, eng: Any) -> None:
        obj.log.info("First")
        time.sleep(0.4)
        obj.log.info("Second")

    pen.register("slow", publish, slow, publish, ask)
    oid = begin("slow")

    def said() -> list[str]:
        return [each.split(" took")[0] for each in told(page(pen, f"/{oid}"))]

    order = [
        "ask halted",
        *("publish finished", "publish info"),
        *("slow finished", "slow info", "slow info"),
        *("publish finished", "publish info"),
        "began",
    ]
    assert said() == order
    ids, lines = zip(*current_workflows.records.lines(oid, 9)[::-1], strict=True)
    apart = [
        (two.created - one.created).total_seconds() for one, two in pairwise(lines)
    ]
    assert apart[1] > 0.39
    assert abs((lines[-1].created - datetime.now(UTC)).total_seconds()) < 60
    ended = current_workflows.records.event_time(oid, 2)
    assert ended is not None
    for moment in (ended, ended - timedelta(milliseconds=1)):
        with pen.ext.engine.begin() as connection:
            began = update(EVENTS).where(EVENTS.c.seq == 1)
            connection.execute(began.values(created=ended))
            early = update(LOGS).where(LOGS.c.id <= ids[1])
            connection.execute(early.values(created=moment))
        assert said() == order
    with pen.ext.engine.begin() as connection:
        for table in (EVENTS, LOGS):
            connection.execute(update(table).values(created=ended))
    assert said() == order, "all of it at one moment"


def test_a_line_is_older_than_the_end_of_its_task(pen: Site) -> None:
    """Though it may take long until it is written."""

    def late(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith("INSERT INTO workflows_log"):
            time.sleep(0.03)

    event.listen(pen.ext.engine, "before_cursor_execute", late)
    try:
        start("asking", [{}]).halted_objects[0].continue_workflow()
    finally:
        event.remove(pen.ext.engine, "before_cursor_execute", late)
    (each,) = WorkflowObject.query.filter_by(id_parent=None)
    ((_, line),) = current_workflows.records.lines(each.id, 9)
    (end,) = [e for e in each.history() if (e.kind, e.task) == FINISHED]
    assert timedelta() <= end.created - line.created < timedelta(minutes=1)


def test_what_takes_long_says_when_it_began(pen: Site) -> None:
    oid = begin("asking")
    with pen.ext.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE workflows_event SET seconds = 75 WHERE kind = 'Halted'"
        )
    (said,) = (each for each in told(page(pen, f"/{oid}")) if "halted" in each)
    assert re.fullmatch(r"ask halted took 75\.0 s · began [\d: -]+ UTC", said)


def test_a_level_is_asked_of_the_database_not_of_a_page(
    pen: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(obj: Any, eng: Any) -> None:
        raise ConnectionError("The source answers 503")

    pen.register("breaking", FOR(range(12), "n", [publish]), ask, breaks)
    oid = begin("breaking")
    monkeypatch.setattr(SIZE, 5)
    resolve(oid, None, {"value": "accept"}, "bob", delayed=True)
    assert len(told(page(pen, f"/{oid}?level=error"))) == 1
    text = page(pen, f"/{oid}?level=warning")
    assert "bob accepted it" in told(text) and "Earlier" not in text
    assert "ask halted" not in text


def test_every_entry_has_an_address_that_stays(
    pen: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    pen.register("loud", loud, ask)
    oid = begin("loud")
    for n in range(6):
        comment(oid, f"Comment {n}", "ann")
    every = anchors(page(pen, f"/{oid}"))
    assert {each[0] for each in every} == {"e", "c", "l"} and len(every) == 29
    monkeypatch.setattr(SIZE, 5)
    newest = page(pen, f"/{oid}")
    assert anchors(newest) == every[:5] and "Newest" not in newest
    for anchor in every:
        text = page(pen, f"/{oid}?at={anchor}&level=error")
        assert f'href="?at={anchor}#{anchor}"' in text
        assert (anchor in every[:5]) == ("Newest" not in text)
    for strange in ("e999", "l0", "c0", "x", "e9" * 20, "<b>"):
        assert anchors(page(pen, f"/{oid}?at={strange}")) == every[:5]


def test_what_happened_at_one_moment_has_its_addresses_too(
    pen: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    pen.register("loud", loud, ask)
    oid = begin("loud")
    with pen.ext.engine.begin() as connection:
        for table in ("workflows_event", "workflows_log"):
            connection.exec_driver_sql(
                f"UPDATE {table} SET created = "
                "(SELECT min(created) FROM workflows_object)"
            )
    every = anchors(page(pen, f"/{oid}"))
    monkeypatch.setattr(SIZE, 5)
    for anchor in every:
        assert anchor in anchors(page(pen, f"/{oid}?at={anchor}"))


def test_a_line_of_another_record_has_no_place_here(pen: Site) -> None:
    pen.register("loud", publish, ask)
    one, other = begin("loud"), begin("loud")
    line = next(each for each in anchors(page(pen, f"/{one}")) if each[0] == "l")
    assert current_workflows.records.line_time(other, int(line[1:])) is None
    assert "Newest" not in page(pen, f"/{other}?at={line}")


def test_a_round_of_several_is_folded_too(pen: Site) -> None:
    def check(obj: Any, eng: Any) -> None:
        """Look at it."""

    def count(obj: Any, eng: Any) -> None:
        """Count it."""

    pen.register("rounds", FOR(range(7), "n", [check, count]), ask)
    text = page(pen, f"/{begin('rounds')}")
    assert "and these 2 entries 6 times more before" in text
    said = " ".join(told(text))
    assert (said.count("count finished"), said.count("check finished")) == (1, 1)
    folded = re.findall(r"<li id=\"e\d+\"><code><bdi>(\w+)", text)
    assert folded == ["count", "check"] * 6


def test_thousands_of_events_cost_no_more_statements_than_a_few(pen: Site) -> None:
    oid = begin("asking")
    few = statements(pen, oid)
    kept = (
        "id_object, id_workflow, seq, kind, task, path, status, message, seconds, "
        "created"
    )
    (last,) = pen.rows(
        f"SELECT {kept} FROM workflows_event WHERE id_object = :oid "
        "ORDER BY seq DESC LIMIT 1",
        oid=oid,
    )
    many = [{**last._mapping, "seq": last.seq + n} for n in range(1, 6001)]
    marks = ", ".join(f":{name}" for name in kept.split(", "))
    with pen.ext.engine.begin() as connection:
        written = f"INSERT INTO workflows_event ({kept}) VALUES ({marks})"
        connection.execute(sqlalchemy.text(written), many)
    assert statements(pen, oid) == few
    text = page(pen, f"/{oid}")
    assert "and 199 times more before" in text and "Earlier" in text


def statements(pen: Site, oid: int) -> int:
    """Return how many statements a record's page makes."""
    seen: list[str] = []

    def listen(connection: Any, cursor: Any, text: str, *more: Any) -> None:
        seen.append(text)

    event.listen(pen.ext.engine, "before_cursor_execute", listen)
    page(pen, f"/{oid}")
    event.remove(pen.ext.engine, "before_cursor_execute", listen)
    return len(seen)
