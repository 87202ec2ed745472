"""The Holding Pen that the demo serves at its end, as a curator meets it."""

from __future__ import annotations

import http.cookiejar
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import NamedTuple

import pytest

HIDDEN = re.compile(r'type="hidden"[^>]* name="([^"]+)"[^>]* value="([^"]*)"')
HIDDEN_TOO = re.compile(r'name="([^"]+)" type="hidden" value="([^"]*)"')
ROW = re.compile(r'<li class="hp-row" [^>]*data-id="(\d+)"')
PEN = "/admin/holdingpen/"
ONE = """<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><ListRecords><record>
<header><identifier>oai:arXiv.org:1</identifier></header></record></ListRecords>
</OAI-PMH>"""


class Answer(NamedTuple):
    status: int
    url: str
    text: str


class Stay(urllib.request.HTTPRedirectHandler):
    """Where a browser would be led is looked at instead."""

    def redirect_request(self, *args: object) -> None:
        return None


class Browser:
    """Keeps cookies and sends forms as a page has them."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.cookies = http.cookiejar.CookieJar()
        jar = urllib.request.HTTPCookieProcessor(self.cookies)
        direct = urllib.request.ProxyHandler({})
        self._open = urllib.request.build_opener(direct, jar)
        self._stay = urllib.request.build_opener(direct, jar, Stay)

    def get(self, path: str) -> Answer:
        return self._ask(path, None)

    def send(self, page: Answer, path: str, stay: bool = False, **form: str) -> Answer:
        """Send the form of a page that goes to this path, with what is filled in."""
        fields = form_of(page.text, urllib.parse.urlsplit(path).path)
        data = urllib.parse.urlencode({**fields, **form}).encode()
        return self._ask(path, data, stay)

    def log_in(self, name: str, password: str, path: str = "/login") -> Answer:
        return self.send(self.get(path), path, name=name, password=password)

    def _ask(self, path: str, data: bytes | None, stay: bool = False) -> Answer:
        url = urllib.parse.urljoin(self.site, path)
        request = urllib.request.Request(url, data, {"Accept": "text/html"})
        try:
            with (self._stay if stay else self._open).open(request, timeout=60) as said:
                return Answer(said.status, said.url, said.read().decode())
        except urllib.error.HTTPError as said:
            with said:
                led = said.headers.get("Location", said.url)
                return Answer(said.code, led, said.read().decode())


def form_of(html: str, path: str) -> dict[str, str]:
    """The hidden fields of the form that goes to a path; of the login, it has none."""
    for tag, inner in re.findall(r"<form([^>]*)>(.*?)</form>", html, re.DOTALL):
        action = re.search(r'action="([^"]*)"', tag)
        if (unescape(action[1]) if action else "/login") == path:
            found = HIDDEN.findall(inner) + HIDDEN_TOO.findall(inner)
            return {name: unescape(value) for name, value in found}
    return {}


class Demo:
    """The command `scripts/demo`, at work."""

    def __init__(self, folder: Path, *args: str) -> None:
        uri = f"sqlite:///{folder / 'demo.db'}"
        env = {**os.environ, "PYTHONWARNINGS": "error", "HARVEST_DEMO_DATABASE": uri}
        self.errors = folder / "errors.txt"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "harvest_demo", *args],
                env=env,
                text=True,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self.said = "".join(self._until("Ctrl-C ends it."))
        found = re.search(r"The Holding Pen: (http://127\.0\.0\.1:\d+)(\S+)", self.said)
        assert found and found[2] == PEN, self.said + self.errors.read_text()
        self.site = found[1]
        people = r"^  (curator|administrator) +(\S+)$"
        self.passwords = dict(re.findall(people, self.said, re.MULTILINE))

    def _until(self, wanted: str) -> Iterator[str]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            yield line
            if wanted in line:
                return

    def browser(self, name: str | None = None) -> Browser:
        browser = Browser(self.site)
        if name is not None:
            page = browser.log_in(name, self.passwords[name])
            assert (page.status, page.url) == (200, self.site + PEN)
        return browser

    def end(self, by: int) -> str:
        """Ask it to end; what it said last."""
        self.process.send_signal(by)
        said, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        assert "Traceback" not in self.errors.read_text()
        return said


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = Demo(tmp_path_factory.mktemp("demo"), "--port", "0")
    yield running
    running.end(signal.SIGINT)


def need_action(browser: Browser) -> list[str]:
    """The records that wait, as the list shows them to begin with."""
    return ROW.findall(browser.get(PEN).text)


def test_who_is_not_logged_in_is_asked_who_it_is(demo: Demo) -> None:
    page = demo.browser().get("/")
    assert page.url == f"{demo.site}/login?next=%2Fadmin%2Fholdingpen%2F"
    assert 'type="password"' in page.text
    assert "Need action" not in page.text


def test_a_curator_approves_a_record_and_a_worker_finishes_it(demo: Demo) -> None:
    browser = demo.browser("curator")
    waiting = need_action(browser)
    assert len(waiting) >= 7
    oid = waiting[-1]

    record = browser.get(f"{PEN}{oid}")
    assert (
        "Approve or reject" in record.text and "https://arxiv.org/abs/" in record.text
    )
    told = browser.send(record, f"{PEN}{oid}/resolve", value="accept", reason="Ours")

    assert told.status == 200 and f"Record {oid} is decided." in told.text
    assert need_action(browser) == waiting[:-1]
    assert "Done" in finished(browser, oid)


def finished(browser: Browser, oid: str) -> str:
    """The head of a record's page, when a worker has gone on with it."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        page = browser.get(f"{PEN}{oid}").text
        head = page.partition("</header>")[2].partition("</header>")[0]
        if "hp-is-in_process" not in head:
            assert "curator" in page and "Ours" in page, "who decided, and why"
            return head
        time.sleep(0.1)
    raise AssertionError(f"No worker finished record {oid}.")


