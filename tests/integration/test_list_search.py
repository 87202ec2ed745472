"""Searching: both databases find the same, and what plain Python finds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sites import Site
from sqlalchemy import event

from invenio_workflows.folding import kept_words, words
from invenio_workflows.proxies import current_workflows
from invenio_workflows.store import list_find as lists_module
from invenio_workflows.store import look
from invenio_workflows.store.list_words import is_all_looked_up, looked_up
from invenio_workflows.store.models import ObjectRow
from invenio_workflows.store.showing import Shown
from invenio_workflows.store.shown import keep_shown
from invenio_workflows.store.wanted import Term, Wanted

Sites = tuple[Site, Site]
NOW = datetime(2026, 1, 1, tzinfo=UTC)

PIECES = [
    "10.1103/PhysRevD.66",
    "hep-th/9901001v2",
    "Müller",
    "muller",
    "Mu",
    "ÉTÉ",
    "straße",
    "İstanbul",
    "東京大学",
    "東京",
    "αβγ",
    "ﬁn",
    "x²",
    "don't",
    "a_b",
    "O'Neil & (sons) | \\ \" ' : * ! -",
    "NOT OR AND NEAR",
    "़नमस्ते",
    "한국어",
    "𐐀𐐨",
    "🙂",
]
TEXTS = st.lists(
    st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=6
).map(" ".join)


@st.composite
def terms(draw: st.DrawFn) -> tuple[Term, ...]:
    found = []
    for _ in range(draw(st.integers(1, 3))):
        text = draw(st.one_of(st.sampled_from(PIECES), TEXTS))
        asked = tuple(words(text))
        if draw(st.booleans()) and asked and len(asked[-1]) > 1:
            asked = (*asked[:-1], asked[-1][: draw(st.integers(1, len(asked[-1])))])
        if asked:
            flags = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
            found.append(Term(asked, *flags))
    return tuple(found)


def has(kept: list[str], term: Term) -> bool:
    """Say whether words have a term; the plain reading of what it means."""

    def alike(word: str, asked: str, last: bool) -> bool:
        return word.startswith(asked) if last and term.prefix else word == asked

    size = len(term.words)
    if not term.phrase:
        return all(
            any(alike(word, asked, at == size - 1) for word in kept)
            for at, asked in enumerate(term.words)
        )
    return any(
        len(kept) >= start + size
        and all(
            alike(kept[start + at], asked, at == size - 1)
            for at, asked in enumerate(term.words)
        )
        for start in range(len(kept) - size + 1)
    )


@pytest.fixture
def both(
    make_site: Callable[..., Site], sqlite_ready_url: str, postgresql_ready_url: str
) -> Iterator[Sites]:
    """A site on each kind of database."""
    yield (
        make_site(sqlite_ready_url, tables=False),
        make_site(postgresql_ready_url, tables=False),
    )


def keep(site: Site, texts: list[str]) -> None:
    """Make these the texts of the objects 1000, 1001 …"""
    with site.ext.engine.begin() as connection:
        connection.execute(ObjectRow.__table__.delete())
        for oid in range(1000, 1000 + len(texts)):
            row = {"id": oid, "status": 2, "workflow": "w", "position": 0}
            row |= {"created": NOW, "modified": NOW, "uri": "", "data_type": ""}
            connection.execute(ObjectRow.__table__.insert(), [row])
        shown = [
            (1000 + at, Shown(words=kept_words([text])))
            for at, text in enumerate(texts)
        ]
        keep_shown(connection, shown)


def asked(site: Site, wanted: Wanted) -> list[int]:
    with site.app.app_context():
        look = current_workflows.lists.look(wanted)
        page = look.page()
        assert page.complete
        assert look.count().number == len(page.rows)
        return sorted(row.id for row in page.rows)


@pytest.mark.parametrize("few", [5000, -1])
def test_both_databases_find_what_plain_python_finds(
    both: Sites, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By matching first, and by walking."""
    monkeypatch.setattr(lists_module, "FEW", few)
    monkeypatch.setattr(lists_module, "FIRST_WALK", 0)

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(st.lists(TEXTS, min_size=1, max_size=4), terms())
    @example(["10.1103/PhysRevD.66 Müller"], (Term(("10", "1103", "phys"), True),))
    @example(["東京大学"], (Term(("大", "学"), True),))
    @example(["a b", "ab"], (Term(("a",), False, True, True),))
    @example(["a b c d e", "a b c x e", "x a b c"], (Term(tuple("abcde"), True),))
    @example(["a b c d e", "a b c d x"], tuple(Term((word,)) for word in "edcba"))
    @example(["a b", "c d", "e"], tuple(Term((w,), negative=True) for w in "acx"))
    def check(texts: list[str], these: tuple[Term, ...]) -> None:
        expected = [
            1000 + at
            for at, text in enumerate(texts)
            if all(has(kept_words([text]), t) != t.negative for t in these)
        ]
        for site in both:
            keep(site, texts)
            assert asked(site, Wanted(("w",), terms=these, limit=50)) == expected, (
                site.url
            )

    check()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    "terms",
    [
        (Term(("physics",) * 100, phrase=True),),
        tuple(Term(("physics",)) for _ in range(100)),
        tuple(Term((f"word{n}",)) for n in range(100)),
        tuple(Term((f"a{n}", f"b{n}", f"c{n}", "d"), phrase=True) for n in range(9)),
    ],
    ids=["words in a row", "the same", "others", "many in a row"],
)
def test_few_words_are_looked_up_in_an_index(
    terms: tuple[Term, ...], dialect: str
) -> None:
    """Each costs as many steps as there are texts that have it."""
    cut = looked_up(terms, dialect)
    assert 0 < len(re.findall(r"[^\W_]+", cut.replace("AND", ""))) <= 12
    assert cut.count(" AND ") + cut.count(" & ") < 4
    if len(set(terms)) > 1 or terms[0].phrase:
        assert not is_all_looked_up(terms, dialect) or dialect != "sqlite"


