"""What a submitted job becomes before anybody looks at it."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.behaviour import DOCUMENTED, parse
from devstack.models.job import (
    InputSource,
    Job,
    JobState,
    JobType,
    Network,
    NetworkType,
    ResourcesConfig,
    ResultPath,
    SpecConfig,
    Task,
    Timeouts,
)
from devstack.models.normalise import no_effect_warnings, normalise, sanitise

V1_4_0 = parse(["v1.4.0"])
TEXTS = st.text(" aB\n\t1", max_size=4)
SPECS = st.builds(SpecConfig, TEXTS)
TASKS = st.builds(
    Task,
    name=TEXTS,
    engine=st.none() | SPECS,
    publisher=st.none() | SPECS,
    input_sources=st.lists(st.builds(InputSource, st.none() | SPECS, TEXTS, TEXTS), max_size=2).map(tuple),
    result_paths=st.lists(st.builds(ResultPath, TEXTS, TEXTS), max_size=2).map(tuple),
    resources=st.builds(ResourcesConfig, TEXTS, TEXTS, TEXTS, TEXTS),
    network=st.builds(Network, st.sampled_from(NetworkType), st.lists(TEXTS, max_size=2).map(tuple)),
)
JOBS = st.builds(
    Job,
    id=TEXTS,
    name=TEXTS,
    namespace=TEXTS,
    type=st.sampled_from([*JobType.ALL, "", "Batch"]),
    count=st.none() | st.integers(-2, 3),
    tasks=st.lists(st.none() | TASKS, max_size=2).map(tuple),
)


def main_task(**changes: object) -> Task:
    task = Task(name="main", engine=SpecConfig("noop"), publisher=SpecConfig())
    return attrs.evolve(task, **changes)


def job(**changes: object) -> Job:
    plain = Job(name="n", namespace="default", type="batch", count=1, tasks=(main_task(),))
    return attrs.evolve(plain, **changes)


@given(JOBS, st.sampled_from([DOCUMENTED, V1_4_0]))
def test_normalising_twice_changes_nothing_more(raw: Job, behaviour) -> None:
    """A normalised job is its own normal form, and not even copied."""
    once = normalise(raw, behaviour)
    assert once is normalise(once, behaviour)


@pytest.mark.parametrize(
    ("job_type", "count", "documented", "v1_4_0"),
    [
        ("batch", None, 1, 0),
        ("service", None, 1, 0),
        ("batch", 0, 0, 0),
        ("service", 0, 0, 0),
        ("batch", 3, 3, 3),
        ("ops", None, 1, 1),
        ("ops", 0, 1, 1),
        ("ops", 4, 4, 4),
        ("daemon", None, 1, 1),
        ("daemon", 0, 1, 1),
    ],
)
def test_what_a_missing_count_means(job_type: str, count: int | None, documented: int, v1_4_0: int) -> None:
    """A missing Count is one; v1.4.0 takes it for zero where Count counts."""
    raw = job(type=job_type, count=count)
    assert (documented, v1_4_0) == (normalise(raw).count, normalise(raw, V1_4_0).count)


def test_an_empty_job_gets_a_namespace_and_its_id_as_name() -> None:
    """Namespace defaults to `default`, the name to the id."""
    done = normalise(Job(id="svc", type="service"))
    assert ("svc", "default", (), {}, {}) == (done.name, done.namespace, done.tasks, done.meta, done.labels)


def test_blanks_are_trimmed_where_they_mean_nothing() -> None:
    """Types, targets, aliases, paths and domains lose blanks; the engine type keeps its case."""
    raw = Task(
        engine=SpecConfig(" Docker ", {"Image": " x "}),
        publisher=None,
        input_sources=(InputSource(SpecConfig(" s3 "), " a ", " /in "), InputSource(None)),
        result_paths=(ResultPath(" o ", " /o "),),
        resources=ResourcesConfig(" 500 M\n", "1 GB"),
        network=Network(NetworkType.HTTP, (" Example.COM ",)),
    )
    expected = Task(
        engine=SpecConfig("Docker", {"Image": " x "}),
        publisher=SpecConfig(),
        input_sources=(InputSource(SpecConfig("s3"), "a", "/in"), InputSource(None)),
        result_paths=(ResultPath("o", "/o"),),
        resources=ResourcesConfig("500m", "1gb"),
        network=Network(NetworkType.HTTP, ("example.com",)),
    )
    assert expected == normalise(job(tasks=(raw,))).tasks[0]


def test_a_null_task_and_a_missing_engine_stay_for_validation() -> None:
    """Normalising invents neither tasks nor engines."""
    assert (None, None) == (normalise(job(tasks=(None,))).tasks[0], normalise(job(tasks=(Task(),))).task.engine)


def test_what_only_the_server_may_say_is_dropped_with_warnings_in_order() -> None:
    """Each field that was dropped is named once, in the documented order."""
    raw = job(
        id="mine", state=JobState.RUNNING, version=2, revision=3, create_time_ns=1234, modify_time_ns=1,
        tasks=(main_task(), main_task(name="two")), meta={"bacalhau.org/x": "1", "own": "2"},
    )  # fmt: skip
    expected = (
        "job state is ignored when submitting a job",
        "job revision is ignored when submitting a job",
        "job version is ignored when submitting a job",
        "job create time is ignored when submitting a job",
        "job modify time is ignored when submitting a job",
        "job ID is ignored when submitting a batch job",
        "only one task is supported per job",
        'job meta key "bacalhau.org/x" is reserved and will be ignored',
    )
    assert (job(meta={"own": "2"}), expected) == sanitise(raw)


def test_a_clean_job_passes_as_it_is() -> None:
    """Nothing to drop: the same job and no warnings."""
    raw = job()
    cleaned, warnings = sanitise(raw)
    assert cleaned is raw
    assert () == warnings


def test_a_time_of_creation_draws_exactly_one_warning() -> None:
    """The walkthrough's `"CreateTime": 1234` is answered with one warning."""
    assert ("job create time is ignored when submitting a job",) == sanitise(job(create_time_ns=1234))[1]


