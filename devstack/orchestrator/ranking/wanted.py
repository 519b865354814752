"""What a job asks of a node. Jobs that ask the same share one ranking."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from devstack.models.job import Constraint, Job, ResourcesConfig
from devstack.models.resources import NO_RESOURCES, Resources, parse
from devstack.models.sources import source_keys

__all__ = ["Wanted", "wanted_by"]

_NOTHING: Final = ResourcesConfig()


class Wanted(NamedTuple):
    """Provider keys are in lower case; an empty engine or publisher asks for nothing."""

    engine: str = ""
    publisher: str = ""
    sources: tuple[str, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    resources: Resources = NO_RESOURCES


def wanted_by(job: Job) -> Wanted:
    """What the job's task asks of a node.

    Raises:
        InvalidJobError: its resources cannot be read.
    """
    task = job.task
    return Wanted(
        "" if task.engine is None else task.engine.key,
        "" if task.publisher is None else task.publisher.key,
        source_keys(task),
        job.constraints,
        NO_RESOURCES if task.resources == _NOTHING else _resources(task.resources),
    )


@lru_cache(maxsize=1024)
def _resources(config: ResourcesConfig) -> Resources:
    return parse(config)