def test_the_longest_words_are_looked_up_for_they_are_rare() -> None:
    text = "a study of the decay of zitterbewegung in matter"
    terms = tuple(Term((word,)) for word in text.split())
    cut = looked_up(terms, "postgresql")
    assert re.findall("[a-z]+", cut) == ["zitterbewegung", "matter", "study", "decay"]


@given(st.text())
@settings(max_examples=300, deadline=None)
def test_words_of_words_are_the_same_words(text: str) -> None:
    found = words(text)
    assert words(" ".join(found)) == found
    assert all(word == word.lower() and word.isalnum() for word in found)


def test_a_number_and_an_uri_find_an_object_without_words(site: Site) -> None:
    keep(site, ["", "unlike"])
    with site.ext.engine.begin() as connection:
        change = ObjectRow.__table__.update().where(ObjectRow.id == 1001)
        connection.execute(change.values(uri="doi:10.1/X"))

    def found(text: str) -> list[int]:
        term = Term(tuple(words(text)), phrase=True, text=text)
        return asked(site, Wanted(("w",), terms=(term,)))

    assert found("1000") == [1000]
    assert found("doi:10.1/X") == [1001]
    assert found("doi:10.1/Y") == []
    assert asked(site, Wanted(("other",), terms=(Term(("1000",), text="1000"),))) == []


def test_a_count_is_exact_up_to_a_thousand(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "SAMPLE", 3)
    keep(site, ["same word"] * 4)
    wanted = Wanted(("w",), terms=(Term(("same",)),))
    count: Any = current_workflows.lists.count(wanted)
    assert (count.number, count.exact) == (3, False)
    keep(site, ["same word"] * 3)
    count = current_workflows.lists.count(wanted)
    assert (count.number, count.exact) == (3, True)


def test_the_words_are_looked_up_once_for_all_parts_of_a_page(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(site, ["needle of gold", "gold needle", *["hay"] * 3])
    term = Term(("needle", "of"), phrase=True)
    seen = look.Look(current_workflows.store, Wanted(("w",), terms=(term,)))
    sent: list[str] = []

    def sending(on: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    event.listen(site.ext.engine, "before_cursor_execute", sending)
    page, groups, facets = seen.page(), seen.groups(), seen.facets()
    event.remove(site.ext.engine, "before_cursor_execute", sending)
    assert [row.id for row in page.rows] == [1000]
    assert sum(count.number for count in groups.values()) == 1
    assert [(value, count.number) for value, count in facets["workflow"]] == [("w", 1)]
    index = (" MATCH ", "array_agg")
    assert len([each for each in sent if any(word in each for word in index)]) == 1
    sample = [each for each in sent if "sampled" in each]
    assert len(sample) == 1 and "workflows_text" not in sample[0]


def test_a_search_that_passed_too_many_rows_goes_on_from_there(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists_module, "FEW", 1)
    monkeypatch.setattr(lists_module, "FIRST_WALK", 3)
    monkeypatch.setattr(lists_module, "WALK", 5)
    texts = ["needle" if at % 20 == 0 else "hay" for at in range(60)]
    keep(site, texts)
    wanted = Wanted(("w",), terms=(Term(("needle",)),), sort="newest", limit=2)
    found, pages, after = [], 0, None
    while True:
        from dataclasses import replace

        page = current_workflows.lists.page(replace(wanted, after=after))
        found += [row.id for row in page.rows]
        pages, after = pages + 1, page.next
        if after is None:
            break
        assert not page.complete or len(page.rows) == 2
    assert found == [1040, 1020, 1000]
    assert 3 < pages <= 14
