"""The demo, run as a newcomer runs it: by its command, as its output says."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

RECORD = """<record><header{status}><identifier>oai:arXiv.org:{id}</identifier>
<datestamp>{datestamp}</datestamp></header><metadata>
<arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>{id}</id>
<authors><author><keyname>Song</keyname><forenames>G.</forenames></author></authors>
<title>{title}</title><categories>{categories}</categories>
<comments>{comments}</comments><doi>{doi}</doi></arXiv></metadata></record>
"""


def record(number: str, title: str, **changes: str) -> str:
    values = {
        "status": "",
        "datestamp": "2026-01-02",
        "categories": "cs.DL",
        "comments": "",
        "doi": "",
        **changes,
    }
    return RECORD.format(id=number, title=title, **values)


def response(*records: str) -> str:
    body = "".join(records)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
        f"<ListRecords>{body}</ListRecords></OAI-PMH>"
    )


class Site:
    """The demo with a database of its own."""

    def __init__(self, uri: str) -> None:
        ours = {"COLUMNS": "110", "PYTHONWARNINGS": "error"}
        self.env = {**os.environ, **ours, "HARVEST_DEMO_DATABASE": uri}
        self.first = ""

    def run(self, *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            args, input=stdin, env=self.env, text=True, capture_output=True, timeout=120
        )

    def harvest(
        self, *args: str, stdin: str = "", code: int = 0
    ) -> subprocess.CompletedProcess[str]:
        done = self.run(
            sys.executable, "-m", "harvest_demo", "--no-serve", *args, stdin=stdin
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return done

    def output(self, *args: str, stdin: str = "") -> str:
        return self.harvest(*args, stdin=stdin).stdout

    def workflows(self, *args: str) -> str:
        flask = [sys.executable, "-m", "flask", "--app", "harvest_demo.app"]
        done = self.run(*flask, "workflows", *args)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def harvest_these(self, folder: Path, *records: str) -> str:
        file = folder / "response.xml"
        file.write_text(response(*records))
        return self.output(str(file))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(uri(tmp_path))


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The database after the first run, and what that said."""
    folder = tmp_path_factory.mktemp("first") / "files"
    folder.mkdir()
    done = Site(uri(folder)).harvest()
    assert "40 of 40 records" in done.stderr
    return folder, done.stdout


@pytest.fixture
def harvested(first_run: tuple[Path, str], site: Site, tmp_path: Path) -> Site:
    """A site of its own that has run once."""
    folder, site.first = first_run
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return site


def rows(folder: Path, columns: str) -> list[tuple[str, ...]]:
    """What the site shows: the published records."""
    database = sqlite3.connect(folder / "demo.db")
    found = database.execute(f"SELECT {columns} FROM demo_record").fetchall()
    database.close()
    return found


def count(output: str, headline: str) -> int:
    found = re.search(rf"^{headline}[^:\n]*: (\d+)$", output, re.M)
    assert found, output
    return int(found.group(1))


def counts(output: str) -> tuple[int, int, int]:
    """How many were published, wait, and were known."""
    published = count(output, "Published")
    return published, count(output, "Waiting"), count(output, "Known already")


def waiting_object(output: str, number: str) -> str:
    found = re.search(rf"^ *(\d+)  {re.escape(number)} ", output, re.M)
    assert found, output
    return found.group(1)


def test_the_shipped_records_are_published_or_wait_for_a_person(harvested: Site):
    assert counts(harvested.first) == (32, 8, 0)
    assert "PhD dissertation, May 2014, Purdue University" in harvested.first


def test_a_second_run_does_no_harm(harvested: Site, tmp_path: Path):
    output = harvested.output()
    assert counts(output) == (0, 8, 40)
    assert "32  published" in output and "8  waiting" in output
    assert rows(tmp_path, "count(*)") == [(32,)]


def test_the_commands_that_it_prints_work_as_printed(harvested: Site, tmp_path: Path):
    first = harvested.first.replace(harvested_uri(harvested.first), uri(tmp_path))
    look, accept, reject = [
        line.strip() for line in first.splitlines() if " workflows " in line
    ]
    assert shlex.split(accept)[0] == f"HARVEST_DEMO_DATABASE={uri(tmp_path)}"
    assert harvested.run("sh", "-c", look).returncode == 0
    assert harvested.run("sh", "-c", accept).returncode == 0
    assert rows(tmp_path, "count(*)") == [(33,)]
    refused = harvested.run("sh", "-c", reject)
    assert refused.returncode != 0 and "Traceback" not in refused.stderr


def uri(folder: Path) -> str:
    return f"sqlite:///{folder / 'demo.db'}"


def harvested_uri(output: str) -> str:
    return output.splitlines()[0].removeprefix("Database: ")


def test_what_is_accepted_is_published_and_what_is_rejected_is_not(
    site: Site, tmp_path: Path
):
    records = [record(str(n), f"Title {n}", comments="PhD thesis") for n in (1, 2)]
    output = site.harvest_these(tmp_path, *records)
    assert counts(output) == (0, 2, 0)
    site.workflows("resolve", waiting_object(output, "1"), "--accept")
    site.workflows("resolve", waiting_object(output, "2"), "--reject")
    output = site.harvest_these(tmp_path, *records)
    assert counts(output) == (0, 0, 2)
    assert "1  published" in output and "1  rejected" in output
    assert rows(tmp_path, "identifier") == [("oai:arXiv.org:1",)]


