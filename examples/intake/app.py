"""Upload a text, say what the program cannot read from it, watch what becomes of it.

::

    flask --app examples/intake/app workflows init
    flask --app examples/intake/app run
"""

from __future__ import annotations

import secrets
from typing import Any, Literal

from flask import Flask, abort, redirect, render_template, request, url_for
from flask_wtf import CSRFProtect
from pydantic import BaseModel, Field

from invenio_workflows import InvenioWorkflows, WorkflowObject, provide_input, start
from invenio_workflows.actions import asked_of
from invenio_workflows.errors import IllegalMove, InputNotValid

LARGEST = 1_000_000
#: What the form carries beside the answer.
OURS = "csrf_token", "revision"

app = Flask(__name__)
app.config.from_prefixed_env()
app.config["SECRET_KEY"] = app.config["SECRET_KEY"] or secrets.token_hex()
app.config.setdefault("WORKFLOWS_DATABASE_URI", "sqlite:///intake.db")
app.config["MAX_CONTENT_LENGTH"] = LARGEST
CSRFProtect(app)


# --- what is done with a text ---------------------------------------------------------


class Description(BaseModel):
    """What a program cannot read from a text."""

    title: str = Field(min_length=3, max_length=200)
    kind: Literal["article", "letter", "report"]


def read(obj: WorkflowObject, eng: Any) -> None:
    """Count its words."""
    obj.data["words"] = len(obj.data["text"].split())


def describe(obj: WorkflowObject, eng: Any) -> None:
    """Ask what it is."""
    said = eng.ask(Description, f"What is {obj.data['name']}?")
    obj.data |= said.model_dump()


def publish(obj: WorkflowObject, eng: Any) -> None:
    """Say that it can be read."""
    obj.data["published"] = True


class Intake:
    """Texts that are sent in."""

    workflow = [read, describe, publish]

    @staticmethod
    def get_title(obj: WorkflowObject) -> str:
        """Return the title, as soon as somebody gave one."""
        return str(obj.data.get("title") or obj.data["name"])


ext = InvenioWorkflows(app)
ext.register_workflow("intake", Intake)


# --- the pages ------------------------------------------------------------------------


@app.get("/")
def index() -> str:
    """The form for a text, and those that were sent in."""
    return _index("")


@app.errorhandler(413)
def too_large(error: Exception) -> Any:
    """Say it where the text was chosen."""
    return _index(f"That is too large: {LARGEST:,} bytes at most."), 413


@app.post("/")
def upload() -> Any:
    """Take a text in: it runs up to its first question."""
    sent = request.files.get("text")
    if sent is None or not sent.filename:
        return _index("Choose a text."), 422
    try:
        text = sent.read().decode()
    except UnicodeDecodeError:
        return _index(f"{sent.filename} is no text in UTF-8."), 422
    if not text.strip():
        return _index(f"{sent.filename} is empty."), 422
    engine = start("intake", [{"name": sent.filename, "text": text}])
    return redirect(url_for("status", oid=engine.objects[0].id), 303)


@app.get("/<int:oid>")
def status(oid: int) -> str:
    """What became of a text, and the question if it waits for an answer."""
    return _page(oid, {}, [])


@app.post("/<int:oid>")
def answer(oid: int) -> Any:
    """Give what is asked; what is wrong with it is said at the fields."""
    given = {key: value for key, value in request.form.items() if key not in OURS}
    given = {key: value for key, value in given.items() if value}
    seen = request.form.get("revision", type=int)
    if seen is None:
        abort(400)
    try:
        provide_input(oid, given, seen, actor="a visitor")
    except InputNotValid as error:
        return _page(oid, given, error.errors), 422
    except IllegalMove as error:  # somebody else was faster
        return _page(oid, given, [], str(error)), 409
    return redirect(url_for("status", oid=oid), 303)


def _index(refused: str) -> str:
    query = WorkflowObject.query.filter_by(id_parent=None).order_by("-id").limit(20)
    return render_template("index.html", texts=query.all(), refused=refused)


def _page(
    oid: int, given: dict[str, str], errors: list[dict[str, Any]], refused: str = ""
) -> str:
    obj = WorkflowObject.query.filter_by(id=oid, id_parent=None).first()
    if obj is None:
        abort(404)
    wrong = {each["loc"][0]: each["msg"] for each in errors if each["loc"]}
    return render_template(
        "status.html",
        obj=obj,
        asked=asked_of(obj),
        given=given,
        wrong=wrong,
        refused=refused,
    )
