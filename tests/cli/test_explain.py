"""`explain`: a table for each choice, or the whole as it came."""

from __future__ import annotations

import json

CHOICE = {
    "Time": "2024-01-01T00:00:01Z",
    "Because": ["e-1 on node-1 is Failed: bad luck"],
    "Placed": [{"ExecutionID": "e-2", "NodeID": "node-2"}],
    "Nodes": [
        {"NodeID": "node-2", "IsPlaced": True, "Rank": 30, "Reason": "", "Rules": [
            {"Rule": "engine", "Rank": 10, "Reason": ""}, {"Rule": "random", "Rank": 20, "Reason": ""}], "Changes": []},
        {"NodeID": "node-1", "IsPlaced": False, "Rank": -1, "Reason": "no engine", "Rules": [
            {"Rule": "engine", "Rank": -1, "Reason": "no engine"}, {"Rule": "random", "Rank": 3, "Reason": ""}],
         "Changes": ["engine noop", "1 CPU more"]},
        {"NodeID": "node-3", "IsPlaced": False, "Rank": -1, "Reason": "it is disconnected", "Rules": [], "Changes": []},
    ],
}  # fmt: skip
ANSWER = {"JobID": "j-1", "Choices": [CHOICE]}


def test_a_choice_is_a_table_of_nodes_and_rules(run, network):
    """What led to it comes first; a refusal is a no, with its reason and its way out."""
    network.refuse = (200, ANSWER)
    shown = run("explain", "j-1").stdout.splitlines()
    assert "Choice 1 for j-1 at 2024-01-01T00:00:01Z: e-2 on node-2" == shown[0]
    assert "  after e-1 on node-1 is Failed: bad luck" == shown[1]
    assert ["NODE", "RANK", "ENGINE", "RANDOM", "WHY"] == shown[2].split()
    assert ["node-2", "30", "10", "20", "chosen"] == shown[3].split()
    assert ["node-1", "no", "no", "3"] == shown[4].split()[:4]
    assert "no engine; would have been chosen with engine noop and 1 CPU" in " ".join(shown[4].split())
    assert "it is disconnected" in shown[-1]


def test_what_is_asked_for_is_sent(run, network):
    """And the answer is given as it came."""
    network.refuse = (200, ANSWER)
    result = run("explain", "j-1", "--at", "30s", "--node", "node-1", "--output", "json")
    assert ANSWER == json.loads(result.stdout)
    assert {"at": ["30s"], "node": ["node-1"]} == network.asked[-1].query
    assert "/api/v1/devstack/explain/j-1" == network.asked[-1].path


def test_a_real_network_explains_nothing(run, network):
    """It has no such door; an unknown job is another thing."""
    network.refuse = (404, {"error": "code=404, message=Not Found", "message": "Not Found"})
    assert "does not explain its choices" in run("explain", "j-1").stderr
    network.refuse = (404, {"error": "code=404, message=job not found: j-1", "message": "job not found: j-1"})
    assert "job not found: j-1" in run("explain", "j-1").stderr
