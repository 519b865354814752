"""Every kind of job on a live stack, by plain HTTP."""

from __future__ import annotations

import pytest

from tests.live.stacks import Stack, docker, job, noop

pytestmark = pytest.mark.live


def test_a_batch_job_completes_with_its_output(stack: Stack):
    """Completed, with exit code and output."""
    job_id = stack.submit(job(noop(Stdout="hello\n", ExitCode=3)))
    assert "Completed" == stack.wait_over(job_id)["State"]["StateType"]
    output = stack.executions(job_id)[0]["RunOutput"]
    assert ("hello\n", 3) == (output["Stdout"], output["ExitCode"])


def test_an_ops_job_runs_once_on_every_node(stack: Stack):
    """Five nodes, five executions."""
    job_id = stack.submit(job(noop(), type="ops"))
    assert "Completed" == stack.wait_over(job_id)["State"]["StateType"]
    assert {f"node-{n}" for n in range(1, 6)} == {e["NodeID"] for e in stack.executions(job_id)}


@pytest.mark.parametrize("type", ["service", "daemon"])
def test_a_long_running_job_runs_until_it_is_stopped(stack: Stack, type: str):
    """Running, then Stopped, and its executions cancelled."""
    job_id = stack.submit(job(noop(RunsFor="1h"), type=type))
    stack.wait_running(job_id)
    status, answer = stack.call("DELETE", f"/orchestrator/jobs/{job_id}", {"reason": "enough"})
    assert 200 == status
    assert answer["EvaluationID"]
    assert "Stopped" == stack.wait_over(job_id)["State"]["StateType"]
    stack.wait(
        lambda: all(e["ComputeState"]["StateType"] == 9 for e in stack.executions(job_id)), "cancelled executions"
    )


def test_a_failing_execution_is_retried_elsewhere(stack: Stack):
    """It fails on four nodes and completes on the fifth."""
    failing = [f"node-{n}" for n in (1, 2, 3, 4)]
    job_id = stack.submit(job(noop(FailsOn=failing, Fails="bad node")))
    assert "Completed" == stack.wait_over(job_id)["State"]["StateType"]
    completed = [e for e in stack.executions(job_id) if e["ComputeState"]["StateType"] == 7]
    assert ["node-5"] == [e["NodeID"] for e in completed]


def test_an_execution_over_its_timeout_fails_with_the_reason(stack: Stack):
    """One second is allowed; every try takes longer."""
    job_id = stack.submit(
        job(noop(RunsFor="1h"), task_Timeouts={"ExecutionTimeout": 1, "TotalTimeout": 600},
            Constraints=[{"Key": "name", "Operator": "=", "Values": ["node-1"]}])
    )  # fmt: skip
    stack.wait(
        lambda: any("timed out after 1s" in e["ComputeState"].get("Message", "") for e in stack.executions(job_id)),
        "a timed out execution",
    )


