"""The requester's table of nodes."""

from __future__ import annotations

import pickle

import attrs
import pytest

from devstack.behaviour import parse
from devstack.errors import AmbiguousIdError, NotFoundError
from devstack.models.node import V1_4_0, ComputeNodeInfo, Connection, Membership, NodeInfo, NodeType
from devstack.models.resources import NO_RESOURCES, Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.nodes import NodeTable

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def info(node_id: str, **changes: object) -> NodeInfo:
    compute = ComputeNodeInfo(max_capacity=Resources(4000), available=Resources(4000))
    return attrs.evolve(NodeInfo(node_id, compute=compute), **changes)


def table(*node_ids: str, connected: bool = True, behaviour: str = "documented", **changes: object) -> NodeTable:
    nodes = NodeTable(RequesterConfig(behaviour=parse([behaviour]), labels={"env": "devstack"}, **changes))
    for node_id in node_ids:
        nodes.register(info(node_id), START)
        if connected:
            nodes.heartbeat(node_id, START)
    nodes.take_events()
    return nodes


def ids(states) -> list[str]:
    return [state.info.node_id for state in states]


def test_the_requester_lists_itself_as_approved_and_disconnected() -> None:
    """It sends itself no heartbeat, and it has no compute part."""
    own = table("node-1").states()[0]
    expected = NodeInfo("node-0", NodeType.REQUESTER, {"env": "devstack"}, None, V1_4_0)
    assert (expected, Membership.APPROVED, Connection.DISCONNECTED) == (own.info, own.membership, own.connection)


def test_a_registered_node_may_be_given_work_from_its_first_heartbeat_on() -> None:
    """Never heard from means disconnected."""
    nodes = table("node-1", connected=False)
    assert () == nodes.eligible()
    nodes.heartbeat("node-1", START)
    assert ["node-1"] == ids(nodes.eligible())
    assert [("join", "node-1")] == nodes.take_events()
    assert [] == nodes.take_events()


def test_registering_twice_keeps_the_first_info() -> None:
    """A known node is accepted again, and its info is not changed."""
    nodes = table("node-1")
    assert (True, "node already registered") == nodes.register(info("node-1", labels={"new": "1"}), START)
    assert {} == nodes.find("node-1").info.labels


def test_a_rejected_node_is_refused() -> None:
    """It can neither register again nor update its info, and its resources are ignored."""
    nodes = table("node-1")
    assert "" == nodes.reject("node-1")
    assert (False, "node has been rejected") == nodes.register(info("node-1"), START)
    assert (False, "node registration rejected") == nodes.update_info(info("node-1"))
    assert "" == nodes.update_resources("node-1", Resources(1), NO_RESOURCES)
    assert Resources(4000) == nodes.find("node-1").info.compute.available


def test_an_unknown_node_is_not_listened_to() -> None:
    """Updates of a node that never registered, or was deleted, are refused."""
    nodes = table("node-1")
    assert "" == nodes.delete("node-1")
    nodes.heartbeat("node-1", START)
    assert (False, "node not yet registered") == nodes.update_info(info("node-1"))
    assert "nodeInfo not found for nodeID: node-1" == nodes.update_resources("node-1", NO_RESOURCES, NO_RESOURCES)
    assert (["node-0"], ()) == (ids(nodes.states()), nodes.eligible())
    assert [("delete", "node-1")] == nodes.take_events()


def test_reported_resources_stand_over_the_infos_until_the_next_report() -> None:
    """What a node reported last is shown and ranked, even after an update of its info."""
    nodes = table("node-1")
    nodes.update_resources("node-1", Resources(1000), Resources(500))
    nodes.update_info(info("node-1", labels={"a": "b"}))
    state = nodes.eligible()[0]
    assert (Resources(1000), Resources(500)) == (state.info.compute.available, state.info.compute.queue_used)
    assert {"a": "b"} == state.info.labels


def test_only_changes_raise_the_revision() -> None:
    """The same news twice is no news, and the eligible nodes stay the same tuple."""
    nodes = table("node-1", "node-2")
    nodes.update_resources("node-1", Resources(1000), NO_RESOURCES)
    revision, eligible = nodes.revision, nodes.eligible()
    nodes.heartbeat("node-1", START + SECOND)
    nodes.update_resources("node-1", Resources(1000), NO_RESOURCES)
    nodes.update_info(info("node-1"))
    nodes.check_heartbeats(START + SECOND)
    assert revision == nodes.revision
    assert eligible is nodes.eligible()
    nodes.update_resources("node-1", Resources(999), NO_RESOURCES)
    assert revision < nodes.revision
    assert eligible is not nodes.eligible()


