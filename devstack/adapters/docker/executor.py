"""The Docker engine as an executor: the trio side, which waits for threads and never for the engine itself."""

from __future__ import annotations

import itertools
import math
from typing import Final

import trio

from devstack.adapters.docker.container import (
    INSTANCE_LABEL,
    STACK_LABEL,
    container_name,
    make_result_dirs,
    settings,
)
from devstack.adapters.docker.engine import Engine, EngineError
from devstack.adapters.docker.gateway import Gateway, Visa
from devstack.adapters.docker.images import Images
from devstack.adapters.docker.launch import GRACE_S, Launch, Remover
from devstack.adapters.docker.leftovers import remove_labelled
from devstack.adapters.docker.spec import DockerSpec, check_even_environment, decode
from devstack.behaviour import Behaviour
from devstack.errors import AdapterError
from devstack.models.execution import RunCommandResult
from devstack.models.job import NetworkType, Task
from devstack.models.resources import Resources
from devstack.runtime.ports import Output, RunRequest

__all__ = ["DockerExecutor"]

_CLEANUP_BUDGET_S: Final = 10
# Numbers that keep names apart within this process; nothing that decides or is traced sees them.
_INSTANCES: Final = itertools.count(1)
_RUNS: Final = itertools.count(1)


class DockerExecutor:
    """Runs docker tasks for all nodes of one stack.

    Args:
        stack_id: From `this_stack_id`; what is left of a stack is found by it.
    """

    key: Final = "docker"

    def __init__(self, stack_id: str, behaviour: Behaviour) -> None:
        self._instance = f"{stack_id}-{next(_INSTANCES)}"
        self._even_environment = behaviour.on("docker-environment-even-count")
        self._task_env = not behaviour.on("task-env-ignored")
        self._engine = Engine()
        self._images = Images(self._engine)
        self._remover = Remover(self._engine)
        found_by = {STACK_LABEL: stack_id, INSTANCE_LABEL: self._instance}
        self._gateway = Gateway(self._engine, f"devstack-{self._instance}", found_by)
        # Each running container holds a thread that only reads; trio's own limit of 40 would make the rest wait.
        self._limiter = trio.CapacityLimiter(math.inf)
        self._grace_s = GRACE_S
        self._ended_count = 0

    def hurry(self) -> None:
        """From now on kill programs that are to end, without the second that they have to take their leave."""
        self._grace_s = 0

    @property
    def ended_count(self) -> int:
        """How many runs have been cancelled and cleared up."""
        return self._ended_count

    async def unavailable_reason(self) -> str:
        try:
            await trio.to_thread.run_sync(self._engine.version, abandon_on_cancel=True)
        except EngineError as exc:
            return f"no Docker engine answers: {exc.message}"
        return ""

    async def engine_version(self) -> str:
        """The engine in two words, such as `docker 20.10`.

        Raises:
            AdapterError: no engine answers.
        """
        version = await trio.to_thread.run_sync(self._engine.version, abandon_on_cancel=True)
        return "docker " + ".".join(version["Version"].split(".")[:2])

    async def assess(self, task: Task, resources: Resources) -> str:
        image = self._decode(task).image
        return await trio.to_thread.run_sync(self._images.refusal, image, abandon_on_cancel=True)

    async def image_id(self, image: str) -> str:
        """Which image the reference means now.

        Raises:
            AdapterError: it is not here, or no engine answers.
        """
        return await trio.to_thread.run_sync(self._engine.image_id, image, abandon_on_cancel=True)

    async def run(self, request: RunRequest, output: Output) -> RunCommandResult:
        launch = self._launch(request)
        try:
            ended = await trio.to_thread.run_sync(launch.run, output, abandon_on_cancel=True, limiter=self._limiter)
        except trio.Cancelled:
            # The thread was left alone, not lost: `end` comes back when it is done, unless the engine hangs.
            with trio.move_on_after(_CLEANUP_BUDGET_S, shield=True):
                await trio.to_thread.run_sync(launch.end, self._grace_s, abandon_on_cancel=True, limiter=self._limiter)
                self._ended_count += 1
            raise
        return output.result(ended.exit_code, ended.error_msg)

    async def close(self) -> None:
        """Remove everything that this executor made; it may be used again afterwards."""
        if self._engine.is_connected:
            with trio.move_on_after(_CLEANUP_BUDGET_S, shield=True):
                await trio.to_thread.run_sync(self._remove_all, abandon_on_cancel=True)

    def _decode(self, task: Task) -> DockerSpec:
        spec = decode(task.engine)
        if self._even_environment:
            check_even_environment(spec)
        return spec

    def _launch(self, request: RunRequest) -> Launch:
        try:
            body = settings(request, self._decode(request.task), self._instance, task_env=self._task_env)
            make_result_dirs(request)
        except AdapterError as exc:
            raise AdapterError(f"failed to create docker job container: {exc.message}", exc.hint) from exc
        name = container_name(request, next(_RUNS))
        network, way_out = request.task.network, None
        if network.type is NetworkType.HTTP:
            way_out = self._gateway, Visa(request.job.id, frozenset(network.domains))
        return Launch(self._engine, self._images, self._remover, body, name, way_out)

    def _remove_all(self) -> None:
        self._remover.join()
        self._gateway.close()
        try:
            remove_labelled(self._engine, f"{INSTANCE_LABEL}={self._instance}")
        except EngineError:
            return  # no engine, no containers
        finally:
            self._engine.close()
