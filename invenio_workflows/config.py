"""Every ``WORKFLOWS_*`` setting: its default and its meaning.

The settings are read once, in ``InvenioWorkflows.init_app``; the rooms of the
package get values from here, never ``current_app.config``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from .errors import ConfigurationError

PREFIX = "WORKFLOWS_"
DEFAULT_QUEUE = "default"


def setting(default: Any, meaning: str) -> Any:
    """Return a dataclass field with its meaning beside it."""
    if isinstance(default, (list, dict)):
        return field(default_factory=default.copy, metadata={"meaning": meaning})
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one application; ``bind`` is ``WORKFLOWS_BIND``."""

    packages: list[str] = setting(
        [],
        "Packages whose `workflows/*.py` hold definitions, one class in each file, "
        "class and file of the same name.",
    )
    bind: str | None = setting(
        None,
        "Key in `SQLALCHEMY_BINDS` of the database that holds our tables. "
        "If it is not the app's own, one commit for both is not promised.",
    )
    database_uri: str | None = setting(
        None,
        "The database when the app has no Flask-SQLAlchemy; "
        "`SQLALCHEMY_DATABASE_URI` when left out.",
    )
    sqlite_synchronous: str = setting(
        "FULL",
        "SQLite's `synchronous` for a database of our own: `FULL` survives a power "
        "cut, `NORMAL` may lose the last commits then.",
    )
    max_data_size: int = setting(
        10 * 1024 * 1024,
        "The most bytes that the data, or the extra_data, of one object may have as "
        "JSON.",
    )
    max_upload_size: int = setting(
        50 * 1024 * 1024, "The most bytes that one request to a page may have."
    )
    max_file_size: int = setting(
        20 * 1024 * 1024, "The most bytes that a file may have which a person gives."
    )
    max_log_size: int = setting(10_000, "Characters of one log line that are kept.")
    log_level: str = setting(
        "DEBUG",
        "The lowest level of `obj.log`, of `eng.log` and of what tasks print that is "
        "kept.",
    )
    max_output_lines: int = setting(
        1000,
        "How many of the lines that a task prints, in one go, are kept; of the others "
        "only their number is.",
    )
    capture_output: bool = setting(
        False,
        "Whether what tasks print is kept with their objects in every process of the "
        "application, not only in its workers: from `init_app` on, stand-ins take the "
        "place of `sys.stdout` and `sys.stderr`.",
    )
    batch_size: int = setting(
        100,
        "Objects of one `start()` that are written, or held in memory, at a time, and "
        "of one message of Celery or RQ.",
    )
    lease_seconds: int = setting(
        60,
        "Seconds for which a worker may move an object without saying that it lives; "
        "each finished task extends it.",
    )
    max_attempts: int = setting(
        3, "How often an object is taken over after a crash before it becomes ERROR."
    )
    worker: str = setting(
        "local",
        "Who runs what is delayed: `local`, `celery`, `rq`, or the name of another "
        "entry point of the group `invenio_workflows.workers`.",
    )
    rq_url: str = setting(
        "redis://localhost:6379/0", "The Redis in which the worker `rq` has its queues."
    )
    local_threads: int = setting(
        2,
        "Threads of the local worker in a process that delays something; 0 leaves "
        "all to `flask workflows worker`.",
    )
    queues: dict[str, str] = setting(
        {},
        "The queue of each workflow that has one of its own, by the workflow's name; "
        "all others are in `default`.",
    )
    four_eyes_except: list[str] = setting(
        [],
        "Actors, by their ids, who may decide even on what is their own.",
    )
    event_ttl: int = setting(
        30 * 24 * 3600,
        "Seconds for which an event that nobody waits for is kept for the first "
        "object that does.",
    )
    sweep_seconds: int = setting(
        10, "Seconds after which a worker looks for what is due or was left behind."
    )
    stop_seconds: int = setting(
        10,
        "Seconds that a worker gives the task at work to finish, when it is told to "
        "stop.",
    )
    busy_seconds: int = setting(
        60, "Seconds to wait for a locked SQLite file before giving up."
    )
    refuse_orphans: bool = setting(
        False,
        "Whether a worker refuses to begin while objects sleep that cannot go on with "
        "its code; `flask workflows upgrade-check` names them.",
    )
    data_processors: dict[str, Any] = setting(
        {},
        "Readers of input beside those of the entry points: a name to a callable, "
        "or to its `module:name`, that takes an open binary file and gives items.",
    )
    doctor_skip: dict[str, str] = setting(
        {},
        "Checks of `flask workflows doctor` that do not count here: the id of each, "
        "and the reason.",
    )
    base_template: str = setting(
        "workflows/holdingpen/base.html",
        "The template that the pages of the Holding Pen extend; it has the blocks "
        "`title`, `head`, `nav`, `main` and `tail`. Ours has `person` too, at the end "
        "of the top line.",
    )
    user_names: Any = setting(
        None,
        "What people are called: a callable, or its `module:name`, that takes a list "
        "of ids, as texts, and gives a dictionary with the name of each that it knows.",
    )
    holding_pen_default_output_format: str = setting(
        "hd", "The output format that `get_formatted_data()` asks a formatter for."
    )

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Settings:
        """Read the settings from an application's configuration.

        :raises ConfigurationError: if one has the wrong type.
        """
        chosen: dict[str, Any] = {}
        for each in fields(cls):
            name = PREFIX + each.name.upper()
            if name in values:
                chosen[each.name] = values[name]
        settings = cls(**chosen)
        settings._check()
        return settings

    @classmethod
    def unknown(cls, values: Mapping[str, Any]) -> dict[str, str | None]:
        """Return the names that look like settings and are none.

        :return: by each the name that may have been meant, ``None`` if none is near.
        """
        known = [each.name.upper() for each in fields(cls)]
        found: dict[str, str | None] = {}
        for name in values:
            own = name.removeprefix(PREFIX)
            if own != name and own not in known:
                near = get_close_matches(own, known, 1)
                found[name] = PREFIX + near[0] if near else None
        return found

    def queue_of(self, workflow: str) -> str:
        """Return the name of the queue in which a workflow's objects wait."""
        return self.queues.get(workflow, DEFAULT_QUEUE)

    def _check(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            number = each.type in ("int", int)
            least = 0 if each.name == "local_threads" else 1
            if number and (
                not isinstance(value, int) or isinstance(value, bool) or value < least
            ):
                raise ConfigurationError(
                    f"{PREFIX}{each.name.upper()} must be a whole number of at "
                    f"least {least}, not {value!r}."
                )
        if not isinstance(self.refuse_orphans, bool):
            raise ConfigurationError(
                "WORKFLOWS_REFUSE_ORPHANS must be True or False, not "
                f"{self.refuse_orphans!r}."
            )
        self._check_lists()
        self._check_names()
        if not isinstance(self.doctor_skip, Mapping):
            raise ConfigurationError(
                "WORKFLOWS_DOCTOR_SKIP gives the reason for each check that does not "
                f"count, {{'sqlite.synchronous': 'why'}}, not {self.doctor_skip!r}."
            )
        if str(self.sqlite_synchronous).upper() not in {"FULL", "NORMAL", "EXTRA"}:
            raise ConfigurationError(
                "WORKFLOWS_SQLITE_SYNCHRONOUS must be FULL, NORMAL or EXTRA, not "
                f"{self.sqlite_synchronous!r}."
            )

    def _check_names(self) -> None:
        levels = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
        if str(self.log_level).upper() not in levels:
            raise ConfigurationError(
                f"WORKFLOWS_LOG_LEVEL must be one of {', '.join(levels)}, not "
                f"{self.log_level!r}."
            )
        queues = self.queues
        known = queues.items() if isinstance(queues, Mapping) else [(None, queues)]
        for workflow, queue in known:
            named = isinstance(workflow, str) and isinstance(queue, str)
            if not named or not 0 < len(queue) <= 100 or not queue.isprintable():
                raise ConfigurationError(
                    "WORKFLOWS_QUEUES gives the queue of a workflow, by names of 1 to "
                    f"100 letters, {{'harvest': 'slow'}}, not {queues!r}."
                )

    def _check_lists(self) -> None:
        for name, what in (("packages", "package names"), ("four_eyes_except", "ids")):
            value = getattr(self, name)
            if isinstance(value, str):
                raise ConfigurationError(
                    f"{PREFIX}{name.upper()} must be a list of {what}, not "
                    f"{value!r}; write [{value!r}]."
                )
