"""An action of strangers: the package that the documentation prints, installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pages import DOCS, TOP, Page
from wheels import built, install

PAGE = Page(DOCS / "howto" / "show-records.md")

#: A site that has it, and does what a curator does. It prints what it sees.
SITE = """
import re
import sys

from flask import Flask
from flask_principal import ActionNeed, Identity, Principal

from choose_section import blueprint
from invenio_workflows import InvenioWorkflows, WorkflowObject, start

app = Flask("outside", root_path=sys.argv[1])
app.config.update(
    SECRET_KEY="of the tests",
    WORKFLOWS_DATABASE_URI=f"sqlite:///{sys.argv[1]}/site.db",
    WORKFLOWS_LOCAL_THREADS=0,
)
app.register_blueprint(blueprint)
ext = InvenioWorkflows(app)
principal = Principal(app, use_sessions=False)


@principal.identity_loader
def maria():
    identity = Identity("maria")
    identity.provides |= {ActionNeed("workflows-view"), ActionNeed("workflows-decide")}
    return identity


def to_section(obj, eng):
    eng.halt("Where does it go?", action="choose-section")


ext.register_workflow("sort", [to_section])
with app.app_context():
    ext.create_all()
    ids = [obj.id for obj in start("sort", [{}, {}, {}]).halted_objects]


def fields(html, path):
    form = next(each for each in html.split("<form")[1:] if f'action="{path}"' in each)
    form = form.partition("</form>")[0]
    return dict(re.findall('type="hidden" name="([^"]+)" value="([^"]*)"', form)), form


def answer(page, oid, browser, **given):
    path = f"/admin/holdingpen/{oid}/resolve"
    hidden, form = fields(browser.get(page).text, path)
    return form, browser.post(path, data={**hidden, **given})


browser = app.test_client()
pen = "/admin/holdingpen/"
row, told = answer(pen, ids[0], browser, section="essays")
print("row", "letters" in row and "hp-mini" in row, told.status_code)
side, told = answer(f"{pen}{ids[1]}", ids[1], browser, section="news", reason="Short")
print("side", "Put it there" in side, told.status_code)
_, told = answer(f"{pen}{ids[2]}", ids[2], browser, section="sport", reason="<Me>")
print("refused", "Choose one of news, essays, letters." in told.text, told.status_code)
print("given", "&lt;Me&gt;</textarea>" in told.text)
with app.app_context():
    found = [WorkflowObject.get(oid) for oid in ids]
    print("data", [obj.data for obj in found], [obj.waits_for for obj in found])
    who = found[1].history()[-1].payload
    print("who", who["actor"], who.get("reason"))
ext.engine.dispose()
"""

PRINTS = """\
row True 303
side True 303
refused True 422
given True
data [{'section': 'essays'}, {'section': 'news'}, {}] ['queue', 'queue', None]
who maria Short
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the package of the page is installed, and nothing else."""
    source = tmp_path_factory.mktemp("choose-section")
    for block in PAGE.blocks():
        if block.note.startswith("file:"):
            path = source / block.note.removeprefix("file:").strip()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
    folder = tmp_path_factory.mktemp("site-packages")
    install(built(source, source / "dist"), folder)
    return folder


def test_the_action_that_the_page_prints_works_from_outside(
    installed: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SITE, str(tmp_path)],
        env={"PYTHONPATH": f"{installed}:{TOP}", "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == (PRINTS, "")
