"""What a submitted job becomes before anybody looks at it: one spelling, nothing missing, nothing that is not ours.

Both functions give back the very job they were given when there is nothing to change.
Source: orchestrator reference 1.2 to 1.7.
"""

from __future__ import annotations

from devstack.behaviour import DOCUMENTED, Behaviour
from devstack.models import resources
from devstack.models.job import (
    RESERVED_META_PREFIX,
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
)

__all__ = ["no_effect_warnings", "normalise", "sanitise"]

_DEFAULT_NAMESPACE = "default"
_NO_RESOURCES = ResourcesConfig()
_NO_PUBLISHER = SpecConfig()


def normalise(job: Job, behaviour: Behaviour = DOCUMENTED) -> Job:
    """The job with its blanks trimmed and its missing parts filled in; a second time changes nothing."""
    name = job.name or job.id
    namespace = job.namespace or _DEFAULT_NAMESPACE
    count = _count(job, behaviour)
    tasks = tuple([task and _task(task) for task in job.tasks])
    if name == job.name and namespace == job.namespace and count is job.count and _same(tasks, job.tasks):
        return job
    return Job(
        job.id, name, namespace, job.type, job.priority, count, job.constraints, job.meta, job.labels, tasks,
        job.state, job.version, job.revision, job.create_time_ns, job.modify_time_ns,
    )  # fmt: skip


def _count(job: Job, behaviour: Behaviour) -> int | None:
    if job.type in (JobType.OPS, JobType.DAEMON):
        return job.count or 1
    if job.count is None:
        return 0 if behaviour.on("count-zero-completes") else 1
    return job.count


def _same(new: tuple[object, ...], old: tuple[object, ...]) -> bool:
    return all(a is b for a, b in zip(new, old, strict=True))


def _task(task: Task) -> Task:
    engine = task.engine and _spec(task.engine)
    publisher = _NO_PUBLISHER if task.publisher is None else _spec(task.publisher)
    inputs = tuple([_input(source) for source in task.input_sources])
    results = tuple([_result(path) for path in task.result_paths])
    wanted = task.resources if task.resources == _NO_RESOURCES else resources.normalise(task.resources)
    network = _network(task.network)
    if (
        engine is task.engine
        and publisher is task.publisher
        and network is task.network
        and wanted == task.resources
        and _same(inputs, task.input_sources)
        and _same(results, task.result_paths)
    ):
        return task
    return Task(task.name, engine, publisher, task.env, task.meta, inputs, results, wanted, network, task.timeouts)


def _spec(spec: SpecConfig) -> SpecConfig:
    trimmed = spec.type.strip()
    return spec if trimmed == spec.type else SpecConfig(trimmed, spec.params)


def _input(entry: InputSource) -> InputSource:
    source = entry.source and _spec(entry.source)
    alias, target = entry.alias.strip(), entry.target.strip()
    if source is entry.source and alias == entry.alias and target == entry.target:
        return entry
    return InputSource(source, alias, target)


def _result(entry: ResultPath) -> ResultPath:
    name, path = entry.name.strip(), entry.path.strip()
    return entry if name == entry.name and path == entry.path else ResultPath(name, path)


def _network(network: Network) -> Network:
    domains = tuple([domain.lower().strip() for domain in network.domains])
    return network if domains == network.domains else Network(network.type, domains)


def sanitise(job: Job) -> tuple[Job, tuple[str, ...]]:
    """The job without what only the server may say, and a warning for each thing that was dropped."""
    warnings = [f"job {what} is ignored when submitting a job" for what in _server_fields(job)]
    job_id, tasks, meta = job.id, job.tasks, job.meta
    if job_id and not job.is_long_running:
        job_id = ""
        # Bacalhau says `batch` here for ops jobs too.
        warnings.append("job ID is ignored when submitting a batch job")
    if len(tasks) > 1:
        tasks = tasks[:1]
        warnings.append("only one task is supported per job")
    if reserved := [key for key in meta if key.startswith(RESERVED_META_PREFIX)]:
        meta = {key: value for key, value in meta.items() if key not in reserved}
        warnings += [f'job meta key "{key}" is reserved and will be ignored' for key in reserved]
    if not warnings:
        return job, ()
    cleaned = Job(
        job_id, job.name, job.namespace, job.type, job.priority, job.count, job.constraints, meta, job.labels, tasks
    )
    return cleaned, tuple(warnings)


def _server_fields(job: Job) -> list[str]:
    fields = [
        ("state", job.state is not JobState.UNDEFINED),
        ("revision", job.revision),
        ("version", job.version),
        ("create time", job.create_time_ns),
        ("modify time", job.modify_time_ns),
    ]
    return [what for what, is_set in fields if is_set]


def no_effect_warnings(job: Job) -> list[str]:
    """A warning for each known field that is given and yet does nothing in this job (switch `no-effect-warnings`).

    The list holds only what is certain: who gives such a field expects something that will not happen.
    Source: orchestrator reference 1.16, http_api reference D16.
    """
    task, warnings = job.task, []
    if task.network.domains and task.network.type is not NetworkType.HTTP:
        warnings.append(f"network domains have no effect with network type {task.network.type.value}")
    if task.network.type is not NetworkType.NONE and task.engine is not None and task.engine.key == "wasm":
        warnings.append(f"network type {task.network.type.value} has no effect with engine wasm, which has no network")
    if task.timeouts.queue_s > 0 and job.type in (JobType.OPS, JobType.DAEMON):
        warnings.append(f"queue timeout has no effect on a job of type {job.type}")
    if job.is_long_running:
        given = {"execution": task.timeouts.execution_s, "total": task.timeouts.total_s}
        warnings += [f"{what} timeout is not enforced on a job of type {job.type}" for what in given if given[what] > 0]
    return warnings
