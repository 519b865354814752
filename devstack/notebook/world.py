"""One simulated cluster with all that was asked of it, so that it can be copied, gone back in, and lived again.

What people ask for (a job, a fault, a change of a node) are commands. Each is kept with its instant and its turn: a
world that is made again carries the commands out at the same places of the same order of events.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Any, Final

import attrs

from devstack.cluster import Cluster
from devstack.errors import ConflictError, DevstackError
from devstack.explain.choices import Choices
from devstack.faults.engine import FaultEngine
from devstack.models.job import Job
from devstack.notebook.copying import copied
from devstack.notebook.recorder import Recorder
from devstack.notebook.settings import Settings, cluster_of, node_config, reshaped
from devstack.runtime.virtual_shell import VirtualShell

__all__ = ["Command", "World"]

# So many events at a time, between which a run may be interrupted and tells how far it is.
SLICE: Final = 2_000


@attrs.define(order=False)
class Command:
    """Something that was asked for at `time_ns` since the beginning; those of one `turn` have no events in between."""

    time_ns: int
    order: int
    turn: int
    verb: str
    arguments: tuple[Any, ...]
    was_refused: bool = False


class World:
    """`past` are the commands that were carried out, `plan` (a heap) those that are to come."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.past: list[Command] = []
        self.plan: list[tuple[int, int, Command]] = []
        self.jobs: dict[int, str] = {}  # The ids of the submitted jobs by their numbers.
        self._orders = self._turns = self._turn = self._numbers = 0
        cluster = cluster_of(settings)
        self._take(cluster, FaultEngine(cluster))
        self.recorder = Recorder(cluster)
        self.choices = Choices(cluster)

    def _take(self, cluster: Cluster, faults: FaultEngine) -> None:
        self.cluster, self.faults = cluster, faults
        shell = cluster.shell
        assert isinstance(shell, VirtualShell)  # `cluster_of` gives no other
        self.close: Callable[[], object] = weakref.finalize(self, shell.close)

    @property
    def now_ns(self) -> int:
        """Since the cluster was ready."""
        return self.recorder.now_ns

    # ---- other worlds --------------------------------------------------------------------------------------

    def copy(self) -> World:
        """The same world as it is now, with a life of its own."""
        copy = World.__new__(World)
        copy.__dict__.update(self.__dict__)
        copy.past, copy.jobs = self.past.copy(), self.jobs.copy()
        copy.plan = [(time_ns, order, attrs.evolve(command)) for time_ns, order, command in self.plan]
        watchers, self.cluster.watchers = self.cluster.watchers, []
        try:
            copy._take(*copied((self.cluster, self.faults)))
        finally:
            self.cluster.watchers = watchers
        copy.recorder = self.recorder.copy_for(copy.cluster)
        copy.choices = self.choices.copy_for(copy.cluster)
        return copy

    def again(self, settings: Settings) -> World:
        """A new world, in which all that was asked for here is still to come."""
        other = World(settings)
        commands = [attrs.evolve(command) for command in (*self.past, *(command for _, _, command in self.plan))]
        for command in commands:
            heappush(other.plan, (command.time_ns, command.order, command))
        other._orders, other._turns, other._numbers = self._orders, self._turns, self._numbers
        return other

    def drop_plan(self) -> None:
        """Nothing is to come that was asked for before."""
        self.plan.clear()

    # ---- asking for things ---------------------------------------------------------------------------------

    def do(self, verb: str, *arguments: Any, after_ns: int = 0) -> None:
        """Have it happen now, or later. Raises DevstackError: it cannot be."""
        self._orders += 1
        if after_ns:
            self._turns += 1
            command = Command(self.now_ns + after_ns, self._orders, self._turns, verb, arguments)
            heappush(self.plan, (command.time_ns, command.order, command))
        else:
            self._carry_out(Command(self.now_ns, self._orders, self._turn, verb, arguments))

    def next_number(self) -> int:
        """A number for a job that is to be submitted."""
        self._numbers += 1
        return self._numbers

    def _carry_out(self, command: Command) -> None:
        self.past.append(command)
        try:
            self._VERBS[command.verb](self, *command.arguments)
        except DevstackError:
            if not command.was_refused:  # Else it was refused in another life, too, and somebody was told so.
                command.was_refused = True
                raise

    def _submit(self, number: int, job: Job) -> None:
        self.jobs[number] = self.cluster.submit(job).record.job.id

    def _stop(self, number: int, reason: str) -> None:
        if number not in self.jobs:
            raise ConflictError("the job has not been submitted yet", "let time pass first: lab.run(...)")
        self.cluster.stop(self.jobs[number], reason)

    def _inject(self, fault: Any) -> None:
        self.faults.inject(fault)

    def _decide(self, node_id: str, action: str) -> None:
        error = self.cluster.change_node(node_id, action)
        if error:
            raise ConflictError(f"cannot {action} {node_id}: {error}")

    def _add_node(self, node_id: str, shape: dict[str, Any]) -> None:
        self.cluster.add_node(node_config(self.settings, node_id, shape))

    def _reshape(self, node_id: str, shape: dict[str, Any], unlabelled: tuple[str, ...]) -> None:
        if not self.cluster.has_power(node_id):
            raise ConflictError(f"{node_id} has no power", "restart it first")
        config = reshaped(self.cluster.nodes[node_id].config, shape)
        labels = {key: value for key, value in config.labels.items() if key not in unlabelled}
        self.cluster.reshape(attrs.evolve(config, labels=labels))

    _VERBS: Final[Mapping[str, Callable[..., None]]] = {
        "submit": _submit,
        "stop": _stop,
        "inject": _inject,
        "decide": _decide,
        "add_node": _add_node,
        "reshape": _reshape,
    }

    # ---- letting time pass ---------------------------------------------------------------------------------

    def run_to(self, time_ns: int, tell: Callable[[], object] = lambda: None) -> None:
        """Let everything happen that is due by then, commands too; `tell` is called now and then in between.

        Raises:
            DevstackError: a command that was planned cannot be carried out. The run stands at its instant.
        """
        while self.plan and self.plan[0][0] <= time_ns:
            command = heappop(self.plan)[2]
            if command.turn != self._turn:
                self._pass(command.time_ns, tell)
                self._turn = command.turn
            self._carry_out(command)
        self._pass(time_ns, tell)
        self._turns += 1
        self._turn = self._turns

    def _pass(self, time_ns: int, tell: Callable[[], object]) -> None:
        while self.cluster.run_until(self.recorder.start_ns + time_ns, SLICE) == SLICE:
            tell()
