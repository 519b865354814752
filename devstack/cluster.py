"""One requester and N compute nodes on one kernel.

The cluster is the kernel's host: it hands what is due to the machine it is for, and carries out what the machine
then asks for. Work that only the outside can do goes to the shell. A cluster is plain data, so that it can be
copied, pickled and forked as long as its shell can.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final, Protocol

from devstack.behaviour import DOCUMENTED, Behaviour
from devstack.compute.config import ComputeConfig
from devstack.compute.node import ComputeNode
from devstack.compute.store import LocalChange
from devstack.errors import ConflictError, InvariantError
from devstack.kernel import Kernel, Network, Seed, Trace
from devstack.messages import CancelTimer, Note, Send, SetTimer
from devstack.models.history import JobHistory
from devstack.models.job import Job
from devstack.models.node import Connection
from devstack.models.resources import Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.endpoint import Submission
from devstack.orchestrator.requester import Requester
from devstack.orchestrator.selection import Selection
from devstack.orchestrator.store import HistoryEntry

__all__ = ["SIMULATED_START_NS", "Cluster", "FaultHook", "Shell", "Watcher", "simulated_nodes"]

# 2024-01-01T00:00:00Z: where virtual time starts, so that a run is the same whenever it is made.
SIMULATED_START_NS: Final = 1_704_067_200 * 1_000_000_000
GB: Final = 10**9
SIMULATED_CAPACITY: Final = Resources(4_000, 16 * GB, 100 * GB, 0)


class Shell(Protocol):
    """Who performs a node's actions and posts what came of them."""

    def perform(self, node_id: str, action: Any) -> None:
        """Begin the action; its event is posted to the kernel when it is done."""

    def power_cut(self, node_id: str) -> None:
        """The node lost its power: what runs on it is gone at once, and nobody hears of it."""


class FaultHook(Protocol):
    """What executor faults look at. An answer of True means: taken over, nobody else sees it."""

    def takes_action(self, node_id: str, action: Any) -> bool:
        """A node asks its shell for something."""

    def takes_report(self, node_id: str, event: Any) -> bool:
        """The shell reports something to a node."""


