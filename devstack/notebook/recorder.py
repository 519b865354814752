"""A watcher that keeps what no trace record tells exactly: when programs ran, and how full the nodes were."""

from __future__ import annotations

from collections.abc import Iterator

from devstack.cluster import Cluster, Watcher
from devstack.compute.lifecycle import LocalExecutionState
from devstack.compute.store import LocalChange
from devstack.metrics import Amounts, Attempt, Figures, JobLife, Load, figures
from devstack.models.execution import ComputeState
from devstack.models.history import ExecutionHistory
from devstack.models.job import JobType
from devstack.models.resources import Resources
from devstack.orchestrator.store import HistoryEntry, JobRecord

__all__ = ["Recorder", "amounts"]

_NOTHING: Amounts = (0, 0, 0, 0)


class Recorder(Watcher):
    """Looks on from `start_ns` (the instant it is made), which is zero for all that it tells. It changes nothing."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.start_ns = cluster.now_ns
        self._started: dict[str, int] = {}
        self._stopped: dict[str, int] = {}
        self._ended: dict[str, int] = {}
        self._reasons: dict[str, str] = {}
        self._cpu_millis: dict[str, int] = {}
        self._loads: list[Load] = []
        self._running: dict[str, dict[str, None]] = {}
        cluster.watchers.append(self)
        for node_id in cluster.nodes:
            self._weigh(cluster.now_ns, node_id)

    def copy_for(self, cluster: Cluster) -> Recorder:
        """The same for a copy of the cluster, which it then watches."""
        copy = Recorder.__new__(Recorder)
        copy.__dict__.update(self.__dict__)
        for name in ("_started", "_stopped", "_ended", "_reasons", "_cpu_millis", "_loads"):
            copy.__dict__[name] = getattr(self, name).copy()
        copy._running = {node_id: dict(running) for node_id, running in self._running.items()}
        copy.cluster = cluster
        cluster.watchers.append(copy)
        return copy

    # ---- what was recorded ---------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        return self.cluster.now_ns - self.start_ns

    def jobs(self) -> list[JobLife]:
        """All jobs, in the order they were submitted."""
        return [self._life(record) for record in self.cluster.requester.store.jobs()]

    def attempts(self) -> list[Attempt]:
        """All executions, job by job, in the order they were made."""
        return [attempt for record in self.cluster.requester.store.jobs() for attempt in self.attempts_of(record)]

    def attempts_of(self, record: JobRecord) -> Iterator[Attempt]:
        for one in record.executions.values():
            yield Attempt(
                one.id,
                one.job_id,
                one.node_id,
                one.create_time_ns - self.start_ns,
                self._started.get(one.id),
                self._stopped.get(one.id),
                self._ended.get(one.id),
                one.compute is ComputeState.COMPLETED,
                self._cpu_millis.get(one.id, 0),
            )

    def reason(self, execution_id: str) -> str:
        """What was said when the requester took the execution for over."""
        return self._reasons.get(execution_id, "")

    def loads(self) -> list[Load]:
        """How full the nodes were, in the order of time."""
        return self._loads

    def figures(self) -> Figures:
        """The run so far in numbers."""
        return figures(self.jobs(), self.attempts(), self._loads, self.now_ns)

    def _life(self, record: JobRecord) -> JobLife:
        over_ns = record.modify_time_ns - self.start_ns if record.is_terminal else None
        wanted = record.job.wanted if record.job.type in (JobType.BATCH, JobType.SERVICE) else 0
        submitted_ns = record.create_time_ns - self.start_ns
        return JobLife(record.job.id, record.job.type, submitted_ns, over_ns, wanted, record.job.is_long_running)

    # ---- what the cluster tells its watchers ---------------------------------------------------------------

    def saw_change(self, now_ns: int, entry: HistoryEntry) -> None:
        if isinstance(entry, ExecutionHistory) and entry.execution_id not in self._ended:
            execution = self.cluster.requester.store.execution(entry.execution_id)
            if execution is not None and execution.is_terminal:
                self._ended[execution.id] = now_ns - self.start_ns
                self._reasons[execution.id] = entry.event.message

    def saw_local_change(self, now_ns: int, node_id: str, change: LocalChange) -> None:
        if node_id not in self.cluster.nodes:
            return  # A second node of the same id, which a fault has made up.
        execution_id, _, new = change
        running = self._running.setdefault(node_id, {})
        if new is LocalExecutionState.RUNNING:
            self._start(now_ns, node_id, execution_id)
            running[execution_id] = None
        elif new.is_terminal and execution_id in running:
            del running[execution_id]
            self._stopped[execution_id] = now_ns - self.start_ns
        self._weigh(now_ns, node_id)

    def _start(self, now_ns: int, node_id: str, execution_id: str) -> None:
        self._started.setdefault(execution_id, now_ns - self.start_ns)
        self._stopped.pop(execution_id, None)  # A service goes on after its node has come back.
        local = self.cluster.node(node_id).store.get(execution_id)
        if local is not None:
            self._cpu_millis[execution_id] = local.usage.cpu_millis

    def saw_power(self, now_ns: int, machine: str, is_on: bool) -> None:
        if machine not in self.cluster.nodes:
            return
        if is_on:
            self._weigh(now_ns, machine)
            return
        self._loads.append(Load(now_ns - self.start_ns, machine, _NOTHING, _NOTHING, _NOTHING))
        for execution_id in self._running.pop(machine, {}):
            self._stopped[execution_id] = now_ns - self.start_ns

    def _weigh(self, now_ns: int, node_id: str) -> None:
        node = self.cluster.nodes[node_id]
        used, queued, total = amounts(node.running), amounts(node.enqueued), amounts(node.config.total)
        self._loads.append(Load(now_ns - self.start_ns, node_id, used, queued, total))


def amounts(resources: Resources) -> Amounts:
    """Milli-CPU, bytes of memory, bytes of disk, devices."""
    return resources.cpu_millis, resources.memory_bytes, resources.disk_bytes, resources.gpu
