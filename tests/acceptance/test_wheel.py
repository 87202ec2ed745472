"""What is installed from a wheel has everything that the checkout has."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pages import TOP
from wheels import built, names_in

PACKAGE = TOP / "invenio_workflows"
#: What a wheel must have for the pages.
KINDS = (
    "templates/workflows/holdingpen/*.html",
    "templates/workflows/actions/*.html",
    "templates/workflows/results/*.html",
    "static/workflows/*.js",
    "static/workflows/*.css",
    "translations/*/LC_MESSAGES/*.mo",
    "alembic/*.py",
    "py.typed",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of our wheel, built from a copy of the checkout."""
    copy = tmp_path_factory.mktemp("checkout")
    unwanted = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(PACKAGE, copy / PACKAGE.name, ignore=unwanted)
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(TOP / name, copy)
    return names_in(built(copy, copy / "dist"))


def test_every_file_of_the_package_is_in_the_wheel(wheel: set[str]) -> None:
    paths = [path for path in PACKAGE.rglob("*") if path.is_file()]
    names = {str(path.relative_to(TOP)) for path in paths}
    ours = {name for name in names if "__pycache__" not in name and "/." not in name}
    assert ours - wheel == set()


@pytest.mark.parametrize("kind", KINDS)
def test_the_wheel_has_what_the_pages_need(wheel: set[str], kind: str) -> None:
    assert any(Path(name).match(f"{PACKAGE.name}/{kind}") for name in wheel)


def test_the_wheel_has_no_tests_and_no_examples(wheel: set[str]) -> None:
    tops = {name.partition("/")[0] for name in wheel}
    assert {name for name in tops if not name.endswith(".dist-info")} == {PACKAGE.name}
