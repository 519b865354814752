"""The flags of `docker run` and `wasm run` that describe the job, and the job they describe. Source: reference 4."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import attrs
import click
from click.core import ParameterSource

from devstack.cli import selectors, sources
from devstack.cli.flags import BOOL, comma_list, option, switch
from devstack.cli.options import chain
from devstack.errors import DevstackError, InvalidJobError, UsageError

__all__ = ["JobFlags", "download_flags", "job_flags", "job_of", "labels_of", "variable", "within"]

Spec = dict[str, Any]
Function = Callable[..., Any]


@attrs.frozen
class JobFlags:
    """What was asked for, as text."""

    name: str
    namespace: str
    priority: int
    labels: tuple[str, ...]
    count: int
    target: str
    constraints: str
    task_name: str
    input: tuple[str, ...]
    output: tuple[str, ...]
    publisher: str | None
    cpu: str
    memory: str
    disk: str
    gpu: str
    network: str
    domain: tuple[str, ...]
    timeout: int
    queue_timeout: int


def job_flags(function: Function) -> Function:
    """`--name` to `--queue-timeout`: handed on as `flags`."""
    names = [field.name for field in attrs.fields(JobFlags)]

    @wraps(function)
    def call(*args: Any, concurrency: int | None, selector: str | None, **values: Any) -> Any:
        values["count"] = _one_of("count", values["count"], "concurrency", concurrency)
        values["constraints"] = _one_of("constraints", values["constraints"], "selector", selector)
        flags = JobFlags(**{name: values.pop(name) for name in names})
        return function(*args, flags=flags, **values)

    return chain(*_JOB_OPTIONS, *_TASK_OPTIONS, *_REMOVED)(call)


def _one_of(name: str, value: Any, old_name: str, old_value: Any) -> Any:
    if old_value is None:
        return value
    ctx = click.get_current_context()
    if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
        raise click.UsageError(f"--{name} and --{old_name} mean the same: give one of them", ctx)
    return old_value


_JOB_OPTIONS = (
    option("--name", default="", help="Name of the job."),
    option("--namespace", default="default", help="Namespace of the job."),
    option("--priority", type=int, default=0, help="Jobs of higher priority come first."),
    option("-l", "--labels", multiple=True, callback=comma_list, metavar="K=V", help="Labels of the job."),
    option("--count", type=int, default=1, help="How many executions must complete."),
    option("--concurrency", type=int, hidden=True, notice="has been deprecated, use --count"),
    option("--target", default="any", metavar="any|all", help="Run on any nodes, or on all that match."),
    option("-c", "--constraints", default="", metavar="SELECTOR", help="Run only on nodes with such labels."),
    option("-s", "--selector", hidden=True, notice="has been deprecated, use --constraints"),
)

_TASK_OPTIONS = (
    option("--task-name", default="main", help="Name of the task."),
    option(
        "-i", "--input", multiple=True, metavar="URI[:TARGET]", help="Input: s3://, http(s)://, ipfs:// or file://."
    ),
    option("-o", "--output", multiple=True, metavar="NAME:PATH", help="Folder of results; needs a publisher."),
    option("-p", "--publisher", metavar="URI", help="Where results go: local, ipfs, s3://BUCKET/KEY."),
    option("--cpu", default="", help="CPU cores (2, 0.5, 500m)."),
    option("--memory", default="", help="Memory (512mb, 2GiB)."),
    option("--disk", default="", help="Disk space (10gb)."),
    option("--gpu", default="", help="GPUs (1)."),
    option("--network", default="None", metavar="None|HTTP|Full", help="How the task may use the network."),
    option("--domain", multiple=True, help="Domain that --network HTTP may reach."),
    option("--timeout", type=int, default=0, metavar="SECONDS", help="How long one execution may take."),
    option("--queue-timeout", type=int, default=0, metavar="SECONDS", help="How long the job may wait for a node."),
)

_GONE = "has no effect any more"
_REMOVED = (
    option("--ipfs-connect", default="", hidden=True, expose_value=False),
    option("-g", "--gettimeout", hidden=True, expose_value=False, notice=_GONE),
    option("--ipfs-serve-path", hidden=True, expose_value=False, notice=_GONE),
    option("--ipfs-swarm-addrs", hidden=True, expose_value=False, notice=_GONE),
    option("--ipfs-swarm-key", hidden=True, expose_value=False, notice=_GONE),
    option("--private-internal-ipfs", type=BOOL, hidden=True, expose_value=False, notice=_GONE),
)


def download_flags(function: Function) -> Function:
    """`--download`, `--output-dir`, `--raw` of the run commands: gone from Bacalhau, still documented."""
    decorated = switch("--download", hidden=True)(function)
    decorated = option("--output-dir", default="", hidden=True)(decorated)
    return switch("--raw", hidden=True)(decorated)


def job_of(flags: JobFlags, engine: Spec) -> Spec:
    """The job that the flags ask for, not normalised yet.

    Raises:
        UsageError: a flag's value that no job can hold.
    """
    _check_numbers(flags)
    return {
        "Name": flags.name,
        "Namespace": flags.namespace,
        "Type": _job_type(flags.target),
        "Priority": flags.priority,
        "Count": flags.count,
        "Constraints": [
            needed.as_constraint() for needed in within("--constraints", selectors.parse_selector, flags.constraints)
        ],
        "Labels": labels_of(flags.labels),
        "Tasks": [_task(flags, engine)],
    }


def _task(flags: JobFlags, engine: Spec) -> Spec:
    publisher = (
        {"Type": ""} if flags.publisher is None else within("--publisher", sources.parse_publisher, flags.publisher)
    )
    return {
        "Name": flags.task_name,
        "Engine": engine,
        "Publisher": publisher,
        "InputSources": [within("--input", sources.parse_input, text) for text in flags.input],
        "ResultPaths": [within("--output", sources.parse_output, text) for text in flags.output],
        "Resources": {"CPU": flags.cpu, "Memory": flags.memory, "Disk": flags.disk, "GPU": flags.gpu},
        "Network": {"Type": flags.network, "Domains": list(flags.domain)},
        "Timeouts": {"ExecutionTimeout": flags.timeout, "QueueTimeout": flags.queue_timeout},
    }


def within(flag: str, read: Callable[[str], Any], text: str) -> Any:
    """What `read` makes of a flag's value; its error names the flag."""
    try:
        return read(text)
    except UsageError as exc:
        raise UsageError(f"{flag}: {exc.message}") from None


