"""An action of a site's own, from a package that is installed beside ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from curators import Browser, admit
from sites import Site

from invenio_workflows import WorkflowObject
from invenio_workflows.api import start
from invenio_workflows.proxies import current_workflows

PACKAGE = Path(__file__).parents[2] / "examples" / "choose_journal"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package is where Python finds packages, and says its entry points."""
    about = tmp_path / "choose_journal-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: choose-journal\n")
    lines = (PACKAGE / "pyproject.toml").read_text("utf-8").splitlines()
    entry = next(line for line in lines if line.startswith('choose_journal = "choose'))
    (about / "entry_points.txt").write_text(
        "[invenio_workflows.actions]\n" + entry.replace('"', "") + "\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(PACKAGE))
    yield
    sys.modules.pop("choose_journal", None)


@pytest.fixture
def pen(installed: None, sqlite_ready_url: str, make_site: Any) -> Iterator[Site]:
    site: Site = make_site(sqlite_ready_url, tables=False)
    from choose_journal import blueprint

    site.app.register_blueprint(blueprint)
    admit(site.app)
    with site.app.app_context():
        current_workflows.embeds = False
        yield site


def which(obj: Any, eng: Any) -> None:
    eng.halt("Which one?", action="choose_journal", journals=["PRL", "<i>JHEP"])


def test_it_is_found_shown_and_decides(pen: Site) -> None:
    pen.register("printing", which)
    oid = start("printing", [{"title": "On <b>Rain"}]).halted_objects[0].id
    browser = Browser(pen.app, "curator")
    text = browser.get(f"/{oid}").get_data(as_text=True)
    assert "Choose a journal" in text and "<option>PRL</option>" in text
    assert "2 journals may print “On &lt;b&gt;Rain”." in text
    assert "<i>JHEP" not in text
    script = "/choose_journal/static/workflows/actions/choose_journal.js"
    assert f'<script type="module" src="{script}">' in text
    with pen.app.test_client().get(script) as answer:
        assert answer.status_code == 200
    row = browser.get("/").get_data(as_text=True)
    assert 'name="value" value="PRL"' in row
    assert browser.send(f"/{oid}/resolve", value="Nature").status_code == 422
    assert browser.send(f"/{oid}/resolve", value="PRL").status_code == 303
    assert WorkflowObject.get(oid).data["journal"] == "PRL"
    (row,) = current_workflows.audit.all()
    assert (row.action, row.value) == ("choose_journal", "PRL")
