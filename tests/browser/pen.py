"""A site with a Holding Pen, served to a browser by this very process."""

from __future__ import annotations

import threading
from typing import Any

import flask_login
from browser import records
from flask import Flask, Response, redirect, request, session
from flask_admin import Admin
from flask_login import LoginManager, UserMixin, login_user
from flask_principal import (
    ActionNeed,
    Identity,
    Principal,
    UserNeed,
)
from sites import Site
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import WSGIRequestHandler, make_server

#: Who is there: a number, and what is permitted in all workflows, or in one.
PEOPLE: dict[str, tuple[int, tuple[str, ...], str | None]] = {
    "viewer": (1, ("view",), None),
    "curator": (2, ("view", "start", "decide", "restart", "edit"), None),
    "other": (3, ("view", "decide"), "authors"),
    "harvester": (7, ("view", "decide"), "harvest"),
    "admin": (
        4,
        ("view", "start", "decide", "restart", "edit", "delete", "admin"),
        None,
    ),
    "nobody": (5, (), None),
    "second": (6, ("view", "decide", "restart", "edit"), None),
}
#: Where the same site is behind a proxy too.
BELOW = "/library/catalogue"


class User(UserMixin):
    """A person; the number is that of their records."""

    def __init__(self, number: str) -> None:
        self.id = number


class _Silent(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *args: Any) -> None:
        """Say nothing."""


class Pen:
    """The site and its server; ``url`` is where it is."""

    def __init__(self, database_url: str) -> None:
        self.site = Site(
            database_url, SECRET_KEY="of the tests", WORKFLOWS_LOCAL_THREADS=0
        )
        self.app = self.site.app
        records.register(self.site.ext)
        _people(self.app)
        admin = Admin(self.app, name="Library")
        self.site.ext.init_admin(admin)
        both = DispatcherMiddleware(self.app.wsgi_app, {BELOW: self.app.wsgi_app})
        self._server = make_server(
            "127.0.0.1", 0, both, threaded=True, request_handler=_Silent
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def fill(self) -> None:
        """Make records in every group."""
        with self.app.app_context():
            records.fill()

    def halted(self, word: str, count: int = 1, **more: Any) -> list[int]:
        """Make records that need a decision; their titles have the word."""
        given = [
            records.data(n, **{"title": f"{word} {n} of {count}", **more})
            for n in range(1, count + 1)
        ]
        with self.app.app_context():
            return records.halted(*given)

    def stop(self) -> None:
        """Stop serving, and close what is open."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.site.close()


def _people(app: Flask) -> None:
    """Let the site know who is there: ``/login?as=curator`` logs in."""
    LoginManager(app).user_loader(User)
    principal = Principal(app, use_sessions=False)

    @principal.identity_loader
    def identity() -> Identity | None:
        user = flask_login.current_user
        return _identity(user.id) if user.is_authenticated else None

    @app.get("/login")
    def login() -> Any:
        session.clear()
        login_user(User(str(PEOPLE[request.args["as"]][0])))
        return redirect(request.script_root + "/admin/holdingpen/")

    @app.get("/")
    def home() -> Response:
        return Response("<!doctype html><title>The site</title>")


def _identity(number: str) -> Identity:
    found = Identity(number)
    found.provides.add(UserNeed(number))
    for person, verbs, workflow in PEOPLE.values():
        if str(person) != number:
            continue
        for verb in verbs:
            name = f"workflows-{verb}"
            found.provides.add(
                ("action", name, workflow) if workflow else ActionNeed(name)
            )
    return found
