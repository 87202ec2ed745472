"""DBOS: a workflow of five steps, called once for each object.

As its programming guide has it: ``@DBOS.workflow``, ``@DBOS.step``, a system database
by URL, everything else at its default but the level of the log.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy
from dbos import DBOS
from line import TASKS, arguments, serve, settle, timed

Record = dict[str, Any]


def _step(number: int) -> Callable[[Record], Record]:
    @DBOS.step(name=f"step_{number}")
    def step(record: Record) -> Record:
        record["step"] = number
        return record

    return step


STEPS = [_step(number) for number in range(1, TASKS + 1)]


@DBOS.workflow()
def five(record: Record) -> Record:
    """Five trivial steps, each of which changes the data."""
    for step in STEPS:
        record = step(record)
    return record


def main() -> None:
    """Launch, and run rounds until the input ends."""
    options = arguments(__doc__)
    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", settle)
    DBOS(
        config={
            "name": "benchmark",
            "system_database_url": options.url,
            "log_level": "WARNING",
        }
    )
    DBOS.launch()

    def work(records: list[Record]) -> None:
        for record in records:
            done = five(record)
        assert done["step"] == TASKS

    serve(timed(work, options), options, ["dbos", "SQLAlchemy", "psycopg"])
    DBOS.destroy()


if __name__ == "__main__":
    main()
