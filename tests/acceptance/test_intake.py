"""The worked example: a text is sent in, a question answered, and its page says so."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

APP = Path(__file__).parents[2] / "examples" / "intake" / "app.py"


@pytest.fixture
def intake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    uri = f"sqlite:///{tmp_path}/intake.db"
    monkeypatch.setenv("FLASK_WORKFLOWS_DATABASE_URI", uri)
    spec = spec_from_file_location("intake_app", APP)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "intake_app", module)
    spec.loader.exec_module(module)
    module.ext.create_all()
    yield module
    module.ext.engine.dispose()


def hidden(page: str) -> dict[str, str]:
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)
    return dict(found)


def test_a_text_is_taken_in_described_and_published(intake: Any) -> None:
    browser = intake.app.test_client()
    form = hidden(browser.get("/").text)
    sent = {**form, "text": (io.BytesIO(b"It rains, and rains."), "rain.txt")}
    page = browser.post("/", data=sent, follow_redirects=True)
    assert page.request.path == "/1"
    assert "What is rain.txt?" in page.text and "Need action, 4 words" in page.text

    form = hidden(page.text)
    bad = browser.post("/1", data={**form, "title": "<", "kind": "poem"})
    assert bad.status_code == 422
    assert 'value="&lt;"' in bad.text and bad.text.count("aria-invalid") == 2
    done = browser.post("/1", data={**form, "title": "On Rain", "kind": "letter"})
    assert (done.status_code, done.location) == (303, "/1")
    page = browser.get("/1")
    assert "<h1>On Rain</h1>" in page.text and "Done, 4 words" in page.text
    again = browser.post("/1", data={**form, "title": "On Snow", "kind": "letter"})
    assert again.status_code == 409 and "<h1>On Rain</h1>" in again.text
    assert "Your answer was not taken." in again.text and "“On Snow”" in again.text
    assert "On Rain</a>: Done" in browser.get("/").text


def test_what_is_no_text_is_refused_and_nothing_is_kept(intake: Any) -> None:
    browser = intake.app.test_client()
    form = hidden(browser.get("/").text)
    for content, status, said in (
        (b"", 422, "x.txt is empty."),
        (b"\xff\xfe\xff", 422, "x.txt is no text in UTF-8."),
        (b"x" * 1000, 413, "1,000,000 bytes at most"),
    ):
        intake.app.config["MAX_CONTENT_LENGTH"] = 1000
        sent = {**form, "text": (io.BytesIO(content), "x.txt")}
        answer = browser.post("/", data=sent)
        assert answer.status_code == status and said in answer.text
    assert browser.post("/", data={}).status_code == 400, "no token"
    assert browser.get("/1").status_code == 404


def test_the_commands_of_its_readme(tmp_path: Path) -> None:
    def flask(*arguments: str) -> str:
        command = [sys.executable, "-m", "flask", "--app", str(APP), *arguments]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    flask("workflows", "init")
    program = "from app import app, start\nwith app.app_context():\n"
    program += '    start("intake", {"name": "a.txt", "text": "It rains."})\n'
    where = {"PYTHONPATH": str(APP.parent), "PATH": "/usr/bin"}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=where, check=True)
    flask("workflows", "input", "1", "--set", "title=On Rain", "--set", "kind=letter")
    assert "On Rain" in flask("workflows", "object", "1")
