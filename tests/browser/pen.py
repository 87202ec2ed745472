"""A site with a Holding Pen, served to a browser by this very process."""

from __future__ import annotations

import socket
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
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sites import Site
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

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


class _Server(ThreadedWSGIServer):
    """Ends with all of its connections, when it has answered what was asked."""

    daemon_threads = False  # they are waited for

    def __init__(self, app: Any) -> None:
        super().__init__("127.0.0.1", 0, app, _Silent)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Let nobody ask any more; whoever waits for an answer still gets it."""
        for each in list(self._open):
            try:
                each.shutdown(socket.SHUT_RD)
            except OSError:
                pass  # the other side was faster
        super().server_close()


class _Compiled(BytecodeCache):
    """What the templates are compiled to, for the sites of all tests."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


class Pen:
    """The site and its server; ``url`` is where it is."""

    def __init__(self, database_url: str, tables: bool = True) -> None:
        more = {"SECRET_KEY": "of the tests", "WORKFLOWS_LOCAL_THREADS": 0}
        self.site = Site(database_url, tables=tables, **more)
        self.app = self.site.app
        self.app.jinja_env.bytecode_cache = _COMPILED
        records.register(self.site.ext)
        _people(self.app)
        admin = Admin(self.app, name="Library")
        self.site.ext.init_admin(admin)
        both = DispatcherMiddleware(self.app.wsgi_app, {BELOW: self.app.wsgi_app})
        self._server = _Server(both)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        serve, often = self._server.serve_forever, {"poll_interval": 0.02}
        self._thread = threading.Thread(target=serve, kwargs=often, daemon=True)
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
