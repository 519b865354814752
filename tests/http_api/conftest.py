"""A small cluster behind the API: the requester's real door, store and node table, with nothing that runs jobs."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from random import Random
from typing import Any

import attrs
import httpx
import pytest
import trio

from devstack.adapters.ipfs.cid import Cid
from devstack.behaviour import Behaviour, parse
from devstack.checkers import Violation
from devstack.errors import NotFoundError
from devstack.http_api.app import create_app
from devstack.http_api.serve import listen, serve
from devstack.models.event import Event, Topic
from devstack.models.execution import ComputeState, DesiredState, Execution, RunCommandResult
from devstack.models.job import Job, JobState, SpecConfig
from devstack.models.node import V1_4_0, ComputeNodeInfo, Connection, NodeInfo, NodeState
from devstack.models.resources import Resources
from devstack.models.selectors import parse_selector
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.endpoint import Endpoint
from devstack.orchestrator.nodes import NodeTable
from devstack.orchestrator.queries import Queries, check_execution_order
from devstack.orchestrator.store import HistoryEntry, JobRecord, JobStore

SECOND_NS = 1_000_000_000
START_NS = 1_700_000_000 * SECOND_NS


class Draws:
    """Chance for the ids."""

    def __init__(self) -> None:
        self._random = Random(1)

    def bits(self, count: int) -> int:
        return self._random.getrandbits(count)

    def below(self, bound: int) -> int:
        return self._random.randrange(bound)

    def many_below(self, bound: int, count: int) -> list[int]:
        return [self.below(bound) for _ in range(count)]


class SmallCluster:
    """A `Backend`; each call happens one second after the one before."""

    node_id = "node-0"
    version = V1_4_0

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.store = JobStore()
        config = RequesterConfig(behaviour=behaviour, labels={"name": "node-0"})
        self.endpoint = Endpoint(self.store, config, Draws())
        self.table = NodeTable(config)
        capacity = Resources(2500, 8_000_000_000, 40_000_000_000)
        compute = ComputeNodeInfo(("docker",), ("local",), ("inline",), capacity, available=capacity, max_job=capacity)
        for name in ("node-1", "node-2"):
            self.table.register(NodeInfo(name, labels={"name": name, "env": "test"}, compute=compute), START_NS)
            self.table.heartbeat(name, START_NS)
        self._queries = Queries(self.store, self.table, behaviour)
        self.log: list[tuple[int, str]] = []
        self.found: list[Violation] = []
        self.wait_for_log: Callable[[], Any] | None = None
        self.fails: Exception | None = None
        self._ticks = itertools.count(1)
        self._requests = itertools.count(1)

    def now_ns(self) -> int:
        return START_NS + next(self._ticks) * SECOND_NS

    def request_id(self) -> str:
        return f"{next(self._requests):032d}"

    def submit(self, job: Job) -> tuple[str, str, Sequence[str]]:
        if self.fails is not None:
            raise self.fails
        submission = self.endpoint.submit(job, self.now_ns())
        return submission.record.job.id, submission.evaluation.id, submission.warnings

    def stop(self, job_id: str, reason: str) -> str:
        evaluation = self.endpoint.stop(job_id, reason, self.now_ns())
        return evaluation.id if evaluation else ""

    def find_job(self, job_id: str) -> JobRecord:
        return self.endpoint.find(job_id)

    def list_jobs(
        self, namespace: str, selectors: Sequence[str], limit: int, next_token: str, order_by: str, reverse: bool
    ) -> tuple[list[JobRecord], str]:
        selector = parse_selector(",".join(selectors))
        return self._queries.jobs(namespace, selector, order_by, reverse, limit, next_token)

    def history(
        self, job_id: str, since_s: int, event_type: str, execution_id: str, node_id: str, limit: int, next_token: str
    ) -> tuple[list[HistoryEntry], str]:
        record = self.endpoint.find(job_id, True)
        return self._queries.history(record, since_s, event_type, execution_id, node_id, limit, next_token)

    def executions(
        self, job_id: str, limit: int, next_token: str, order_by: str, reverse: bool
    ) -> tuple[list[Execution], str]:
        check_execution_order(order_by)
        return self._queries.executions(self.endpoint.find(job_id, True), order_by, reverse, limit, next_token)

    async def results(self, job_id: str) -> list[SpecConfig]:
        return self.endpoint.results(self.endpoint.find(job_id))

    def nodes(
        self, selectors: Sequence[str], filter_approval: str, filter_status: str,
        limit: int, next_token: str, order_by: str, reverse: bool,
    ) -> tuple[list[NodeState], str]:  # fmt: skip
        selector = parse_selector(",".join(selectors))
        return self._queries.nodes(selector, filter_approval, filter_status, order_by, reverse, limit, next_token)

    def node(self, node_id: str) -> NodeState:
        return self.table.find(node_id)

    def node_action(self, node_id: str, action: str, message: str) -> str:
        actions = {"approve": self.table.approve, "reject": self.table.reject, "delete": self.table.delete}
        return actions[action](node_id) if action in actions else "unsupported action"

    def own_node(self) -> NodeState:
        return attrs.evolve(self.table.own_state(), connection=Connection.CONNECTED)

    def debug(self) -> dict[str, Any]:
        return {"DiscoveredNodes": self.table.states(), "NATSServer": {"ID": "x"}, "NATSClient": {}}

    def violations(self) -> tuple[list[Violation], dict[str, int]]:
        return self.found, {"timeouts": 3} if self.found else {}

    async def ipfs_block(self, cid: Cid) -> bytes:
        raise NotFoundError(f"there is no {cid} here")

    def free_space(self) -> dict[str, tuple[int, int, int]]:
        return {"tmp": (10, 4, 6), "root": (100, 40, 60)}

    async def open_log(
        self, job_id: str, execution_id: str, tail: bool, follow: bool
    ) -> AsyncGenerator[tuple[int, str], None]:
        self.endpoint.log_execution(self.endpoint.find(job_id, True), execution_id)
        for stream, text in self.log:
            yield stream, text
        if follow and self.wait_for_log is not None:
            await self.wait_for_log()

    # ---- for tests -----------------------------------------------------------------------------------------

    def complete(self, job_id: str, stdout: str = "3\n") -> Execution:
        """One execution that ran well, and the job with it."""
        record, now_ns = self.store.job(job_id), self.now_ns()
        execution = Execution(f"e-{job_id[2:]}", job_id, "node-1", record.job.namespace, "eval-1")
        self.store.create_execution(execution, Event(), now_ns)
        accepted = Event("Accepted job", Topic.BIDDING, now_ns)
        self.store.update_execution(
            execution, now_ns, compute=ComputeState.ASK_FOR_BID_ACCEPTED, event=accepted, compute_message="Accepted job"
        )
        self.store.update_execution(
            execution,
            now_ns,
            compute=ComputeState.COMPLETED,
            desired=DesiredState.STOPPED,
            published_result=SpecConfig("urlDownload", {"URL": "http://127.0.0.1:9/e.tar.gz?a=1&b=2"}),
            run_output=RunCommandResult(stdout=stdout, exit_code=0),
        )
        self.store.update_job(record, JobState.COMPLETED, Event(), self.now_ns())
        return execution


@pytest.fixture
def cluster() -> SmallCluster:
    return SmallCluster(parse([]))


@pytest.fixture
def faithful_cluster() -> SmallCluster:
    """The same under `--behaviour v1.4.0`."""
    return SmallCluster(parse(["v1.4.0"]))


def client_of(cluster: SmallCluster) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(cluster))
    return httpx.AsyncClient(transport=transport, base_url="http://devstack")


@pytest.fixture
async def client(cluster: SmallCluster) -> AsyncGenerator[httpx.AsyncClient, None]:
    async with client_of(cluster) as client:
        yield client


@pytest.fixture
async def faithful(faithful_cluster: SmallCluster) -> AsyncGenerator[httpx.AsyncClient, None]:
    async with client_of(faithful_cluster) as client:
        yield client


@pytest.fixture(scope="module")
def ask() -> Callable[..., httpx.Response]:
    """One request, and its answer, of a cluster that lasts for the whole file."""
    cluster = SmallCluster(parse([]))

    async def request(method: str, path: str, **options: Any) -> httpx.Response:
        async with client_of(cluster) as client:
            return await client.request(method, path, **options)

    return lambda method, path, **options: trio.run(partial(request, method, path, **options))


@pytest.fixture
async def port(cluster: SmallCluster, nursery: trio.Nursery) -> int:
    """The small cluster behind a real port, for as long as the test runs."""
    port: int = await nursery.start(serve, create_app(cluster), listen("127.0.0.1", 0))
    return port
