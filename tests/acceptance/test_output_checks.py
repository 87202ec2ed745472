"""The checks of the reference about output, by number, with real workers.

W14 and check 19: what a step prints is in the log of its object, whatever else is at
work in the process; nobody but who may see the object reads it. W18 and check 20:
``flask workflows doctor``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fleet import Fleet, begun
from sites import Site
from terminals import Terminal

from invenio_workflows.cli.findings import CHECKS
from invenio_workflows.errors import ConfigurationError
from invenio_workflows.states import WorkflowStatus

SOON = 60.0
KINDS = [
    ("local", "sqlite", None),
    ("celery", "postgresql", "redis"),
    ("rq", "postgresql", "redis"),
]


@pytest.fixture(scope="module", params=KINDS, ids=lambda parts: parts[0])
def afloat(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """Two workers of a kind."""
    with begun(request, tmp_path_factory) as fleet:
        yield fleet


@pytest.fixture
def fleet(afloat: Fleet) -> Iterator[Fleet]:
    """Two workers that are at work, and the application context of who delays."""
    afloat.mend()
    with afloat.app.app_context():
        yield afloat


def lines(obj: Any) -> list[tuple[int, str, str]]:
    """Return the lines of an object; of a warning, what comes before its place."""
    return [
        (line.level, line.message.partition(" (/")[0], line.task)
        for line in obj.get_log()
    ]


def said(obj: Any, word: str, task: str) -> list[tuple[int, str, str]]:
    return [
        (20, f"{word} {obj.id}", task),
        (30, f"{word} aside", task),
        (30, f"UserWarning: {word} of {obj.id}", task),
    ]


def test_check_19_prints_are_in_the_log_of_their_object(fleet: Fleet) -> None:
    words = [f"word{number}" for number in range(20)]
    runs = [
        fleet.start({"speak": {"one": word, "three": word + "!"}}) for word in words
    ]
    for result, word in zip(runs, words, strict=True):
        assert result.get(timeout=SOON).status == WorkflowStatus.COMPLETED
        (obj,) = fleet.objects(result.uuid)
        assert lines(obj) == said(obj, word, "one") + said(obj, f"{word}!", "three")
    for word in words:  # and where it went before
        assert word in fleet.log


def test_check_19_a_killed_worker_takes_the_lines_of_its_task_along(
    fleet: Fleet,
) -> None:
    """They are where the process wrote them; the log has those of the next try."""
    result = fleet.start(
        {"speak": {"one": "first", "two": "last"}, "die": {"two": "now"}}
    )
    fleet.mend_until_it_rests(result)
    (obj,) = fleet.objects(result.uuid)
    assert obj.data["done"] == ["one", "two", "three"]
    assert lines(obj) == said(obj, "first", "one") + said(obj, "last", "two")
    assert fleet.log.count(f"UserWarning: last of {obj.id}") == 2


# --- check 20: the doctor -------------------------------------------------------------


def site_of(tmp_path: Path, **config: Any) -> Terminal:
    site = Site(f"sqlite:///{tmp_path / 'workflows.db'}", **config)
    site.register("work", lambda obj, eng: None)
    return Terminal(site.app)


def states(done: Any) -> dict[str, str]:
    return {each["id"]: each["state"] for each in json.loads(done.stdout)["checks"]}


def test_check_20_all_is_well(tmp_path: Path) -> None:
    flask = site_of(tmp_path)
    done = flask.run("doctor", "--json")
    assert done.exit_code == 0
    assert set(states(done).values()) == {"ok"}
    assert set(states(done)) <= set(CHECKS)


def test_check_20_a_setting_that_is_missing_has_an_id(tmp_path: Path) -> None:
    done = site_of(tmp_path, WORKFLOWS_WORKER="celery").run("doctor", "--json")
    assert done.exit_code == 1
    assert states(done)["worker"] == "fail"


def test_check_20_a_broker_that_is_away_has_an_id(tmp_path: Path) -> None:
    flask = site_of(
        tmp_path, WORKFLOWS_WORKER="rq", WORKFLOWS_RQ_URL="redis://localhost:1/0"
    )
    done = flask.run("doctor", "--json")
    assert done.exit_code == 1
    assert states(done)["worker.redis"] == "fail"
    told = flask.run("doctor")
    assert told.exit_code == 1 and "fail  worker.redis" in told.stdout


@pytest.mark.parametrize(
    ("key", "state", "code"),
    [
        ("CHANGE_ME", "fail", 1),
        ("CHANGE ME!", "fail", 1),
        ("secret", "fail", 1),
        ("only a few", "warn", 0),
        ("a9e1c07b5d3f4e2a8b6c", "ok", 0),
        (b"a9e1c07b5d3f4e2a8b6c", "ok", 0),
    ],
)
def test_check_20_a_secret_that_everybody_knows_has_an_id(
    tmp_path: Path, key: Any, state: str, code: int
) -> None:
    flask = site_of(tmp_path, SECRET_KEY="for the beginning of the site")
    flask.app.config["SECRET_KEY"] = key
    done = flask.run("doctor", "--json")
    assert (states(done)["secret-key"], done.exit_code) == (state, code)
    assert key == "secret" or str(key) not in done.stdout


def test_a_check_is_left_out_once_or_for_good_with_the_reason(tmp_path: Path) -> None:
    away = {"WORKFLOWS_WORKER": "rq", "WORKFLOWS_RQ_URL": "redis://localhost:1/0"}
    flask = site_of(tmp_path, **away)
    done = flask.run("doctor", "--json", "--skip", "worker.redis")
    assert done.exit_code == 0, done.stdout
    found = json.loads(done.stdout)["checks"]
    (redis,) = (each for each in found if each["id"] == "worker.redis")
    assert (redis["state"], redis["reason"]) == ("skip", "by --skip")
    assert "There is no check wroker; there are " in flask.refused(
        "doctor", "--skip", "wroker", code=2
    )
    why = {"worker.redis": "It is begun by hand.", "tabels": "A slip."}
    printed = site_of(tmp_path, WORKFLOWS_DOCTOR_SKIP=why, **away)("doctor")
    assert "skip  worker.redis" in printed
    assert "Left out: It is begun by hand." in printed
    assert "warn  doctor.skip" in printed and "tabels" in printed


def test_a_setting_that_is_misspelt_is_named(tmp_path: Path) -> None:
    printed = site_of(tmp_path, WORKFLOWS_WORKR="rq", WORKFLOWS_XYZ=1)("doctor")
    said = "WORKFLOWS_WORKR is no setting, and does nothing; WORKFLOWS_WORKER is one"
    assert re.search(rf"^warn +settings +{said}$", printed, re.MULTILINE)
    assert "WORKFLOWS_XYZ is no setting, and does nothing\n" in printed
    assert "no setting" not in site_of(tmp_path)("doctor")


def test_checks_of_a_plug_in_have_names_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flask = site_of(tmp_path)
    state = flask.app.extensions["invenio-workflows"]
    told = [(True, "well"), (False, "no courier", "courier")]
    monkeypatch.setattr(state.worker, "doctor", lambda: told)
    found = states(flask.run("doctor", "--json"))
    assert (found["worker"], found["worker.courier"]) == ("ok", "fail")


@pytest.mark.parametrize("wrong", [["tables"], "tables", None])
def test_what_is_left_out_without_a_reason_is_refused(
    tmp_path: Path, wrong: Any
) -> None:
    with pytest.raises(ConfigurationError, match="WORKFLOWS_DOCTOR_SKIP"):
        site_of(tmp_path, WORKFLOWS_DOCTOR_SKIP=wrong)
