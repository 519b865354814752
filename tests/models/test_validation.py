"""The rules that a job must keep, and the words for each that it breaks."""

from __future__ import annotations

import attrs
import pytest

from devstack.errors import InvalidJobError, LateInvalidJobError
from devstack.models.job import (
    Constraint,
    InputSource,
    Job,
    Network,
    NetworkType,
    ResourcesConfig,
    ResultPath,
    SpecConfig,
    Task,
    Timeouts,
)
from devstack.models.validation import validate, validate_network, validate_submission


def main_task(**changes: object) -> Task:
    return attrs.evolve(Task(name="main", engine=SpecConfig("noop"), publisher=SpecConfig()), **changes)


def job(**changes: object) -> Job:
    plain = Job(id="j-1", name="n", namespace="default", type="batch", count=1, tasks=(main_task(),))
    return attrs.evolve(plain, **changes)


def constrained(*constraints: Constraint) -> Job:
    return job(constraints=constraints)


def source(alias: str = "", target: str = "/in") -> InputSource:
    return InputSource(SpecConfig("inline"), alias, target)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (None, "empty/nil job"),
        (job(type=""), "missing job type"),
        (job(type="Batch"), 'invalid job type: "Batch"'),
        (job(count=-2), "job count must be >= 0"),
        (job(tasks=()), "missing job tasks"),
        (Job(count=-2), "missing job type\njob count must be >= 0\nmissing job tasks"),
        (constrained(Constraint("", "exists")), "constraint 1 validation failed: selector key cannot be blank"),
        (
            constrained(Constraint("a", "exists"), Constraint("a", "in")),
            "constraint 2 validation failed: selector values cannot be empty for In or NotIn operators",
        ),
        (
            constrained(Constraint("a", "!", ("x",))),
            "constraint 1 validation failed: selector values must be empty for Exists or DoesNotExist operators",
        ),
        (
            constrained(Constraint("a", "=", ("x", "y"))),
            "constraint 1 validation failed: selector values must have exactly one value for other operators",
        ),
        (job(tasks=(main_task(name=""),)), "task  validation failed: missing task name"),
        (job(tasks=(main_task(name="a\0"),)), "task a\0 validation failed: task name contains null character"),
        (
            job(tasks=(main_task(engine=None),)),
            "task main validation failed: engine validation failed: nil spec config",
        ),
        (
            job(tasks=(main_task(engine=SpecConfig()),)),
            "task main validation failed: engine validation failed: missing spec type",
        ),
        (
            job(tasks=(main_task(publisher=None),)),
            "task main validation failed: publisher validation failed: nil spec config",
        ),
        (
            job(tasks=(main_task(input_sources=(source(), source(target=""))),)),
            "task main validation failed: artifact validation failed: missing artifact target",
        ),
        (
            job(tasks=(main_task(input_sources=(InputSource(SpecConfig(), "", "/in"),)),)),
            "task main validation failed: artifact validation failed: invalid artifact source: missing spec type",
        ),
        (
            job(tasks=(main_task(input_sources=(source("a"), source("b"), source("a"))),)),
            "task main validation failed: input source with alias a already exist",
        ),
        (
            job(tasks=(main_task(result_paths=(ResultPath("o", ""),), publisher=SpecConfig("local")),)),
            "task main validation failed: output validation failed: path is blank",
        ),
        (
            job(tasks=(main_task(result_paths=(ResultPath("", "/o"),), publisher=SpecConfig("local")),)),
            "task main validation failed: output validation failed: resultpath name is blank",
        ),
        (
            job(tasks=(main_task(result_paths=(ResultPath("o", "/o"),)),)),
            "task main validation failed: publisher must be set if result paths are set",
        ),
    ],
)
def test_what_the_door_refuses(broken: Job | None, message: str) -> None:
    """Every rule of a submission has its words, and all broken ones are told together."""
    with pytest.raises(InvalidJobError) as caught:
        validate_submission(broken)
    assert message == caught.value.message
    assert not isinstance(caught.value, LateInvalidJobError)


def test_blanks_alone_are_a_name() -> None:
    """Only the empty text is blank."""
    validate_submission(job(name=" ", tasks=(main_task(name=" "),)))


