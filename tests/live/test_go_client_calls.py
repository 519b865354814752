"""The table of what each command of Bacalhau's command line asks, request by request, and needs of the answers.

Source: client calls 1 to 3. The waiting and the streams have tests of their own in `test_go_client.py`.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from string import Template
from typing import Any

import pytest

from tests.live.go_client import (
    GoClient,
    check_execution,
    check_history,
    check_job,
    full_job,
    hello_module,
    module,
)
from tests.live.stacks import Stack, job, noop, running

pytestmark = pytest.mark.live

O = "/api/v1/orchestrator"  # noqa: E741  # As the reference calls it.
REASON = {"IdempotencyToken": "", "reason": "Stopped at user request"}


def act(action: str) -> dict[str, Any]:
    return {"IdempotencyToken": "", "Action": action, "Message": "TEXT", "NodeID": "N"}


# The command, its requests after the login, and the keys without which it cannot go on. $J, $R, $E and $N stand for a
# job that is over, one that runs, an execution and a node; $F for the first page's token.
COMMANDS: list[tuple[str, list[tuple[str, str, dict[str, Any] | None]], list[str]]] = [
    ("job run --wait=false", [("PUT", "/jobs", {"IdempotencyToken": "", "Job": full_job(noop())})], ["JobID"]),
    ("job run", [("PUT", "/jobs", {"IdempotencyToken": "", "Job": full_job(noop())}),
                 ("GET", "/jobs/$J", None)], ["Job"]),
    ("job run of a job that failed", [("GET", "/jobs/$J", None), ("GET", "/jobs/$J/history?event_type=execution", None),
                                      ("GET", "/jobs/$J/executions", None)], ["Items"]),
    ("job list", [("GET", "/jobs?labels=bacalhau_canary%21%3Dtrue&limit=10", None)], ["Items", "NextToken"]),
    ("job list --labels",
     [("GET", "/jobs?labels=w&labels=x+notin+%28a%2Cb%29&labels=y%3E3&labels=%21z&limit=10", None)],
     ["Items", "NextToken"]),
    ("job list --labels '' --limit 0", [("GET", "/jobs", None)], ["Items", "NextToken"]),
    ("job list with every flag", [("GET", "/jobs?labels=a&limit=2&next_token=$F&order_by=id&reverse=true", None)],
     ["Items", "NextToken"]),
    ("job describe", [("GET", "/jobs/$J?include=executions%2Chistory", None)], ["Job", "Executions", "History"]),
    ("job executions", [("GET", "/jobs/$J/executions?limit=20", None)], ["Items"]),
    ("job executions with every flag",
     [("GET", "/jobs/$J/executions?limit=20&next_token=$F&order_by=modify_time&reverse=true", None)], ["Items"]),
    ("job history", [("GET", "/jobs/$J/history?event_type=all", None)], ["Items"]),
    ("job history with every flag",
     [("GET", "/jobs/$J/history?event_type=execution&execution_id=$E&limit=2&next_token=$F&node_id=$N&order_by=id"
              "&reverse=true", None)], ["Items"]),
    ("job stop", [("GET", "/jobs/$R", None), ("DELETE", "/jobs/$R", REASON)], ["EvaluationID"]),
    ("job get", [("GET", "/jobs/$J/results", None)], ["Items"]),
    ("node list", [("GET", "/nodes", None)], ["Nodes"]),
    ("node list with every flag",
     [("GET", "/nodes?filter-approval=approved&filter-status=connected&labels=a&labels=b%3D1"
              "&limit=3&next_token=$F&order_by=id&reverse=true", None)], ["Nodes"]),
    ("node describe", [("GET", "/nodes/$N", None)], ["Node"]),
    ("node approve -m TEXT", [("PUT", "/nodes/$N", act("approve"))], ["Success", "Error"]),
    ("agent alive", [("GET", "/../agent/alive", None)], ["Status"]),
    ("agent version", [("GET", "/../agent/version", None)],
     ["Major", "Minor", "GitVersion", "GitCommit", "BuildDate", "GOOS", "GOARCH"]),
    ("agent node", [("GET", "/../agent/node", None)], ["Info", "Membership", "Connection"]),
]  # fmt: skip


@pytest.fixture
def client(stack: Stack) -> Iterator[GoClient]:
    with GoClient(stack.port) as client:
        yield client


@pytest.fixture(scope="module")
def known(stack: Stack) -> Mapping[str, str]:
    """What the letters of the table stand for."""
    over, runs = stack.submit(job(noop())), stack.submit(job(noop(RunsFor="1h")))
    stack.wait_over(over)
    stack.wait_running(runs)
    (execution,) = stack.executions(over)
    token = base64.urlsafe_b64encode(b"id:N:1:0").decode().rstrip("=")
    return {"J": over, "R": runs, "E": execution["ID"], "N": execution["NodeID"], "F": token}


def filled(target: str, known: Mapping[str, str]) -> str:
    return f"{O}{Template(target).substitute(known)}".replace("/orchestrator/..", "")


def check(answer: Mapping[str, Any]) -> None:
    """Every object that the command line would decode and print; a list is never null."""
    blocks = [block for key in ("Executions", "History") if isinstance(block := answer.get(key), dict)]
    for block in (answer, *blocks):
        for item in block.get("Items", []):
            checks = {"Tasks": check_job, "ComputeState": check_execution, "Event": check_history}
            next(one for key, one in checks.items() if key in item)(item)
    if "Job" in answer:
        check_job(answer["Job"])
    for node in [*answer.get("Nodes", []), *([answer["Node"]] if "Node" in answer else [])]:
        assert node["Info"]["NodeType"] in ("Requester", "Compute")


@pytest.mark.parametrize(("command", "requests", "needed"), COMMANDS, ids=[row[0] for row in COMMANDS])
def test_each_request_of_a_command_is_answered_with_what_it_needs(
    client: GoClient, known: Mapping[str, str], command: str, requests: list[Any], needed: list[str]
):
    """In order, on one connection, after one login."""
    answer: dict[str, Any] = {}
    for method, target, body in requests:
        answer = client.ask(method, filled(target, known), body)
        check(answer)
    assert [True] * len(needed) == [key in answer for key in needed], command
    logins = ["GET /api/v1/auth", "POST /api/v1/auth/clientkey"]
    assert [*logins, *(f"{method} {filled(target, known)}" for method, target, _ in requests)] == client.requests


@pytest.mark.parametrize(
    "query", ["", "?execution_id=$E", "?follow=true", "?tail=true", "?execution_id=$E&follow=true&tail=true"]
)
def test_job_logs_with_every_flag(client: GoClient, known: Mapping[str, str], query: str):
    """A stream that is closed normally."""
    logs = client.logs(known["J"], Template(query).substitute(known))
    assert ([], 1000) == (logs.rest(), logs.close_code)


def test_the_old_way_to_ask_for_the_version_has_no_login_and_no_headers(stack: Stack):
    """`version` sends a client's id and nothing of itself."""
    status, answer = stack.call("POST", "/version", {"client_id": "0" * 64})
    assert (200, "v1.4.0") == (status, answer["build_version_info"]["GitVersion"])


