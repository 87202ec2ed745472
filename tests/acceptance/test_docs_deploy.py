"""The files that a site is deployed with are valid, and say what the code knows."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import DOCS, TOP

from invenio_workflows import cli, config

DEPLOY = TOP / "examples" / "deploy"
PAGE = (DOCS / "howto" / "deploy.md").read_text("utf-8")
UNITS = sorted([*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")])
FLASK = "/srv/site/.venv/bin/flask"

#: What may stand in which section, as systemd.unit(5) and those beside it say.
KNOWN = {
    "Unit": {"Description", "After", "Wants"},
    "Service": {
        *("Type", "User", "WorkingDirectory", "EnvironmentFile", "ExecStart"),
        *("KillSignal", "KillMode", "TimeoutStopSec", "Restart", "RestartSec"),
    },
    "Timer": {"OnCalendar", "RandomizedDelaySec", "Persistent"},
    "Install": {"WantedBy"},
}


def unit(path: Path) -> dict[str, dict[str, str]]:
    """Read a unit; a line that is none of it, or comes twice, is an error."""
    found: dict[str, dict[str, str]] = {}
    section = None
    for line in path.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = found.setdefault(heading[1], {})
            assert not section, f"{path.name}: [{heading[1]}] twice"
            continue
        pair = re.fullmatch(r"([A-Z]\w+)=(\S.*)", line)
        assert pair and section is not None, f"{path.name}: {line}"
        assert pair[1] not in section, f"{path.name}: {line}"
        section[pair[1]] = pair[2]
    return found


def compose(text: str) -> Any:
    """Read the YAML that we write: mappings, lists of strings, scalars in quotes."""
    lines = [
        (len(line) - len(line.lstrip()), line.strip())
        for line in text.splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    value, rest = _block(lines, 0)
    assert not rest, f"what is this: {rest[0][1]}"
    return value


def _block(lines: list[tuple[int, str]], depth: int) -> tuple[Any, Any]:
    if lines[0][1].startswith("- "):
        items = []
        while lines and lines[0][0] == depth and lines[0][1].startswith("- "):
            items.append(_scalar(lines.pop(0)[1][2:]))
        return items, lines
    found: dict[str, Any] = {}
    while lines and lines[0][0] == depth:
        _, line = lines.pop(0)
        pair = re.fullmatch(r"([\w-]+):(?: (.+))?", line)
        assert pair, f"neither key nor comment: {line}"
        assert pair[1] not in found, f"twice: {line}"
        if pair[2] is not None:
            found[pair[1]] = _scalar(pair[2])
        else:
            assert lines and lines[0][0] == depth + 2, f"nothing below {line}"
            found[pair[1]], lines = _block(lines, depth + 2)
    assert not lines or lines[0][0] < depth, f"indented by chance: {lines[0][1]}"
    return found, lines


def _scalar(text: str) -> Any:
    if text == "{}":
        return {}
    if re.fullmatch(r"\d+", text):
        return int(text)
    assert re.fullmatch(r'"[^"\\]*"', text), f"no number, and not in quotes: {text}"
    return text[1:-1]


def commands() -> Iterator[str]:
    for path in UNITS:
        if path.suffix == ".service":
            yield unit(path)["Service"]["ExecStart"].replace(FLASK, "flask")
    services = compose((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]
    for service in services.values():
        if "command" in service:
            yield service["command"]


def test_there_are_units_and_each_file_is_on_the_page() -> None:
    assert len(UNITS) == 3
    for path in DEPLOY.iterdir():
        assert f"{{literalinclude}} ../../examples/deploy/{path.name}\n" in PAGE


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_has_what_systemd_knows(path: Path) -> None:
    found = unit(path)
    wanted = {".service": "Service", ".timer": "Timer"}[path.suffix]
    assert {"Unit", wanted} <= set(found)
    for section, settings in found.items():
        assert set(settings) <= KNOWN[section], f"{path.name}: [{section}]"
        assert settings


def test_systemd_itself_finds_nothing_where_it_is_installed(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        return  # the test above is what holds everywhere
    copies = []
    for path in UNITS:
        copies.append(str(tmp_path / path.name))
        text = path.read_text("utf-8").replace(FLASK, sys.executable)
        Path(copies[-1]).write_text(text, "utf-8")
    done = subprocess.run([verify, "verify", *copies], capture_output=True, text=True)
    told = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert told == [] and "workflows-" not in done.stderr, done.stderr


def test_every_command_exists_with_its_options() -> None:
    found = list(commands())
    assert len(found) == 4
    for line in found:
        flask, group, name, *arguments = shlex.split(line)
        assert (flask, group) == ("flask", "workflows")
        command = cli.workflows.commands[name]
        context = command.make_context(name, arguments)  # raises on what is wrong
        assert context.params


def test_a_worker_has_the_time_to_stop_that_it_is_promised() -> None:
    needed = config.Settings().stop_seconds
    worker = unit(DEPLOY / "workflows-worker.service")["Service"]
    services = compose((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]
    assert int(worker["TimeoutStopSec"]) > needed
    assert int(services["worker"]["stop_grace_period"].rstrip("s")) > needed


def test_the_compose_file_holds_together() -> None:
    found = compose((DEPLOY / "compose.yaml").read_text("utf-8"))
    services = found["services"]
    assert set(services) == {"database", "init", "web", "worker"}
    for name, service in services.items():
        assert "image" in service, name
        for other, how in service.get("depends_on", {}).items():
            assert other in services and set(how) == {"condition"}, name
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in found["volumes"], name
        for variable in service.get("environment", {}):
            setting = variable.removeprefix("FLASK_WORKFLOWS_").lower()
            if setting != variable.lower():
                assert hasattr(config.Settings(), setting), variable


@pytest.mark.parametrize(
    "text", ['a: "b"\n c: 1\n', 'a: b"\n', 'a: "b"\na: "c"\n', "a:\nb: 1\n", "- 1\na\n"]
)
def test_a_compose_file_that_is_broken_would_be_seen(text: str) -> None:
    with pytest.raises(AssertionError):
        compose(text)
