"""The site: a Flask app with a database of its own and the workflows extension."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import event

from invenio_workflows import InvenioWorkflows

from . import login
from .models import db

workflows = InvenioWorkflows()

DATABASE = "HARVEST_DEMO_DATABASE"
"""Environment variable: the URI of a database other than `instance/demo.db`."""


def create_app(database_uri: str | None = None) -> Flask:
    """Make the site: `flask --app harvest_demo.app workflows list`."""
    app = Flask("harvest_demo")
    uri = database_uri or os.environ.get(DATABASE) or _default_uri(app)
    app.config.update(
        SQLALCHEMY_DATABASE_URI=uri,
        WORKFLOWS_PACKAGES=["harvest_demo"],
        # One at a time, in order: a record is compared with those before it.
        WORKFLOWS_LOCAL_THREADS=1,
        WORKFLOWS_BASE_TEMPLATE="base.html",
        # Another one at each start: then everybody logs in anew. A real site keeps one.
        SECRET_KEY=secrets.token_hex(),
        SESSION_COOKIE_NAME="harvest_demo",
        SESSION_COOKIE_SAMESITE="Lax",
    )
    db.init_app(app)
    login.init_app(app)
    workflows.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            event.listen(db.engine, "connect", _as_doctor_advises)
        db.create_all()  # the site's own tables; a real site has migrations
    return app


def _default_uri(app: Flask) -> str:
    folder = Path(app.instance_path)
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'demo.db'}"


def _as_doctor_advises(connection: Any, record: Any) -> None:
    """The extension leaves the settings of an app's own SQLite file to the app."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")
