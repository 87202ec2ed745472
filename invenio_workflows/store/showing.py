"""What lists keep of an object: made by its workflow's hooks, written with its row.

The hooks are asked when an object is accepted, saved or put down; never at the
checkpoints between. One that fails is told in the log, and fails no task.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import math
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from ..checkpoint import Checkpoint
from ..definition.workflow import Definition
from ..differences import key_paths, without
from ..encoding import loads
from ..extra_data import extra_without
from ..folding import kept_words, words
from ..logs import about
from ..objects import WorkflowObject
from ..states import ObjectStatus
from .rows import derive, storable
from .transactions import Transactions, in_use

_logger = logging.getLogger(__name__)

HOOKS = ("get_title", "get_description", "get_search_text", "get_sort_data")
LONGEST_TITLE = 500
LONGEST_DESCRIPTION = 5_000
MOST_SORT_KEYS = 50
#: The sort key of what is to be answered by a time, if the workflow has none of that
#: name itself.
DEADLINE = "deadline"

Hooks = Mapping[str, Callable[..., Any]]


@dataclass(slots=True)
class Shown:
    """What is kept of one object for lists."""

    title: str | None = None
    description: str | None = None
    markup: int = 0
    #: A digest of the code that made it; none: of a workflow that makes nothing.
    shown_by: int | None = None
    words: list[str] = field(default_factory=list)
    sort: dict[str, str] = field(default_factory=dict)


class Showing:
    """Asks the hooks of the workflows."""

    def __init__(
        self,
        transactions: Transactions,
        definition_of: Callable[[str], Definition | None],
    ) -> None:
        self._transactions = transactions
        self._definition_of = definition_of
        self._known: dict[str, tuple[Definition, Hooks, int | None]] = {}

    def hooks(self, name: str) -> tuple[Hooks, int | None]:
        """Return the hooks that a workflow has of its own, and a digest of them."""
        definition = self._definition_of(name)
        if definition is None:
            return {}, None
        known = self._known.get(name)
        if known is None or known[0] is not definition:
            hooks = _hooks(definition)
            digest = _digest(definition, hooks) if hooks else None
            known = self._known[name] = (definition, hooks, digest)
        return known[1:]

    def of(
        self, obj: WorkflowObject, texts: tuple[str, str], workflow: str = ""
    ) -> Shown | None:
        """Return what is kept of an object; ``None`` if its workflow has no hooks.

        :param texts: data and extra_data, as they are kept.
        """
        name = workflow or obj.workflow_name or ""
        hooks, digest = self.hooks(name)
        if not hooks:
            return None
        definition = self._definition_of(name)
        hidden = key_paths(
            getattr(definition and definition.source, "hidden_fields", ())
        )
        shown = Shown(shown_by=digest)
        with self._quietly():
            asked = _Asked(name, hooks, lambda: _copy(obj, texts, hidden))
            asked.fill(shown)
        if obj.deadline is not None:
            shown.sort.setdefault(DEADLINE, str(sortable(obj.deadline)))
        return shown

    def at(self, point: Checkpoint) -> Shown | None:
        """Return what is kept of an object that is put down."""
        kept = point.obj.kept or ("{}", "{}")
        data = kept[0] if point.data is None else point.data
        extra = kept[1] if point.extra_data is None else point.extra_data
        if not self.hooks(point.run.name)[0]:
            return None
        shown = WorkflowObject()
        shown.columns = point.obj.columns | {
            "status": ObjectStatus(point.status),
            "waits_for": point.waits_for,
            "deadline": None,
        }
        return self.of(shown, (data, extra), point.run.name)

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Let the hooks leave nothing in the session, nor a transaction cut short."""
        session = self._transactions.database.session
        if not in_use(session):
            try:
                yield
            finally:
                if in_use(session):
                    session.rollback()
            return
        with session.no_autoflush:  # what the task left is not the hooks' to write
            connection = self._transactions.connection_of(session)
            if connection.dialect.name == "sqlite":
                yield
                return
            nested = connection.begin_nested()
            try:
                yield
            finally:
                nested.rollback()


