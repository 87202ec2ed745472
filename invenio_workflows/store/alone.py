"""PostgreSQL: statements that are transactions by themselves, sent without detours.

A checkpoint is such a statement, and its worker sends nothing else. SQLAlchemy and the
driver's cursors together take longer over it than all that a task does, so it is
prepared once on each connection, and then sent by its name.

Whatever goes wrong is left to the ordinary way, which says what it is: a statement that
the server refused is sent again by it, for nothing was done, and on a connection that
is gone, where nobody knows, it fails as well and lets go of the connection.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from functools import lru_cache
from itertools import count
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql import Executable

from .prepared import Change, Prepared, nobody_listens

_OPTION = "workflows_alone"
#: What libpq answers: done, and done with rows.
_DONE = 1, 2
#: What is waited for: something to read, or room to write as well.
_READ, _EITHER = 1, 3
#: What makes the names under which statements are prepared different.
_numbers = count(1)


def prepare_alone(connection: Connection) -> None:
    """Have statements that are sent alone go to the driver, if it can and may do that.

    It is psycopg's own connection, that prepares statements and writes UTF-8.
    """
    driver: Any = connection.connection.dbapi_connection
    if (
        connection.dialect.driver == "psycopg"
        and type(driver).__module__ == "psycopg"
        and driver.prepare_threshold is not None
        and driver.info.encoding == "utf-8"
        and nobody_listens(connection.engine)
    ):
        connection.execution_options(**{_OPTION: True})


class _Alone:
    """Sends the text of a statement by the name under which it is prepared."""

    def _answer(self, connection: Connection, text: str, parameters: Any) -> Any:
        """Return libpq's result; ``None`` if the ordinary way is to be taken."""
        if not connection.get_execution_options().get(_OPTION):
            return None
        driver: Any = connection.connection.dbapi_connection
        if not driver.autocommit:
            return None
        query, those = positional(text)
        values = [
            None if value is None else str(value).encode()
            for value in those(parameters)
        ]
        if b"\0" in b"".join(filter(None, values)):
            return None  # libpq would end the text there
        prepared: dict[str, bytes] = connection.info.setdefault(_OPTION, {})
        name = prepared.get(text)
        failure: type[Exception] = connection.dialect.loaded_dbapi.Error
        try:
            if name is None:
                name = b"workflows_%d" % next(_numbers)
                driver.pgconn.send_prepare(name, query)
                if _done(driver.wait(_answers(driver.pgconn))) is None:
                    return None
                prepared[text] = name
            driver.pgconn.send_query_prepared(name, values)
            found = driver.wait(_answers(driver.pgconn))
        except failure:
            driver.close()
            return None
        answer = _done(found)
        if answer is None:
            prepared.pop(text, None)
        return answer


class ChangeAlone(_Alone, Change):
    """A statement that gives back no rows, only how many it changed."""

    def __init__(self, statement: Executable) -> None:
        Change.__init__(self, statement)

    def __call__(self, connection: Connection, parameters: Any) -> int:
        """Send it with a dictionary; return the rows changed."""
        answer = self._answer(connection, self._text(connection), parameters)
        if answer is not None:
            return answer.command_tuples or 0
        return super().__call__(connection, parameters)


class RowAlone(_Alone, Prepared):
    """A statement that gives back a row of texts, or none."""

    def row(self, connection: Connection, parameters: Any) -> Sequence[Any] | None:
        """Send it with a dictionary; return the row."""
        answer = self._answer(connection, self._text(connection), parameters)
        if answer is None:
            return self(connection, parameters).one_or_none()
        if not answer.ntuples:
            return None
        values = [answer.get_value(0, n) for n in range(answer.nfields)]
        return tuple([None if value is None else value.decode() for value in values])


@lru_cache(maxsize=256)
def positional(text: str) -> tuple[bytes, Callable[[Any], tuple[Any, ...]]]:
    """Return a statement of SQLAlchemy with ``$1`` for its parameters.

    :return: what gives them in this order, of a dictionary, as well.
    """
    names: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        name = match[1]
        return "%" if name is None else f"${names.setdefault(name, len(names) + 1)}"

    query = re.sub(r"%(?:%|\((\w+)\)s)", number, text)
    if len(names) > 1:
        return query.encode(), itemgetter(*names)
    return query.encode(), lambda given: tuple(given[name] for name in names)


def _answers(pgconn: Any) -> Generator[int, int, list[Any]]:
    """Take the results of what was sent; libpq never waits itself."""
    while pgconn.flush():
        if (yield _EITHER) & _READ:
            pgconn.consume_input()
    results: list[Any] = []
    while True:
        while pgconn.is_busy():
            if (yield _READ):
                pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:  # only now it is committed
            return results
        results.append(result)


def _done(results: list[Any]) -> Any:
    """Return the one result of a statement; a second is why it was not committed."""
    if len(results) == 1 and results[0].status in _DONE:
        return results[0]
    return None
