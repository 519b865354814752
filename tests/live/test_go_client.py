"""Every request of Bacalhau's own command line, in its order and with its headers, on a live stack."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.live.go_client import (
    BadAnswerError,
    GoClient,
    check_execution,
    check_history,
    check_job,
    full_job,
    hello_module,
    module,
)
from tests.live.stacks import Stack, noop

pytestmark = pytest.mark.live

O = "/api/v1/orchestrator"  # noqa: E741  # As the reference calls it.
NO_CANARY = "labels=bacalhau_canary%21%3Dtrue"


@pytest.fixture
def client(stack: Stack) -> Iterator[GoClient]:
    with GoClient(stack.port) as client:
        yield client


def container(*parameters: str, **params: Any) -> dict[str, Any]:
    every = {"Entrypoint": None, "EnvironmentVariables": None, "Image": "busybox:latest", "WorkingDirectory": ""}
    return {"Type": "docker", "Params": {**every, "Parameters": list(parameters), **params}}


def ended(client: GoClient, **params: Any) -> str:
    job_id = client.submit(full_job(noop(**params)))
    assert "Completed" == client.wait(job_id)
    return job_id


# Login


def test_a_command_logs_in_submits_and_polls_over_one_connection(client: GoClient):
    """Method, proof, token, submission, polls: the server never hangs up in between."""
    job_id = ended(client, Stdout="hi\n")
    asked = ["GET /api/v1/auth", "POST /api/v1/auth/clientkey", f"PUT {O}/jobs", f"GET {O}/jobs/{job_id}"]
    assert asked == list(dict.fromkeys(client.requests))


def test_a_stored_token_is_enough(client: GoClient, stack: Stack):
    """The next command sends the token and does not log in again."""
    client.log_in()
    with GoClient(stack.port, client.token) as next_command:
        assert {"Status": "OK"} == next_command.ask("GET", "/api/v1/agent/alive")
        assert ["GET /api/v1/agent/alive"] == next_command.requests


def test_a_wrong_signature_is_a_401(client: GoClient):
    """On a 200 the command line would ask again for ever."""
    proof = base64.b64encode(json.dumps({"PhraseSignature": "eA==", "PublicKey": "eA=="}).encode()).decode()
    body = {"Namespace": "", "Credential": None, "Name": "clientkey", "MethodData": proof}
    with pytest.raises(BadAnswerError, match="401"):
        client.exchange("POST", "/api/v1/auth/clientkey", body)


# Submitting and waiting

EVERY_FLAG = {
    "Constraints": [{"Key": "env", "Operator": "=", "Values": ["devstack"]}],
    "Labels": {"a": "b", "c": ""},
    "task_Publisher": {"Type": "local"},
    "task_InputSources": [
        {"Source": {"Type": "localDirectory", "Params": {"ReadWrite": False, "SourcePath": "/data"}},
         "Alias": "file:///data", "Target": "/in"},
        {"Source": {"Type": "urlDownload", "Params": {"URL": "https://example.com/f"}},
         "Alias": "https://example.com/f", "Target": "/g"},
        {"Source": {"Type": "s3", "Params": {"Bucket": "bkt", "ChecksumSHA256": "", "Endpoint": "", "Filter": "",
                                             "Key": "key", "Region": "r", "VersionID": ""}},
         "Alias": "s3://bkt/key", "Target": "/inputs"},
    ],
    "task_ResultPaths": [{"Name": "o", "Path": "/o"}],
    "task_Resources": {"CPU": "0.1", "Memory": "10mb", "Disk": "1mb"},
    "task_Network": {"Type": "HTTP", "Domains": ["example.com"]},
    "task_Timeouts": {"QueueTimeout": 1, "TotalTimeout": 9},
}  # fmt: skip
WITH_CID = {"EntryModule": {"Alias": "ipfs://CID", "Source": {"Params": {"CID": "CID"}, "Type": "ipfs"}, "Target": ""},
            "ImportModules": [{"Alias": "https://example.com/m", "Target": "/inputs",
                               "Source": {"Params": {"URL": "https://example.com/m"}, "Type": "urlDownload"}}],
            "Entrypoint": "_start", "EnvironmentVariables": None, "Parameters": []}  # fmt: skip


@pytest.mark.parametrize(
    "job",
    [
        full_job(container("x")),
        full_job(container("x", Entrypoint=["/bin/echo"], EnvironmentVariables=["A=1", "B=2"], WorkingDirectory="/tmp"),
                 **EVERY_FLAG),
        full_job(module("data:application/wasm;base64,AGFzbQEAAAA=")),
        full_job({"Type": "wasm", "Params": WITH_CID}),
    ],
    ids=["docker run", "docker run with every flag", "wasm run", "wasm run of a CID"],
)  # fmt: skip
def test_a_body_of_the_command_line_is_taken_without_a_warning(client: GoClient, job: dict[str, Any]):
    """Null lists, empty publishers and all: an id and no warning."""
    assert re.fullmatch(r"j-[0-9a-f-]{36}", client.submit(job))


def test_a_module_that_wasm_run_embeds_runs(client: GoClient):
    """The key is `Entrypoint`, the module's target is empty, and it is called all the same."""
    job_id = client.submit(full_job(module(hello_module())))
    assert "Completed" == client.wait(job_id)
    (execution,) = client.ask("GET", f"{O}/jobs/{job_id}/executions")["Items"]
    assert ("hello from wasm\n", 0) == (execution["RunOutput"]["Stdout"], execution["RunOutput"]["ExitCode"])