def test_node_reject_and_delete():
    """Both print `Ok` if `Success` says so; of a node that is gone the reason is printed."""
    with running("--nodes", "2", "--docker", "off") as stack, GoClient(stack.port) as client:
        for action, success in (("reject", True), ("delete", True), ("delete", False)):
            assert success == client.ask("PUT", f"{O}/nodes/node-2", act(action))["Success"]
        answer = client.ask("PUT", f"{O}/nodes/node-2", act("approve"))
        assert (False, "nodeInfo not found for nodeID: node-2") == (answer["Success"], answer["Error"])
        assert ["node-0", "node-1"] == [n["Info"]["NodeID"] for n in client.ask("GET", f"{O}/nodes")["Nodes"]]


def test_a_larger_module_comes_as_an_archive(client: GoClient):
    """`wasm run` packs a file of more than 512 bytes."""
    code = base64.b64decode(hello_module().partition(",")[2])
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("main.wasm")
        member.size = len(code)
        tar.addfile(member, io.BytesIO(code))
    job_id = client.submit(
        full_job(module("data:application/gzip;base64," + base64.b64encode(packed.getvalue()).decode()))
    )
    assert "Completed" == client.wait(job_id)
    (execution,) = client.ask("GET", f"{O}/jobs/{job_id}/executions")["Items"]
    assert "hello from wasm\n" == execution["RunOutput"]["Stdout"]


def test_an_old_or_odd_client_is_told_so_before_anything_else(stack: Stack):
    """The version is in a header of every request, and is looked at before the path."""
    for version, status, words in (
        ("v1.3.2", 403, "Client version is outdated"),
        ("bogus", 400, "Invalid client version"),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=60)
        connection.request("GET", "/api/v1/no/such/path", headers={"X-Bacalhau-Git-Version": version})
        answer = connection.getresponse()
        assert (status, True) == (answer.status, words in json.loads(answer.read())["Error"])
        connection.close()
