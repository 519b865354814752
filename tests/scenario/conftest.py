"""Scenario files for the tests of this folder."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str, str], Path]

LOST_NODE = '''
from devstack.faults import crash
from devstack.scenario import batch, noop, scenario


@scenario(nodes=5)
async def lost_node(cluster):
    """A batch job whose node dies is run again elsewhere, and completes.

    More about it.
    """
    job = await cluster.submit(batch(noop(runs_for="2m"), count=3, name="first"))
    execution = await job.wait_running(within="1m")
    cluster.inject(crash(execution.node, after="30s"))
    await job.wait("Completed", within="15m")
    assert execution.node in job.nodes_used
'''


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file below the test's own folder."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return write


@pytest.fixture
def lost_node(write: Write) -> Path:
    """A scenario with a crash, a retry and an assert."""
    return write("lost_node.py", LOST_NODE)
