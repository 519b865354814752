"""A live stack behind a notebook, for what talks HTTP: real time, real engines, Bacalhau's API on a free port."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

from devstack.cluster import SIMULATED_CAPACITY
from devstack.errors import UsageError
from devstack.live import StackOptions
from devstack.notebook.settings import Settings, behaviour_of
from devstack.scenario.settings import check_shapes, read_requester, read_shape, shaped
from devstack.threaded import Bacalhau, StackThread

__all__ = ["Stack", "up"]


def up(
    nodes: int = 3,
    seed: int = 0,
    *,
    shapes: Mapping[str, Mapping[str, Any]] | None = None,
    behaviour: str = "",
    docker: str = "live",
    cassettes: str = "cassettes",
    **requester: Any,
) -> Stack:
    """Start a stack in this process; it ends with `close()`, a `with` block, or the notebook's kernel.

    Args:
        docker: `live` runs containers, `record` keeps them as cassettes too, `replay` plays these without an engine,
            `off` has none.
    The others are those of `simulate`; the nodes have the same size.

    Raises:
        DevstackError: one of them cannot be as it is.
    """
    if docker not in _DOCKER:
        raise UsageError(f"docker={docker!r} is none of {', '.join(_DOCKER)}")
    settings = Settings(nodes, seed, dict(shapes or {}), None, behaviour, docker, cassettes, requester)
    check_shapes(settings.shapes, nodes)
    shaping = {node: read_shape(words) for node, words in settings.shapes.items()}
    options = StackOptions(
        nodes=nodes,
        port=0,
        seed=seed,
        behaviour=behaviour_of(settings),
        capacity=SIMULATED_CAPACITY,
        docker=docker != "off",
        docker_mode="live" if docker == "off" else docker,
        cassettes=Path(cassettes),
        reshape=partial(shaped, shapes=shaping) if shaping else None,
        requester_settings=read_requester(requester),
    )
    thread = StackThread(options)
    return Stack(thread.wait_ready(), nodes, thread.end)


_DOCKER = ("live", "record", "replay", "off")


class Stack:
    """A running stack: `url` for any HTTP client, `environment` for Bacalhau's own."""

    def __init__(self, at: Bacalhau, nodes: int, end: Callable[[], None]) -> None:
        self.url, self.environment = at.url, at.environment
        self._nodes = nodes
        self._end = weakref.finalize(self, end)  # Also when it is forgotten, or the kernel ends.

    @property
    def is_up(self) -> bool:
        """Whether it has not been closed."""
        return self._end.alive

    def close(self) -> None:
        """End it, with its containers and files; a second time nothing happens."""
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if not self.is_up:
            return "<stack: closed>"
        return f"<stack: 1 requester, {self._nodes} compute nodes>"
