"""Jobs, executions and events as values."""

import pytest

from devstack.errors import InvalidJobError
from devstack.models.event import Event, Topic
from devstack.models.execution import DISCARDED, TERMINAL, ComputeState, DesiredState, Execution
from devstack.models.job import Constraint, InputSource, Job, JobState, SpecConfig, Task, Timeouts
from devstack.models.sources import source_keys
from devstack.models.validation import validate


@pytest.mark.parametrize(
    "timeouts", [Timeouts(10, 20, 30), Timeouts(), Timeouts(execution_s=10, queue_s=20), Timeouts(total_s=30)]
)
def test_timeouts_that_agree(timeouts):
    """T237: execution and queue timeout together may reach the total; zero is none."""
    validate(valid_job(timeouts))


def test_timeouts_that_disagree():
    """One second too many is refused."""
    with pytest.raises(InvalidJobError, match="should be less than total timeout 30s"):
        validate(valid_job(Timeouts(11, 20, 30)))


def valid_job(timeouts: Timeouts) -> Job:
    task = Task("main", SpecConfig("noop"), SpecConfig(), timeouts=timeouts)
    return Job("j-1", "name", "default", "batch", count=1, tasks=(task,))


@pytest.mark.parametrize(
    ("timeouts", "seconds"),
    [(Timeouts(5, 0, 9), 5), (Timeouts(total_s=9), 9), (Timeouts(), 0), (Timeouts(-5, 0, 9), 9)],
)
def test_the_total_timeout_stands_in_for_the_executions(timeouts, seconds):
    """Without an execution timeout of its own, a task has the total one."""
    assert seconds == timeouts.effective_execution_s


def test_a_specs_type_is_compared_without_case_and_blanks():
    """The key is what providers are looked up by."""
    assert "urldownload" == SpecConfig(" urlDownload ").key


@pytest.mark.parametrize(
    ("params", "value"),
    [
        ({"Image": "a"}, "a"),
        ({"image": "a"}, "a"),
        ({"Image": None, "IMAGE": "a"}, "a"),
        ({}, "none"),
        ({"Image": None}, "none"),
    ],
)
def test_parameters_are_found_in_any_case(params, value):
    """The exact spelling comes first, null counts as absent."""
    assert value == SpecConfig("docker", params).param("Image", "none")


def test_a_spec_is_empty_without_type_and_parameters():
    """An empty publisher is no publisher."""
    assert SpecConfig().is_empty
    assert not SpecConfig("", {"a": 1}).is_empty


@pytest.mark.parametrize(
    ("constraint", "text"),
    [(Constraint("region", "in", ("us", "eu")), "region in us|eu"), (Constraint("gpu", "exists"), "gpu exists")],
)
def test_the_text_of_a_constraint(constraint, text):
    """Key, operator, values between bars."""
    assert text == str(constraint)


@pytest.mark.parametrize(("kind", "runs_on"), [("batch", False), ("ops", False), ("service", True), ("daemon", True)])
def test_services_and_daemons_run_on(kind, runs_on):
    """Two of the four kinds have no end of their own."""
    assert runs_on is Job(type=kind).is_long_running


def test_job_states_have_a_text_and_an_end():
    """Completed, Failed and Stopped are final."""
    assert ["Completed", "Failed", "Stopped"] == [state.text for state in JobState if state.is_terminal]


def test_states_of_executions():
    """Completed is over but not discarded; states are spelled as the peer does."""
    assert TERMINAL - DISCARDED == {ComputeState.COMPLETED}
    assert "AskForBidRejected" == ComputeState.ASK_FOR_BID_REJECTED.text
    assert all(state.is_terminal for state in DISCARDED)


def test_an_execution_told_to_stop_is_over():
    """For the scheduler, what is told to stop no longer counts."""
    execution = Execution("e-1", "j-1", "node-1", "default", "ev-1")
    assert not execution.is_terminal
    execution.desired = DesiredState.STOPPED
    assert execution.is_terminal
    assert not execution.is_discarded


def test_an_event_of_an_error_says_what_the_error_offers():
    """Hint, retryable and fails-execution stand only where they are offered; own details come along."""
    plain = Event.of_error("boom", Topic.RUNNING, 5)
    full = Event.of_error(
        "boom", Topic.RUNNING, 5, hint="rest", retryable=True, fails_execution=True, details={"Code": "7"}
    )
    assert {"IsError": "true"} == plain.details
    assert {
        "IsError": "true",
        "Code": "7",
        "Hint": "rest",
        "Retryable": "true",
        "FailsExecution": "true",
    } == full.details


def test_a_wasm_task_reads_its_modules_too():
    """Inputs come first, each kind of source once; a module given by the name of an input is none of its own."""
    module = {"source": {"type": "S3", "params": {}}}
    engine = SpecConfig("wasm", {"EntryModule": module, "ImportModules": [module, "by-name"]})
    task = Task("main", engine, input_sources=(InputSource(SpecConfig("Inline"), target="/in"),))
    assert ("inline", "s3") == source_keys(task)