@pytest.mark.parametrize(("job_type", "kept"), [("service", "mine"), ("daemon", "mine"), ("ops", ""), ("batch", "")])
def test_only_long_running_jobs_keep_an_own_id(job_type: str, kept: str) -> None:
    """Batch and ops jobs get an id of the server."""
    assert kept == sanitise(job(type=job_type, id="mine"))[0].id


@pytest.mark.parametrize(
    ("raw", "warnings"),
    [
        (job(), []),
        (job(tasks=(main_task(timeouts=Timeouts(1, 8, 9), network=Network(NetworkType.HTTP, ("a.com",))),)), []),
        (job(type="ops", count=4), []),
        (
            job(tasks=(main_task(network=Network(NetworkType.FULL, ("a.com",))),)),
            ["network domains have no effect with network type Full"],
        ),
        (
            job(tasks=(main_task(engine=SpecConfig("Wasm"), network=Network(NetworkType.FULL)),)),
            ["network type Full has no effect with engine wasm, which has no network"],
        ),
        (job(tasks=(main_task(engine=SpecConfig("docker"), network=Network(NetworkType.FULL)),)), []),
        (
            job(type="ops", tasks=(main_task(timeouts=Timeouts(queue_s=5)),)),
            ["queue timeout has no effect on a job of type ops"],
        ),
        (
            job(type="service", tasks=(main_task(timeouts=Timeouts(5, 6, 7)),)),
            [
                "execution timeout is not enforced on a job of type service",
                "total timeout is not enforced on a job of type service",
            ],
        ),
    ],
)
def test_known_fields_without_effect_are_named(raw: Job, warnings: list[str]) -> None:
    """Who sets a field that does nothing here is told so (D16)."""
    assert warnings == no_effect_warnings(raw)
