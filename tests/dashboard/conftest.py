"""A stack with simulated nodes at the pace of a clock of our own, behind its API, and readers of its stream."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import trio
from trio.testing import MockClock

from devstack.backend import StackBackend
from devstack.cluster import Cluster, node_labels, simulated_nodes
from devstack.faults.engine import FaultEngine
from devstack.http_api.app import create_app
from devstack.models.job import Job
from devstack.orchestrator.config import RequesterConfig
from devstack.runtime.logs import LogBook
from devstack.runtime.pace import RealTimePace
from devstack.runtime.simulated import SimulatedShell
from devstack.scenario.builders import batch, noop

SECOND_NS = 1_000_000_000


def clock_ns() -> int:
    return round(trio.current_time() * SECOND_NS)


class Desk:
    """A stack in this process: its cluster, backend, application and a client."""

    def __init__(self, nodes: int = 3) -> None:
        self.cluster = Cluster(
            simulated_nodes(nodes),
            lambda made: SimulatedShell(made.kernel),
            requester=RequesterConfig(labels=node_labels("node-0")),
        )
        self.cluster.start()
        self.pace = RealTimePace(self.cluster, 1, clock_ns)
        self.backend = StackBackend(self.pace, LogBook(), FaultEngine(self.cluster))
        self.app = create_app(self.backend)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://127.0.0.1:1234")

    def submit(self, job: Job | None = None) -> str:
        return self.backend.submit(job or batch(noop("5s")))[0]

    @asynccontextmanager
    async def reading(self, last_event_id: str = "") -> AsyncIterator[Reader]:
        async with trio.open_nursery() as nursery:
            reader = Reader(self.app, last_event_id)
            nursery.start_soon(reader.run)
            yield reader
            reader.gone.set()


class Reader:
    """A browser's side of the stream; it takes a batch only when it is asked for one."""

    def __init__(self, app: Any, last_event_id: str) -> None:
        headers = [(b"last-event-id", last_event_id.encode())] if last_event_id else []
        self._scope = {
            "type": "http", "method": "GET", "path": "/api/v1/devstack/events", "headers": headers, "query_string": b"",
            "raw_path": b"", "root_path": "", "scheme": "http", "http_version": "1.1",
        }  # fmt: skip
        self._app = app
        self._sent, self._received = trio.open_memory_channel[dict[str, Any]](0)
        self.gone = trio.Event()
        self.has_ended = False
        self.status = 0
        self.last_event_id = ""

    async def run(self) -> None:
        await self._app(self._scope, self._receive, self._sent.send)
        self.has_ended = True

    async def _receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def batch(self) -> dict[str, Any]:
        """The next batch."""
        while True:
            message = await self._received.receive()
            if message["type"] == "http.response.start":
                self.status = message["status"]
            elif b"data: " in message["body"]:
                head, _, data = message["body"].decode().partition("\ndata: ")
                self.last_event_id = head.removeprefix("id: ")
                batch: dict[str, Any] = json.loads(data)
                return batch


@pytest.fixture
async def desk(autojump_clock: MockClock, nursery: trio.Nursery) -> Desk:
    desk = Desk()
    nursery.start_soon(desk.pace.run)
    await trio.sleep(1)
    return desk
