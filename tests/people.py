"""A site with people: who a request comes from is said by its header ``X-Person``."""

from __future__ import annotations

import re
from typing import Any

from flask import request
from flask.testing import FlaskClient
from flask_login import LoginManager, UserMixin
from flask_principal import Identity, Principal
from flask_wtf.csrf import generate_csrf
from sites import Site
from werkzeug.test import TestResponse

PEN = "/admin/holdingpen"
VERBS = ("view", "start", "decide", "restart", "edit", "delete", "admin")

#: What each may do. A name is for one workflow, ``*`` for all.
PEOPLE: dict[str, tuple[int, dict[str, str]]] = {
    "admin": (1, dict.fromkeys(VERBS, "*")),
    "viewer": (2, {"view": "review"}),
    "curator": (3, {"view": "review", "decide": "review"}),
    "editor": (7, dict.fromkeys(("view", "decide", "restart", "edit"), "review")),
    "remover": (8, dict.fromkeys(("view", "restart", "delete"), "review")),
    "stranger": (4, dict.fromkeys(("view", "decide", "delete", "admin"), "other")),
    "nobody": (5, {}),
    "blind": (6, dict.fromkeys(("decide", "restart", "edit", "delete"), "*")),
}


class Person(UserMixin):  # type: ignore[misc]
    """Somebody who is logged in."""

    def __init__(self, name: str) -> None:
        self.id = str(PEOPLE[name][0])


class PenSite(Site):
    """A site with the pen, Flask-Login and Flask-Principal, and a page to log in."""

    def __init__(self, *args: Any, login_page: bool = True, **config: Any) -> None:
        super().__init__(*args, SECRET_KEY="for tests", **config)
        manager = LoginManager(self.app)
        manager.request_loader(self._person)
        if login_page:
            manager.login_view = "login"
            self.app.add_url_rule("/login", "login", lambda: "log in")
        self.app.add_url_rule("/token", "token", lambda: generate_csrf())
        principal = Principal(self.app, use_sessions=False)
        principal.identity_loader(self._identity)

    def _person(self, asked: Any) -> Person | None:
        name = asked.headers.get("X-Person")
        return Person(name) if name in PEOPLE else None

    def _identity(self) -> Identity | None:
        name = request.headers.get("X-Person")
        if name not in PEOPLE:
            return None
        number, rights = PEOPLE[name]
        identity = Identity(str(number))
        for verb, workflow in rights.items():
            need = ("action", f"workflows-{verb}")
            identity.provides.add(need if workflow == "*" else (*need, workflow))
        return identity

    def browser(self, name: str | None = None) -> Browser:
        """A browser of that person's, with cookies of its own."""
        return Browser(self.app.test_client(), name)


class Browser:
    """Somebody's browser: it knows who they are, and sends the token of its page."""

    def __init__(self, client: FlaskClient, name: str | None) -> None:
        self.client = client
        self.headers = {} if name is None else {"X-Person": name}

    def open(self, method: str, path: str = "/", **given: Any) -> TestResponse:
        """Ask for an address of the pen."""
        headers = {**self.headers, **given.pop("headers", {})}
        return self.client.open(PEN + path, method=method, headers=headers, **given)

    def get(self, path: str = "/", **given: Any) -> TestResponse:
        """Open a page."""
        return self.open("GET", path, **given)

    def token(self) -> str:
        """The token in the form of a page of this session."""
        page = self.client.get("/token", headers=self.headers)
        return page.text

    def post(self, path: str, form: Any = None, **given: Any) -> TestResponse:
        """Send a form with the token of this session."""
        data = {"csrf_token": self.token(), **(form or {})}
        return self.open("POST", path, data=data, **given)


def texts(html: str) -> str:
    """What is to be read on a page, without its tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())
