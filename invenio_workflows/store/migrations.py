"""Makes and upgrades our tables, with an Alembic history of their own.

The version table is ours alone, so the app's own migrations neither see nor
touch it. Two processes may do it at once: the second waits and finds it done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from .failures import clear_errors
from .models import Base

VERSION_TABLE = "workflows_alembic_version"
#: SQLite's tables of the full-text index begin so; PostgreSQL's index is named so.
TEXT_INDEX = "workflows_text_index"
TEXT_WORDS = "workflows_text_words"
DIRECTORY = Path(__file__).parent.parent / "alembic"
#: Who holds this lock in PostgreSQL makes the tables.
_LOCK = 0x776F726B666C6F77


def upgrade(engine: Engine, revision: str = "head") -> tuple[str | None, str | None]:
    """Make or upgrade the tables, and return the revisions before and after."""
    with clear_errors(), engine.connect() as connection:
        _lock(connection)
        before = _revision(connection)
        _run(connection, revision)
        after = _revision(connection)
        connection.commit()
    return before, after


def current(engine: Engine) -> tuple[str | None, str | None]:
    """Return the revision that the tables have, and the one that they should have."""
    with clear_errors(), engine.connect() as connection:
        return _revision(connection), _scripts().get_current_head()


def drift(engine: Engine) -> list[Any]:
    """Return where the tables differ from the models; nothing, when all is well."""

    def ours(name: str | None, kind: str, parents: Any) -> bool:
        table = name if kind == "table" else parents.get("table_name")
        if (table or "").startswith(TEXT_INDEX) or name == f"ix_{TEXT_WORDS}":
            return False  # one database's own kind of index, unknown to the models
        return kind == "schema" or (table or "").startswith("workflows_")

    options = {"version_table": VERSION_TABLE, "include_name": ours}
    with clear_errors(), engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        found = compare_metadata(context, Base.metadata)
    return [each for each in found if VERSION_TABLE not in repr(each)]


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _revision(connection: Connection) -> str | None:
    options = {"version_table": VERSION_TABLE}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(DIRECTORY).replace("%", "%%"))
    config.set_main_option("version_locations", str(DIRECTORY).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def _run(connection: Connection, revision: str) -> None:
    scripts = _scripts()

    def steps(rev: Any, context: Any) -> Any:
        return scripts._upgrade_revs(revision, rev)

    environment = EnvironmentContext(Config(), scripts, fn=steps)
    environment.configure(connection=connection, version_table=VERSION_TABLE)
    environment.run_migrations()
