"""Pytest within pytest."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def only_plugins_of_a_user(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """schemathesis, which our own tests need, has a plugin that rewrites what hypothesis reports."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:schemathesis")
