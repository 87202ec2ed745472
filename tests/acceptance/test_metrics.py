"""A worker's metrics, asked for over HTTP as Prometheus does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fleet_app import until
from servers import PostgreSQL

APP = """
import json, logging.config, os
from flask import Flask
from invenio_workflows import InvenioWorkflows, Retry, task

logging.config.dictConfig({
    "version": 1,
    "filters": {"where": {"()": "invenio_workflows.logs.WorkflowContextFilter"}},
    "formatters": {"line": {"format": "[%(workflow)s/%(workflow_task)s] %(message)s"}},
    "handlers": {"out": {"class": "logging.StreamHandler", "filters": ["where"],
                         "formatter": "line"}},
    "root": {"level": "INFO", "handlers": ["out"]},
})

tries = []

@task(retry=Retry(times=2, backoff=0.01))
def flaky(obj, eng):
    logging.getLogger("guest").info("trying")
    tries.append(1)
    if len(tries) == 1:
        raise OSError("away")

def ask(obj, eng):
    eng.halt("Is it?")

app = Flask("site")
app.config["WORKFLOWS_DATABASE_URI"] = os.environ["SITE_DATABASE"]
ext = InvenioWorkflows(app)
ext.register_workflow("asks", [flaky, ask])
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'site.db'}"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql_server")
    made = server.create_database()
    yield made
    server.drop_database(made)


def test_a_worker_is_scraped_while_it_works(tmp_path: Path, url: str) -> None:
    (tmp_path / "site_app.py").write_text(APP)
    flask = [sys.executable, "-m", "flask", "--app", "site_app", "workflows"]
    environment = {**os.environ, "SITE_DATABASE": url}
    told: dict[str, Any] = {"cwd": tmp_path, "env": environment, "text": True}

    def run(*words: str) -> None:
        done = subprocess.run([*flask, *words], capture_output=True, **told)
        assert done.returncode == 0, done.stderr

    run("init")
    run("start", "asks", "--delayed")
    log = tmp_path / "worker.log"
    with open(log, "w") as out:
        worker = subprocess.Popen(
            [*flask, "worker", "-c", "1", "--metrics-port", "0"],
            stdout=out,
            stderr=subprocess.STDOUT,
            **told,
        )
    try:
        until(lambda: "stops it." in log.read_text(), "the worker begins")
        at = re.search(r"metrics +(http://127\.0\.0\.1:\d+/metrics)", log.read_text())
        assert at is not None, log.read_text()

        def scraped() -> str:
            with urllib.request.urlopen(at[1], timeout=60) as answer:
                text: str = answer.read().decode()
                return text

        halted = 'workflows_halts_total{task="ask",workflow="asks"} 1.0'
        until(lambda: halted in scraped(), "the object halts")
        text = scraped()
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)
    assert 'workflows_task_retries_total{task="flaky",workflow="asks"} 1.0' in text
    assert 'workflows_task_seconds_count{task="flaky",workflow="asks"} 1.0' in text
    assert 'workflows_queue_objects{queue="default"}' in text
    assert "process_cpu_seconds_total" in text, "prometheus_client's own"
    assert log.read_text().count("[asks/flaky] trying\n") == 2
    assert worker.returncode == 0
    run("metrics")