def test_the_rows_are_found_by_what_the_workflow_says(demo: Demo) -> None:
    browser = demo.browser("curator")
    (oid,) = ROW.findall(browser.get(f"{PEN}?q=Purdue").text)
    row = browser.get(f"{PEN}?q=Purdue").text.partition(f'id="r{oid}"')[2]
    assert "score " in row and "oai:arXiv.org:" in row
    assert 'name="value" value="accept"' in row


def test_a_curator_may_not_do_what_an_administrator_may(demo: Demo) -> None:
    for name, status in (("curator", 403), ("administrator", 200)):
        assert demo.browser(name).get(f"{PEN}start").status == status


@pytest.mark.parametrize("name", ["curator", "administrator", "nobody"])
def test_a_wrong_password_says_nothing_of_the_name(demo: Demo, name: str) -> None:
    page = demo.browser().log_in(name, "wrong")
    assert page.status == 400 and "Name or password is wrong." in page.text


def test_a_login_without_its_token_is_refused(demo: Demo) -> None:
    browser = demo.browser()
    right = {"name": "curator", "password": demo.passwords["curator"]}
    page = browser.send(browser.get("/login"), "/login", csrf_token="", **right)
    assert page.status == 400
    assert "/login" in browser.get(PEN).url


@pytest.mark.parametrize(
    "away",
    ["//evil.example/", "https://evil.example/", "/\\evil.example", "/\t/evil.example"],
)
def test_a_login_leads_to_no_other_site(demo: Demo, away: str) -> None:
    browser = demo.browser()
    path = "/login?" + urllib.parse.urlencode({"next": away})
    right = {"name": "curator", "password": demo.passwords["curator"]}
    led = browser.send(browser.get(path), path, stay=True, **right)
    assert (led.status, led.url) == (303, PEN)


def test_a_login_leads_to_where_the_person_wanted_to_go(demo: Demo) -> None:
    browser = demo.browser()
    asked = browser.get(f"{PEN}?group=failed")
    path = asked.url.removeprefix(demo.site)
    page = browser.log_in("curator", demo.passwords["curator"], path)
    assert page.url == f"{demo.site}{PEN}?group=failed"


def test_a_logout_ends_the_session_and_needs_the_token(demo: Demo) -> None:
    browser = demo.browser("curator")
    page = browser.get(PEN)
    assert browser.send(page, "/logout", csrf_token="").status == 400
    assert "/login" not in browser.get(PEN).url
    assert browser.send(page, "/logout").url == f"{demo.site}/login"
    assert "/login" in browser.get(PEN).url


def test_what_it_prints_is_kept_as_a_hash_alone(demo: Demo) -> None:
    database = (demo.errors.parent / "demo.db").read_bytes()
    database += (demo.errors.parent / "demo.db-wal").read_bytes()
    assert b"scrypt:" in database
    for password in demo.passwords.values():
        assert len(password) >= 12 and password.encode() not in database


def test_it_ends_cleanly_and_begins_again_with_new_passwords(tmp_path: Path) -> None:
    few = tmp_path / "few.xml"
    few.write_text(ONE)
    first = Demo(tmp_path, "--port", "0", str(few))
    assert "The Holding Pen is closed" in first.end(signal.SIGTERM)
    again = Demo(tmp_path, "--port", "0", str(few))
    page = again.browser().log_in("curator", first.passwords["curator"])
    assert page.status == 400
    assert "The Holding Pen is closed" in again.end(signal.SIGINT)


def test_a_port_that_is_taken_is_told_before_anything_is_done(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = subprocess.run(
            [sys.executable, "-m", "harvest_demo", "--port"]
            + [str(other.getsockname()[1])],
            env={**os.environ, "HARVEST_DEMO_DATABASE": f"sqlite:///{tmp_path}/a.db"},
            text=True,
            capture_output=True,
            timeout=60,
        )
    assert done.returncode == 1 and "choose another with --port" in done.stderr
    assert not (tmp_path / "a.db").exists()
