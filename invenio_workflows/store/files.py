"""Files that people give: kept with an object, in parts, and gone with it.

A file is first only laid by: it belongs to a form that somebody fills in. With the
answer that holds it, it is kept.
"""

from __future__ import annotations

import hashlib
import io
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from sqlalchemy import (
    BigInteger,
    Connection,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from ..errors import DataTooLarge, FileNotKept, ObjectNotFound
from . import statements as sql
from .kinds import BigId, UTCDateTime, later, now
from .models import Base
from .transactions import Transactions

#: Bytes of a part.
PART = 256 * 1024
#: Seconds for which a file is laid by for an answer that does not come.
LAID_BY = 30 * 86_400
_KEY = re.compile(r"[\w-]{22}\Z", re.A)
#: At most this many of those go when a new file comes.
_SWEPT = 20
#: And this many at a time when all of them are to go.
_BATCH = 100


class FileRow(Base):
    """What is known of a file."""

    __tablename__ = "workflows_file"
    __table_args__ = (
        Index("ix_workflows_file_object", "id_object"),
        Index("ix_workflows_file_created", "kept", "created"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True)
    id_object: Mapped[int] = mapped_column(
        BigId,
        ForeignKey(
            "workflows_object.id", name="fk_workflows_file_object", ondelete="CASCADE"
        ),
    )
    name: Mapped[str] = mapped_column(String(255))
    media_type: Mapped[str] = mapped_column(String(127))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    #: Who gave it; only they see it until it is kept.
    person: Mapped[str | None] = mapped_column(String(255))
    kept: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    created: Mapped[datetime] = mapped_column(UTCDateTime)


class FilePart(Base):
    """Some of a file's bytes. Its object is named, by which it is deleted."""

    __tablename__ = "workflows_file_part"
    __table_args__ = (Index("ix_workflows_file_part_object", "id_object"),)

    id_file: Mapped[str] = mapped_column(String(22), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id_object: Mapped[int] = mapped_column(BigId)
    data: Mapped[bytes] = mapped_column(LargeBinary)


FILES: Any = FileRow.__table__
PARTS: Any = FilePart.__table__


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that is kept, or laid by, with an object."""

    id: str
    id_object: int
    name: str
    media_type: str
    size: int
    sha256: str
    person: str | None
    kept: bool

    @property
    def reference(self) -> dict[str, Any]:
        """How data say which file is meant."""
        return {
            "file": self.id,
            "name": self.name,
            "size": self.size,
            "type": self.media_type,
            "sha256": self.sha256,
        }


class Files:
    """Keeps files, and gives their bytes.

    :param most: bytes that one may have.
    """

    def __init__(self, transactions: Transactions, most: int) -> None:
        self._transactions = transactions
        self._most = most

    def add(
        self,
        oid: int,
        stream: IO[bytes],
        name: str,
        media_type: str = "",
        person: str | None = None,
    ) -> KeptFile:
        """Lay a file by for an object, and return what is known of it.

        :param stream: open at its beginning; it can be read again from there.
        :raises DataTooLarge: if it has more bytes than is allowed.
        :raises ObjectNotFound: if there is no such object.
        """
        key = secrets.token_urlsafe(16)
        row: dict[str, Any] = {
            "id": key,
            "id_object": oid,
            "name": _shortened(name),
            "media_type": media_type[:127] or "application/octet-stream",
            "person": None if person is None else person[:255],
        }

        def work(connection: Connection) -> KeptFile:
            _require_object(connection, oid)
            _sweep(connection, _SWEPT)
            stream.seek(0)
            first = {**row, "size": 0, "sha256": "", "kept": 0, "created": now()}
            connection.execute(insert(FILES).values(**first))
            size, digest = self._write(connection, oid, key, stream)
            told: dict[str, Any] = {"size": size, "sha256": digest}
            connection.execute(update(FILES).where(FILES.c.id == key).values(**told))
            return KeptFile(**row, **told, kept=False)

        return self._transactions.joined(work)

    def _write(
        self, connection: Connection, oid: int, key: str, stream: IO[bytes]
    ) -> tuple[int, str]:
        size, digest, n = 0, hashlib.sha256(), 0
        while part := stream.read(PART):
            size += len(part)
            if size > self._most:
                raise DataTooLarge(
                    f"The file has more than the {self._most} bytes that "
                    "WORKFLOWS_MAX_FILE_SIZE allows."
                )
            digest.update(part)
            values = {"id_file": key, "n": n, "id_object": oid, "data": part}
            connection.execute(insert(PARTS).values(**values))
            n += 1
        return size, digest.hexdigest()

    def get(self, key: str, oid: int | None = None) -> KeptFile | None:
        """Return what is known of a file.

        :param oid: only if it is of this object.
        """
        if not isinstance(key, str) or not _KEY.match(key):
            return None
        wanted = (
            FILES.c.id == key,
            *(() if oid is None else (FILES.c.id_object == oid,)),
        )
        with self._transactions.reading() as connection:
            row = connection.execute(select(FILES).where(*wanted)).one_or_none()
        if row is None:
            return None
        values = {**row._mapping, "kept": bool(row.kept)}
        del values["created"]
        return KeptFile(**values)

    def keep(self, keys: Iterable[str], kept: bool = True) -> None:
        """Keep files for as long as their object is there; or lay them by again."""
        wanted = list(keys)
        if not wanted:
            return
        statement = update(FILES).where(FILES.c.id.in_(wanted)).values(kept=int(kept))
        self._transactions.joined(lambda connection: connection.execute(statement))

    def parts(self, key: str) -> Iterator[bytes]:
        """Yield the bytes of a file, never many at once."""
        wanted = select(PARTS.c.data).where(PARTS.c.id_file == key)
        n = 0
        while True:
            with self._transactions.reading() as connection:
                part = connection.execute(wanted.where(PARTS.c.n == n)).scalar()
            if part is None:
                return
            yield bytes(part)
            n += 1

    def open(self, key: str) -> io.BufferedReader:
        """Return a file to read from.

        :raises FileNotKept: if there is none.
        """
        if self.get(key) is None:
            raise FileNotKept(f"There is no file {key!r}.")
        return io.BufferedReader(_Reader(self.parts(key)), PART)

    def sweep(self) -> int:
        """Delete files that no answer came for in a month; return how many.

        In batches, each of them one commit.
        """

        def work(connection: Connection) -> int:
            return _sweep(connection, _BATCH)

        return sum(iter(lambda: self._transactions.joined(work), 0))


class _Reader(io.RawIOBase):
    """Bytes that come in parts, as a file."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = next(self._parts, b"")
        taken = self._left[: len(buffer)]
        self._left = self._left[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


def _require_object(connection: Connection, oid: int) -> None:
    there = select(sql.OBJECTS.c.id).where(sql.OBJECTS.c.id == oid)
    if connection.execute(there).one_or_none() is None:
        raise ObjectNotFound(f"There is no object {oid}.")


def _sweep(connection: Connection, most: int) -> int:
    old = (
        select(FILES.c.id)
        .where(FILES.c.kept == 0, FILES.c.created < later(-LAID_BY))
        .order_by(FILES.c.created)
        .limit(most)
    )
    keys = connection.execute(old).scalars().all()
    if keys:
        connection.execute(delete(PARTS).where(PARTS.c.id_file.in_(keys)))
        connection.execute(delete(FILES).where(FILES.c.id.in_(keys)))
    return len(keys)


def _shortened(name: str) -> str:
    """Return a file's name without folders or what cannot be kept, its end in sight."""
    plain = "".join(
        c if c.isprintable() else "_" for c in name.replace("\\", "/").split("/")[-1]
    ).strip()
    stem, dot, end = plain.rpartition(".")
    if len(plain) > 200 and dot and len(end) < 20:
        plain = stem[: 199 - len(end)] + dot + end
    return plain[:200] or "file"
