"""Readers of input: what ``flask workflows start -t NAME`` knows.

A processor takes an open binary file and gives the items to start with. What it
cannot read it tells by a :class:`ValueError` whose text is a sentence with the
place. Others join by the entry point group ``invenio_workflows.processors``, or by
``WORKFLOWS_DATA_PROCESSORS``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pkgutil import resolve_name
from typing import IO, Any, NoReturn

from .errors import ConfigurationError, InputNotValid, WorkflowAPIError
from .registry import Registry, plugins

GROUP = "invenio_workflows.processors"

Processor = Callable[[IO[bytes]], Iterable[Any]]


def read_json(stream: IO[bytes]) -> Iterator[Any]:
    """Yield the items of a JSON list; of anything else, the whole as one item.

    The document is read at once; for input of any length use JSON Lines.

    :raises ValueError: with line and column, if it is not JSON.
    """
    text = _decoded(stream.read(), 1)
    value = _parsed(text)
    yield from value if isinstance(value, list) else [value]


def read_jsonl(stream: IO[bytes]) -> Iterator[Any]:
    """Yield the value of each line; blank lines are passed over.

    One line is held in memory at a time.

    :raises ValueError: with line and column, if a line is not JSON.
    """
    for number, line in enumerate(stream, 1):
        text = _decoded(line, number).strip(" \t\r\n")
        if text:
            yield _parsed(text, number)


def processors(configured: Mapping[str, Any]) -> Registry[Processor]:
    """Return the processors by name: of the entry points, and those configured.

    :param configured: a name to a callable, or to its ``module:name``.
    :raises ConfigurationError: naming the one that cannot be used.
    """
    found: Registry[Processor] = Registry("data processor", _unknown)
    for name, processor in [*plugins(GROUP), *_configured(configured)]:
        if not callable(processor):
            raise ConfigurationError(
                f"The data processor {name!r} cannot be called: {processor!r}. Give a "
                "function that takes an open binary file and gives items."
            )
        found.register(name, processor)
    return found


def _unknown(message: str, name: str) -> WorkflowAPIError:
    return WorkflowAPIError(message)


def _configured(configured: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, given in configured.items():
        if not isinstance(given, str):
            yield name, given
            continue
        try:
            yield name, resolve_name(given)
        except (ImportError, AttributeError, ValueError) as error:
            raise ConfigurationError(
                f"WORKFLOWS_DATA_PROCESSORS gives {given!r} for {name!r}, which "
                f"cannot be found: {error}. Write 'module:name'."
            ) from error


def _decoded(content: bytes, first: int) -> str:
    try:
        return content.decode("utf-8-sig" if first == 1 else "utf-8")
    except UnicodeDecodeError as error:
        line = first + content.count(b"\n", 0, error.start)
        raise InputNotValid(
            f"Line {line} is not UTF-8: {error.reason}.", code="not_text", line=line
        ) from None


def _parsed(text: str, number: int = 0) -> Any:
    """Return the value of a document, or of a line of one, by its number."""
    where = f"Line {number}" if number else "The document"
    try:
        return json.loads(text, parse_constant=_refused)
    except json.JSONDecodeError as error:
        line = number or error.lineno
        raise InputNotValid(
            f"Line {line} is not JSON: {error.msg} (column {error.colno}).",
            code="not_json",
            line=line,
            column=error.colno,
            what=error.msg,
        ) from None
    except RecursionError:
        raise InputNotValid(f"{where} is nested too deeply.", code="too_deep") from None
    except InputNotValid as error:
        said = f"{where} cannot be read: {error}"
        raise InputNotValid(said, **error.details) from None
    except ValueError as error:
        raise InputNotValid(
            f"{where} cannot be read: {error}", code="not_value", what=str(error)
        ) from None


def _refused(constant: str) -> NoReturn:
    raise InputNotValid(
        f"{constant} is not JSON; write null or a string.",
        code="no_number",
        name=constant,
    )
