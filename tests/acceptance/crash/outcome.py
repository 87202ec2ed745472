"""What is in the database, in words that are the same with and without a crash."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from scenario import Ledger, db
from sqlalchemy import select

from invenio_workflows.states import ObjectStatus, WorkflowStatus
from invenio_workflows.store import AuditRow, EventRow, LogRow, ObjectRow, Workflow

_OBJECT = (
    "waits_for data extra_data cursor in_start attempts action message error".split()
)
_AUDIT = "verb action value reason form actor origin".split()
_EVENT = "kind task path status message data extra_data payload".split()


def _all(model: Any, *order: Any) -> list[Any]:
    table = model.__table__
    return list(db.session.execute(select(table).order_by(*order)).mappings())


def collect() -> dict[str, Any]:
    """Return runs, objects, events, log lines and ledger; ids and times left out."""
    objects = _all(ObjectRow, ObjectRow.id)
    places = {
        row["id"]: f"{row['position']}{' snapshot' if row['id_parent'] else ''}"
        for row in objects
    }
    events, logs = defaultdict(list), defaultdict(list)
    seqs = defaultdict(list)
    for row in _all(EventRow, EventRow.id_object, EventRow.seq):
        seqs[row["id_object"]].append(row["seq"])
        if row["kind"] != "TakenOver":
            events[places[row["id_object"]]].append([row[name] for name in _EVENT])
    for row in _all(LogRow, LogRow.id):
        place = places.get(row["id_object"], "run")
        logs[place].append([row["level"], row["task"], row["message"]])
    return {
        "runs": [
            [row["name"], WorkflowStatus(row["status"]).name, row["extra_data"]]
            for row in _all(Workflow, Workflow.uuid)
        ],
        "objects": {places[row["id"]]: _object(row, seqs) for row in objects},
        "how many": len(objects),
        "events": dict(events),
        "logs": dict(logs),
        "audit": sorted(
            [places[row["id_object"]], *(row[name] for name in _AUDIT)]
            for row in _all(AuditRow, AuditRow.id)
        ),
        "ledger": [
            [row["position"], row["task"], row["round"]]
            for row in _all(Ledger, Ledger.id)
        ],
    }


def _object(row: Any, seqs: dict[int, list[int]]) -> dict[str, Any]:
    found = {name: row[name] for name in _OBJECT}
    if error := (row["extra_data"] or {}).get("_error_msg"):
        # The traceback has the lines of our own source, which is no outcome.
        found["extra_data"] = {**row["extra_data"], "_error_msg": error[0]}
    found["status"] = ObjectStatus(row["status"]).name
    found["leased"] = row["lease_owner"] is not None or row["lease_until"] is not None
    numbers = seqs[row["id"]]
    # No event is missing, and none came after the last that the row knows.
    found["numbered"] = numbers == list(range(1, row["seq"] + 1))
    return found


def difference(expected: Any, found: Any, where: str = "") -> str:
    """Say where two outcomes differ first; ``""`` if they do not."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in [*expected, *(key for key in found if key not in expected)]:
            if text := difference(expected.get(key), found.get(key), f"{where}/{key}"):
                return text
        return ""
    if isinstance(expected, list) and isinstance(found, list):
        for index, (one, other) in enumerate(zip(expected, found, strict=False)):
            if text := difference(one, other, f"{where}/{index}"):
                return text
        if len(expected) != len(found):
            return f"{where}: {len(found)} instead of {len(expected)}: {found}"
        return ""
    return "" if expected == found else f"{where}: {found!r} instead of {expected!r}"
