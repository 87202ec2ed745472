"""People before the Holding Pen's pages, each with a browser of their own."""

from __future__ import annotations

import re
from contextvars import Context
from functools import partial
from typing import Any

from flask import Flask, request
from flask_principal import ActionNeed, Identity, Principal
from itsdangerous import URLSafeTimedSerializer

#: What each is permitted, in all workflows or in one.
PEOPLE: dict[str, tuple[tuple[str, ...], str | None]] = {
    "viewer": (("view",), None),
    "curator": (("view", "decide", "restart"), None),
    "editor": (("view", "decide", "restart", "edit"), None),
    "stranger": (("view", "decide", "restart", "edit", "delete"), "another"),
    "admin": (("view", "start", "decide", "restart", "edit", "delete", "admin"), None),
}
PEN = "/admin/holdingpen"


def admit(app: Flask) -> None:
    """Let the app know who asks: whom the header ``Person`` names."""
    app.config["SECRET_KEY"] = "of the tests"
    principal = Principal(app, use_sessions=False)

    @principal.identity_loader
    def identity() -> Identity | None:
        name = request.headers.get("Person", "")
        if not name:
            return None
        found = Identity(name)
        verbs, workflow = PEOPLE.get(name, PEOPLE["curator"])
        for verb in verbs:
            need = f"workflows-{verb}"
            found.provides.add(
                ("action", need, workflow) if workflow else ActionNeed(need)
            )
        return found


class Browser:
    """A person's browser: keeps its cookies, sends what a form holds."""

    def __init__(self, app: Flask, person: str) -> None:
        self._client = app.test_client()
        self._headers = {"Person": person} if person else {}

    def get(self, path: str, **more: Any) -> Any:
        """Ask for a page below the pen."""
        return self._ask("GET", path, headers=self._headers, **more)

    def token(self, path: str = "/") -> str:
        """Return the token that a page's forms carry."""
        page = self.get(path).get_data(as_text=True)
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        return found.group(1) if found else self._made()

    def _made(self) -> str:
        """Return a token that is right, for who is shown no form that carries one."""
        with self._client.session_transaction() as session:
            kept = session.setdefault("csrf_token", "0" * 40)
        made = URLSafeTimedSerializer("of the tests", salt="wtf-csrf-token")
        return str(made.dumps(kept))

    def send(self, path: str, page: str | None = None, **form: Any) -> Any:
        """Send a form as the record's page has it, with what a person filled in."""
        oid = path.split("/")[1]
        text = self.get(page or f"/{oid}").get_data(as_text=True)
        fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', text))
        return self.post(path, **{**fields, **form})

    def post(self, path: str, headers: Any = None, **form: Any) -> Any:
        """Send these fields, and nothing else."""
        fields = {key: value for key, value in form.items() if value is not None}
        return self._ask(
            "POST", path, data=fields, headers={**self._headers, **(headers or {})}
        )

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        """Ask outside of the test's application context, whose ``g`` is not ours."""
        open_ = partial(self._client.open, PEN + path, method=method, **more)
        return Context().run(open_)


def page(pen: Any, path: str, person: str = "viewer", code: int = 200) -> str:
    """Return the page of the pen that a person sees there."""
    answer = Browser(pen.app, person).get(path)
    text: str = answer.get_data(as_text=True)
    assert answer.status_code == code, text[-2000:]
    return text
