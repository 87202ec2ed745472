"""What the pages say, in each language: all of it, with nothing left to put in."""

from __future__ import annotations

import ast
import gettext
import string
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir
from markupsafe import Markup

import invenio_workflows
from invenio_workflows.holdingpen import display
from invenio_workflows.holdingpen.texts import CATALOGUES, DOMAIN, LANGUAGES, ngettext

#: What is the same word in every language that we have.
SAME = {
    *"Action Audit Branches Info JSON Pages Site Type URI Votes Workflow".split(),
    *("Workflows", "action", "page", "type"),
    *("Holding Pen", "workflow", "score {n}", "{m} min {n} s", "{n} ms", "{n} s"),
    ("{n} minute", "{n} minutes"),
}
PACKAGE = Path(invenio_workflows.__file__).parent
METHODS = [("holdingpen/**.py", "python"), ("templates/**.html", "jinja2")]


@cache
def messages() -> list[Any]:
    """Every message of code and templates; a pair of those that have a plural."""
    return [message for _, _, message, *_ in extract_from_dir(PACKAGE, METHODS)]


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_everything_is_translated_and_compiled(language: str) -> None:
    catalogue = gettext.translation(DOMAIN, str(CATALOGUES), [language])
    missing = [m for m in messages() if _in(catalogue, m) == _in(None, m)]
    assert [message for message in missing if message not in SAME] == []


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_a_translation_has_the_same_to_put_in(language: str) -> None:
    catalogue = gettext.translation(DOMAIN, str(CATALOGUES), [language])
    for message in messages():
        for said, meant in zip(
            _in(catalogue, message), _in(None, message), strict=True
        ):
            assert fields(said) == fields(meant), message


def test_no_text_stands_in_an_f_string() -> None:
    """There Babel finds it from Python 3.12 on only."""
    for file in PACKAGE.glob("holdingpen/**/*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.JoinedStr):
                continue
            calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
            names = {getattr(each.func, "id", None) for each in calls}
            assert not names & {"_", "ngettext"}, f"{file.name}:{node.lineno}"


def _in(catalogue: gettext.NullTranslations | None, message: Any) -> list[str]:
    catalogue = catalogue or gettext.NullTranslations()
    if isinstance(message, tuple):
        return [catalogue.ngettext(message[0], message[1], n) for n in (1, 2)]
    return [catalogue.gettext(message)]


def test_outside_of_a_request_the_language_is_english() -> None:
    assert ngettext("{n} day", "{n} days", 2) == "2 days"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a\nb\tc", "a b c"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\x00\x1b[31mb", "a [31mb"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        (None, ""),
        (17, "17"),
        ("x" * 999, "x" * 299 + "…"),
    ],
)
def test_a_text_is_one_line_without_tricks(given: Any, shown: str) -> None:
    assert display.plain(given) == shown


def test_only_markup_stays_html() -> None:
    assert display.html(Markup("<b>")) == Markup("<b>")
    assert not isinstance(display.html("<b>"), Markup)


def test_a_time_says_its_zone_and_the_moment_itself() -> None:
    east = timezone(timedelta(hours=2))
    html = display.moment(datetime(2026, 11, 21, 1, 30, tzinfo=east))
    assert 'datetime="2026-11-20T23:30:00+00:00"' in html
    assert 'title="2026-11-20 23:30:00 UTC"' in html
    assert html.endswith(">2026-11-20 23:30 UTC</time>")
    assert (
        display.moment(datetime(2026, 1, 1, tzinfo=UTC)) != display.moment(None) == ""
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(61, "1 minute"), (720, "12 minutes"), (7200, "2 hours"), (200_000, "2 days")],
)
def test_a_span_of_time_is_said_in_words(seconds: float, words: str) -> None:
    assert display.span(seconds) == words
