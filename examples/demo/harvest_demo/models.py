"""The two tables of the site itself; the engine knows nothing of them.

Tasks write them through the session that the engine uses too, and do not commit:
what a task wrote becomes lasting together with the fact that the task finished.
"""

from __future__ import annotations

from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import JSON, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The mapped classes of the site."""


db = SQLAlchemy(model_class=Base)


class Record(db.Model):  # type: ignore[name-defined, misc]
    """A published record, as the site shows it."""

    __tablename__ = "demo_record"

    identifier: Mapped[str] = mapped_column(String(255), primary_key=True)
    title: Mapped[str]
    score: Mapped[int]
    record: Mapped[dict[str, Any]] = mapped_column(JSON)
    id_workflow: Mapped[str] = mapped_column(String(36), index=True)


class Seen(db.Model):  # type: ignore[name-defined, misc]
    """What became of a record that came by: how the next harvest recognises it."""

    __tablename__ = "demo_seen"

    identifier: Mapped[str] = mapped_column(String(255), primary_key=True)
    datestamp: Mapped[str] = mapped_column(String(32))
    outcome: Mapped[str] = mapped_column(String(16), index=True)
    """`published`, `waiting`, `rejected` or `withdrawn`."""
    reason: Mapped[str]
    title: Mapped[str]
    folded_title: Mapped[str] = mapped_column(index=True)
    doi: Mapped[str | None] = mapped_column(String(255), index=True)
    id_object: Mapped[int] = mapped_column(index=True)
