"""A walk: the records of a list as they were when one of them was opened.

The list may change under who walks, the walk does not. It is gone after a day. It is
of nobody: with the address of a record its list may be shown to others.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, String, Text, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from .kinds import Encoded, UTCDateTime, later, now
from .models import Base
from .transactions import Transactions

#: A walk has so many records at most.
LONGEST = 1000
_DAY = 86_400
#: At most this many old walks go when a new one comes.
_SWEPT = 100


class WalkRow(Base):
    """The ids of a list, in its order, under a key that cannot be guessed."""

    __tablename__ = "workflows_walk"

    key: Mapped[str] = mapped_column(String(43), primary_key=True)
    ids: Mapped[Any] = mapped_column(Encoded)
    #: The list's own address, to go back to.
    back: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


WALKS: Any = WalkRow.__table__


@dataclass(frozen=True, slots=True)
class Walk:
    """The records that a person walks through.

    Who has the key may not see all of them: it stands in an address, which may be sent
    to somebody else.
    """

    key: str
    ids: tuple[int, ...]
    back: str


class Walks:
    """Keeps walks for a day."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def begin(self, ids: Sequence[int], back: str) -> Walk:
        """Keep the first :data:`LONGEST` ids of a list, and return the walk."""
        walk = Walk(secrets.token_urlsafe(16), tuple(ids[:LONGEST]), back[:4000])

        def work(connection: Connection) -> None:
            old = (
                select(WALKS.c.key)
                .where(WALKS.c.created < later(-_DAY))
                .order_by(WALKS.c.created)
                .limit(_SWEPT)
            )
            keys = connection.execute(old).scalars().all()
            if keys:
                connection.execute(delete(WALKS).where(WALKS.c.key.in_(keys)))
            connection.execute(
                insert(WALKS).values(
                    key=walk.key, ids=list(walk.ids), back=walk.back, created=now()
                )
            )

        self._transactions.joined(work)
        return walk

    def get(self, key: str) -> Walk | None:
        """Return a walk of the last day; ``None`` for any other key."""
        if not key or len(key) > 43 or not (key.isascii() and key.isprintable()):
            return None
        statement = select(WALKS).where(
            WALKS.c.key == key, WALKS.c.created >= later(-_DAY)
        )
        with self._transactions.reading() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Walk(row.key, tuple(row.ids), row.back)
