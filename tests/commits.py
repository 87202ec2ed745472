"""Every commit of our store, in whatever way it is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine

from invenio_workflows.store.alone import _Alone


def around_commits(
    engine: Engine, around: Callable[[Callable[[], Any]], Any]
) -> tuple[Any, Any]:
    """Have each commit from now on carried out by ``around``, which gives its result.

    A statement that PostgreSQL is sent alone is a commit, too.

    :return: what takes the place of the dialect's ``do_commit`` and of what sends such
        a statement, both set.
    """
    dialect: Any = engine.dialect
    commit, send = dialect.do_commit, _Alone._answer

    def do_commit(connection: Any) -> None:
        around(lambda: commit(connection))

    def answer(self: _Alone, connection: Connection, *of: Any) -> Any:
        driver: Any = connection.connection.dbapi_connection
        is_alone = connection.get_execution_options().get("workflows_alone")
        if is_alone and driver.autocommit:
            return around(lambda: send(self, connection, *of))
        return send(self, connection, *of)

    dialect.do_commit = do_commit
    _Alone._answer = answer  # type: ignore[method-assign]
    return do_commit, answer
