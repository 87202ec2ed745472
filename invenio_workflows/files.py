"""A file as a part of an answer: which one it is, and how to read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from pydantic import BaseModel, ConfigDict

from .errors import InputNotValid
from .proxies import current_workflows
from .schemas import options_of


class File(BaseModel):
    """A file that a person gives; a field of this type is a file in the form.

    The file itself is kept in the database, with the object that asked for it, and is
    deleted with it. This is what stands in the answer.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"format": "file"}
    )

    file: str
    name: str
    size: int
    type: str
    sha256: str

    def open(self) -> IO[bytes]:
        """Return the file to read from, in bytes.

        :raises FileNotKept: if it is deleted.
        """
        found: IO[bytes] = current_workflows.files.open(self.file)
        return found


def keep_files(oid: int, schema: Mapping[str, Any], data: Any) -> None:
    """Keep the files of an answer with the object that it is for.

    :raises InputNotValid: if one is not a file of this object, or not as described.
    """
    known: list[str] = []
    faults = []
    for loc, reference in files_in(schema, data):
        found = current_workflows.files.get(reference.get("file"), oid)
        if found is None or found.reference != dict(reference):
            said = "There is no such file of this object"
            faults.append({"loc": loc, "msg": said, "type": "file_unknown"})
        else:
            known.append(found.id)
    if faults:
        raise InputNotValid(errors=faults)
    current_workflows.files.keep(known)


def files_in(schema: Mapping[str, Any], data: Any) -> Iterator[tuple[list[Any], Any]]:
    """Yield the references to files in an answer, each after the path to it."""
    yield from _files([schema], data, schema, [])


def _files(
    schemas: Sequence[Any], data: Any, root: Mapping[str, Any], loc: list[Any]
) -> Iterator[tuple[list[Any], Any]]:
    options = list(options_of(schemas, root))
    if isinstance(data, Mapping):
        if any(each.get("format") == "file" for each in options):
            yield loc, data
            return
        for key, value in data.items():
            inner = [each.get("properties", {}).get(key) for each in options]
            inner += [each.get("additionalProperties") for each in options]
            yield from _files(inner, value, root, [*loc, key])
    elif isinstance(data, (list, tuple)):
        inner = [each.get("items") for each in options]
        for n, value in enumerate(data):
            placed = [p[n] for each in options if len(p := _places(each)) > n]
            yield from _files(placed or inner, value, root, [*loc, n])


def _places(schema: Mapping[str, Any]) -> Sequence[Any]:
    found = schema.get("prefixItems")
    return found if isinstance(found, list) else ()