class _Asked:
    """The hooks of one object: each gets a copy of the document, or none is made."""

    def __init__(
        self, name: str, hooks: Hooks, copy: Callable[[], WorkflowObject]
    ) -> None:
        self._name, self._hooks, self._copy = name, hooks, copy

    def fill(self, shown: Shown) -> None:
        obj = self._copy()
        shown.title, is_html = _line(self._ask("get_title", obj), LONGEST_TITLE)
        shown.markup = int(is_html)
        described = self._ask("get_description", obj)
        shown.description, is_html = _line(described, LONGEST_DESCRIPTION)
        shown.markup += 2 * is_html
        texts = [_plain(shown.title, 1, shown), _plain(shown.description, 2, shown)]
        texts += _texts(self._ask("get_search_text", obj))
        texts += [str(obj.extra_data.get("_status_message") or ""), obj.uri or ""]
        shown.words = kept_words(texts)
        shown.sort = self._sort(self._ask("get_sort_data", obj), obj)
        if shown.title is not None and "title" not in shown.sort:
            shown.sort["title"] = sortable(texts[0]) or "s"

    def _ask(self, hook: str, obj: WorkflowObject) -> Any:
        function = self._hooks.get(hook)
        if function is None:
            return None
        try:
            return function(obj)
        except Exception:
            self._tell(hook, obj)
            return None

    def _tell(self, hook: str, obj: WorkflowObject) -> None:
        said = "%s of the workflow %s failed for object %s; lists show it without."
        extra = about(self._name, oid=obj.id)
        _logger.warning(
            said, hook, self._name, obj.id or "(new)", exc_info=True, extra=extra
        )

    def _sort(self, values: Any, obj: WorkflowObject) -> dict[str, str]:
        found: dict[str, str] = {}
        try:
            for name, value in list(dict(values or {}).items())[:MOST_SORT_KEYS]:
                text = sortable(value)
                key = storable(str(name))
                if text is not None and key and len(key) <= 100:
                    found[key] = text
        except Exception:
            self._tell("get_sort_data", obj)
        return found


def _hooks(definition: Definition) -> Hooks:
    found = {name: definition.own_hook(name) for name in HOOKS}
    return {name: hook for name, hook in found.items() if hook is not None}


def _digest(definition: Definition, hooks: Hooks) -> int:
    """Return a number that is another when the code of the hooks is."""
    parts = [repr(key_paths(getattr(definition.source, "hidden_fields", ())))]
    for name, hook in hooks.items():
        try:
            parts.append(f"{name}: {inspect.getsource(hook)}")
        except (OSError, TypeError):
            code = getattr(hook, "__code__", None)
            parts.append(f"{name}: {code and code.co_code.hex()}")
    digest = hashlib.sha256("\n".join(parts).encode(errors="replace")).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _copy(obj: WorkflowObject, texts: tuple[str, str], hidden: Any) -> WorkflowObject:
    copied = WorkflowObject()
    copied.columns = dict(obj.columns)
    copied.data = without(loads(texts[0]), hidden)
    copied.extra_data = extra_without(loads(texts[1]), hidden)
    derive(copied, lambda oid: [])
    return copied


def _line(value: Any, longest: int) -> tuple[str | None, bool]:
    """Return a text as it is kept, and whether it is HTML."""
    if value is None:
        return None, False
    try:
        text = storable(str(value)) or ""
        if not isinstance(value, Markup):
            return text[:longest], False
        if len(text) <= longest:
            return text, True
        return str(Markup(text).striptags())[:longest], False
    except Exception:  # whatever a stranger's __str__ raises
        return None, False


def _plain(text: str | None, bit: int, shown: Shown) -> str:
    return str(Markup(text).striptags()) if text and shown.markup & bit else text or ""


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [each for each in value if isinstance(each, str)]
    return []


def sortable(value: Any) -> str | None:
    """Return a text that sorts as the value does; ``None`` where there is no value.

    Numbers come before dates, dates before words.
    """
    if isinstance(value, (int, float, Decimal)):
        return _number(value)
    if isinstance(value, datetime):
        value = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return f"d{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"
    if isinstance(value, date):
        return f"d{value.isoformat()}"
    if value is None:
        return None
    return f"s{' '.join(words(str(value)[:1000]))}"[:200]


def _number(value: int | float | Decimal) -> str | None:
    try:
        number = float(value)
    except OverflowError:
        number = math.copysign(math.inf, value)
    if math.isnan(number):
        return None
    (bits,) = struct.unpack(">Q", struct.pack(">d", number + 0.0))
    flipped = bits ^ (2**64 - 1 if bits >> 63 else 2**63)
    return f"n{flipped:016x}"
