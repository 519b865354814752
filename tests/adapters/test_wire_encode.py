"""Answers' JSON objects: key order, what is left out, numbers."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from devstack.adapters.wire import decode_job, encode_entry, encode_execution, encode_job, encode_node, encode_resources
from devstack.models.event import Event, Topic
from devstack.models.execution import ComputeState, DesiredState, Execution, RunCommandResult
from devstack.models.history import ExecutionHistory, JobHistory
from devstack.models.job import Job, JobState, SpecConfig
from devstack.models.node import V1_4_0, ComputeNodeInfo, Connection, NodeInfo, NodeState, NodeType
from devstack.models.resources import Gpu, Resources

TIME_NS = 1_722_500_000_512_345_678


@attrs.define
class Stored:
    job: Job
    state: JobState = JobState.RUNNING
    message: str = ""
    revision: int = 2
    create_time_ns: int = 1
    modify_time_ns: int = 2


# The example of the reference, section 4.1.
JOB_TEXT = """
{"ID":"j-6d3f0a1c","Name":"nightly-sum","Namespace":"default","Type":"batch",
 "Priority":0,"Count":2,"Constraints":[{"Key":"env","Operator":"in","Values":["devstack"]}],
 "Meta":{"bacalhau.org/requester.id":"node-0"},"Labels":{"team":"ops"},
 "Tasks":[{"Name":"main",
   "Engine":{"Type":"docker","Params":{"Entrypoint":["/bin/sh","-c"],"Image":"ubuntu:latest","Parameters":["echo 3"]}},
   "Publisher":{"Type":"local"},
   "Env":{"MODE":"fast"},
   "InputSources":[{"Source":{"Type":"urlDownload","Params":{"URL":"http://127.0.0.1:9/x.csv"}},"Alias":"x","Target":"/in"}],
   "ResultPaths":[{"Name":"outputs","Path":"/outputs"}],
   "Resources":{"CPU":"500m","Memory":"256mb"},"Network":{"Type":"None"},"Timeouts":{"TotalTimeout":1800}}],
 "State":{"StateType":"Running"},"Version":0,"Revision":2,"CreateTime":1,"ModifyTime":2}
"""


def text_of(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def test_a_job_comes_back_as_it_was_sent():
    """Keys stand in Bacalhau's order; what is empty is left out."""
    job = decode_job(JOB_TEXT.encode())
    assert text_of(json.loads(JOB_TEXT)) == text_of(encode_job(Stored(job)))


def test_a_bare_task_has_these_keys():
    """Name, Engine, Publisher, Resources, Network and Timeouts are always there."""
    job = decode_job(b'{"Tasks":[{"Name":"m"}]}')
    task = encode_job(Stored(job, message="why"))["Tasks"][0]
    expected = (
        '{"Name":"m","Engine":{"Type":""},"Publisher":{"Type":""},"Resources":{},"Network":{"Type":"None"},'
        '"Timeouts":{}}'
    )
    assert expected == text_of(task)


def test_the_message_of_a_job_is_in_its_state():
    """A job's message stands beside its state, if there is one."""
    encoded = encode_job(Stored(Job(), JobState.FAILED, "why"))
    assert {"StateType": "Failed", "Message": "why"} == encoded["State"]


def execution() -> Execution:
    return Execution(
        "e-1", "j-1", "node-2", "default", "eval", DesiredState.STOPPED, "execution completed", ComputeState.COMPLETED,
        "Accepted job", SpecConfig("urlDownload", {"URL": "u"}), RunCommandResult("3\n", exit_code=0), 6, 1, 2,
    )  # fmt: skip


def test_an_execution():
    """States are numbers, `stderr` alone is in lower case."""
    expected = (
        '{"ID":"e-1","Namespace":"default","EvalID":"eval","Name":"","NodeID":"node-2","JobID":"j-1",'
        '"AllocatedResources":{"Tasks":{}},"DesiredState":{"StateType":2,"Message":"execution completed"},'
        '"ComputeState":{"StateType":7,"Message":"Accepted job"},'
        '"PublishedResult":{"Type":"urlDownload","Params":{"URL":"u"}},'
        '"RunOutput":{"Stdout":"3\\n","StdoutTruncated":false,"stderr":"","StderrTruncated":false,"ExitCode":0,'
        '"ErrorMsg":""},"PreviousExecution":"","NextExecution":"","FollowupEvalID":"","Revision":6,"CreateTime":1,'
        '"ModifyTime":2}'
    )
    assert expected == text_of(encode_execution(execution()))


def test_a_new_execution_has_null_results():
    """PublishedResult and RunOutput are null until the end."""
    encoded = encode_execution(Execution("e-1", "j-1", "node-2", "default", "eval"))
    assert (None, None) == (encoded["PublishedResult"], encoded["RunOutput"])
    assert {"StateType": 0} == encoded["DesiredState"]


