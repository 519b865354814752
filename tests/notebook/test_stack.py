"""A live stack behind a notebook."""

from __future__ import annotations

import threading

import httpx
import pytest

from devstack.errors import UsageError
from devstack.notebook import up


def test_a_stack_answers_until_it_is_closed():
    """With nodes in their shapes, found by clients through the environment, and no thread left behind."""
    with up(nodes=2, seed=7, docker="off", shapes={"node-2": {"cpu": 8}}) as stack:
        nodes = httpx.get(f"{stack.url}/api/v1/orchestrator/nodes", timeout=60, trust_env=False).json()["Nodes"]
        sizes = [node["Info"]["ComputeNodeInfo"]["MaxCapacity"]["CPU"] for node in nodes[1:]]
        assert [4, 8] == sizes
        assert stack.url == "http://{BACALHAU_API_HOST}:{BACALHAU_API_PORT}".format(**stack.environment)
        assert "<stack: 1 requester, 2 compute nodes>" == repr(stack)
    assert ("<stack: closed>", False) == (repr(stack), stack.is_up)
    stack.close()  # A second time nothing happens.
    assert "devstack" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize(
    "wrong", [{"docker": "maybe"}, {"nodes": 0}, {"shapes": {"node-9": {"cpu": 8}}}, {"behaviour": "odd"}]
)
def test_a_stack_that_cannot_be_is_refused(wrong):
    """Before anything is started."""
    with pytest.raises(UsageError):
        up(**wrong)
