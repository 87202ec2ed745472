"""Words as each database keeps them, and terms as it is asked for them.

The words are letters and digits only, so nothing of them is read as an operator.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Text, and_, bindparam, cast, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import TSQUERY

from .list_models import TEXT
from .wanted import Term

#: Words in a row, and whether the last may go on.
Phrase = tuple[tuple[str, ...], bool]
#: So many words, or words in a row, are looked up in an index; of one in a row so many.
#: What is longest is looked up: short words are in most texts, and each costs as many
#: steps as texts have it.
MOST_LOOKED_UP, MOST_IN_A_ROW = 4, 3


def stored(words: Sequence[str], dialect: str) -> str:
    """Return the words as the column of the text holds them."""
    if dialect == "sqlite":
        return f" {' '.join(words)} "
    return " ".join(f"'{word}':{place}" for place, word in enumerate(words, 1))


def asked(terms: Iterable[Term], dialect: str) -> str:
    """Return the query for the objects that have all of the terms."""
    return _all_of(dict.fromkeys(_phrases(terms)), dialect)


def looked_up(terms: Iterable[Term], dialect: str) -> str:
    """Return the query for an index: for the objects that may have all of the terms.

    PostgreSQL's index does not know which words follow each other.
    """
    return _all_of(_looked_up(terms, dialect), dialect)


def is_all_looked_up(terms: Iterable[Term], dialect: str) -> bool:
    """Say whether who is found in the index has all of the terms."""
    asked = list(_phrases(terms))
    return len(asked) <= MOST_LOOKED_UP and asked == [
        _beginning(each, dialect) for each in asked
    ]


def _looked_up(terms: Iterable[Term], dialect: str) -> list[Phrase]:
    found = list(_phrases(terms))
    if dialect != "sqlite":
        found = [
            ((word,), prefix and place == len(words))
            for words, prefix in found
            for place, word in enumerate(words, 1)
        ]
    few = dict.fromkeys(_beginning(each, dialect) for each in found)
    return sorted(few, key=lambda each: -len(" ".join(each[0])))[:MOST_LOOKED_UP]


def _beginning(phrase: Phrase, dialect: str) -> Phrase:
    words, prefix = phrase
    if dialect != "sqlite" or len(words) <= MOST_IN_A_ROW:
        return phrase
    return words[:MOST_IN_A_ROW], False


def _all_of(phrases: Iterable[Phrase], dialect: str) -> str:
    ask, both = (_fts5, " AND ") if dialect == "sqlite" else (_tsquery, " & ")
    return both.join(ask(words, prefix) for words, prefix in phrases)


def _phrases(terms: Iterable[Term]) -> Iterable[Phrase]:
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


def _there(phrase: Phrase) -> str:
    words, prefix = phrase
    return f" {' '.join(words)}" + ("" if prefix else " ")


def negative(terms: Sequence[Term], oid: Any, dialect: str) -> Any:
    """Return whether one object's text has any of the terms."""
    if dialect != "sqlite":
        return probe(terms, oid, dialect, "nots")
    return or_(
        *(
            probe([term], oid, dialect, f"not_{place}")
            for place, term in enumerate(terms)
        )
    )


def avoided(terms: Sequence[Term], dialect: str) -> dict[str, str]:
    """Return what :func:`negative` is given."""
    if dialect != "sqlite":
        any_of = dict.fromkeys(asked([term], dialect) for term in terms)
        return {"nots": " | ".join(f"({each})" for each in any_of)}
    found: dict[str, str] = {}
    for place, term in enumerate(terms):
        found |= sought([term], dialect, f"not_{place}")
    return found
