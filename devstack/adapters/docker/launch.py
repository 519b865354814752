"""One container from its making to its end.

`Launch.run` blocks in a worker thread. It makes the container, attaches, starts, reads the output to its end, and only
then waits: the end of the output is the end of the program, so one thread and five round trips are enough and nothing
polls. `Launch.end` comes from another thread when the execution is cancelled. The lock makes the two meet at a point
where the container either runs already or will never start.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import attrs

from devstack.adapters.docker.engine import Attachment, Engine, EngineError, NotThereError
from devstack.adapters.docker.gateway import Gateway, Visa
from devstack.adapters.docker.images import Images
from devstack.errors import AdapterError
from devstack.runtime.ports import Output

__all__ = ["GRACE_S", "OUT_OF_MEMORY", "Ended", "Launch", "Remover"]

GRACE_S: Final = 1
OUT_OF_MEMORY: Final = (
    "memory limit exceeded. Please refer to https://docs.bacalhau.org/getting-started/resources/#docker-executor"
    " for more information"
)
_CREATE: Final = "failed to create docker job container: "
_WAIT: Final = "received error response from docker client while waiting on container: "
_NO_EXIT_CODE: Final = -1


@attrs.frozen
class Ended:
    """How a container ended; `error_msg` non-empty: it never ran, was ended by its limits, or was lost."""

    exit_code: int
    error_msg: str = ""


class Remover:
    """Removes containers behind the back of whoever waits for results; its thread lives while there is work."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._waiting: deque[str] = deque()
        self._thread: threading.Thread | None = None

    def remove_soon(self, container_id: str) -> None:
        with self._lock:
            self._waiting.append(container_id)
            if self._thread is None:
                # No daemon thread: the interpreter then waits for it, and no container outlives a normal end.
                self._thread = threading.Thread(target=self._work, name="docker-remover")
                self._thread.start()

    def join(self) -> None:
        """Block until everything that was handed over is removed."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while (container_id := self._next()) is not None:
            with suppress(EngineError):  # DockerExecutor.close and the leftovers routine try again
                self._engine.remove(container_id)

    def _next(self) -> str | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._thread = None
            return None


class Launch:
    """One run of one container."""

    def __init__(
        self,
        engine: Engine,
        images: Images,
        remover: Remover,
        body: Mapping[str, Any],
        name: str,
        way_out: tuple[Gateway, Visa] | None = None,
    ) -> None:
        self._engine = engine
        self._way_out = way_out
        self._images = images
        self._remover = remover
        self._body = body
        self._name = name
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._is_begun = False
        self._is_ended = False
        self._container_id = ""

    def run(self, output: Output) -> Ended:
        """Run the program to its end.

        Raises:
            AdapterError: the container could not be made.
        """
        with self._lock:
            if self._is_ended:
                return Ended(_NO_EXIT_CODE)
            self._is_begun = True
        try:
            self._create()
            return self._start_and_wait(output)
        finally:
            self._hand_over()
            self._over.set()

    def end(self, grace_s: int = GRACE_S) -> None:
        """Stop the program, after some grace if there is any, remove its container, and see `run` return."""
        with self._lock:
            self._is_ended = True
            container_id = self._container_id
        if container_id:
            if grace_s:
                with suppress(EngineError):
                    self._engine.stop(container_id, grace_s)
            with suppress(EngineError):
                self._engine.remove(container_id)
        if self._is_begun:
            self._over.wait()

    def _create(self) -> None:
        try:
            if self._way_out is not None:
                self._body = self._way_out[0].settings(self._body)
            try:
                self._create_once()
            except NotThereError:
                if os.environ.get("SKIP_IMAGE_PULL"):
                    raise
                self._images.pull(self._body["Image"], lambda: self._is_ended)
                self._create_once()
        except EngineError as exc:
            raise AdapterError(f"{_CREATE}creating container: {exc.message}") from exc
        except AdapterError as exc:
            raise AdapterError(f"{_CREATE}{exc.message}", exc.hint) from exc

    def _create_once(self) -> None:
        with self._lock:
            if not self._is_ended:
                self._container_id = self._engine.create(self._body, self._name)
                if self._way_out is not None:
                    gateway, visa = self._way_out
                    gateway.admit(self._container_id, visa)

    def _start_and_wait(self, output: Output) -> Ended:
        attachment: Attachment | None = None
        try:
            with self._lock:
                if self._is_ended:
                    return Ended(_NO_EXIT_CODE)
                attachment = self._engine.attach(self._container_id)
                self._engine.start(self._container_id)
            for stream, data in attachment.frames():
                output.write(stream, data)
        except EngineError as exc:
            return Ended(_NO_EXIT_CODE, _start_failure(exc.message))
        finally:
            if attachment is not None:
                attachment.close()
        return self._wait()

    def _wait(self) -> Ended:
        try:
            exit_code = self._engine.wait(self._container_id)
            out_of_memory = self._engine.was_out_of_memory(self._container_id)
        except EngineError as exc:
            return Ended(_NO_EXIT_CODE, _WAIT + exc.message)
        return Ended(exit_code, OUT_OF_MEMORY if out_of_memory else "")

    def _hand_over(self) -> None:
        with self._lock:
            if self._container_id and not self._is_ended:
                self._remover.remove_soon(self._container_id)
        if self._way_out is not None:
            self._way_out[0].forget(self._container_id)


def _start_failure(daemon_text: str) -> str:
    what = "executable file not found" if "executable file not found" in daemon_text else "failed to start container"
    return f"failed to start container: {what}: {daemon_text}"
