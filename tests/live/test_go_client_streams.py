"""The log stream and the download of results, as Bacalhau's own command line wants them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.live.go_client import BadAnswerError, GoClient, download
from tests.live.stacks import Stack, docker, job, noop, repository

pytestmark = pytest.mark.live


@pytest.fixture
def client(stack: Stack) -> Iterator[GoClient]:
    with GoClient(stack.port) as client:
        yield client


@pytest.fixture
def docker_client(docker_stack: Stack) -> Iterator[GoClient]:
    with GoClient(docker_stack.port) as client:
        yield client


def ended(client: GoClient, engine: dict[str, Any], **more: Any) -> str:
    job_id = client.submit(job(engine, **more))
    client.wait(job_id)
    return job_id


def results(client: GoClient, job_id: str) -> list[dict[str, Any]]:
    return list(client.ask("GET", f"/api/v1/orchestrator/jobs/{job_id}/results")["Items"])


# Logs


@pytest.mark.parametrize("query", ["", "?follow=true", "?tail=true", "?follow=true&tail=true"])
def test_a_finished_job_streams_both_outputs_and_closes_normally(client: GoClient, query: str):
    """Standard output line by line, a newline added to its last one, then standard error; any other close is exit 1."""
    job_id = ended(client, noop(Stdout="a\nno newline", Stderr="e\n"))
    logs = client.logs(job_id, query)
    assert [(1, "a\n"), (1, "no newline\n"), (2, "e\n")] == logs.rest()
    assert 1000 == logs.close_code


def test_a_job_without_output_closes_at_once(client: GoClient):
    """No frame but the close."""
    logs = client.logs(ended(client, noop()))
    assert ([], 1000) == (logs.rest(), logs.close_code)


@pytest.mark.parametrize(
    ("make", "query", "words"),
    [
        (lambda client: "j-00000000-0000-4000-8000-000000000000", "", "Job not found"),
        (lambda client: ended(client, noop()), "?execution_id=e-1", "unable to find execution e-1 in job"),
        (lambda client: ended(client, noop(Fails="no")), "", "unable to find execution  in job"),
        (lambda client: ended(client, {"Type": "quantum"}), "", "no executions found for job"),
    ],
    ids=["unknown job", "unknown execution", "all failed", "no execution"],
)
def test_a_stream_that_cannot_be_opened_says_why(client: GoClient, make: Any, query: str, words: str):
    """The reason is a frame after the upgrade: a refused handshake would show nothing."""
    job_id = make(client)
    with pytest.raises(BadAnswerError, match=f"error received from server: .*{words}"):
        client.logs(job_id, query).rest()


@pytest.mark.docker
def test_following_a_container_from_late_on_has_every_byte(docker_client: GoClient):
    """From the first byte to the last, then close 1000."""
    job_id = docker_client.submit(job(docker("sh", "-c", "echo one; sleep 0.5; echo two; sleep 0.3; echo three >&2")))
    logs = docker_client.logs(job_id, "?follow=true")
    assert (1, "one\n") == logs.first()
    assert [(1, "two\n"), (2, "three\n")] == logs.rest()
    assert 1000 == logs.close_code


@pytest.mark.docker
def test_without_following_a_running_container_gives_what_there_is(docker_client: GoClient, docker_stack: Stack):
    """The last chunk too, which v1.4.0 loses."""
    job_id = docker_client.submit(job(docker("sh", "-c", "echo one; sleep 300")))
    docker_client.logs(job_id, "?follow=true").first()
    logs = docker_client.logs(job_id)
    assert ([(1, "one\n")], 1000) == (logs.rest(), logs.close_code)
    docker_stack.call("DELETE", f"/orchestrator/jobs/{job_id}", {})


@pytest.mark.docker
def test_tailing_a_container_leaves_out_what_came_before(docker_client: GoClient):
    """Only what is printed after the request."""
    script = "echo one; sleep 1.5; echo two"
    job_id = docker_client.submit(job(docker("sh", "-c", script)))
    docker_client.logs(job_id, "?follow=true").first()
    assert [(1, "two\n")] == docker_client.logs(job_id, "?follow=true&tail=true").rest()


@pytest.mark.docker
def test_stopping_a_job_ends_its_stream_normally(docker_client: GoClient, docker_stack: Stack):
    """A follower of a stopped job sees close 1000, as at any other end."""
    job_id = docker_client.submit(job(docker("sh", "-c", "echo one; sleep 300")))
    logs = docker_client.logs(job_id, "?follow=true")
    logs.first()
    docker_stack.call("DELETE", f"/orchestrator/jobs/{job_id}", {})
    assert ([], 1000) == (logs.rest(), logs.close_code)


# Results


def test_the_results_of_a_module_can_be_fetched_and_unpacked(client: GoClient):
    """A downloadable type, a name that ends in `.tar.gz`, and folders before their files."""
    submitted = yaml.safe_load((repository() / "scenarios/jobs/wasm_files.yaml").read_text())
    job_id = client.submit(submitted)
    assert "Completed" == client.wait(job_id)
    (item,) = results(client, job_id)
    name, files = download(item["Params"]["URL"])
    assert "urldownload" == item["Type"].lower()
    assert re.fullmatch(r"127\.0\.0\.1_\d+_e-[0-9a-f-]{36}\.tar\.gz", name)
    assert b"carried from here to there\n" == files["outputs/copy.txt"]
    assert b"0" == files["exitCode"]


@pytest.mark.docker
def test_the_results_of_containers_hold_what_they_wrote(docker_client: GoClient):
    """One archive an execution; nested folders come out."""
    script = "mkdir -p /o/d; echo in >/o/d/f; ln -s /etc/passwd /o/link; echo out; echo err >&2; exit 3"
    job_id = docker_client.submit(
        job(docker("sh", "-c", script), count=2, task_Publisher={"Type": "local"},
            task_ResultPaths=[{"Name": "o", "Path": "/o"}])
    )  # fmt: skip
    assert "Completed" == docker_client.wait(job_id)
    items = results(docker_client, job_id)
    wanted = {"exitCode": b"3", "o/d/f": b"in\n", "stderr": b"err\n", "stdout": b"out\n"}
    assert [wanted, wanted] == [download(item["Params"]["URL"])[1] for item in items]
