"""Which objects have the words: looked up once for a page, however many its parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    text,
    union,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY

from .list_arms import OBJECTS, number_in_text
from .list_models import TEXT
from .list_shape import number_of
from .models import IS_LISTED
from .wanted import Term

_o = OBJECTS.c


@cache
def matching(dialect: str, most: int) -> Any:
    """Return how many objects may have the words, and the ids of those that do.

    Counted so far only. The ids are a text, which :func:`matched` is given.
    """
    if dialect == "sqlite":
        return _matching_in_sqlite(most)
    # What the index does not know is looked up in the text, but not of more objects
    # than are counted.
    words, phrase = (
        cast(bindparam(name, type_=Text), TSQUERY) for name in ("looked_up", "asked")
    )
    has = TEXT.c.words.bool_op("@@")
    some = (
        select(TEXT.c.id_object.label("oid"), has(phrase).label("is_so"))
        .where(has(words))
        .limit(number_in_text(most))
        .subquery("some")
    )
    ids: Any = func.array_agg(some.c.oid).filter(some.c.is_so)
    return select(func.count(), cast(ids, Text)).select_from(some)


def _matching_in_sqlite(most: int) -> Any:
    some = (
        select(literal_column("rowid", _o.id.type).label("oid"))
        .select_from(text("workflows_text_index"))
        .where(text("workflows_text_index MATCH :looked_up"))
        .limit(number_in_text(most))
        .subquery("some")
    )
    ids: Any = func.json_group_array(some.c.oid)
    return select(func.count(), ids)


def matched(terms: Sequence[Term], dialect: str) -> Any:
    """Return the ids again as rows, and those of what is named by what was typed."""
    ids = bindparam("ids", type_=Text)
    if dialect == "sqlite":
        nothing: Any = literal_column("'[]'")
        each = func.json_each(func.coalesce(ids, nothing)).table_valued("value")
        oid: Any = each.c.value
    else:
        nothing = literal_column("'{}'")
        numbers = cast(func.coalesce(ids, nothing), ARRAY(BigInteger))
        oid = func.unnest(numbers).column_valued("each")
    found = select(oid.label("oid"))
    others = named(terms)
    return union(found, *others) if others else found


def named(terms: Sequence[Term]) -> list[Select[Any]]:
    """Return the ids of the objects that one thing searched for names."""
    if len(terms) != 1:
        return []
    (term,) = terms
    mine = select(_o.id.label("oid")).where(IS_LISTED)
    found = []
    if number_of(term) is not None:
        found.append(mine.where(_o.id == bindparam("number", type_=_o.id.type)))
    if term.text:
        found.append(mine.where(text("uri <> ''"), _o.uri == bindparam("uri")))
    return found


def ids_in_text(ids: Iterable[int], dialect: str) -> str:
    """Return ids as one parameter: hundreds take longer to send than to look up."""
    each = ",".join(map(str, ids))
    return f"[{each}]" if dialect == "sqlite" else f"{{{each}}}"


def is_asked(column: Any, dialect: str) -> Any:
    """Return the condition that a column is one of the ids in ``asked``."""
    ids = bindparam("asked", type_=Text)
    if dialect == "sqlite":
        each = func.json_each(ids).table_valued("value")
        return column.in_(select(each.c.value))
    return column == func.any(cast(ids, ARRAY(BigInteger)))
