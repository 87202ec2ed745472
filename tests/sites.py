"""A site with a database of its own: the app that the integration tests share."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

from invenio_workflows import InvenioWorkflows

TABLES = (
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
)

#: What empties them in PostgreSQL. For so few rows it is 30 times as fast as TRUNCATE,
#: without which the audit cannot be emptied.
EMPTY = [f"DELETE FROM {table}" for table in TABLES if table != "workflows_audit"]
EMPTY.append("TRUNCATE workflows_audit")


class Site:
    """An application with workflows; with tables, unless ``tables`` is false."""

    def __init__(
        self, url: str, db: SQLAlchemy | None = None, tables: bool = True, **config: Any
    ) -> None:
        self.url = url
        self.db = db
        self.app = Flask("site")
        self.app.config.update({"SQLALCHEMY_DATABASE_URI": url, **config})
        if db is not None:
            db.init_app(self.app)
        self.ext = InvenioWorkflows(self.app)
        if tables:
            self.ext.create_all()

    def register(self, name: str, *tasks: Any, **attributes: Any) -> str:
        """Register a workflow of these tasks, and return its name."""
        kind = type(name, (), {"workflow": list(tasks), **attributes})
        self.ext.register_workflow(name, kind, replace=True)
        return name

    @property
    def session(self) -> Any:
        """The session that tasks write with."""
        return self.ext.db.session

    def rows(self, statement: str, **values: Any) -> list[Any]:
        """Return what the database itself holds: read on a connection apart."""
        engine = self.ext.engine
        with engine.connect() as connection:
            return list(connection.execute(text(statement), values).all())

    def value(self, statement: str, **values: Any) -> Any:
        """Return the only value of the only row."""
        ((value,),) = self.rows(statement, **values)
        return value

    def counts(self) -> dict[str, int]:
        """Return how many rows each of our tables has, apart from the counters.

        And from the workers, and what they know: they come and go by themselves.
        """
        apart = ("workflows_count", "workflows_worker", "workflows_definition")
        tables = [t for t in TABLES if not t.startswith(apart)]
        return {t: self.value(f"SELECT count(*) FROM {t}") for t in tables}

    def run_status(self, uuid: str) -> int:
        """Return the number that the run's row has."""
        status: int = self.value(
            "SELECT status FROM workflows_run WHERE uuid = :uuid", uuid=uuid
        )
        return status

    def close(self) -> None:
        """Close every connection."""
        state = self.app.extensions["invenio-workflows"]
        if "worker" in vars(state):
            state.worker.stop()
        database = state.database
        engines = []
        if self.db is not None:
            with self.app.app_context():
                self.db.session.remove()
                engines = list(self.db.engines.values())
        if database._own is not None:
            database._own.session.remove()
            engines.append(database._own.engine)
        for engine in engines:
            engine.dispose()