def test_a_node_is_disconnected_after_thirty_whole_seconds_of_silence() -> None:
    """Times are compared in whole seconds, and exactly thirty are not yet too long."""
    nodes = table("node-1", "node-2")
    nodes.heartbeat("node-1", START + 900_000_000)
    nodes.heartbeat("node-2", START + 1_100_000_000)
    nodes.check_heartbeats(START + 30_999_999_999)
    assert ["node-1", "node-2"] == ids(nodes.eligible())
    nodes.check_heartbeats(START + 31 * SECOND)
    assert ["node-2"] == ids(nodes.eligible())
    nodes.heartbeat("node-1", START + 40 * SECOND)
    assert [("disconnect", "node-1"), ("reconnect", "node-1")] == nodes.take_events()


def test_membership_is_decided_by_people() -> None:
    """Rejecting takes a node out, approving takes it in again, and what is so already is refused."""
    nodes = table("node-1")
    answers = [nodes.approve("node-1"), nodes.reject("node-1"), nodes.reject("node-1"), nodes.approve("nowhere")]
    assert ["node already approved", "", "node already rejected", "nodeInfo not found for nodeID: nowhere"] == answers
    assert () == nodes.eligible()
    assert "" == nodes.approve("node-1")
    assert ["node-1"] == ids(nodes.eligible())
    assert [("reject", "node-1"), ("approve", "node-1")] == nodes.take_events()


def test_with_manual_approval_a_node_waits() -> None:
    """It is registered as pending, and gets work once it is approved."""
    nodes = table("node-1", manual_approval=True)
    assert (Membership.PENDING, ()) == (nodes.find("node-1").membership, nodes.eligible())
    nodes.approve("node-1")
    assert ["node-1"] == ids(nodes.eligible())


def test_a_prefix_finds_a_node_if_it_is_the_only_one() -> None:
    """None and several are errors; three are named."""
    nodes = table("node-1", "node-2", "other")
    assert "other" == nodes.find("oth").info.node_id
    with pytest.raises(NotFoundError, match="nodeInfo not found for nodeID: nowhere"):
        nodes.find("nowhere")
    with pytest.raises(AmbiguousIdError) as caught:
        nodes.find("node-")
    expected = "multiple nodes found for nodeID prefix: node-, matching nodeIDs: [node-0 node-1 node-2]"
    assert expected == caught.value.message
    nodes.register(info("node-3"), START)
    assert expected.replace("]", " ...]") == nodes.delete("node-")


def test_an_exact_id_wins_over_the_ids_that_it_begins() -> None:
    """`node-1` is not ambiguous beside `node-10`, except with `prefix-beats-exact-node-id`."""
    assert "node-1" == table("node-1", "node-10").find("node-1").info.node_id
    with pytest.raises(AmbiguousIdError):
        table("node-1", "node-10", behaviour="prefix-beats-exact-node-id").find("node-1")


def test_when_the_executions_of_a_node_are_lost() -> None:
    """A node that is silent, rejected or deleted has lost its executions."""
    nodes = table("node-1", "node-2", "node-3", "node-4")
    nodes.reject("node-2")
    nodes.delete("node-3")
    nodes.check_heartbeats(START)
    assert [False, True, True, False] == [nodes.is_lost(f"node-{n}") for n in range(1, 5)]
    nodes.check_heartbeats(START + 31 * SECOND)
    assert nodes.is_lost("node-1")


def test_with_the_switch_only_deleted_nodes_lose_executions() -> None:
    """Under `disconnected-node-keeps-executions` silence and rejection lose nothing."""
    nodes = table("node-1", "node-2", "node-3", behaviour="disconnected-node-keeps-executions")
    nodes.reject("node-2")
    nodes.delete("node-3")
    nodes.check_heartbeats(START + 60 * SECOND)
    assert [False, False, True] == [nodes.is_lost(f"node-{n}") for n in range(1, 4)]
    assert [True, True, False] == [nodes.is_known(f"node-{n}") for n in range(1, 4)]


def test_a_hybrid_node_registers_over_the_requesters_own_entry() -> None:
    """A requester that computes too is listed as Compute and connected."""
    nodes = table("node-0")
    state = nodes.find("node-0")
    assert (NodeType.COMPUTE, Connection.CONNECTED) == (state.info.type, state.connection)
    assert ["node-0"] == ids(nodes.states())


def test_lists_are_sorted_by_id_whatever_the_order_of_arrival() -> None:
    """States and eligible nodes come in the order of their ids."""
    nodes = table("node-3", "node-10", "node-2")
    assert ["node-0", "node-10", "node-2", "node-3"] == ids(nodes.states())
    assert ["node-10", "node-2", "node-3"] == ids(nodes.eligible())


def test_a_table_can_be_copied() -> None:
    """A fork of the world takes the table along."""
    nodes = table("node-1")
    copy = pickle.loads(pickle.dumps(nodes))
    nodes.delete("node-1")
    assert (["node-1"], []) == (ids(copy.eligible()), ids(nodes.eligible()))
