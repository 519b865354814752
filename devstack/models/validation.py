"""The rules that a job must keep, and the words for each that it breaks.

Two levels, as in Bacalhau: `validate_submission` is what the API checks at its door; `validate` is the full check
when a job is stored. Both tell all mistakes at once, a line each. Source: orchestrator reference 1.2 to 1.8.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Final

from devstack.errors import InvalidJobError, LateInvalidJobError
from devstack.models import resources
from devstack.models.gotext import SECOND_NS, duration_text
from devstack.models.job import (
    Constraint,
    InputSource,
    Job,
    JobType,
    Network,
    ResourcesConfig,
    ResultPath,
    SpecConfig,
    Task,
    Timeouts,
)
from devstack.models.selectors import requirement

__all__ = ["validate", "validate_network", "validate_submission"]

_DOMAIN: Final = re.compile(r"\b([a-z0-9]+(-[a-z0-9]+)*\.)+[a-z]{2,}\b")
_NO_RESOURCES: Final = ResourcesConfig()


def validate_submission(job: Job | None, accept_bad_requirements: bool = False) -> None:
    """The checks at the door, of a normalised job.

    Args:
        accept_bad_requirements: leave the syntax of constraints to the scheduler (`bad-requirement-accepted`).

    Raises:
        InvalidJobError: all broken rules, joined by line ends.
        LateInvalidJobError: a task is null; Bacalhau stumbles over it.
    """
    if job is None:
        raise InvalidJobError("empty/nil job")
    if None in job.tasks:
        raise LateInvalidJobError(f"task {job.tasks.index(None) + 1} is null: give each task a Name and an Engine")
    if problems := _submission_problems(job, accept_bad_requirements):
        raise InvalidJobError("\n".join(problems))


def validate(job: Job, accept_bad_requirements: bool = False) -> None:
    """The full check, of a job that is complete with id, name and defaults.

    Raises:
        LateInvalidJobError: all broken rules, joined by line ends. What the door checks of a task is told twice,
            for the full check of a task repeats it.
    """
    if None in job.tasks:
        validate_submission(job)
    problems = [*_identity_problems(job), *_submission_problems(job, accept_bad_requirements)]
    problems += _of_tasks(job, lambda task: [*_task_problems(task), *_late_task_problems(task)])
    if not problems and "" in job.labels:
        problems.append("bucket name required: a label needs a key")
    if problems:
        raise LateInvalidJobError("\n".join(problems))


def validate_network(network: Network) -> None:
    """The check that clients make before they send a job: each domain is a name or an address.

    Raises:
        InvalidJobError: the first domain that is neither.
    """
    for domain in network.domains:
        if not (_DOMAIN.search(domain) or _is_address(domain)):
            raise InvalidJobError(f'invalid domain "{domain}"')


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# ---- of a job ------------------------------------------------------------------------------------------------


def _identity_problems(job: Job) -> list[str]:
    problems = []
    if not job.id:
        problems.append("missing job ID")
    if job.id and job.id.split() != [job.id]:
        problems.append("job ID contains a space")
    if "\0" in job.id:
        problems.append("job ID contains a null character")
    if not job.name:
        problems.append("missing job name")
    if "\0" in job.name:
        problems.append("job Name contains a null character")
    if not job.namespace:
        problems.append("job must be in a namespace")
    return problems


def _submission_problems(job: Job, accept_bad_requirements: bool) -> list[str]:
    problems = []
    if not job.type:
        problems.append("missing job type")
    elif job.type not in JobType.ALL:
        problems.append(f'invalid job type: "{job.type}"')
    if job.wanted < 0:
        problems.append("job count must be >= 0")
    if not job.tasks:
        problems.append("missing job tasks")
    for number, constraint in enumerate(job.constraints, 1):
        if found := _constraint_problems(constraint, accept_bad_requirements):
            problems.append(f"constraint {number} validation failed: " + "\n".join(found))
    return problems + _of_tasks(job, _task_problems)


def _constraint_problems(constraint: Constraint, accept_bad_requirements: bool) -> list[str]:
    problems = [] if constraint.key else ["selector key cannot be blank"]
    if constraint.operator in ("in", "notin"):
        if not constraint.values:
            problems.append("selector values cannot be empty for In or NotIn operators")
    elif constraint.operator in ("exists", "!"):
        if constraint.values:
            problems.append("selector values must be empty for Exists or DoesNotExist operators")
    elif len(constraint.values) != 1:
        problems.append("selector values must have exactly one value for other operators")
    if not problems and not accept_bad_requirements:
        try:
            requirement(constraint)
        except InvalidJobError as exc:
            problems.append(exc.message)
    return problems


# ---- of its tasks --------------------------------------------------------------------------------------------


def _of_tasks(job: Job, problems_of: Callable[[Task], list[str]]) -> list[str]:
    return [
        f"task {task.name} validation failed: " + "\n".join(found)
        for task in job.tasks
        if task is not None and (found := problems_of(task))
    ]


def _task_problems(task: Task) -> list[str]:
    problems = [] if task.name else ["missing task name"]
    if "\0" in task.name:
        problems.append("task name contains null character")
    if found := _spec_problem(task.engine):
        problems.append(f"engine validation failed: {found}")
    if task.publisher is None:
        problems.append("publisher validation failed: nil spec config")
    if task.input_sources or task.result_paths:
        problems += _path_problems(task)
    return problems


def _path_problems(task: Task) -> list[str]:
    problems = []
    if found := _first(_input_problem(entry) for entry in task.input_sources):
        problems.append(f"artifact validation failed: {found}")
    if found := _first(_result_problem(entry) for entry in task.result_paths):
        problems.append(f"output validation failed: {found}")
    if task.result_paths and (task.publisher is None or task.publisher.is_empty):
        problems.append("publisher must be set if result paths are set")
    aliases = [entry.alias for entry in task.input_sources if entry.alias]
    repeated = [alias for at, alias in enumerate(aliases) if alias in aliases[:at]]
    return problems + [f"input source with alias {alias} already exist" for alias in repeated]


def _first(texts: Iterable[str]) -> str:
    return next((text for text in texts if text), "")


def _spec_problem(spec: SpecConfig | None) -> str:
    if spec is None:
        return "nil spec config"
    return "" if spec.type else "missing spec type"


def _input_problem(entry: InputSource) -> str:
    source = _spec_problem(entry.source)
    problems = [f"invalid artifact source: {source}"] if source else []
    if not entry.target:
        problems.append("missing artifact target")
    return "\n".join(problems)


def _result_problem(entry: ResultPath) -> str:
    problems = [] if entry.path else ["path is blank"]
    if not entry.name:
        problems.append("resultpath name is blank")
    return "\n".join(problems)


def _late_task_problems(task: Task) -> list[str]:
    problems = []
    if task.resources != _NO_RESOURCES:
        try:
            resources.parse(task.resources)
        except InvalidJobError as exc:
            problems.append(f"task resources validation failed: {exc.message}")
    if found := _timeout_problems(task.timeouts):
        problems.append("task timeouts validation failed: " + "\n".join(found))
    return problems


def _timeout_problems(timeouts: Timeouts) -> list[str]:
    execution_s, queue_s, total_s = timeouts.execution_s, timeouts.queue_s, timeouts.total_s
    problems = []
    if execution_s < 0:
        # Bacalhau prints the timeout that would be in force, which helps nobody; clients look at the words alone.
        problems.append(f"invalid execution timeout value: {_duration(execution_s)}")
    if queue_s < 0:
        problems.append(f"invalid queue timeout value: {_duration(queue_s)}")
    if total_s < 0:
        problems.append(f"invalid total timeout value: {_duration(total_s)}")
    if 0 < total_s < execution_s + queue_s:
        problems.append(
            f"execution timeout {_duration(execution_s)} and queue timeout {_duration(queue_s)} "
            f"should be less than total timeout {_duration(total_s)}"
        )
    return problems


def _duration(seconds: int) -> str:
    return duration_text(seconds * SECOND_NS)
