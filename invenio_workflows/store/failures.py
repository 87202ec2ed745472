"""What a database could not do, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoneFree

from ..errors import DatabaseUnavailable, IllegalMove, WorkflowAPIError

#: What SQLAlchemy and the drivers raise.
FAILURES = (DBAPIError, NoneFree, UnicodeEncodeError)


def is_busy(error: BaseException) -> bool:
    """Say whether another process held the SQLite file for too long."""
    return isinstance(error, OperationalError) and "is locked" in str(error.orig)


def is_passing(error: BaseException) -> bool:
    """Say whether an error is none of the task's: a locked file, a cut connection."""
    cut = isinstance(error, DBAPIError) and error.connection_invalidated
    return cut or is_busy(error)


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn what a driver says of an absent database into what to do about it."""
    try:
        yield
    except FAILURES as error:
        raise_clearly(error)


def raise_clearly(error: Exception) -> NoReturn:
    """Raise what to do about one of the failures; the error itself if it is another."""
    if isinstance(error, NoneFree):
        raise DatabaseUnavailable(
            "No connection to the database became free. A thread that runs tasks needs "
            "two, one of them for the session: raise pool_size in "
            "SQLALCHEMY_ENGINE_OPTIONS, or find who keeps them."
        ) from error
    if isinstance(error, UnicodeEncodeError):
        raise _no_text(error) from error
    if isinstance(error, DBAPIError):
        _raise_for_driver(error)
    raise error


def _no_text(error: object) -> WorkflowAPIError:
    return WorkflowAPIError(
        "A text has a NUL, or half of a surrogate pair, which the database cannot "
        f"keep: {error}."
    )


def _raise_for_driver(error: DBAPIError) -> None:
    told = str(error.orig)
    state = getattr(error.orig, "sqlstate", None)
    if "workflows_" in told and ("no such table" in told or state == "42P01"):
        raise DatabaseUnavailable(
            "The tables of workflows are not there: run `flask workflows init`."
        ) from error
    if "workflows_" in told and ("no such column" in told or state == "42703"):
        raise DatabaseUnavailable(
            "The tables of workflows are of another release: "
            "run `flask workflows init`."
        ) from error
    if "(0x00)" in told and isinstance(error, DataError):
        raise _no_text(told) from error
    if state == "40P01":
        raise IllegalMove(
            "Another worker took some of the same objects at the same moment; "
            "nothing was changed. Do it again."
        ) from error
    away = isinstance(error, (OperationalError, InterfaceError)) or _is_broken(told)
    if away and not is_busy(error) and not _is_programming(state):
        raise DatabaseUnavailable(
            f"The database cannot be used: {told.strip().splitlines()[0]}"
        ) from error


def _is_broken(text: str) -> bool:
    """Say whether SQLite found a file that it cannot read."""
    return "is not a database" in text or "image is malformed" in text


def _is_programming(state: str | None) -> bool:
    """Say whether the server answered, with a code that is not about being there."""
    return state is not None and state[:2] not in {"08", "53", "57", "58"}
