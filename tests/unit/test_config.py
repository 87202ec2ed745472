"""Settings are read once, with their defaults, and a wrong one is named."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from invenio_workflows.config import Settings
from invenio_workflows.errors import ConfigurationError


def test_every_setting_has_a_default_and_a_meaning() -> None:
    Settings.read({})
    assert all(each.metadata["meaning"] for each in fields(Settings))


def test_settings_come_from_the_applications_configuration() -> None:
    read = Settings.read({"WORKFLOWS_MAX_DATA_SIZE": 5, "max_log_size": 1, "OTHER": 2})
    assert (read.max_data_size, read.max_log_size) == (5, 10_000)


def test_one_application_does_not_change_another() -> None:
    Settings.read({}).packages.append("mine")
    assert Settings.read({}).packages == []


NUMBERS = [f"WORKFLOWS_{e.name.upper()}" for e in fields(Settings) if e.type == "int"]


@pytest.mark.parametrize("value", [0, -1, "5", 1.5, None, True])
@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_a_whole_one(name: str, value: Any) -> None:
    if (name, value) == ("WORKFLOWS_LOCAL_THREADS", 0) and value is not True:
        assert Settings.read({name: 0}).local_threads == 0
        return
    with pytest.raises(ConfigurationError, match=f"{name} must be a whole number"):
        Settings.read({name: value})


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"write \['mine'\]"):
        Settings.read({"WORKFLOWS_PACKAGES": "mine"})
    with pytest.raises(ConfigurationError, match="FULL, NORMAL or EXTRA, not 'OFF'"):
        Settings.read({"WORKFLOWS_SQLITE_SYNCHRONOUS": "OFF"})
    with pytest.raises(ConfigurationError, match="one of DEBUG.*not 'LOUD'"):
        Settings.read({"WORKFLOWS_LOG_LEVEL": "LOUD"})
    for queues in ("slow", {"harvest": 5}, {"harvest": "x" * 101}, {5: "slow"}):
        with pytest.raises(ConfigurationError, match="the queue of a workflow"):
            Settings.read({"WORKFLOWS_QUEUES": queues})