def test_old_keys_of_run_output_are_copies():
    """Under `compat-keys` the older names carry the same values."""
    output = encode_execution(execution(), compat=True)["RunOutput"]
    assert ("3\n", False, False, 0, "") == tuple(
        output[key] for key in ("stdout", "stdouttruncated", "stderrtruncated", "exitCode", "runnerError")
    )


def test_history_of_an_execution():
    """Numbers for states, the comment repeats the event's message."""
    event = Event("Accepted job", Topic.BIDDING, 1_722_500_000_401_200_000)
    entry = ExecutionHistory(
        "j", "e", "n", ComputeState.ASK_FOR_BID, ComputeState.ASK_FOR_BID_ACCEPTED, 3, TIME_NS, event
    )
    expected = (
        '{"Type":"ExecutionLevel","JobID":"j","NodeID":"n","ExecutionID":"e","ExecutionState":{"Previous":2,"New":3},'
        '"NewRevision":3,"Comment":"Accepted job","Event":{"Message":"Accepted job","Topic":"Requesting Node",'
        '"Timestamp":"2024-08-01T08:13:20.4012Z"},"Time":"2024-08-01T08:13:20.512345678Z"}'
    )
    assert expected == text_of(encode_entry(entry))


def test_history_of_a_job_without_an_event():
    """Texts for states; the event is always there, all empty."""
    expected = (
        '{"Type":"JobLevel","JobID":"j","JobState":{"Previous":"Pending","New":"Running"},"NewRevision":2,'
        '"Event":{"Message":"","Topic":"","Timestamp":"0001-01-01T00:00:00Z"},"Time":"2024-08-01T08:13:20.512345678Z"}'
    )
    assert expected == text_of(encode_entry(JobHistory("j", JobState.PENDING, JobState.RUNNING, 2, TIME_NS)))


def test_undefined_states_are_left_out_and_details_kept():
    """A state of zero has no key; details are sorted."""
    event = Event("m", "t", TIME_NS, {"b": "2", "a": "1"})
    encoded = encode_entry(JobHistory("j", JobState.UNDEFINED, JobState.PENDING, 1, TIME_NS, event))
    assert {"New": "Pending"} == encoded["JobState"]
    assert '{"a":"1","b":"2"}' == text_of(encoded["Event"]["Details"])


@pytest.mark.parametrize(
    ("resources", "text"),
    [
        (Resources(), "{}"),
        (Resources(1500, 10**9, 0, 1, (Gpu(0, "T4", "NVIDIA", 15360, "0000:00:1e.0"),)),
         '{"CPU":1.5,"Memory":1000000000,"GPU":1,"GPUs":[{"Index":0,"Name":"T4","Vendor":"NVIDIA","Memory":15360,'
         '"PCIAddress":"0000:00:1e.0"}]}'),
        (Resources(3000), '{"CPU":3}'),
        (Resources(3200), '{"CPU":3.2}'),
    ],
)  # fmt: skip
def test_resources(resources, text):
    """Cores without a needless point, sizes as whole bytes, zeros left out."""
    assert text == text_of(encode_resources(resources))


def test_a_compute_node():
    """As the reference shows it; labels sorted."""
    compute = ComputeNodeInfo(("docker", "wasm"), ("noop",), ("inline",), Resources(1000), running=1)
    state = NodeState(
        NodeInfo("node-1", labels={"name": "node-1", "env": "x"}, compute=compute), connection=Connection.CONNECTED
    )
    expected = (
        '{"Info":{"NodeID":"node-1","NodeType":"Compute","Labels":{"env":"x","name":"node-1"},'
        '"ComputeNodeInfo":{"ExecutionEngines":["docker","wasm"],"Publishers":["noop"],"StorageSources":["inline"],'
        '"MaxCapacity":{"CPU":1},"QueueCapacity":{},"AvailableCapacity":{},"MaxJobRequirements":{},'
        '"RunningExecutions":1,"EnqueuedExecutions":0},"BacalhauVersion":{"GitVersion":"","GitCommit":"",'
        '"BuildDate":"0001-01-01T00:00:00Z","GOOS":"","GOARCH":""}},"Membership":"APPROVED","Connection":"CONNECTED"}'
    )
    assert expected == text_of(encode_node(state))


def test_a_requester_has_no_compute_part_and_may_be_flat_too():
    """Under `compat-keys` a node also carries the flat keys of older documents."""
    encoded = encode_node(NodeState(NodeInfo("node-0", NodeType.REQUESTER, version=V1_4_0)), compat=True)
    assert "ComputeNodeInfo" not in encoded["Info"]
    assert {"ID": "node-0", "Addrs": []} == encoded["PeerInfo"]
    assert encoded["Info"] == {key: encoded[key] for key in encoded["Info"]}
    assert "1" == encoded["Info"]["BacalhauVersion"]["Major"]
