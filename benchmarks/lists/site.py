"""Two sites on one database: the pen, and Flask-Admin's own view of the table."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import BaseForm
from people import Browser, PenSite
from sqlalchemy import Engine
from sqlalchemy.orm import scoped_session, sessionmaker

from invenio_workflows.store.models import ObjectRow

from .filling import WORKFLOWS


def title(obj: Any) -> str:
    """Return the title, as a site would."""
    return str(obj.data["title"])


def pen(url: str, **settings: Any) -> tuple[PenSite, Browser]:
    """Return a site with the pen, and the browser of who may see all."""
    site = PenSite(url, WORKFLOWS_LOCAL_THREADS=0, **settings)
    for name in WORKFLOWS:
        site.register(
            *(name, lambda obj, eng: None),
            get_title=staticmethod(title),
            get_description=staticmethod(title),
        )
    return site, site.browser("admin")


class Table(ModelView):
    """The table as Flask-Admin shows it: by id, the order that costs it least."""

    can_create = can_edit = can_delete = False
    can_set_page_size = True
    page_size = 25
    page_size_options = (10, 25, 50, 100)
    form = BaseForm  # nothing is changed here
    column_list = (
        *("id", "title", "description", "status", "workflow_name", "action"),
        *("message", "data_type", "uri", "id_user", "modified"),
    )
    column_searchable_list = ("title",)
    column_filters = ("status",)


def flask_admin(engine: Engine) -> Any:
    """Return a client of Flask-Admin's view of the same table, by the same engine."""
    app = Flask("admin")
    app.secret_key = "for a benchmark"
    session = scoped_session(sessionmaker(engine))
    admin = Admin(app)
    admin.add_view(Table(ObjectRow, session, endpoint="table"))
    app.teardown_appcontext(lambda error: session.remove())
    return app.test_client()