@pytest.mark.docker
def test_a_container_that_docker_run_asks_for_runs(docker_stack: Stack):
    """Submit, wait, and the executions that `--node-details` shows."""
    with GoClient(docker_stack.port) as client:
        job_id = client.submit(full_job(container("echo", "hello")))
        assert "Completed" == client.wait(job_id)
        (execution,) = client.ask("GET", f"{O}/jobs/{job_id}/executions")["Items"]
    check_execution(execution)
    assert ("hello\n", "node-") == (execution["RunOutput"]["Stdout"], execution["NodeID"][:5])


def test_a_service_counts_as_done_once_it_runs(client: GoClient):
    """`job run` of a service waits for `Running`, not for an end."""
    job_id = client.submit(full_job(noop(RunsFor="1h"), Type="service"))
    assert "Running" == client.wait(job_id)
    client.ask("DELETE", f"{O}/jobs/{job_id}", {"IdempotencyToken": "", "reason": "Stopped at user request"})


def test_a_job_that_fails_tells_why_in_its_history_and_executions(client: GoClient):
    """What the command line prints after a failure is in the two requests that it makes then."""
    job_id = client.submit(full_job(noop(Fails="the disk is broken")))
    assert "Failed" == client.wait(job_id)
    history = client.ask("GET", f"{O}/jobs/{job_id}/history?event_type=execution")["Items"]
    failed = [i for i in history if i["ExecutionState"]["New"] in (6, 7, 8, 9)]
    failed += [i for i in history if i["Event"].get("Details", {}).get("FailsExecution") == "true"]
    assert any("the disk is broken" in item["Event"]["Message"] for item in failed)
    for execution in client.ask("GET", f"{O}/jobs/{job_id}/executions")["Items"]:
        check_execution(execution)


def test_following_finds_the_job_past_pending_within_its_ten_looks(client: GoClient):
    """`--follow` polls until the job is not pending any more, then opens the stream."""
    job_id = client.submit(full_job(noop(Stdout="a\n")))
    assert "Pending" != client.wait(job_id)
    logs = client.logs(job_id, "?follow=true")
    assert ([(1, "a\n")], 1000) == (logs.rest(), logs.close_code)


# Jobs


def test_job_list_hides_canaries_and_pages_by_ten(client: GoClient):
    """The default query of `job list`: ten jobs, and a token that leads to the others."""
    hidden = client.submit(full_job(noop(), Labels={"bacalhau_canary": "true"}))
    shown = [client.submit(full_job(noop())) for _ in range(11)]
    answer = client.ask("GET", f"{O}/jobs?{NO_CANARY}&limit=10")
    listed = [job["ID"] for job in answer["Items"]]
    assert 10 == len(listed)
    while answer["NextToken"]:
        answer = client.ask("GET", f"{O}/jobs?{NO_CANARY}&limit=10&next_token={answer['NextToken']}")
        listed += [job["ID"] for job in answer["Items"]]
    assert set(shown) <= set(listed)
    assert hidden not in listed


@pytest.mark.parametrize(("labels", "is_listed"), [({"w": "", "y": "4"}, True), ({"w": "", "z": "", "y": "4"}, False)])
def test_job_list_takes_one_requirement_a_parameter(client: GoClient, labels: dict[str, str], is_listed: bool):
    """`x notin (b,a),!z,y>3,w` as it is sent: sorted by key, values sorted, blanks as plus signs."""
    job_id = client.submit(full_job(noop(), Labels=labels))
    query = "labels=w&labels=x+notin+%28a%2Cb%29&labels=y%3E3&labels=%21z&limit=10"
    assert is_listed == (job_id in [job["ID"] for job in client.ask("GET", f"{O}/jobs?{query}")["Items"]])


def test_job_list_without_labels_and_limit_has_all_jobs(client: GoClient):
    """No parameter at all."""
    job_id = client.submit(full_job(noop(), Labels={"bacalhau_canary": "true"}))
    items = client.ask("GET", f"{O}/jobs")["Items"]
    assert job_id in [job["ID"] for job in items]
    assert all(check_job(job) for job in items)


def test_job_list_goes_on_where_a_page_ended_and_backwards(client: GoClient):
    """`--limit 2 --order-by F --order-reversed`, then `--next-token`: newest first, no job twice."""
    mine = [client.submit(full_job(noop(), Labels={"page": "this"})) for _ in range(3)]
    query = "labels=page%3Dthis&limit=2&{}order_by=created_at&reverse=true"
    first = client.ask("GET", f"{O}/jobs?{query.format('')}")
    second = client.ask("GET", f"{O}/jobs?{query.format('next_token=' + first['NextToken'] + '&')}")
    assert mine[::-1] == [job["ID"] for job in first["Items"] + second["Items"]]
    assert "" == second["NextToken"]


