"""What ``eng.wait`` is given: what does not fit together is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from invenio_workflows.engine.awaited import awaited
from invenio_workflows.states import Awaited

NOTHING: dict[str, Any] = dict.fromkeys("until seconds event key timeout then".split())
EAST = timezone(timedelta(hours=5))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"seconds": 1, "event": "paid"}, "one of until, seconds and event"),
        ({"seconds": 1, "key": "a"}, "key and timeout together with event"),
        ({"timeout": 1}, "key and timeout together with event"),
        ({"seconds": 1, "then": "restart_task"}, "then together with timeout"),
        ({"event": "paid", "then": "error"}, "then together with timeout"),
        ({"then": "error"}, "then together with timeout"),
        ({"event": "paid", "timeout": 1, "then": "nowhere"}, "nowhere"),
        ({"event": ""}, "1 to 100 letters"),
        ({"event": "paid", "key": "x" * 256}, "255 letters at most"),
        ({"seconds": -1}, "from 0 to 1000000000"),
        ({"seconds": float("nan")}, "from 0 to 1000000000"),
        ({"seconds": True}, "a number of seconds"),
        ({"until": datetime(2030, 1, 1)}, "with a time zone"),
        ({"until": datetime.min.replace(tzinfo=EAST)}, "before or after all time"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        awaited(**NOTHING | given)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({}, None),
        ({"seconds": 2}, Awaited(seconds=2.0)),
        (
            {"until": datetime(2030, 1, 1, 5, tzinfo=EAST)},
            Awaited(until=datetime(2030, 1, 1, tzinfo=UTC)),
        ),
        ({"event": "paid", "key": 7}, Awaited(event="paid", key="7")),
        (
            {"event": "paid", "timeout": 3, "then": "error"},
            Awaited(3.0, event="paid", then="error"),
        ),
    ],
)
def test_what_is_waited_for(given: dict[str, Any], what: Awaited | None) -> None:
    assert awaited(**NOTHING | given) == what
