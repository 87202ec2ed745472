"""What ``flask workflows doctor`` looks at; each check has an id that stays."""

from __future__ import annotations

from collections.abc import Iterator

from flask import current_app

from ..errors import WorkflowsError
from ..ping import NAME as PING
from ..proxies import current_workflows
from ..store.health import Facts, asleep, examine, unguarded
from ..store.migrations import current, drift
from .arguments import command
from .findings import Check, is_check, told_of
from .reindexing import lists
from .running import objects
from .text import clean, moment
from .worker_checks import code, living, round_trip, waiting, worker

#: What examples have for a ``SECRET_KEY``.
_KNOWN_KEYS = frozenset(
    ("change me", "changeme", "secret", "secret key", "my secret key", "dev")
    + ("development", "test", "key", "password", "you will never guess")
)
_SHORT_KEY = 16


def checks(travels: bool = False) -> Iterator[Check]:
    """Yield what is found; what needs a database only where there is one.

    :param travels: whether a worker is asked to do something.
    """
    yield from _definitions()
    yield _processors()
    yield from _skipped()
    yield from _settings()
    yield from _secret()
    yield from worker()
    try:
        facts = examine(current_workflows.database)
    except Exception as error:
        told = told_of(error)
        if told is None:
            raise
        yield Check("database", "fail", told, "Start it, or correct its address.")
        return
    yield Check("database", "ok", f"{facts.dialect} {facts.version} at {facts.address}")
    yield _whose(facts)
    yield from _sqlite(facts)
    tables = _tables()
    yield tables
    if tables.state != "fail":
        yield _audit()
        yield _lost_workflows()
        yield _left_behind()
        yield living()
        yield code()
        yield waiting()
        yield from lists()
        if travels:
            yield round_trip()


def _definitions() -> Iterator[Check]:
    names = list(current_workflows.workflows)
    if not names:
        yield Check(
            "definitions",
            "warn",
            "No workflow is registered.",
            "Name a package in WORKFLOWS_PACKAGES, or call register_workflow().",
        )
        return
    broken = 0
    for name in names:
        try:
            current_workflows.definition(name)
        except WorkflowsError as error:
            broken += 1
            yield Check("definitions", "fail", clean(error), "Correct the definition.")
    if not broken:
        yield Check(
            "definitions", "ok", f"{len(names)} compiled: {clean(', '.join(names))}"
        )


def _processors() -> Check:
    known = ", ".join(current_workflows.processors)
    return Check("processors", "ok", f"start -t knows {clean(known)}")


def _skipped() -> Iterator[Check]:
    named = current_workflows.settings.doctor_skip
    unknown = [clean(name) for name in named if not is_check(name)]
    if unknown:
        yield Check(
            "doctor.skip",
            "warn",
            f"WORKFLOWS_DOCTOR_SKIP names no check of ours: {', '.join(unknown)}",
            "Correct the name, or take it out.",
        )


def _settings() -> Iterator[Check]:
    for name, near in current_workflows.unknown_settings.items():
        meant = "" if near is None else f"; {near} is one"
        yield Check(
            "settings",
            "warn",
            f"{clean(name)} is no setting, and does nothing{meant}",
            "Correct the name, or take it out.",
        )


def _secret() -> Iterator[Check]:
    """Yield what is to be said of the key by which pages know their own forms.

    A site that has none has no use for the pages, which say so themselves.
    """
    key = current_app.secret_key
    if not key or "holdingpen" not in current_app.blueprints:
        return
    key = key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
    do = "Set a long random SECRET_KEY, the same in all processes."
    if key.strip(" !").replace("_", " ").replace("-", " ").lower() in _KNOWN_KEYS:
        yield Check("secret-key", "fail", "SECRET_KEY is one that everybody knows", do)
    elif len(key) < _SHORT_KEY:
        told = f"SECRET_KEY has {len(key)} letters; so few can be guessed"
        yield Check("secret-key", "warn", told, do)
    else:
        yield Check("secret-key", "ok", "SECRET_KEY is set")