@pytest.mark.parametrize(
    "constraint", [Constraint("env", "like", ("x",)), Constraint("env", "gt", ("2.0",)), Constraint("a b", "exists")]
)
def test_bad_requirements_are_refused_unless_they_are_left_to_the_scheduler(constraint: Constraint) -> None:
    """Syntax is checked at the door; under `bad-requirement-accepted` it is not."""
    with pytest.raises(InvalidJobError, match="constraint 1 validation failed: "):
        validate_submission(constrained(constraint))
    validate_submission(constrained(constraint), accept_bad_requirements=True)


def test_a_null_task_is_found_late() -> None:
    """Bacalhau stumbles over a null task, wherever it stands and whatever else is wrong."""
    for broken in (job(tasks=(None,)), job(type="", tasks=(main_task(), None))):
        with pytest.raises(LateInvalidJobError, match="task [12] is null"):
            validate_submission(broken)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (
            job(id="invalid job id", name="", namespace=""),
            "job ID contains a space\nmissing job name\njob must be in a namespace",
        ),
        (job(id=""), "missing job ID"),
        (job(id="a\0"), "job ID contains a null character"),
        (job(name="a\0"), "job Name contains a null character"),
        (
            job(tasks=(main_task(resources=ResourcesConfig("x", "y")),)),
            "task main validation failed: task resources validation failed: "
            "invalid CPU value: x\ninvalid memory value: y",
        ),
        (
            job(tasks=(main_task(resources=ResourcesConfig("-100m")),)),
            "task main validation failed: task resources validation failed: invalid CPU value: -0.100000",
        ),
        (
            job(tasks=(main_task(timeouts=Timeouts(3600, 0, 1800)),)),
            "task main validation failed: task timeouts validation failed: execution timeout 1h0m0s and queue "
            "timeout 0s should be less than total timeout 30m0s",
        ),
        (
            job(tasks=(main_task(timeouts=Timeouts(-5, -5, -5)),)),
            "task main validation failed: task timeouts validation failed: invalid execution timeout value: -5s\n"
            "invalid queue timeout value: -5s\ninvalid total timeout value: -5s",
        ),
        (
            job(type="service", tasks=(main_task(timeouts=Timeouts(-5)),)),
            "task main validation failed: task timeouts validation failed: invalid execution timeout value: -5s",
        ),
        (job(labels={"": "x"}), "bucket name required: a label needs a key"),
    ],
)
def test_what_is_found_only_when_a_job_is_stored(broken: Job, message: str) -> None:
    """The full check finds what the door lets through."""
    validate_submission(broken)
    with pytest.raises(LateInvalidJobError) as caught:
        validate(broken)
    assert message == caught.value.message


def test_the_full_check_tells_a_tasks_mistakes_twice() -> None:
    """The full check of a task repeats the door's, and adds its own."""
    broken = job(tasks=(main_task(engine=SpecConfig(), resources=ResourcesConfig("x")),))
    engine = "engine validation failed: missing spec type"
    with pytest.raises(LateInvalidJobError) as caught:
        validate(broken)
    expected = (
        f"task main validation failed: {engine}\n"
        f"task main validation failed: {engine}\ntask resources validation failed: invalid CPU value: x"
    )
    assert expected == caught.value.message


@pytest.mark.parametrize("timeouts", [Timeouts(), Timeouts(0, 60, 60), Timeouts(10, 20, 30), Timeouts(10, 20, 0)])
def test_timeouts_that_fit(timeouts: Timeouts) -> None:
    """Execution and queue may use up the whole total; no total is no limit."""
    validate(job(tasks=(main_task(timeouts=timeouts),)))


@pytest.mark.parametrize("domain", ["10.0.0.1", "::1", "example.com", ".example.com"])
def test_domains_that_are_names_or_addresses(domain: str) -> None:
    """A network domain is a name with a dot, or an address."""
    validate_network(Network(NetworkType.HTTP, (domain,)))


@pytest.mark.parametrize("domain", ["at@.walker", "192.168.0.1/32"])
def test_domains_that_are_neither(domain: str) -> None:
    """Anything else is named in the refusal."""
    with pytest.raises(InvalidJobError, match=f'invalid domain "{domain}"'):
        validate_network(Network(NetworkType.HTTP, ("example.com", domain)))