def _job_type(target: str) -> str:
    if target not in ("any", "all"):
        raise UsageError(f'--target: expecting "any" or "all", not "{target}"')
    return "batch" if target == "any" else "ops"


def labels_of(texts: Sequence[str]) -> dict[str, str]:
    """The labels of `--labels K=V,K`.

    Raises:
        UsageError: a key or a value that is no label's.
    """
    labels = {}
    for text in texts:
        key, _, value = text.partition("=")
        selectors.check_label(key.strip(), value.strip())
        labels[key.strip()] = value.strip()
    return labels


def variable(what: str, text: str) -> tuple[str, str]:
    """Name and value of an environment variable, split at the first equals sign."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"{what}: expected 'key=value', got '{text}' (write NAME=VALUE)")
    return name, value


def _check_numbers(flags: JobFlags) -> None:
    """The server would find these too, but a job from flags can be refused before it is sent."""
    from devstack.models.job import ResourcesConfig
    from devstack.models.resources import normalise, parse

    try:
        parse(normalise(ResourcesConfig(flags.cpu, flags.memory, flags.disk, flags.gpu)))
    except DevstackError as exc:
        raise InvalidJobError(exc.message) from None
    for name in ("timeout", "queue_timeout"):
        if getattr(flags, name) < 0:
            raise UsageError(f"--{name.replace('_', '-')} is in seconds, zero or more")
