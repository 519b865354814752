"""One requester and N compute nodes on one kernel.

The cluster is the kernel's host: it hands what is due to the machine it is for, and carries out what the machine
then asks for. Work that only the outside can do goes to the shell. A cluster is plain data, so that it can be
copied, pickled and forked as long as its shell can.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final, Protocol, TypeVar

from devstack.behaviour import DOCUMENTED, Behaviour
from devstack.compute.config import ComputeConfig
from devstack.compute.node import ComputeNode
from devstack.errors import InvariantError
from devstack.kernel import Kernel, Network, Seed, Trace
from devstack.messages import CancelTimer, Note, Send, SetTimer
from devstack.models.history import JobHistory
from devstack.models.job import Job
from devstack.models.node import Connection
from devstack.models.resources import Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.endpoint import Submission
from devstack.orchestrator.requester import Requester

__all__ = ["SIMULATED_START_NS", "Cluster", "Shell", "simulated_nodes"]

R = TypeVar("R")

# 2024-01-01T00:00:00Z: where virtual time starts, so that a run is the same whenever it is made.
SIMULATED_START_NS: Final = 1_704_067_200 * 1_000_000_000
GB: Final = 10**9
SIMULATED_CAPACITY: Final = Resources(4_000, 16 * GB, 100 * GB, 0)


class Shell(Protocol):
    """Who performs a node's actions and posts what came of them."""

    def perform(self, node_id: str, action: Any) -> None:
        """Begin the action; its event is posted to the kernel when it is done."""


def node_labels(node_id: str) -> dict[str, str]:
    """The labels that every devstack node has. Source: orchestrator reference 7.4."""
    own = {"id": node_id, "name": node_id, "env": "devstack"}
    return own | {"Operating-System": "linux", "Architecture": "amd64"}


def simulated_nodes(
    count: int,
    *,
    behaviour: Behaviour = DOCUMENTED,
    capacity: Resources = SIMULATED_CAPACITY,
    first: int = 1,
    **settings: Any,
) -> list[ComputeConfig]:
    """Configurations of `count` like nodes, `node-1` and on."""
    return [
        ComputeConfig(
            node_id=f"node-{number}",
            requester_id="node-0",
            labels=node_labels(f"node-{number}"),
            total=capacity,
            behaviour=behaviour,
            **settings,
        )
        for number in range(first, first + count)
    ]


class Cluster:
    """A whole network in one kernel; `shell` performs what is not simulated here."""

    def __init__(
        self,
        nodes: list[ComputeConfig],
        make_shell: Callable[[Cluster], Shell],
        *,
        seed: int = 0,
        requester: RequesterConfig | None = None,
        start_ns: int = SIMULATED_START_NS,
        network: Network | None = None,
        trace: Trace | None = None,
    ) -> None:
        config = requester or RequesterConfig(labels=node_labels("node-0"))
        self.seed = Seed(seed)
        self.kernel = Kernel(self.seed, start_ns, network, trace)
        self.requester = Requester(
            config,
            self.seed.stream("requester", "ids"),
            self.seed.stream("requester", "ranking"),
            self.seed.stream("requester", "broker"),
        )
        self.nodes: dict[str, ComputeNode] = {node.node_id: ComputeNode(node) for node in nodes}
        self._machines: dict[str, Any] = {config.node_id: self.requester, **self.nodes}
        self.shell = make_shell(self)

    # ---- time ----------------------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        return self.kernel.now_ns

    def start(self) -> None:
        """Switch every machine on; the nodes register and send their first heartbeat."""
        for name in self._machines:
            self._machines[name].start(self.kernel.now_ns)
            self._carry_out(name)

    @property
    def is_ready(self) -> bool:
        """Whether every node is registered and its first heartbeat was handled."""
        states = {state.info.node_id: state for state in self.requester.nodes.states()}
        return all(name in states and states[name].connection is Connection.CONNECTED for name in self.nodes)

    def run_until(self, time_ns: int, at_most: int = -1) -> int:
        """Let everything happen that is due by then; the answer counts the events."""
        return self.kernel.run_until(time_ns, self, at_most)

    def run_for(self, duration_ns: int) -> int:
        return self.run_until(self.kernel.now_ns + duration_ns)

    # ---- what people ask for -------------------------------------------------------------------------------

    def submit(self, job: Job) -> Submission:
        """Hand in a job now. Raises InvalidJobError."""
        return self._ask(self.requester.submit, job)

    def stop(self, job_id: str, reason: str = "") -> str:
        """Stop a job now; the evaluation's id, empty if it was stopped before."""
        return self._ask(self.requester.stop, job_id, reason)

    def change_node(self, node_id: str, action: str) -> str:
        """Approve, reject or delete a node now; empty, or why not."""
        return self._ask(self.requester.change_node, node_id, action)

    def _ask(self, question: Callable[..., R], *arguments: Any) -> R:
        try:
            return question(self.kernel.now_ns, *arguments)
        finally:
            self._carry_out(self.requester.config.node_id)

    # ---- the kernel's host ---------------------------------------------------------------------------------

    def deliver(self, target: str, source: str, message: Any) -> None:
        """A message arrives at `target`."""
        machine = self._machines.get(target)
        if machine is not None:
            machine.handle(self.kernel.now_ns, source, message)
            self._carry_out(target)

    def fire(self, target: str, key: Hashable) -> None:
        """A timer of `target` is due."""
        machine = self._machines.get(target)
        if machine is not None:
            machine.timer(self.kernel.now_ns, key)
            self._carry_out(target)

    def post(self, target: str, event: Any) -> None:
        """The shell reports something to `target`."""
        machine = self._machines.get(target)
        if machine is not None:
            machine.event(self.kernel.now_ns, event)
            self._carry_out(target)

    def _carry_out(self, name: str) -> None:
        kernel, machine = self.kernel, self._machines[name]
        for action in machine.drain():
            match action:
                case Send():
                    kernel.send(name, action.target, action.message)
                case SetTimer():
                    kernel.set_timer(name, action.key, action.at_ns)
                case CancelTimer():
                    kernel.cancel_timer(name, action.key)
                case Note():
                    kernel.trace.add(kernel.now_ns, action.kind, name, action.text)
                case _:
                    self.shell.perform(name, action)
        if machine is self.requester and self.requester.store.journal:
            self._write_journal()

    def _write_journal(self) -> None:
        """Every change of a job or an execution goes into the trace."""
        trace, now_ns, store = self.kernel.trace, self.kernel.now_ns, self.requester.store
        for entry in store.journal:
            change = f"{entry.previous:d}>{entry.new:d} {entry.new_revision} {entry.event.message}"
            if isinstance(entry, JobHistory):
                trace.add(now_ns, "job-state", entry.job_id, change)
            else:
                trace.add(now_ns, "exec-state", entry.execution_id, f"{entry.node_id} {change}")
        store.journal.clear()

    def node(self, node_id: str) -> ComputeNode:
        """The node of that id, which must be one of ours."""
        try:
            return self.nodes[node_id]
        except KeyError:
            raise InvariantError(f"no such node: {node_id}") from None

    def draws(self) -> Mapping[tuple[str, ...], int]:
        """How many draws each random stream has given."""
        return self.seed.draws()
