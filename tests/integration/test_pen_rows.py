"""What a row of the pen's list costs, and what its rows have in common."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from people import Browser, PenSite

from invenio_workflows import start
from invenio_workflows.holdingpen.links import Link
from invenio_workflows.store.wanted import Row

#: As many steps of the interpreter a row may take; it took 5,000 when each was
#: escaped and looked up anew.
MOST_STEPS = 2_000


@pytest.fixture
def pen(ready_url: str) -> Iterator[PenSite]:
    site = PenSite(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    site.register(
        "review",
        lambda obj, eng: eng.halt("Is it <ours>?", action="approval"),
        get_title=staticmethod(lambda obj: obj.data["title"]),
        get_description=staticmethod(lambda obj: "About <it> & more"),
    )
    with site.app.app_context():
        start("review", [{"title": f"T{n} <&>"} for n in range(60)])
    yield site
    site.close()


@pytest.fixture
def admin(pen: PenSite) -> Browser:
    return pen.browser("admin")


def steps(ask: Any) -> int:
    """How many steps the interpreter takes."""
    taken = 0

    def each(frame: Any, kind: str, argument: Any) -> Any:
        nonlocal taken
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        taken += kind == "opcode"
        return each

    before = sys.gettrace()
    sys.settrace(each)
    try:
        ask()
    finally:
        sys.settrace(before)
    return taken


def test_a_row_takes_few_steps(pen: PenSite, admin: Browser) -> None:
    few, many = "/?size=10", "/?size=50"
    for path in (few, many):
        admin.get(path)  # statements and templates are kept from here on
    ten, fifty = (steps(lambda path=path: admin.get(path)) for path in (few, many))
    assert 0 < (fifty - ten) / 40 < MOST_STEPS


def test_a_page_leaves_no_circles_for_the_garbage_collection(
    pen: PenSite, admin: Browser
) -> None:
    """To find those it stops everything, in the middle of some other page."""
    admin.get("/?size=10&q=t")

    def there() -> int:
        return sum(isinstance(each, (Row, Link)) for each in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = there()
        assert admin.get("/?size=50&q=t").text.count('class="hp-row"') == 50
        after = there()
    finally:
        gc.enable()
    assert after == before


def test_what_is_rendered_once_has_the_id_and_the_revision_of_each_row(
    pen: PenSite, admin: Browser
) -> None:
    page = admin.get("/?size=100&q=t")
    forms = re.findall(
        r'data-id="(\d+)".*?action="[^"]*/(\d+)/resolve".*?name="_revision" '
        r'value="(\d+)".*?aria-label="Accept (\d+)".*?aria-label="Reject (\d+)"',
        page.text,
        re.DOTALL,
    )
    assert len(forms) == 60 == len({each[0] for each in forms})
    with pen.app.app_context():
        query = pen.ext.state.queries.query()
        revisions = {str(o.id): str(o.columns["revision"]) for o in query.all()}
    assert all(
        {oid} == {*others} and revision == revisions[oid]
        for oid, first, revision, *more in forms
        for others in [(first, *more)]
    )
    assert not re.search(r"\d{19}", page.text)


def test_a_template_that_does_not_say_that_rows_are_alike_is_asked_for_each(
    pen: PenSite, admin: Browser, tmp_path: Path
) -> None:
    pen.app.template_folder = str(tmp_path)
    folder = tmp_path / "workflows" / "actions"
    folder.mkdir(parents=True)
    (folder / "approval_mini.html").write_text("Decide {{ obj.title }}!")
    page = admin.get("/?size=100")
    found = re.findall(r"Decide (T\d+ &lt;&amp;&gt;)!", page.text)
    assert len(found) == 60 == len(set(found))


def test_what_is_escaped_is_escaped_once(pen: PenSite, admin: Browser) -> None:
    page = admin.get("/?size=10&q=%26")
    assert "<bdi>About &lt;it&gt; &amp; more</bdi>" in page.text
    assert "<bdi>Is it &lt;ours&gt;?</bdi>" in page.text
    (tail,) = set(
        re.findall(r'class="hp-open" id="t\d+" href="[^"?]*(\?[^"]*)"', page.text)
    )
    assert tail == "?q=%26&amp;size=10"
