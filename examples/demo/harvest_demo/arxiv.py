"""Reads an OAI-PMH response in arXiv's format, record by record.

The response comes from elsewhere, so nothing in it is trusted: a DOCTYPE is
refused (that is where entity tricks live), one record may not be larger than
`MAX_RECORD_BYTES`, and whatever is wrong is told as one `ArxivError` that says
what and where. Memory does not grow with the number of records.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any
from xml.etree.ElementTree import Element

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

MAX_RECORD_BYTES = 8 * 1024 * 1024
"""More than this without the end of a record is no bibliographic record."""

TEXTS = {
    "id": "id",
    "title": "title",
    "created": "created",
    "updated": "updated",
    "doi": "doi",
    "journal_ref": "journal-ref",
    "license": "license",
    "comments": "comments",
    "abstract": "abstract",
}
"""Key of the record: name of the element that it is read from."""


class ArxivError(ValueError):
    """The input is not an OAI-PMH response in arXiv's format that can be read."""


def read(stream: IO[Any]) -> Iterator[dict[str, Any]]:
    """Yield each record of an OAI-PMH response (text or bytes) as a plain dict.

    Every key is always there: `None`, or an empty list, where the response says
    nothing. A record that was deleted at the source has `deleted: True`. A
    resumption token is not followed: one response is one call.
    """
    bounded = _Bounded(stream)
    stack: list[Element] = []
    answered = False
    for event, element in _events(bounded):
        if event == "start":
            if not stack:
                _check_root(element)
            stack.append(element)
            answered |= len(stack) == 2 and _name(element) in _ANSWERS
            continue
        stack.pop()
        name = _name(element)
        if name == "error" and len(stack) == 1:
            raise ArxivError(_refusal(element))
        if name == "record" and len(stack) == 2:
            record = _plain(element, bounded)
            stack[-1].clear()  # the record, and the spaces around it
            bounded.passed(record["identifier"])
            yield record
    if not answered:
        raise ArxivError(
            "The OAI-PMH response has no <ListRecords>: "
            "ask the server with verb=ListRecords&metadataPrefix=arXiv."
        )


_ANSWERS = ("ListRecords", "GetRecord")


class _Bounded:
    """A stream that knows after which record it is, and stops one without end."""

    def __init__(self, stream: IO[Any]) -> None:
        self._stream = stream
        self._since = 0
        self._count = 0
        self._last: str | None = None

    def read(self, size: int = -1) -> Any:
        if self._since > MAX_RECORD_BYTES:
            raise ArxivError(
                f"More than {MAX_RECORD_BYTES // 1024**2} MB came without the end "
                f"of a record, {self.place}: this is not read further."
            )
        chunk = self._stream.read(size)
        self._since += len(chunk)
        return chunk

    def passed(self, identifier: str | None) -> None:
        self._since = 0
        self._count += 1
        self._last = identifier

    @property
    def place(self) -> str:
        if not self._count:
            return "before the end of the first record"
        return f"after record {self._count} ({self._last or 'without identifier'})"


def _events(stream: _Bounded) -> Iterator[tuple[str, Element]]:
    """The parser's events; whatever it finds wrong is an `ArxivError`."""
    try:
        yield from iterparse(stream, events=("start", "end"), forbid_dtd=True)
    except ArxivError:
        raise
    except DefusedXmlException:
        raise ArxivError(
            f"The XML has a DOCTYPE {stream.place}. It is refused, because entity "
            "tricks hide there. An OAI-PMH response has none; a web page has: "
            "is this the right file?"
        ) from None
    except ParseError as error:
        raise ArxivError(
            f"The XML is broken or cut off {stream.place}: {error}."
        ) from None
    except (UnicodeError, LookupError, ValueError) as error:
        raise ArxivError(
            f"The text cannot be decoded {stream.place}: {error}."
        ) from None


def _check_root(element: Element) -> None:
    if _name(element) != "OAI-PMH":
        raise ArxivError(
            f"This is no OAI-PMH response: its first element is <{_name(element)}>, "
            "not <OAI-PMH>."
        )


def _refusal(element: Element) -> str:
    code = element.get("code", "without a code")
    said = _text(element)
    return f"The server answered with an error ({code})" + (
        f": {said}" if said else "."
    )


def _plain(record: Element, bounded: _Bounded) -> dict[str, Any]:
    header = _child(record, "header")
    found: dict[str, Any] = {
        "identifier": _text(_child(header, "identifier")),
        "datestamp": _text(_child(header, "datestamp")),
        "deleted": header is not None and header.get("status") == "deleted",
    }
    metadata = _child(record, "metadata")
    body = _child(metadata, "arXiv")
    if body is None and metadata is not None and len(metadata):
        raise ArxivError(
            f"The record {bounded.place} is in the format <{_name(metadata[0])}>, "
            "not <arXiv>: ask the server with metadataPrefix=arXiv."
        )
    for key, name in TEXTS.items():
        found[key] = _text(_child(body, name))
    found["authors"] = _authors(_child(body, "authors"))
    found["categories"] = (_text(_child(body, "categories")) or "").split()
    return found


def _authors(authors: Element | None) -> list[str]:
    """Each as "Surname, Forenames"; a collaboration has one name only."""
    names = []
    for author in authors if authors is not None else ():
        parts = [_text(_child(author, n)) for n in ("keyname", "forenames", "suffix")]
        if name := ", ".join(part for part in parts if part):
            names.append(name)
    return names


def _child(parent: Element | None, name: str) -> Element | None:
    """The first child of that name, whichever version its namespace has."""
    children = parent if parent is not None else ()
    return next((child for child in children if _name(child) == name), None)


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _text(element: Element | None) -> str | None:
    if element is None:
        return None
    return "".join(element.itertext()).strip() or None