@pytest.mark.parametrize("shorten", [lambda job_id: job_id, lambda job_id: job_id[:10]], ids=["full id", "short id"])
def test_describe_executions_and_history_of_a_job(client: GoClient, shorten: Callable[[str], str]):
    """The id goes out as it was typed, and every block is there that the command line prints."""
    job_id = shorten(ended(client))
    described = client.ask("GET", f"{O}/jobs/{job_id}?include=executions%2Chistory")
    assert "Completed" == check_job(described["Job"])
    executions = client.ask("GET", f"{O}/jobs/{job_id}/executions?limit=20")["Items"]
    history = client.ask("GET", f"{O}/jobs/{job_id}/history?event_type=all")["Items"]
    assert [e["ID"] for e in executions] == [e["ID"] for e in described["Executions"]["Items"]]
    assert history == described["History"]["Items"]
    for item in history:
        check_history(item)


def test_executions_and_history_take_all_their_parameters(client: GoClient):
    """Paging, order, and one execution or node only."""
    job_id = ended(client)
    query = "limit=20&order_by=create_time&reverse=true"
    (execution,) = client.ask("GET", f"{O}/jobs/{job_id}/executions?{query}")["Items"]
    only = f"event_type=execution&execution_id={execution['ID']}&limit=2&node_id={execution['NodeID']}"
    page = client.ask("GET", f"{O}/jobs/{job_id}/history?{only}")
    assert [execution["ID"]] * 2 == [item["ExecutionID"] for item in page["Items"]]


def test_stopping_a_job(client: GoClient):
    """Look, delete, and the evaluation's id to print; afterwards the look says that it is over."""
    job_id = client.submit(full_job(noop(RunsFor="1h")))
    assert check_job(client.ask("GET", f"{O}/jobs/{job_id}")["Job"]) in ("Pending", "Running")
    body = {"IdempotencyToken": "", "reason": "Stopped at user request"}
    assert client.ask("DELETE", f"{O}/jobs/{job_id}", body)["EvaluationID"]
    assert "Stopped" == client.wait(job_id)
    history = client.ask("GET", f"{O}/jobs/{job_id}/history?event_type=all")["Items"]
    assert "Stopped at user request" in [item["Event"].get("Details", {}).get("Reason") for item in history]


def test_results_of_a_job_that_published_nothing(client: GoClient):
    """An empty list, which is `No results found` there."""
    assert [] == client.ask("GET", f"{O}/jobs/{ended(client)}/results")["Items"]


# Nodes, agent, version


def test_node_list_with_every_filter(client: GoClient):
    """`filter-approval` and `filter-status` have hyphens; the requester counts as disconnected."""
    assert 6 == len(client.ask("GET", f"{O}/nodes")["Nodes"])
    query = "filter-approval=approved&filter-status=connected&labels=env%3Ddevstack&limit=2&order_by=id&reverse=true"
    listed = client.ask("GET", f"{O}/nodes?{query}")
    assert ["node-5", "node-4"] == [node["Info"]["NodeID"] for node in listed["Nodes"]]


def test_node_describe_reject_and_approve(client: GoClient):
    """Success is a field of a 200, and so is a refusal's reason."""

    def act(action: str, node: str = "node-5") -> dict[str, Any]:
        body = {"IdempotencyToken": "", "Action": action, "Message": "for a test", "NodeID": node}
        return client.ask("PUT", f"{O}/nodes/{node}", body)

    assert act("reject")["Success"]
    assert "REJECTED" == client.ask("GET", f"{O}/nodes/node-5")["Node"]["Membership"]
    assert act("approve")["Success"]
    again = act("approve")
    assert (False, "node already approved") == (again["Success"], again["Error"])


def test_the_agent_and_the_version(client: GoClient):
    """`agent alive`, `version`, `node`, and `version`, which needs no login."""
    assert "OK" == client.ask("GET", "/api/v1/agent/alive")["Status"]
    assert "v1.4.0" == client.ask("GET", "/api/v1/agent/version")["GitVersion"]
    assert "node-0" == client.ask("GET", "/api/v1/agent/node")["NodeID"]
    answer = client.exchange("POST", "/api/v1/version", {"client_id": "0" * 64})
    keys = {"Major", "Minor", "GitVersion", "GitCommit", "BuildDate", "GOOS", "GOARCH"}
    assert keys == set(answer["build_version_info"])


@pytest.mark.parametrize(
    ("target", "status"),
    [("jobs/j-00000000", 404), ("jobs/j-00000000/executions?limit=20", 404), ("jobs/j-00000000/results", 404),
     ("jobs/j-00000000/history?event_type=all", 404), ("nodes/node-77", 404), ("nodes?order_by=colour", 400),
     ("jobs?limit=-1", 400)],
)  # fmt: skip
def test_a_refusal_carries_its_reason(client: GoClient, target: str, status: int):
    """The command line prints status and body as they are."""
    with pytest.raises(BadAnswerError, match=rf"Unexpected response code: {status} \(\{{"):
        client.ask("GET", f"{O}/{target}")
