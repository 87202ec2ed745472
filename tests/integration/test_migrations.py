"""Our tables are made and upgraded, and nobody else's are touched."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sites import Site
from sqlalchemy import (
    Column,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    inspect,
)

from invenio_workflows.api import start
from invenio_workflows.states import WorkflowStatus
from invenio_workflows.store.migrations import _scripts, current, drift, upgrade

OURS = {
    "workflows_run",
    "workflows_object",
    "workflows_event",
    "workflows_log",
    "workflows_kept_event",
    "workflows_once",
    "workflows_worker",
    "workflows_sort",
    "workflows_text",
    "workflows_count",
    "workflows_count_delta",
    "workflows_audit",
    "workflows_walk",
    "workflows_definition",
    "workflows_draft",
    "workflows_file",
    "workflows_file_part",
    "workflows_alembic_version",
}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on an empty database."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


def names(engine: Engine) -> set[str]:
    """The tables; those of SQLite's full-text index are its own business."""
    found = set(inspect(engine).get_table_names())
    return {name for name in found if not name.startswith("workflows_text_index")}


def test_from_nothing_any_number_of_times(engine: Engine) -> None:
    head = _scripts().get_current_head()
    assert current(engine) == (None, head)
    assert upgrade(engine) == (None, head)
    assert names(engine) == OURS
    for _ in range(2):
        assert upgrade(engine) == (head, head)
    assert current(engine) == (head, head)


def test_the_models_and_the_history_agree(engine: Engine) -> None:
    upgrade(engine)
    assert drift(engine) == []
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE workflows_log ADD COLUMN more INTEGER")
        connection.exec_driver_sql("DROP INDEX ix_workflows_object_parent")
    found = str(drift(engine))
    assert "more" in found and "ix_workflows_object_parent" in found


def test_from_every_revision_with_what_it_holds(
    make_site: Callable[..., Site], database_url: str, engine: Engine
) -> None:
    scripts = _scripts()
    assert len(list(scripts.walk_revisions())) >= 1
    first = scripts.get_base()
    assert first is not None
    upgrade(engine, first)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO workflows_run (uuid, name, status, extra_data, id_user, "
            "stop_on_halt, stop_on_error, created, modified) VALUES ('u', 'n', 4, "
            "'{}', 0, 0, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
        )
    upgrade(engine)
    assert drift(engine) == []
    site = make_site(database_url, tables=False)
    assert site.ext.is_current()
    assert site.value("SELECT name FROM workflows_run") == "n"
    with site.app.app_context():
        site.register("nothing", lambda obj, eng: None)
        assert start("nothing", [1]).status == WorkflowStatus.COMPLETED


def test_the_extension_makes_them(
    make_site: Callable[..., Site], database_url: str
) -> None:
    site = make_site(database_url, tables=False)
    assert not site.ext.is_current()
    site.ext.create_all()
    site.ext.create_all()
    assert site.ext.is_current()


def the_docs_include_object() -> Any:
    """Return the function that the docs tell people to copy."""
    page = Path(__file__).parents[2] / "docs" / "howto" / "keep-the-tables.md"
    pattern = r"<!-- include_object -->\n```python\n(.*?)```"
    found = re.search(pattern, page.read_text("utf-8"), re.S)
    assert found is not None
    room: dict[str, Any] = {}
    exec(found[1], room)
    return room["include_object"]


def test_another_history_and_ours_leave_each_other_alone(engine: Engine) -> None:
    """The app's own Alembic has its own version table, tables and autogenerate."""
    theirs = MetaData()
    Table("paper", theirs, Column("id", Integer, primary_key=True))
    Table("alembic_version", theirs, Column("version_num", String(32)))
    theirs.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('theirs')")
    upgrade(engine)
    assert names(engine) == OURS | {"paper", "alembic_version"}
    assert drift(engine) == []
    with engine.connect() as connection:
        version = connection.exec_driver_sql("SELECT * FROM alembic_version").all()
        assert [tuple(row) for row in version] == [("theirs",)]
        wanted = MigrationContext.configure(connection)
        assert "workflows_run" in str(compare_metadata(wanted, theirs))
        options = {"include_object": the_docs_include_object()}
        left = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(left, theirs) == []
        Table("workflows_paper", theirs, Column("id", Integer))
        ((what, table),) = compare_metadata(left, theirs)
        assert (what, table.name) == ("add_table", "workflows_paper")
