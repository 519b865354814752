"""Tests that use `bacalhau`: a live stack for any client."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

HEAD = """
import json, os, threading, time, urllib.request
import pytest

def get(bacalhau, path):
    return json.load(urllib.request.urlopen(bacalhau.url + "/api/v1" + path))

def put(bacalhau, path, body):
    request = urllib.request.Request(
        bacalhau.url + "/api/v1" + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="PUT"
    )
    return json.load(urllib.request.urlopen(request))

JOB = {"Job": {"Type": "batch", "Count": 1, "Tasks": [{"Name": "main", "Engine": {"Type": "noop"}}]}}
"""


@pytest.mark.live
def test_any_client_can_talk_to_it(pytester: pytest.Pytester):
    """Its port is free, its address is in the client's variables, a job completes, and nothing stays behind."""
    pytester.makepyfile(
        HEAD
        + """
@pytest.mark.devstack(nodes=2, seeds=200)
def test_a_job(bacalhau):
    assert (bacalhau.host, str(bacalhau.port)) == (os.environ["BACALHAU_API_HOST"], os.environ["BACALHAU_API_PORT"])
    assert bacalhau.url == f"http://127.0.0.1:{bacalhau.port}"
    assert 3 == len(get(bacalhau, "/orchestrator/nodes")["Nodes"])
    job = put(bacalhau, "/orchestrator/jobs", JOB)["JobID"]
    while "Completed" != (state := get(bacalhau, f"/orchestrator/jobs/{job}")["Job"]["State"]["StateType"]):
        assert state != "Failed"
        time.sleep(0.01)

def test_the_next_test_has_a_stack_of_its_own(bacalhau):
    assert 4 == len(get(bacalhau, "/orchestrator/nodes")["Nodes"])
    assert not get(bacalhau, "/orchestrator/jobs")["Items"]

def test_nothing_is_left():
    assert "BACALHAU_API_PORT" not in os.environ
    assert ["MainThread"] == [thread.name for thread in threading.enumerate() if thread.name != "trio"][:1]
    assert "devstack" not in [thread.name for thread in threading.enumerate()]
"""
    )
    pytester.runpytest("-Werror").assert_outcomes(passed=3)


@pytest.mark.live
def test_the_marker_describes_the_stack(pytester: pytest.Pytester):
    """Nodes, their shapes, behaviour and faults are those that the marker names, as for `cluster`."""
    pytester.makepyfile(
        HEAD
        + """
@pytest.mark.devstack(nodes=2, shapes={"node-2": {"labels": {"zone": "b"}}}, faults=["fail_executor node-1"])
def test_it(bacalhau):
    nodes = {node["Info"]["NodeID"]: node["Info"] for node in get(bacalhau, "/orchestrator/nodes")["Nodes"]}
    assert "b" == nodes["node-2"]["Labels"]["zone"]
    assert 1 == len(get(bacalhau, "/devstack/faults")["Faults"])
"""
    )
    pytester.runpytest("-Werror").assert_outcomes(passed=1)


@pytest.mark.live
def test_async_tests_talk_to_it_in_real_time(pytester: pytest.Pytester):
    """It has an event loop of its own, so an async test that waits for it does not wait for itself."""
    pytester.makepyfile(
        HEAD
        + """
import httpx

async def test_it(bacalhau):
    async with httpx.AsyncClient(base_url=bacalhau.url) as client:
        assert "OK" == (await client.get("/api/v1/agent/alive")).json()["Status"]
"""
    )
    pytester.runpytest("-otrio_mode=true").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("shapes={'node-4': {}}", "shapes for unknown nodes: node-4; there are 3 nodes, from node-1 on"),
        ("faults=['crash node-9']", "*node-9*"),
        ("behaviour='v9'", "unknown behaviour 'v9'*"),
    ],
)
def test_what_it_cannot_be_is_told_in_one_sentence(pytester: pytest.Pytester, marker: str, message: str):
    """Without our lines, whether it is found before the stack starts or while it does."""
    pytester.makepyfile(f"import pytest\n@pytest.mark.devstack({marker})\ndef test_it(bacalhau): pass\n")
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([message])
    result.stdout.no_fnmatch_line("*pytest_plugin*")
