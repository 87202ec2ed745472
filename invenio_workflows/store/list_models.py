"""The tables that only lists read: sort keys, text and counters.

No foreign keys: the rows are written with their object's, and triggers of the
migration take them away with it. The counters are kept by triggers too, so that
no statement can forget them.
"""

from __future__ import annotations

from sqlalchemy import Index, Integer, SmallInteger, String, Table, Text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from .kinds import BigId
from .models import Base

#: Compared byte by byte, in both databases.
SortText = String(255).with_variant(String(255, collation="C"), "postgresql")


class SortRow(Base):
    """A value by which lists sort: one of ``get_sort_data``, or the title."""

    __tablename__ = "workflows_sort"
    __table_args__ = (Index("ix_workflows_sort_value", "name", "value", "id_object"),)

    id_object: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    value: Mapped[str] = mapped_column(SortText)


class TextRow(Base):
    """The words by which an object is found, cut by :mod:`..folding`.

    PostgreSQL keeps a tsvector with an index of its own kind; SQLite the words with
    a space before and after each, and an FTS5 index beside.
    """

    __tablename__ = "workflows_text"

    id_object: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    words: Mapped[str] = mapped_column(Text().with_variant(TSVECTOR(), "postgresql"))


class _Counted:
    workflow: Mapped[str] = mapped_column(String(255), primary_key=True)
    status: Mapped[int] = mapped_column(
        SmallInteger, primary_key=True, autoincrement=False
    )
    waits_for: Mapped[str] = mapped_column(String(10), primary_key=True)
    action: Mapped[str] = mapped_column(String(100), primary_key=True)
    data_type: Mapped[str] = mapped_column(String(150), primary_key=True)


class CountRow(_Counted, Base):
    """How many listed objects are alike; with the deltas, in PostgreSQL."""

    __tablename__ = "workflows_count"
    __table_args__ = {"sqlite_with_rowid": False}

    number: Mapped[int] = mapped_column(Integer)


class DeltaRow(Base):
    """What is to be added to a counter: PostgreSQL's writers must not wait for it."""

    __tablename__ = "workflows_count_delta"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workflow: Mapped[str] = mapped_column(String(255))
    status: Mapped[int] = mapped_column(SmallInteger)
    waits_for: Mapped[str] = mapped_column(String(10))
    action: Mapped[str] = mapped_column(String(100))
    data_type: Mapped[str] = mapped_column(String(150))
    number: Mapped[int] = mapped_column(SmallInteger)


def _table(row: type[Base]) -> Table:
    table = row.__table__
    assert isinstance(table, Table)
    return table


SORT = _table(SortRow)
TEXT = _table(TextRow)
COUNT = _table(CountRow)
DELTA = _table(DeltaRow)