def test_a_job_that_no_node_can_take_says_why(stack: Stack):
    """Failed at once with one line a reason."""
    job_id = stack.submit(job({"Type": "quantum"}))
    message = stack.wait_over(job_id)["State"]["Message"]
    assert "not enough nodes to run job. requested: 1, available: 5, suitable: 0." in message
    assert "does not support quantum" in message


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        (noop(RunsFor="soon"), "RunsFor"),
        (noop(Surprise=1), "Surprise"),
        ({"Type": "wasm", "Params": {"EntryModule": {"Source": {"Type": "inline", "Params": {
            "URL": "data:text/plain;base64,bm90IHdhc20="}}, "Alias": "x", "Target": "/x"}}}, "invalid magic number"),
    ],
)  # fmt: skip
def test_an_engine_that_cannot_read_its_task_says_so(stack: Stack, engine: dict[str, object], words: str):
    """The execution's message names what is wrong; the stack lives on."""
    only_one = [{"Key": "name", "Operator": "=", "Values": ["node-1"]}]
    job_id = stack.submit(job(engine, Constraints=only_one))
    assert "Failed" == stack.wait_over(job_id)["State"]["StateType"]
    messages = [e["ComputeState"].get("Message", "") for e in stack.executions(job_id)]
    assert any(words in message for message in messages), messages
    assert 200 == stack.call("GET", "/agent/alive")[0]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "empty/nil job"),
        (b"{", "unexpected"),
        (b'{"Job": {"Type": 5}}', "Type"),
        (b'{"Job": {"Count": "one"}}', "Count"),
        (b'{"Job": {"Type": "batch", "Count": 99999999999999999999999, "Tasks": []}}', "Count"),
        (b'{"Job": {"Type": "batch", "Count": 1.5}}', "Count"),
        (b'{"Job": {"Type": "batch", "Count": NaN}}', "invalid character"),
        (b'{"Job": {"Type": "batch", "Tasks": {}}}', "Tasks"),
        (b'{"Job": {"Type": "batch", "Count": 1, "Tasks": []}}', "missing job tasks"),
        (b'{"Job": {"Type": "batch", "Tasks": [null]}}', "task"),
        (b'{"Job": {"Type": "batch", "Count": 1, "Tasks": [{"Name": "m", "Engine": {"Type": "noop"},'
         b' "Timeouts": {"TotalTimeout": -1}}]}}', "timeout"),
        (b'{"Job": {"Type": "batch", "Count": 1, "Tasks": [{"Name": "m", "Engine": {"Type": "noop"},'
         b' "Resources": {"CPU": "lots"}}]}}', "CPU"),
        (b'{"Job": ' + b"[" * 5000 + b"]" * 5000 + b"}", ""),
    ],
)  # fmt: skip
def test_a_malformed_submission_is_a_400_that_names_the_field(stack: Stack, raw: bytes, words: str):
    """Wrong types, huge numbers, negative timeouts, no body: the caller learns what to mend."""
    status, answer = stack.call("PUT", "/orchestrator/jobs", raw=raw)
    assert 400 == status, answer
    assert words.lower() in answer["message"].lower()


def test_bytes_that_are_no_text_do_not_hurt(stack: Stack):
    """Non-UTF-8 is either read with replacement or refused, never a 500."""
    tasks = b'"Tasks": [{"Name": "m", "Engine": {"Type": "noop"}}]'
    raw = b'{"Job": {"Name": "\xff\xfe", "Type": "batch", "Count": 1, ' + tasks + b"}}"
    assert stack.call("PUT", "/orchestrator/jobs", raw=raw)[0] in (200, 400)


def test_two_tasks_draw_a_warning_and_unknown_fields_none(stack: Stack):
    """Only the first task is kept, and it is said."""
    body = {"Job": {**job(noop()), "Tasks": [{"Name": n, "Engine": noop()} for n in "ab"], "Surprise": 1}}
    status, answer = stack.call("PUT", "/orchestrator/jobs", body)
    assert 200 == status
    assert ["only one task is supported per job"] == answer["Warnings"]


@pytest.mark.docker
def test_a_container_runs_on_the_real_engine(docker_stack: Stack):
    """Output and exit code are the program's."""
    job_id = docker_stack.submit(job(docker("sh", "-c", "echo out; echo err >&2; exit 4")))
    assert "Completed" == docker_stack.wait_over(job_id)["State"]["StateType"]
    output = docker_stack.executions(job_id)[0]["RunOutput"]
    assert ("out\n", "err\n", 4) == (output["Stdout"], output["stderr"], output["ExitCode"])


@pytest.mark.docker
def test_an_image_that_is_not_to_be_had_fails_with_the_engines_reason(docker_stack: Stack):
    """The bid fails, the job too, and the message names the image."""
    engine = docker("true", Image="127.0.0.1:9/no/such:image")
    job_id = docker_stack.submit(job(engine))
    assert "Failed" == docker_stack.wait_over(job_id)["State"]["StateType"]
    assert any("127.0.0.1:9/no/such:image" in e["ComputeState"]["Message"] for e in docker_stack.executions(job_id))


@pytest.mark.docker
def test_stopping_a_job_kills_its_container(docker_stack: Stack):
    """Cancelled, and no container of it is left."""
    job_id = docker_stack.submit(job(docker("sleep", "300")))
    docker_stack.wait_running(job_id)
    assert 200 == docker_stack.call("DELETE", f"/orchestrator/jobs/{job_id}", {"reason": "x"})[0]
    docker_stack.wait(
        lambda: all(e["ComputeState"]["StateType"] == 9 for e in docker_stack.executions(job_id)), "the cancel"
    )
