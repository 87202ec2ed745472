"""Logging in: who it is by Flask-Login, what they may do by Flask-Principal.

Nothing here knows the Holding Pen. It asks the two extensions, whatever a site puts
behind them.
"""

from __future__ import annotations

from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_login import LoginManager, current_user, login_user, logout_user
from flask_principal import ActionNeed, Identity, Principal
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from .people import MAY, person, person_with

pages = Blueprint("people", __name__)

POLICY = "default-src 'self'; base-uri 'none'; frame-ancestors 'none'"


class LoginForm(FlaskForm):  # type: ignore[misc]
    """Name and password, and the token that a `FlaskForm` always has."""

    name = StringField("Name", [InputRequired(), Length(max=64)])
    password = PasswordField("Password", [InputRequired(), Length(max=200)])


class LogoutForm(FlaskForm):  # type: ignore[misc]
    """The token and nothing else."""


def init_app(app: Flask) -> None:
    """Let the site know its people."""
    manager = LoginManager(app)
    manager.login_view = "people.login"
    manager.session_protection = "strong"
    manager.user_loader(person)
    # Who is logged in is kept once, by Flask-Login; the needs are asked anew each time.
    Principal(app, use_sessions=False).identity_loader(_identity)
    app.register_blueprint(pages)


def _identity() -> Identity | None:
    if not current_user.is_authenticated:
        return None
    identity = Identity(current_user.get_id())
    for verb in MAY[current_user.role]:
        identity.provides.add(ActionNeed(f"workflows-{verb}"))
    return identity


@pages.get("/")
def home() -> Any:
    """The site has nothing but the Holding Pen."""
    return redirect(url_for("holdingpen.index"))


@pages.route("/login", methods=["GET", "POST"])
def login() -> Any:
    """Ask for name and password, and lead on to where the person wanted to go."""
    form, wrong = LoginForm(), False
    if form.validate_on_submit():
        found = person_with(form.name.data, form.password.data)
        if found is not None:
            session.clear()  # whoever sat here before leaves nothing behind
            login_user(found)
            return redirect(_onward(), 303)
        wrong = True
    page = render_template("login.html", form=form, wrong=wrong)
    return page, 400 if wrong or form.errors else 200


@pages.post("/logout")
def logout() -> Any:
    """End the session; by POST and with the token, so that no other site does it."""
    if not LogoutForm().validate():
        abort(400)
    logout_user()
    session.clear()
    return redirect(url_for("people.login"), 303)


@pages.after_request
def _harden(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


def _onward() -> str:
    """Return the address in `next`, if it is a path of this site, else the pen's."""
    wanted = request.args.get("next", "")
    # A browser reads `//host` and `/\host` as another site, and skips tabs and lines.
    ours = wanted.startswith(f"{request.root_path}/") and wanted.isprintable()
    if ours and not wanted.startswith("//") and "\\" not in wanted:
        return wanted
    return url_for("holdingpen.index")
