"""How SQLite reads what the pages ask, where it knows how the rows are spread."""

from __future__ import annotations

from typing import Any

from people import PenSite
from sqlalchemy import event

from invenio_workflows import WorkflowObject
from invenio_workflows.api import start
from invenio_workflows.patterns import PARALLEL
from invenio_workflows.proxies import current_workflows


def ask(obj: Any, eng: Any) -> None:
    if obj.data % 5 == 0:
        eng.halt("Is it ours?", action="approval")
    if obj.data % 7 == 0:
        raise ConnectionError("The source answers 503")


def again(obj: Any, eng: Any) -> None:
    eng.halt("Still?", action="approval")


def plans(site: PenSite, path: str) -> list[str]:
    """Return how each statement of a page reads the objects."""
    seen: list[Any] = []

    def listen(
        connection: Any, cursor: Any, text: str, values: Any, *more: Any
    ) -> None:
        seen.append((text, values))

    engine = site.ext.engine
    event.listen(engine, "before_cursor_execute", listen)
    assert site.browser("admin").get(path).status_code == 200
    event.remove(engine, "before_cursor_execute", listen)
    found = []
    with engine.connect() as connection:
        for text, values in seen:
            if not text.lstrip().startswith(("SELECT", "WITH")):
                continue
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
            found += [str(row[3]) for row in rows]
    return [each for each in found if "workflows_object" in each]


def test_no_page_walks_along_all_that_are_no_snapshots(sqlite_ready_url: str) -> None:
    """Half of all rows are snapshots, and have a parent of their own each."""
    site = PenSite(sqlite_ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    site.register("review", ask)
    with site.app.app_context():
        current_workflows.embeds = False
        start("review", list(range(1, 200)), stop_on_halt=False, stop_on_error=False)
        for n in range(200, 240):
            start("review", [n], stop_on_error=False)
        halted, failed = (
            WorkflowObject.query.filter_by(status=status).first().id
            for status in (2, 5)
        )
        site.register("sides", PARALLEL([ask], [ask]))
        start("sides", [0])
        split = WorkflowObject.query.filter_by(workflow_name="sides", status=4).first()
        branch = WorkflowObject.query.filter_by(id_fork=split.id).first()
        with site.ext.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
                "ANALYZE"
            )
    paths = ("/", "/?group=failed", "/?group=all", f"/{halted}", f"/{failed}")
    paths += (f"/{split.id}", f"/{branch.id}")
    paths += ("/definitions", "/definitions/review", "/definitions/review?place=0")
    read = {path: plans(site, path) for path in paths}
    site.close()
    for path, found in read.items():
        along = [each for each in found if "object_parent" in each]
        assert len(along) <= (path[1:].isdigit()), (path, found)  # its own snapshots
        assert "SCAN workflows_object" not in found, path  # without an index


def test_who_stands_where_is_read_along_its_index(sqlite_ready_url: str) -> None:
    site = PenSite(sqlite_ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    site.register("review", ask, again, again)
    with site.app.app_context():
        current_workflows.embeds = False
        start("review", list(range(1, 200)), stop_on_halt=False, stop_on_error=False)
        with site.ext.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
                "ANALYZE"
            )
            places = "SELECT count(DISTINCT stands_at) FROM workflows_object"
            assert connection.exec_driver_sql(places).scalar_one() == 2
        fingerprint = current_workflows.definition("review").fingerprint
    for path in ("/definitions/review", "/definitions/review?place=0"):
        read = plans(site, path)
        here = [each for each in read if "object_place" in each]
        left = [each for each in read if each not in here]  # those that run: few
        assert len(left) == 1 and "object_running" in left[0], (path, read)
        assert all("SEARCH" in each for each in here), (path, read)
        covered = [each for each in here if "COVERING" in each]
        assert len(covered) >= 8, (path, read)  # but the cursor of one of each place
    seen: list[Any] = []
    engine = site.ext.engine
    with site.app.app_context():
        sleepers = current_workflows.standing
        event.listen(
            engine,
            "before_cursor_execute",
            lambda on, cursor, text, values, *more: seen.append((text, values)),
        )
        list(sleepers.others("review", fingerprint))
        assert len(seen) == 2  # the first place, and behind all of this definition
        list(sleepers.others("review", "0"))
        list(sleepers.asking("review", "approval"))
        sleepers.workflows()
        sleepers.some("review", 5)
    with engine.connect() as connection:
        for text, values in list(seen):
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
            for row in rows.all():
                told = str(row[3])
                assert "SEARCH" in told or "SCAN" not in told, (text, told)
                assert "TEMP B-TREE" not in told, (text, told)
    site.close()
