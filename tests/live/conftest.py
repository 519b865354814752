"""Stacks that several tests of a file share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.stacks import Stack, running


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Five nodes, no containers."""
    with running("--nodes", "5", "--docker", "off") as started:
        yield started


@pytest.fixture(scope="module")
def docker_stack(docker_engine: object) -> Iterator[Stack]:
    """Five nodes with the real engine."""
    with running("--nodes", "5") as started:
        yield started
