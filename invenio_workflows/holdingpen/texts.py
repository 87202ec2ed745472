"""What the pages say, in the reader's language: stdlib ``gettext``, catalogues inside.

``_("{n} records", n=3)``: what is to be put in comes as keywords, so that it is never
taken for a text to translate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from gettext import NullTranslations, translation
from pathlib import Path
from typing import Any

from flask import request

from .flask_babel import chosen_language

DOMAIN = "invenio_workflows"
CATALOGUES = Path(__file__).parent.parent / "translations"
#: The languages that there are; the first is that of the code.
LANGUAGES = ("en", "fr")
_KEPT = "invenio_workflows.language"


def _(message: str, **values: Any) -> str:
    """Return the message in the reader's language."""
    return speaking(language())(message, **values)


@cache
def speaking(code: str) -> Callable[..., str]:
    """Return ``_`` in one language: a template need not ask for it with every text."""
    translated = _catalogue(code).gettext

    def _(message: str, **values: Any) -> str:
        text = translated(message)
        return text.format(**values) if values else text

    return _


def N_(message: str) -> str:
    """Mark a message for the catalogues; it is translated when it is shown."""
    return message


def ngettext(one: str, many: str, n: int, **values: Any) -> str:
    """Return the message for that number; it may be named as ``{n}``."""
    text = _catalogue(language()).ngettext(one, many, n)
    return text.format(**{"n": n, **values})


def language() -> str:
    """Return the language of this request: the site's choice, or the browser's."""
    # Asked for every text of a page; `g` is shared by the requests of some tests.
    try:
        environ = request.environ
    except RuntimeError:  # outside of a request
        return LANGUAGES[0]
    found: str | None = environ.get(_KEPT)
    if found is None:
        found = environ[_KEPT] = _chosen()
    return found


def _chosen() -> str:
    chosen = chosen_language()
    if chosen is None:
        return request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]
    return chosen if chosen in LANGUAGES else LANGUAGES[0]


@cache
def _catalogue(code: str) -> NullTranslations:
    return translation(DOMAIN, str(CATALOGUES), [code], fallback=True)
