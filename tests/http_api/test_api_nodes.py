"""The nodes' routes."""

from __future__ import annotations

import pytest

NODES = "/api/v1/orchestrator/nodes"


async def test_nodes_are_listed_under_their_own_key(client):
    """`Nodes`, not `Items`."""
    body = (await client.get(NODES)).json()
    assert ["NextToken", "Nodes"] == list(body)
    assert ["node-0", "node-1", "node-2"] == [node["Info"]["NodeID"] for node in body["Nodes"]]
    assert {"CPU": 2.5, "Memory": 8_000_000_000, "Disk": 40_000_000_000} == (
        body["Nodes"][1]["Info"]["ComputeNodeInfo"]["MaxCapacity"]
    )


async def test_filters_reach_the_cluster(client):
    """Labels and membership."""
    answer = await client.get(NODES, params={"labels": "name in (node-1)", "filter-approval": "approved"})
    assert ["node-1"] == [node["Info"]["NodeID"] for node in answer.json()["Nodes"]]
    assert [] == (await client.get(NODES, params={"filter-approval": "whatever"})).json()["Nodes"]


async def test_one_node_is_wrapped(client, faithful):
    """Under `Node`; flat copies only with `compat-keys`."""
    assert "PeerInfo" in (await client.get(f"{NODES}/node-1")).json()["Node"]
    node = (await faithful.get(f"{NODES}/node-1")).json()["Node"]
    assert ["Info", "Membership", "Connection"] == list(node)


async def test_unknown_and_ambiguous_nodes(client, faithful):
    """Documented: 404 and 409; v1.4.0: 500."""
    assert 404 == (await client.get(f"{NODES}/nowhere")).status_code
    assert 409 == (await client.get(f"{NODES}/node")).status_code
    answer = await faithful.get(f"{NODES}/nowhere")
    assert (500, "nodeInfo not found for nodeID: nowhere") == (answer.status_code, answer.json()["error"])


@pytest.mark.parametrize(
    ("node", "action", "success", "error"),
    [
        ("node-1", "reject", True, ""),
        ("node-1", "approve", False, "node already approved"),
        ("node-1", "praise", False, "unsupported action"),
        ("nowhere", "approve", False, "nodeInfo not found for nodeID: nowhere"),
    ],
)
async def test_actions_fail_inside_a_success(client, node, action, success, error):
    """Always 200; the path's id counts, not the body's."""
    answer = await client.put(f"{NODES}/{node}", json={"Action": action, "Message": "m", "NodeID": "node-2"})
    assert (200, {"Success": success, "Error": error}) == (answer.status_code, answer.json())


async def test_an_action_that_is_no_json(client):
    """Bad JSON is 400."""
    answer = await client.put(f"{NODES}/node-1", content=b"{", headers={"content-type": "application/json"})
    assert (400, "code=400, message=unexpected EOF, internal=unexpected EOF") == (
        answer.status_code,
        answer.json()["message"],
    )


async def test_only_who_pages_gets_a_token(client, faithful):
    """`next_token`, even an empty one, says that the client pages; others expect none; v1.4.0 never gives one."""
    first = (await client.get(NODES, params={"limit": 2, "next_token": ""})).json()
    second = (await client.get(NODES, params={"next_token": first["NextToken"]})).json()
    ids = [node["Info"]["NodeID"] for page in (first, second) for node in page["Nodes"]]
    assert (["node-0", "node-1", "node-2"], "") == (ids, second["NextToken"])
    assert "" == (await client.get(NODES, params={"limit": 2})).json()["NextToken"]
    assert "" == (await faithful.get(NODES, params={"limit": 2, "next_token": ""})).json()["NextToken"]


async def test_orders_and_filters_reach_the_list(client):
    """By a sort key and its reverse; by connection; a filter word that is none fits no node."""

    async def ids(**query):
        return [node["Info"]["NodeID"] for node in (await client.get(NODES, params=query)).json()["Nodes"]]

    assert ["node-2", "node-1", "node-0"] == await ids(order_by="id", reverse="True")
    assert ["node-1", "node-2", "node-0"] == await ids(order_by="available_cpu")
    assert ["node-0"] == await ids(**{"filter-status": "Disconnected"})
    assert [] == await ids(**{"filter-status": "asleep"})
    assert ["node-1"] == await ids(labels=["name=node-1", "env"])
