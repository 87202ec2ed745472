"""Every check of the doctor has an id that is known, and told in the reference."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import invenio_workflows
from invenio_workflows.cli.findings import CHECKS, Check, is_check, without

PACKAGE = Path(invenio_workflows.__file__).parent
PAGE = PACKAGE.parent / "docs" / "reference" / "checks.md"


def nodes(folder: str) -> Iterator[ast.AST]:
    for path in sorted((PACKAGE / folder).glob("*.py")):
        yield from ast.walk(ast.parse(path.read_text("utf-8")))


def ids_in_the_code() -> set[str]:
    """Return what ``Check("…")`` names, and the third part of what workers yield."""
    found = set()
    for node in nodes("cli"):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Check":
            first = node.args[0]
            if isinstance(first, ast.Constant):
                found.add(str(first.value))
    for node in nodes("workers"):
        told = node.value if isinstance(node, ast.Yield) else None
        if isinstance(told, ast.Tuple) and len(told.elts) == 3:
            last = told.elts[2]
            assert isinstance(last, ast.Constant), ast.dump(last)
            found.add(f"worker.{last.value}")
    return found


def test_each_id_in_the_code_is_known_and_each_that_is_known_is_used() -> None:
    assert ids_in_the_code() == set(CHECKS)


def test_no_id_is_known_twice() -> None:
    (known,) = (
        node.value
        for node in nodes("cli")
        if isinstance(node, ast.AnnAssign)
        and getattr(node.target, "id", "") == "CHECKS"
    )
    assert isinstance(known, ast.Dict)
    names = Counter(ast.literal_eval(key) for key in known.keys if key is not None)
    assert [name for name, times in names.items() if times > 1] == []


def test_each_is_in_the_reference_with_what_to_do() -> None:
    page = PAGE.read_text("utf-8")
    for name, (meaning, do) in CHECKS.items():
        assert f"| `{name}` | {meaning} | {do} |" in page


def test_what_a_plug_in_calls_its_checks_is_its_own() -> None:
    assert is_check("worker.courier") and is_check("tables")
    assert not is_check("wroker") and not is_check("tables.more")


def test_what_is_left_out_says_why_and_what_is_well_stays() -> None:
    found = [
        Check("tables", "fail", "gone", "Make them."),
        Check("workers", "ok", "one lives"),
        Check("database", "warn", "slow"),
    ]
    left = {"tables": "tonight", "workers": "never"}
    tables, workers, database = without(found, left)
    assert (tables.state, tables.text, tables.do) == ("skip", "gone", "")
    assert tables.told()["reason"] == "tonight"
    assert workers is found[1] and database is found[2]
