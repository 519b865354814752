"""All scenarios of `scenarios/`, loaded once."""

from __future__ import annotations

import pytest

from devstack.scenario import Scenario
from devstack.scenario.load import load
from tests.scenarios.page import FOLDER


@pytest.fixture(scope="session")
def scenarios() -> list[Scenario]:
    return load(str(FOLDER))
