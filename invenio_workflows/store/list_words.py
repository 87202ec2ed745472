"""Words as each database keeps them, and terms as it is asked for them.

The words are letters and digits only, so nothing of them is read as an operator.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Text, and_, bindparam, cast, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import TSQUERY

from .list_models import TEXT
from .wanted import Term


def stored(words: Sequence[str], dialect: str) -> str:
    """Return the words as the column of the text holds them."""
    if dialect == "sqlite":
        return f" {' '.join(words)} "
    return " ".join(f"'{word}':{place}" for place, word in enumerate(words, 1))


def asked(terms: Iterable[Term], dialect: str, anywhere: bool = False) -> str:
    """Return the query for the objects that have all of the terms.

    :param anywhere: whether words that must follow each other may be anywhere.
    """
    ask, both = (_fts5, " AND ") if dialect == "sqlite" else (_tsquery, " & ")
    if anywhere:
        terms = [replace(term, phrase=False) for term in terms]
    return both.join(ask(words, prefix) for words, prefix in _phrases(terms))


def _phrases(terms: Iterable[Term]) -> Iterable[tuple[tuple[str, ...], bool]]:
    """Yield what must be there: words in a row, and whether the last may go on."""
    for term in terms:
        if term.phrase:
            yield term.words, term.prefix
            continue
        for place, word in enumerate(term.words, 1):
            yield (word,), term.prefix and place == len(term.words)


def _fts5(words: Sequence[str], prefix: bool) -> str:
    return f'"{" ".join(words)}"' + (" *" if prefix else "")


def _tsquery(words: Sequence[str], prefix: bool) -> str:
    each = [f"'{word}'" for word in words]
    return "(" + " <-> ".join(each) + (":*" if prefix else "") + ")"


def probe(terms: Sequence[Term], oid: Any, dialect: str, name: str) -> Any:
    """Return whether one object's text has all of the terms, as a scalar subquery.

    It is no join: a planner that turned it into one would read every match first.

    :param name: begins the names of the parameters, which :func:`sought` gives.
    """
    if dialect == "sqlite":
        found = and_(
            *(
                func.instr(TEXT.c.words, bindparam(f"{name}_{place}", type_=Text))
                > literal_column("0")
                for place, _phrase in enumerate(_phrases(terms))
            )
        )
    else:
        query = cast(bindparam(name, type_=Text), TSQUERY)
        found = TEXT.c.words.bool_op("@@")(query)
    inner = select(found).where(TEXT.c.id_object == oid).scalar_subquery()
    return func.coalesce(inner, literal_column("false"))


def sought(terms: Sequence[Term], dialect: str, name: str) -> dict[str, str]:
    """Return what a probe is given."""
    if dialect != "sqlite":
        return {name: asked(terms, dialect)}
    phrases = enumerate(_phrases(terms))
    return {f"{name}_{place}": _there(phrase) for place, phrase in phrases}


def _there(phrase: tuple[tuple[str, ...], bool]) -> str:
    words, prefix = phrase
    return f" {' '.join(words)}" + ("" if prefix else " ")


def negative(terms: Sequence[Term], oid: Any, dialect: str) -> Any:
    """Return whether one object's text has any of the terms."""
    return or_(
        *(
            probe([term], oid, dialect, f"not_{place}")
            for place, term in enumerate(terms)
        )
    )
