"""Answers that workers take, whoever they are and whenever they are killed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fleet import Fleet, begun
from fleet_app import until

from invenio_workflows import provide_input, start_delayed
from invenio_workflows.states import ObjectStatus as S

KINDS = [
    ("local", "sqlite", None),
    ("local", "postgresql", None),
    ("celery", "postgresql", "redis"),
    ("rq", "postgresql", "redis"),
]
#: When the worker dies that the first answer was given to; the first commit from there
#: is that of the second halt, and the others are of what follows it.
DEATHS = [None, "now", "before 1", "after 1", "before 2", "after 2"]


@pytest.fixture(scope="module", params=KINDS, ids=lambda parts: "-".join(parts[:2]))
def fleet(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """Two workers of a kind, and the application context of who gives answers."""
    with begun(request, tmp_path_factory) as fleet, fleet.app.app_context():
        yield fleet


def test_an_answer_reaches_its_task_once_whenever_a_worker_is_killed(
    fleet: Fleet,
) -> None:
    """W11 and check 9: also where the worker dies around the commit of the halt."""
    items = [{"done": [], "die": {"wants": when} if when else {}} for when in DEATHS]
    result = start_delayed("wants", items)
    for question, number in (("First?", 1), ("Second?", 10)):

        def halted(question: str = question) -> list[Any]:
            fleet.mend()
            objects = fleet.objects(result.uuid)
            asked = [obj for obj in objects if obj.get_action_message() == question]
            return asked if len(asked) == len(DEATHS) else []

        until(halted, f"all ask {question}")
        for place, obj in enumerate(halted()):
            assert obj.status == S.HALTED
            provide_input(obj.id, {"number": number + place}, delayed=True)
    fleet.mend_until_it_rests(result)
    objects = fleet.objects(result.uuid)
    assert [obj.status for obj in objects] == [S.COMPLETED] * len(DEATHS)
    for place, obj in enumerate(objects):
        assert obj.data["numbers"] == [1 + place, 10 + place]
        assert obj.data["done"] == ["one", "wants", "two"]
    ledger = fleet.ledger([obj.id for obj in objects])
    assert set(ledger.values()) == {1} and len(ledger) == 3 * len(DEATHS)
