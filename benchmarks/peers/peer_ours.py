"""Us, and the floor: the contenders of the other benchmark, as a peer."""

from __future__ import annotations

import sqlalchemy
from line import TASKS, arguments, serve, settle

from benchmarks.contenders import durable


def main() -> None:
    """Make the tables, and run rounds until the input ends."""
    options = arguments(__doc__)
    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", settle)
    settings = {"WORKFLOWS_SQLITE_SYNCHRONOUS": "NORMAL"}
    contender = durable(options.url, settings, options.objects)[options.contender]
    tasks = options.objects * TASKS
    packages = ["invenio-workflows", "Flask", "SQLAlchemy", "psycopg"]
    serve(lambda: contender() * tasks, options, packages)


if __name__ == "__main__":
    main()
