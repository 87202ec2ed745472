"""The first thing that anyone tries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pages import TOP, Block, Page

README = Page(TOP / "README.md")


def test_it_opens_with_the_two_commands_and_they_are_there() -> None:
    opening = README.text.split("\n## ")[0].split("A Flask extension")[0]
    for command in ("scripts/demo", "scripts/test"):
        assert command in opening
        assert os.access(TOP / command, os.X_OK)


PROGRAMS = README.blocks("python")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda each: f"line {each.line}")
def test_a_program_runs_as_printed_and_prints_what_it_says(
    program: Block, tmp_path: Path
) -> None:
    printed = next(each for each in README.blocks("text") if each.line > program.line)
    (tmp_path / "theses.py").write_text(program.text, "utf-8")

    done = subprocess.run(
        [sys.executable, "-W", "error", "theses.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.stdout, done.stderr) == (printed.text, "")


def test_the_workflow_has_ten_lines() -> None:
    workflow = PROGRAMS[0].text.split("from flask")[0]
    assert len([line for line in workflow.splitlines() if line.strip()]) == 10