def test_possible_duplicates_wait(site: Site, tmp_path: Path):
    output = site.harvest_these(
        tmp_path,
        record("1", "On Lists", doi="10.1000/a"),
        record("2", "On Trees", doi="https://doi.org/10.1000/A"),
        record("3", "On  lists."),
        record("4", "On graphs"),
    )
    assert counts(output) == (2, 2, 0)
    assert "It has the same DOI as oai:arXiv.org:1 (published)." in output
    assert "It has the same title as oai:arXiv.org:1 (published)." in output


def test_a_newer_version_is_published_and_an_older_one_is_known(
    site: Site, tmp_path: Path
):
    site.harvest_these(tmp_path, record("1", "Second"))
    newer = record("1", "Third", datestamp="2026-01-03")
    assert counts(site.harvest_these(tmp_path, newer)) == (1, 0, 0)
    older = record("1", "First", datestamp="2026-01-01")
    assert counts(site.harvest_these(tmp_path, older)) == (0, 0, 1)


def test_an_answer_about_an_older_version_changes_nothing(site: Site, tmp_path: Path):
    output = site.harvest_these(tmp_path, record("1", "Old", comments="Thesis"))
    oid = waiting_object(output, "1")
    newer = record("1", "New", datestamp="2026-01-03")
    assert counts(site.harvest_these(tmp_path, newer)) == (1, 0, 0)
    site.workflows("resolve", oid, "--accept")
    assert rows(tmp_path, "title") == [("New",)]


def test_what_the_source_deleted_is_withdrawn_after_a_question(
    site: Site, tmp_path: Path
):
    deleted = [
        record(number, "", status=' status="deleted"', datestamp="2026-01-03")
        for number in ("1", "2")
    ]
    site.harvest_these(tmp_path, record("1", "Published"))
    output = site.harvest_these(tmp_path, *deleted)
    assert counts(output) == (0, 1, 1)
    site.workflows("resolve", waiting_object(output, "1"), "--accept")
    assert counts(site.harvest_these(tmp_path, *deleted)) == (0, 0, 2)
    assert rows(tmp_path, "count(*)") == [(0,)]


def test_a_record_whose_object_was_deleted_is_asked_about_again(
    site: Site, tmp_path: Path
):
    thesis = record("1", "Thesis", comments="PhD thesis")
    oid = waiting_object(site.harvest_these(tmp_path, thesis), "1")
    site.workflows("delete", oid, "--yes")
    output = site.harvest_these(tmp_path, thesis)
    assert counts(output) == (0, 1, 0)
    assert waiting_object(output, "1") != oid


def test_standard_input_is_read(site: Site):
    assert counts(site.output("-", stdin=response(record("1", "One")))) == (1, 0, 0)


def test_an_empty_response_is_no_error(site: Site):
    assert "no records" in site.output("-", stdin=response())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (response(record("1", "One"))[:-60], "cut off"),
        (response().replace("<OAI", "<!DOCTYPE a><OAI", 1), "DOCTYPE"),
        ("<html></html>", "no OAI-PMH response"),
        ("", "no element found"),
    ],
)
def test_a_bad_file_starts_nothing_and_is_told_in_a_sentence(
    site: Site, tmp_path: Path, content: str, said: str
):
    file = tmp_path / "bad.xml"
    file.write_text(content)
    done = site.harvest(str(file), code=1)
    assert done.stdout == "" and done.stderr.startswith("Error: ")
    assert said in done.stderr
    assert not (tmp_path / "demo.db").exists()


def test_a_file_that_is_not_there_is_told(site: Site):
    assert "No such file" in site.harvest("/nowhere.xml", code=2).stderr


def test_a_database_that_is_away_is_told(tmp_path: Path):
    away = Site(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder' / 'demo.db'}")
    assert "database" in away.harvest(code=1).stderr


def test_doctor_finds_nothing_to_improve(harvested: Site):
    assert "warn" not in harvested.workflows("doctor")


def test_the_help_explains(site: Site):
    output = site.output("--help")
    assert "ListRecords" in output and "HARVEST_DEMO_DATABASE" in output


def test_the_flask_command_reads_arxiv_too(site: Site, tmp_path: Path):
    site.workflows("init")
    file = tmp_path / "more.xml"
    file.write_text(response(record("2", "Two"), record("3", "Three")))
    site.workflows("start", "harvest", "-t", "arxiv", "-i", str(file))
    assert rows(tmp_path, "count(*)") == [(2,)]


def test_a_worker_of_its_own_does_what_was_handed_over(site: Site, tmp_path: Path):
    site.workflows("init")
    file = tmp_path / "more.xml"
    file.write_text(response(record("2", "Two"), record("3", "Three")))
    options = ("-t", "arxiv", "-i", str(file), "--delayed", "--json")
    told = json.loads(site.workflows("start", "harvest", *options))
    assert rows(tmp_path, "count(*)") == [(0,)]

    flask = [sys.executable, "-m", "flask", "--app", "harvest_demo.app"]
    worker = subprocess.Popen(
        [*flask, "workflows", "worker", "-c", "1"], env=site.env, stderr=subprocess.PIPE
    )
    try:
        assert "2  Done" in site.workflows("watch", told["run"])
    finally:
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=60)

    assert (worker.returncode, b"Traceback" in said) == (0, False), said
    assert rows(tmp_path, "count(*)") == [(2,)]


def test_a_record_without_identifier_fails_alone(site: Site, tmp_path: Path):
    output = site.harvest_these(tmp_path, "<record/>", record("1", "One"))
    assert counts(output) == (1, 0, 0) and count(output, "Failed") == 1
    assert "at least an 'identifier'" in output


def test_it_runs_on_postgresql_too(postgresql_url: str):
    site = Site(postgresql_url)
    assert counts(site.output()) == (32, 8, 0)
    assert counts(site.output()) == (0, 8, 40)