class Watcher:
    """Who looks on; it must not change anything. What a watcher does not define it does not care for."""

    def saw_change(self, now_ns: int, entry: HistoryEntry) -> None:
        """The requester changed a job or an execution."""

    def saw_local_change(self, now_ns: int, node_id: str, change: LocalChange) -> None:
        """A compute node changed the state of an execution."""

    def saw_action(self, now_ns: int, node_id: str, action: Any) -> None:
        """A compute node asked its shell for something."""

    def saw_report(self, now_ns: int, node_id: str, event: Any) -> None:
        """A compute node heard from its shell."""

    def saw_note(self, now_ns: int, machine: str, kind: str, text: str) -> None:
        """A machine noted something worth a line: a plan, a node that came or went, a message it ignored."""

    def saw_power(self, now_ns: int, machine: str, is_on: bool) -> None:
        """A machine lost its power, or has it again."""

    def saw_selection(self, now_ns: int, job_id: str, selection: Selection) -> None:
        """The requester looked for nodes for a job; the note of its plan comes at the same instant, later."""


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
        self._requester_config = config
        for node in nodes:
            self._set_latency(node)
        self.requester = self._new_requester(None)
        self.nodes: dict[str, ComputeNode] = {node.node_id: ComputeNode(node) for node in nodes}
        self.requester_id = config.node_id
        self._machines: dict[str, Any] = {config.node_id: self.requester, **self.nodes}
        self._held: dict[str, list[tuple[Any, ...]]] = {}  # What waits for a paused machine, in order.
        self._skew_ns: dict[str, int] = {}
        self._meddled_ns: dict[str, int] = {}  # When something was last done to a machine.
        self.faults: FaultHook | None = None
        self.watchers: list[Watcher] = []
        self._woken: dict[str, Callable[[Hashable], None]] = {}
        self.shell = make_shell(self)

    def _set_latency(self, node: ComputeConfig) -> None:
        if node.latency_ns is not None:
            network, requester_id = self.kernel.network, self._requester_config.node_id
            network.set_latency(node.node_id, requester_id, node.latency_ns)
            network.set_latency(requester_id, node.node_id, node.latency_ns)

    def _new_requester(self, earlier: Requester | None) -> Requester:
        ids, ranking, broker = (self.seed.stream("requester", name) for name in ("ids", "ranking", "broker"))
        return Requester(self._requester_config, ids, ranking, broker, earlier)

    # ---- time ----------------------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        return self.kernel.now_ns

    def start(self) -> None:
        """Switch every machine on; the nodes register and send their first heartbeat."""
        for name, machine in self._machines.items():
            machine.start(self.kernel.now_ns)
            self._carry_out(name, machine)

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

    def wake(self, name: str, on_timer: Callable[[Hashable], None]) -> None:
        """Hand the timers of `name`, which is no machine, to `on_timer`; bound methods only, for it is pickled."""
        self._woken[name] = on_timer

    # ---- what people ask for -------------------------------------------------------------------------------

    def submit(self, job: Job) -> Submission:
        """Hand in a job now. Raises InvalidJobError."""
        submission = self._ask("submit", job)
        assert isinstance(submission, Submission)
        return submission

    def stop(self, job_id: str, reason: str = "") -> str:
        """Stop a job now; the evaluation's id, empty if it was stopped before."""
        return str(self._ask("stop", job_id, reason))

    def change_node(self, node_id: str, action: str) -> str:
        """Approve, reject or delete a node now; empty, or why not."""
        return str(self._ask("change_node", node_id, action))

    def _ask(self, question: str, *arguments: Any) -> Any:
        if not self.has_power(self.requester_id) or self.requester_id in self._held:
            raise ConflictError("the requester does not answer: it is down", "restart it, or wait until it is back")
        try:
            return getattr(self.requester, question)(self._time_of(self.requester_id), *arguments)
        finally:
            self._carry_out(self.requester_id, self.requester)

    # ---- what faults do to machines ------------------------------------------------------------------------

    def has_power(self, name: str) -> bool:
        return name in self._machines

    def crash(self, name: str) -> None:
        """Cut a machine's power: what it had not committed to its store is gone, and nothing of it runs on."""
        if self._machines.pop(name, None) is None:
            return
        self._held.pop(name, None)
        self._meddled_ns[name] = self.kernel.now_ns
        self.kernel.cut_power(name)
        self.shell.power_cut(name)
        self._tell_power(name, is_on=False)

    def restart(self, name: str, *, forget: bool = False) -> None:
        """Give a machine its power back; with `forget` its store is empty, as on a new disk."""
        if name in self._machines:
            self.crash(name)
        if name == self.requester_id:
            self.requester = self._machines[name] = self._new_requester(None if forget else self.requester)
        else:
            old = self.nodes[name]
            self.nodes[name] = self._machines[name] = ComputeNode(old.config, None if forget else old.store)
        self._meddled_ns[name] = self.kernel.now_ns
        self._tell_power(name, is_on=True)
        self._machines[name].start(self._time_of(name))
        self._carry_out(name, self._machines[name])

    def add_node(self, config: ComputeConfig) -> None:
        """Switch on one more compute node. Raises ConflictError: its name is taken."""
        name = config.node_id
        if name in self.nodes or name == self.requester_id:
            raise ConflictError(f"there is a node {name} already")
        self._set_latency(config)
        self.nodes[name] = node = ComputeNode(config)
        self.add_machine(name, node)

    def reshape(self, config: ComputeConfig) -> None:
        """Restart a node with another configuration; what its store remembers is still there."""
        self._set_latency(config)
        self.node(config.node_id).config = config
        self.restart(config.node_id)

    def add_machine(self, name: str, machine: Any) -> None:
        """Switch on one more machine, beside the requester and the nodes."""
        if name in self._machines:
            raise ConflictError(f"there is a machine {name} already")
        self._machines[name] = machine
        self._tell_power(name, is_on=True)
        machine.start(self._time_of(name))
        self._carry_out(name, machine)

    def machine(self, name: str) -> Any:
        """The machine of that name as it is since it was last switched on; None while it has no power."""
        return self._machines.get(name)

    def pause(self, name: str) -> None:
        """Freeze a machine: what is for it waits, in order."""
        self._held.setdefault(name, [])

    def resume(self, name: str) -> None:
        """Let a frozen machine go on with what has waited."""
        self._meddled_ns[name] = self.kernel.now_ns
        for handler, *arguments in self._held.pop(name, []):
            handler(*arguments)

    def set_skew(self, name: str, skew_ns: int) -> None:
        """Set a machine's clock ahead of (or, below zero, behind) true time."""
        self._skew_ns[name] = skew_ns
        self._meddled_ns[name] = self.kernel.now_ns
        if not skew_ns:
            del self._skew_ns[name]

    def was_disturbed(self, name: str, since_ns: int) -> bool:
        """Whether the machine has been without power, frozen or with a wrong clock at any time since then."""
        if name not in self._machines or name in self._held or name in self._skew_ns:
            return True
        return self._meddled_ns.get(name, -1) >= since_ns

    def _time_of(self, name: str) -> int:
        """What the machine's clock shows."""
        return self.kernel.now_ns + self._skew_ns.get(name, 0)

    def _tell_power(self, name: str, *, is_on: bool) -> None:
        self.kernel.trace.add(self.kernel.now_ns, "power", name, "on" if is_on else "off")
        for watcher in self.watchers:
            watcher.saw_power(self.kernel.now_ns, name, is_on)

    # ---- the kernel's host ---------------------------------------------------------------------------------

    def deliver(self, target: str, source: str, message: Any) -> None:
        """A message arrives at `target`; one without power does not hear it."""
        if target in self._held:
            self._held[target].append((self.deliver, target, source, message))
        elif (machine := self._machines.get(target)) is not None:
            machine.handle(self._time_of(target) if self._skew_ns else self.kernel.now_ns, source, message)
            self._carry_out(target, machine)

    def fire(self, target: str, key: Hashable) -> None:
        """A timer of `target` is due."""
        if target in self._held:
            self._held[target].append((self.fire, target, key))
        elif (machine := self._machines.get(target)) is not None:
            machine.timer(self._time_of(target) if self._skew_ns else self.kernel.now_ns, key)
            self._carry_out(target, machine)
        elif target in self._woken:
            self._woken[target](key)

    def post(self, target: str, event: Any) -> None:
        """The shell reports something to `target`."""
        if target in self._held:
            self._held[target].append((self.post, target, event))
        elif self.faults is not None and self.faults.takes_report(target, event):
            return
        elif (machine := self._machines.get(target)) is not None:
            for watcher in self.watchers:
                watcher.saw_report(self.kernel.now_ns, target, event)
            machine.event(self._time_of(target), event)
            self._carry_out(target, machine)

    def _carry_out(self, name: str, machine: Any) -> None:
        """Do what the machine asks for, and write down what it has changed."""
        kernel = self.kernel
        skew_ns = self._skew_ns.get(name, 0) if self._skew_ns else 0
        if machine is self.requester and machine.selector.journal:
            self._tell_selections(machine.selector.journal)
        for action in machine.drain():
            kind = type(action)  # Not `match`: this loop sees every action of every machine.
            if kind is Send:
                kernel.send(name, action.target, action.message)
            elif kind is SetTimer:
                kernel.set_timer(name, action.key, action.at_ns - skew_ns)
            elif kind is CancelTimer:
                kernel.cancel_timer(name, action.key)
            elif kind is Note:
                kernel.trace.add(kernel.now_ns, action.kind, name, action.text)
                for watcher in self.watchers:
                    watcher.saw_note(kernel.now_ns, name, action.kind, action.text)
            else:
                self._perform(name, action)
        if machine.store.journal:
            if machine is self.requester:
                self._write_journal()
            else:
                self._write_local_journal(name, machine.store.journal)

    def _tell_selections(self, journal: list[tuple[str, Selection]]) -> None:
        for job_id, selection in journal:
            for watcher in self.watchers:
                watcher.saw_selection(self.kernel.now_ns, job_id, selection)
        journal.clear()

    def _perform(self, node_id: str, action: Any) -> None:
        for watcher in self.watchers:
            watcher.saw_action(self.kernel.now_ns, node_id, action)
        if self.faults is None or not self.faults.takes_action(node_id, action):
            self.shell.perform(node_id, action)

    def _write_journal(self) -> None:
        """Every change of a job or an execution goes into the trace."""
        trace, now_ns, store = self.kernel.trace, self.kernel.now_ns, self.requester.store
        for entry in store.journal:
            change = f"{entry.previous:d}>{entry.new:d} {entry.new_revision} {entry.event.message}"
            if isinstance(entry, JobHistory):
                trace.add(now_ns, "job-state", entry.job_id, change)
            else:
                trace.add(now_ns, "exec-state", entry.execution_id, f"{entry.node_id} {change}")
            for watcher in self.watchers:
                watcher.saw_change(now_ns, entry)
        store.journal.clear()

    def _write_local_journal(self, node_id: str, journal: list[LocalChange]) -> None:
        """So does every change of an execution on its node."""
        trace, now_ns = self.kernel.trace, self.kernel.now_ns
        for change in journal:
            execution_id, previous, new = change
            trace.add(now_ns, "local-state", execution_id, f"{node_id} {previous:d}>{new:d}")
            for watcher in self.watchers:
                watcher.saw_local_change(now_ns, node_id, change)
        journal.clear()

    def node(self, node_id: str) -> ComputeNode:
        """The node of that id, or a machine of that name that computes, which must be one of ours."""
        found = self.nodes.get(node_id) or self._machines.get(node_id)
        if not isinstance(found, ComputeNode):
            raise InvariantError(f"no such node: {node_id}")
        return found

    def draws(self) -> Mapping[tuple[str, ...], int]:
        """How many draws each random stream has given."""
        return self.seed.draws()
