"""An action of strangers: the package of the documentation, built and installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import TOP
from wheels import built, install

SOURCE = TOP / "examples" / "choose_journal"

#: A site that has it, and does what a curator does. It prints what it sees.
SITE = r"""
import re
import sys

from flask import Flask
from flask_principal import ActionNeed, Identity, Principal

from choose_journal import blueprint
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


def which(obj, eng):
    eng.halt("Which one?", action="choose_journal", journals=["PRL", "JHEP", "NPB"])


ext.register_workflow("sort", [which])
with app.app_context():
    ext.create_all()
    records = [{"title": title} for title in "ABC"]
    ids = [obj.id for obj in start("sort", records).halted_objects]


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
row, told = answer(pen, ids[0], browser, value="JHEP")
print("row", "PRL" in row and "hp-mini" in row, told.status_code)
side, told = answer(f"{pen}{ids[1]}", ids[1], browser, value="NPB", reason="Short")
print("side", "Choose</button>" in side, told.status_code)
_, told = answer(f"{pen}{ids[2]}", ids[2], browser, value="Nature", reason="<Me>")
print("refused", "Choose one of the journals." in told.text, told.status_code)
print("given", "&lt;Me&gt;</textarea>" in told.text)
script = re.search(r'src="([^"]+choose_journal\.js)"', told.text)[1]
with browser.get(script) as found:
    print("script", found.status_code, found.mimetype)
with app.app_context():
    found = [WorkflowObject.get(oid) for oid in ids]
    print("data", [obj.data.get("journal") for obj in found])
    who = found[1].history()[-1].payload
    print("who", who["actor"], who.get("reason"))
ext.engine.dispose()
"""

PRINTS = """\
row True 303
side True 303
refused True 422
given True
script 200 text/javascript
data ['JHEP', 'NPB', None]
who maria Short
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the package is installed, and nothing else."""
    source = tmp_path_factory.mktemp("outside") / SOURCE.name
    unwanted = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    shutil.copytree(SOURCE, source, ignore=unwanted)
    folder = tmp_path_factory.mktemp("site-packages")
    install(built(source, source / "dist"), folder)
    return folder


def test_the_package_works_in_a_site_that_installed_it(
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
