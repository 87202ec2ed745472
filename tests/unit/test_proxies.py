"""The upward door, where there is no application."""

from __future__ import annotations

import pytest

from invenio_workflows.errors import ConfigurationError
from invenio_workflows.proxies import current_workflows


def test_without_an_application_it_says_what_is_missing() -> None:
    with pytest.raises(ConfigurationError, match="app_context"):
        _ = current_workflows.settings


def test_who_goes_through_the_names_of_a_module_may_ask_for_its_class() -> None:
    """Pydantic 2.7 does so where a model is written."""
    assert not isinstance(current_workflows, dict)
