"""Renews what is written from the scenarios: their stored outcomes, and the page scenarios/README.md.

python -m tests.scenarios
"""

from __future__ import annotations

from devstack.scenario.load import load
from tests.scenarios import outcomes
from tests.scenarios.page import FOLDER, PAGE, page

scenarios = load(str(FOLDER))
outcomes.write(scenarios)
PAGE.write_text(page(scenarios))
