"""How values are kept: ids, JSON, times in UTC, and the clock that they go by."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Integer, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import JSON as PGJSON
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from ..encoding import dumps, loads

#: 64 bits; SQLite counts only an INTEGER up by itself.
BigId = BigInteger().with_variant(Integer(), "sqlite")


class Encoded(TypeDecorator[Any]):
    """A value as JSON that gives back what it was given."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(_TextJSON())
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else dumps(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if value is None or not isinstance(value, str):
            return value
        return loads(value)


class _TextJSON(PGJSON):
    """PostgreSQL's ``json``, sent and read as the text that it is."""

    def adapt(self, cls: Any, **kwargs: Any) -> Any:
        return _TextJSON()  # not the JSON of the dialect, in whose place it is

    def bind_processor(self, dialect: Dialect) -> Any:
        return None

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _undecoded


def _undecoded(value: Any) -> Any:
    """Undo the driver's own decoding: our tags are not its business, nor to be tagged.

    A string is a JSON string that it decoded, like everything else.
    """
    return None if value is None else json.dumps(value)


class UTCDateTime(TypeDecorator[datetime]):
    """UTC inside, aware outside."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; give one, such as UTC.")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value.astimezone(UTC)


class now(FunctionElement[datetime]):
    """The database's clock, at this statement; never the transaction's beginning."""

    type = UTCDateTime()
    inherit_cache = True


@compiles(now, "postgresql")
def _now_postgresql(element: now, compiler: Any, **kw: Any) -> str:
    return "clock_timestamp()"


@compiles(now, "sqlite")
def _now_sqlite(element: now, compiler: Any, **kw: Any) -> str:
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


class later(FunctionElement[datetime]):
    """The database's clock plus the seconds given."""

    type = UTCDateTime()
    inherit_cache = True


@compiles(later, "postgresql")
def _later_postgresql(element: later, compiler: Any, **kw: Any) -> str:
    seconds = compiler.process(element.clauses, **kw)
    return f"(clock_timestamp() + {seconds} * interval '1 second')"


@compiles(later, "sqlite")
def _later_sqlite(element: later, compiler: Any, **kw: Any) -> str:
    seconds = compiler.process(element.clauses, **kw)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', {seconds} || ' seconds')"


class earlier(FunctionElement[datetime]):
    """Which of two times was first."""

    type = UTCDateTime()
    inherit_cache = True


@compiles(earlier, "postgresql")
def _earlier_postgresql(element: earlier, compiler: Any, **kw: Any) -> str:
    return f"least({compiler.process(element.clauses, **kw)})"


@compiles(earlier, "sqlite")
def _earlier_sqlite(element: earlier, compiler: Any, **kw: Any) -> str:
    return f"min({compiler.process(element.clauses, **kw)})"