def _whose(facts: Facts) -> Check:
    if facts.in_memory:
        return Check(
            "database.owner",
            "warn",
            "The database lives in the memory of this process.",
            "Set SQLALCHEMY_DATABASE_URI to a file or a server to keep anything.",
        )
    if current_workflows.database.is_ours:
        return Check(
            "database.owner", "ok", "our own; the app has no Flask-SQLAlchemy here"
        )
    bind = current_workflows.settings.bind
    if bind is not None:
        return Check(
            "database.owner",
            "warn",
            f"the app's Flask-SQLAlchemy, bind {bind!r}: what a task writes elsewhere "
            "is not in one commit with its checkpoint",
        )
    return Check("database.owner", "ok", "the app's Flask-SQLAlchemy")


def _sqlite(facts: Facts) -> Iterator[Check]:
    if not facts.settings or facts.in_memory:
        return
    found = facts.settings
    mode, synchronous = found["journal_mode"], found["synchronous"]
    yield Check(
        "sqlite.journal_mode",
        "ok" if mode == "WAL" else "warn",
        f"journal_mode is {mode}",
        ""
        if mode == "WAL"
        else "Run PRAGMA journal_mode=WAL once on the file: then "
        "readers and the writer do not wait for each other.",
    )
    states = {"NORMAL": "warn", "OFF": "fail"}
    yield Check(
        "sqlite.synchronous",
        states.get(synchronous, "ok"),
        f"synchronous is {synchronous}",
        ""
        if synchronous not in states
        else "A power cut may lose what was committed last; set PRAGMA "
        "synchronous=FULL on every connection.",
    )
    keys = found["foreign_keys"]
    yield Check(
        "sqlite.foreign_keys",
        "ok" if keys == "ON" else "warn",
        f"foreign_keys is {keys}",
        ""
        if keys == "ON"
        else "SQLite does not enforce references; set PRAGMA "
        "foreign_keys=ON on every connection.",
    )


def _tables() -> Check:
    engine = current_workflows.database.engine
    do = f"Run {command('init')}"
    try:
        have, want = current(engine)
        differences = drift(engine) if have == want else []
    except Exception as error:
        told = told_of(error)
        if told is None:
            return Check("tables", "fail", clean(error), do)
        return Check("tables", "fail", told, do)
    if have is None:
        return Check("tables", "fail", "The tables are not there.", do)
    if have != want:
        return Check(
            "tables",
            "fail",
            f"The tables are of revision {have}; this release needs {want}.",
            do if have < str(want) else "Install the release that made them.",
        )
    if differences:
        return Check(
            "tables",
            "fail",
            f"The tables differ from this release: {clean(differences[0])}",
            "Somebody changed them by hand; change them back.",
        )
    return Check("tables", "ok", f"there and of this release (revision {have})")


def _audit() -> Check:
    lost = unguarded(current_workflows.store.transactions)
    if not lost:
        return Check("audit", "ok", "what people decided can only be added to")
    return Check(
        "audit",
        "fail",
        f"Nothing refuses to change what people decided: {clean(', '.join(lost))} "
        f"{'is' if len(lost) == 1 else 'are'} gone, or off",
        "Find out who did it, compare the audit with a backup, and make the trigger "
        "as the migration did.",
    )


def _lost_workflows() -> Check:
    sleeping = asleep(current_workflows.store.transactions)
    lost = {
        name: number
        for name, number in sleeping.items()
        if name not in current_workflows.workflows and name != PING
    }
    if not lost:
        return Check(
            "objects.workflows", "ok", "every object that sleeps has its workflow"
        )
    named = ", ".join(_lost(*each) for each in lost.items())
    return Check(
        "objects.workflows",
        "warn",
        f"Objects sleep whose workflow is not registered: {clean(named)}",
        "Register it again, or cancel or delete them.",
    )


def _lost(name: str, number: int) -> str:
    known = current_workflows.known.find(name)
    if known is None or known.removed is None:
        return f"{name} ({objects(number)})"
    since = moment(known.removed, seconds=False)
    return f"{name} ({objects(number)}, removed since {since} UTC)"


def _left_behind() -> Check:
    free = lives = 0
    for held in current_workflows.recovery.held():
        free += held.free
        lives += not held.free
    if free:
        return Check(
            "objects.running",
            "warn",
            f"{objects(free)} left by dead workers",
            f"Run {command('recover')}",
        )
    said = f"{objects(lives)} in process" if lives else "no object is in process"
    return Check("objects.running", "ok", said)
