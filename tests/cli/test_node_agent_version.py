"""`node`, `agent` and `version`."""

from __future__ import annotations

import json

import pytest
import yaml
from fake_server import NODES, VERSION


def test_node_list_breaks_capacity_cells_after_the_slash(run):
    """Available over maximum; empty for a node that computes nothing."""
    shown = run("node", "list").stdout.splitlines()
    assert (
        " ID      TYPE       APPROVAL  STATUS     LABELS                    CPU    MEMORY     DISK        GPU "
        == shown[0]
    )
    assert (
        " node-0  Requester  APPROVED             env=devstack name=node-0                                    "
        == shown[1]
    )
    assert shown[2].endswith(" 2.7 /  11.7 GB /  0 B / 37.3  0 / ")
    assert shown[3].endswith(" 3.2    11.7 GB    GB          0   ")


def test_node_list_shows_wanted_groups_in_the_given_order(run):
    """`--show` is a comma list; an unknown group is refused."""
    result = run("node", "list", "--show", "version,features", "--output", "csv")
    assert (
        "id,type,approval,status,version,architecture,os,engines,inputs from,outputs" == result.stdout.splitlines()[0]
    )
    assert (
        "node-1,Compute,APPROVED,CONNECTED,v1.4.0,,,docker wasm,inline urldownload,noop local"
        == result.stdout.splitlines()[2]
    )
    refused = run("node", "list", "--show", "colour")
    assert (1, True) == (refused.exit_code, "labels, version, features, capacity" in refused.stderr)


@pytest.mark.parametrize(
    ("word", "sent"), [("healthy", "connected"), ("UNHEALTHY", "disconnected"), ("connected", "connected")]
)
def test_node_list_takes_documented_and_real_words_for_the_status(run, network, word, sent):
    """healthy is connected; any case."""
    run("node", "list", "--filter-status", word, "--filter-approval", "approved", "--labels", "a=b", "--order-by", "id")
    assert {
        "filter-status": [sent], "filter-approval": ["approved"], "labels": ["a=b"], "order_by": ["id"],
    } == network.asked[0].query  # fmt: skip


def test_node_list_as_json_is_an_array(run):
    """Without the wrapper of the API."""
    assert ["node-0", "node-1"] == [
        n["Info"]["NodeID"] for n in json.loads(run("node", "list", "--output", "json").stdout)
    ]


def test_node_describe_is_yaml(run):
    """The node's state, unwrapped."""
    assert "node-1" == yaml.safe_load(run("node", "describe", "node-1").stdout)["Info"]["NodeID"]


@pytest.mark.parametrize("action", ["approve", "reject", "delete"])
def test_node_actions_send_the_action_and_the_message(run, network, action):
    """`Ok` if it was done."""
    result = run("node", action, "node-1", "-m", "why")
    body = network.asked[0].body
    assert ("Ok\n", f"{NODES}/node-1") == (result.stdout, network.asked[0].path)
    assert (action, "why", "node-1") == (body["Action"], body["Message"], body["NodeID"])


def test_refused_node_action_gives_exit_code_one(run, network):
    """The server's reason on stderr."""
    network.node_action = (False, "node already approved")
    result = run("node", "approve", "node-1")
    assert (1, "Error: failed to approve node node-1: node already approved\n") == (result.exit_code, result.stderr)


def test_agent_answers_are_shown_as_they_are(run):
    """yaml by default, json on request, three lines for the version."""
    assert "Status: OK\n" == run("agent", "alive").stdout
    assert '{"Status":"OK"}\n' == run("agent", "alive", "--output", "json").stdout
    assert VERSION == json.loads(run("agent", "version", "--output=json").stdout)
    assert "Bacalhau v1.4.0\nBuildDate 2024-06-25T10:11:12Z\nGitCommit 5f0c\n" == run("agent", "version").stdout
    assert "node-0" == json.loads(run("agent", "node", "--output", "json", "--pretty").stdout)["Info"]["NodeID"]


def test_version_shows_client_and_server(run, network):
    """The server is asked without a login."""
    assert [["CLIENT", "SERVER"], ["v0.1.0", "v1.4.0"]] == [line.split() for line in run("version").stdout.splitlines()]
    assert ("POST", "/api/v1/version") == (network.asked[0].method, network.asked[0].path)
    assert VERSION == yaml.safe_load(run("version", "--output", "yaml").stdout)["serverVersion"]


def test_version_without_a_server_shows_the_client_alone(offline):
    """No server is no error here."""
    result = offline("version", "--api-port", "1")
    assert (0, "") == (result.exit_code, result.stderr)
    assert [["CLIENT", "SERVER"], ["v0.1.0"]] == [line.split() for line in result.stdout.splitlines()]


def test_version_of_the_client_asks_nobody(run, network):
    """`--client` is answered at once."""
    assert '{"clientVersion":{"GitVersion":"v0.1.0"}}\n' == run("version", "--client", "--output=json").stdout
    assert [] == network.asked


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_for_the_installed_command(offline, shell):
    """The shell's script names our variable."""
    assert "_DEVSTACK_COMPLETE" in offline("completion", shell).stdout
