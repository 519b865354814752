"""Cassettes for virtual time: what a docker run comes to, asked and answered at one instant.

Recording really runs the container, and virtual time stands still meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final

import attrs
import trio

from devstack.adapters.cassette.cassette import Recorded
from devstack.adapters.cassette.executor import RecordingExecutor
from devstack.adapters.cassette.library import CassetteLibrary
from devstack.adapters.cassette.recipe import recipe_of
from devstack.behaviour import Behaviour
from devstack.errors import AdapterError
from devstack.models.job import LONG_RUNNING, Task
from devstack.models.resources import Resources
from devstack.runtime.ports import Output, RunRequest

__all__ = ["Deck"]

# How long a recording waits for a program that is meant to run on, or that has no timeout of its own.
LONG_RUNNING_LIMIT_S: Final = 5
LIMIT_S: Final = 600


@attrs.frozen
class Deck:
    """Plays cassettes, and with `records` makes those that are missing.

    A cassette that is there is played also when recording, so that a run is the same before and after.
    """

    library: CassetteLibrary
    behaviour: Behaviour
    records: bool = False

    def refusal(self, task: Task, resources: Resources) -> str:
        """What an engine says of the task when it bids; replay has nothing to say. Raises AdapterError."""
        if not self.records:
            return ""

        async def ask(docker: Any) -> str:
            return str(await docker.assess(task, resources))

        return str(self._with_engine(ask))

    def check(self, request: RunRequest) -> None:
        """Refuse what is not recorded. Raises MissingCassetteError."""
        self.library.get(recipe_of(request))

    def outcome(self, request: RunRequest, output: Output) -> Recorded:
        """What the run comes to.

        Raises:
            MissingCassetteError: nobody has recorded it.
            AdapterError: it cannot be recorded.
        """
        recipe = recipe_of(request)
        if self.records and self.library.find(recipe) is None:
            self._record(request, output)
        return self.library.get(recipe)

    def _record(self, request: RunRequest, output: Output) -> None:
        async def run(docker: Any) -> None:
            with trio.move_on_after(_limit_s(request)):
                await RecordingExecutor(docker, self.library, docker.image_id).run(request, output)

        self._with_engine(run)

    def _with_engine(self, use: Callable[[Any], Awaitable[Any]]) -> Any:
        from devstack.adapters.docker import DockerExecutor, this_stack_id

        async def main() -> Any:
            docker = DockerExecutor(this_stack_id(), self.behaviour)
            try:
                reason = await docker.unavailable_reason()
                if reason:
                    raise AdapterError(f"cannot record: {reason}", "start Docker, or replay what is recorded")
                return await use(docker)
            finally:
                await docker.close()

        return _in_a_loop_of_its_own(main)


def _limit_s(request: RunRequest) -> int:
    """How long to wait for the program's end."""
    timeout_s = request.task.timeouts.execution_s or LIMIT_S
    return min(timeout_s, LONG_RUNNING_LIMIT_S) if request.job.type in LONG_RUNNING else timeout_s


def _in_a_loop_of_its_own(main: Callable[[], Awaitable[Any]]) -> Any:
    """Run it in another thread: this one may be in the middle of a trio run in virtual time."""
    answers: list[Any] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(trio.run(main))
        except BaseException as exc:
            errors.append(exc)

    thread = threading.Thread(target=work, name="recording")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return answers[0]
