"""The lab: a cluster in a notebook. Plain calls, no await; time passes only when it is told to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from devstack.errors import ConflictError, UsageError
from devstack.faults import Fault, parse_words
from devstack.kernel import Stream
from devstack.metrics import Figures
from devstack.models.gotext import SECOND_NS, duration_text
from devstack.models.job import Job
from devstack.notebook import frames, html
from devstack.notebook.compare import UNITS, Comparison, readable
from devstack.notebook.job import LabJob
from devstack.notebook.network import Network
from devstack.notebook.pictures import Pictured
from devstack.notebook.policies import Policy
from devstack.notebook.progress import Progress
from devstack.notebook.settings import Settings
from devstack.notebook.why import Why
from devstack.notebook.world import World
from devstack.scenario.builders import Duration, duration_ns
from devstack.scenario.settings import read_shape
from devstack.scenario.simulated import node_views

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Lab", "simulate"]


def simulate(
    nodes: int = 3,
    seed: int = 0,
    *,
    shapes: Mapping[str, Mapping[str, Any]] | None = None,
    policy: Policy | str | None = None,
    behaviour: str = "",
    docker: str = "replay",
    cassettes: str = "cassettes",
    **requester: Any,
) -> Lab:
    """A cluster in virtual time, ready for jobs.

    Args:
        nodes: How many compute nodes, of 4 cores, 16 GB, 100 GB of disk and no GPU each.
        seed: Decides every draw: the same seed and the same calls give the same run, to the byte.
        shapes: How single nodes differ: `{"node-1": {"cpu": 8, "gpu": 1, "labels": {"region": "eu"}}}`.
        policy: Which suitable node is preferred: a name, or what `policy(...)` makes.
        behaviour: What `--behaviour` takes: `documented`, `v1.4.0`, or NAME=on|off.
        docker: `replay` plays containers from cassettes, `record` also makes those that are missing, `off` has none.
        cassettes: Their folder.
        requester: Settings as in a scenario file: `disconnect_after="90s"`, `rank_randomness=0`.

    Raises:
        UsageError: one of them cannot be as it is.
    """
    settings = Settings(
        nodes, seed, dict(shapes or {}), policy, behaviour, docker, cassettes, requester
    )  # fmt: skip
    return Lab(World(settings))


class Lab(Pictured):
    """One cluster at one instant of virtual time. `world` is what is inside, for those who want to look closer."""

    def __init__(self, world: World, name: str = "run") -> None:
        self.world, self.name = world, name

    # ---- doing something -----------------------------------------------------------------------------------

    def submit(self, job: Job, after: Duration = 0) -> LabJob:
        """Hand in a job, now or later. Raises InvalidJobError."""
        if not isinstance(job, Job):
            raise UsageError(f"{job!r} is no job", 'make one: batch(noop(runs_for="2m"), count=3)')
        number = self.world.next_number()
        self.world.do("submit", number, job, after_ns=_later(after))
        return LabJob(self, number)

    def stop(self, job: LabJob | str, reason: str = "", after: Duration = 0) -> None:
        """Ask for a job's end, now or later."""
        self.world.do("stop", self.job(job).number, reason, after_ns=_later(after))

    def inject(self, *faults: Fault | str) -> None:
        """Have faults begin, now or when they say: `crash("node-2", after="30s")`, or the same in words.

        Raises:
            UsageError: an unknown word, or a target that matches nothing.
        """
        for fault in faults:
            given = parse_words(fault.split()) if isinstance(fault, str) else fault
            self.world.faults.check(given)
            self.world.do("inject", given)

    def add_node(self, node: str = "", after: Duration = 0, **shape: Any) -> str:
        """One more node, like the others but for its shape (`cpu=8`, `labels={"gpu": "true"}`); its name."""
        number = len(self.world.cluster.nodes) + 1
        name = node or f"node-{number}"
        self.world.do("add_node", name, read_shape(shape), after_ns=_later(after))
        return name

    def change_node(self, node: str, after: Duration = 0, **shape: Any) -> None:
        """Restart a node with another capacity or other labels; a label that is None is taken away.

        The requester hears of it with the node's next report, within a minute.
        """
        self._check_node(node)
        labels = shape.get("labels")
        unlabelled: tuple[str, ...] = ()
        if isinstance(labels, Mapping):
            unlabelled = tuple(key for key, value in labels.items() if value is None)
            shape["labels"] = {key: value for key, value in labels.items() if value is not None}
        self.world.do("reshape", node, read_shape(shape), unlabelled, after_ns=_later(after))

    def approve(self, node: str) -> None:
        """Let a node take part. Raises ConflictError: it does already."""
        self._decide(node, "approve")

    def reject(self, node: str) -> None:
        """Keep a node from taking part. Raises ConflictError: it is kept already."""
        self._decide(node, "reject")

    def _decide(self, node: str, action: str) -> None:
        self._check_node(node)
        self.world.do("decide", node, action)

    def _check_node(self, node: str) -> None:
        if node not in self.world.cluster.nodes:
            raise UsageError(f"there is no node {node!r}", f"the nodes are {', '.join(self.world.cluster.nodes)}")

    # ---- time ----------------------------------------------------------------------------------------------

    def run(self, duration: Duration) -> Lab:
        """Let that much virtual time pass. Raises KeyboardInterrupt between two events, if it is interrupted."""
        length_ns = duration_ns(duration)
        if length_ns < 0:
            raise UsageError("time does not run backwards", "go back with lab.fork(at=...)")
        self._run_to(self.world.now_ns + length_ns)
        return self

    def run_until_over(self, within: Duration = "24h") -> Lab:
        """Let time pass until every job that ends by itself is over, but no longer than that."""
        began_ns, length_ns = self.world.now_ns, max(1, duration_ns(within))
        with Progress("running") as progress:
            while self.world.now_ns < began_ns + length_ns and self._has_work():
                self.world.run_to(min(began_ns + length_ns, self.world.now_ns + SECOND_NS))
                progress.tell(self._share_over(), self.now)
        return self

    def _has_work(self) -> bool:
        jobs = self.world.cluster.requester.store.in_progress()
        return bool(self.world.plan) or any(not record.job.is_long_running for record in jobs)

    def _share_over(self) -> float:
        going = len(self.world.cluster.requester.store.in_progress()) + len(self.world.plan)
        return 1 - going / max(1, len(self.world.jobs) + len(self.world.plan))

    def _run_to(self, time_ns: int) -> None:
        began_ns = self.world.now_ns
        length_ns = max(1, time_ns - began_ns)
        with Progress("running") as progress:
            self.world.run_to(time_ns, lambda: progress.tell((self.world.now_ns - began_ns) / length_ns, self.now))

    @property
    def now(self) -> str:
        """The virtual time since the cluster was ready: `10m0s`."""
        return duration_text(self.world.now_ns)

    @property
    def now_s(self) -> float:
        """The same in seconds."""
        return self.world.now_ns / SECOND_NS

    # ---- other lives ---------------------------------------------------------------------------------------

    def fork(self, at: Duration | None = None, *, later: bool = True, name: str = "") -> Lab:
        """Another lab with the same past, up to that instant of the cluster's life (None: now).

        Args:
            later: What was asked for here after that instant happens there, too, at its time: the same workload meets
                another future. False: nothing of it happens.

        Raises:
            UsageError: the instant is still to come.
        """
        now_ns = self.world.now_ns
        at_ns = now_ns if at is None else duration_ns(at)
        if not 0 <= at_ns <= now_ns:
            raise UsageError(f"cannot fork at {at}: this lab has lived from 0s to {self.now}", "run it on first")
        lab = Lab(self.world.copy() if at_ns == now_ns else self.world.again(self.world.settings))
        lab.name = name or f"fork at {duration_text(at_ns)}"
        if at_ns < now_ns:
            lab._run_to(at_ns)
        if not later:
            lab.world.drop_plan()
        return lab

    def again(self, *, name: str = "", **settings: Any) -> Lab:
        """The same life up to now in another cluster: `again(policy="pack")`, `again(seed=8)`, `again(nodes=6)`.

        Raises:
            UsageError: an unknown setting, or what was asked for cannot be in that cluster.
        """
        known = {field.name for field in attrs.fields(Settings)}
        unknown = sorted(set(settings) - known)
        if unknown:
            raise UsageError(f"there is no setting {unknown[0]!r}", f"known are {', '.join(sorted(known))}")
        lab = Lab(self.world.again(attrs.evolve(self.world.settings, **settings)))
        lab.name = name or ", ".join(_said(key, value) for key, value in settings.items()) or "again"
        lab._run_to(self.world.now_ns)
        return lab

    def compare(self, other: Lab) -> Comparison:
        """Where the two part, and their figures side by side. Raises UsageError: it is no lab."""
        if not isinstance(other, Lab):
            raise UsageError(f"{other!r} is no lab", "compare with what `fork` or `again` gave")
        return Comparison.of(self, other)

    def close(self) -> None:
        """End what really runs (wasm modules) and remove its files; a lab that is forgotten does so by itself."""
        self.world.close()

    # ---- looking at it -------------------------------------------------------------------------------------

    def job(self, job: LabJob | str) -> LabJob:
        """A job by its id, the beginning of its id, or its name; or another lab's job as it is here.

        Raises:
            UsageError: there is none.
        """
        if isinstance(job, LabJob):
            return job if job._lab is self else LabJob(self, job.number)
        store = self.world.cluster.requester.store
        found = [
            number
            for number, job_id in self.world.jobs.items()
            if isinstance(job, str) and job and (job_id.startswith(job) or store.job(job_id).job.name == job)
        ]
        if len(found) != 1:
            names = ", ".join(LabJob(self, number).label for number in list(self.world.jobs)[:20]) or "none"
            raise UsageError(f"{len(found) or 'no'} jobs are called {job!r}", f"the jobs are {names}")
        return LabJob(self, found[0])

    def job_states(self) -> dict[str, int]:
        """How many jobs are in each state."""
        counts: dict[str, int] = {}
        for record in self.world.cluster.requester.store.jobs():
            counts[record.state.text] = counts.get(record.state.text, 0) + 1
        return counts

    @property
    def jobs(self) -> DataFrame:
        """One row a job."""
        return frames.jobs(self.world.recorder)

    @property
    def executions(self) -> DataFrame:
        """One row an attempt."""
        return frames.executions(self.world.recorder)

    @property
    def nodes(self) -> DataFrame:
        """One row a compute node that the requester knows."""
        return frames.nodes(self.world.recorder)

    @property
    def events(self) -> DataFrame:
        """One row a change: of a job, an execution, a program on its node, a node, a machine's power."""
        return frames.changes(self.world.recorder)

    @property
    def faults(self) -> DataFrame:
        """One row a fault that has begun."""
        return frames.faults(self.world.recorder)

    @property
    def figures(self) -> Figures:
        """Waits, makespan, use, fairness, wasted work: as whole numbers."""
        return self.world.recorder.figures()

    @property
    def digest(self) -> str:
        """One number over everything that has happened."""
        return self.world.cluster.kernel.trace.digest()

    def why(self, job: LabJob | str, at: Duration | None = None) -> Why:
        """Why a job's executions went where they did: the last choice of nodes for it up to that instant.

        Raises:
            ConflictError: no nodes were looked at for it by then.
        """
        found = self.job(job)
        until_ns = None if at is None else duration_ns(at) + self.world.recorder.start_ns
        choices = list(self.world.choices.of(found.id, until_ns))
        if not choices:
            raise self._unexplained(found, at)
        return Why.of(choices[-1], found.label, self.world.recorder.start_ns)

    def _unexplained(self, job: LabJob, at: Duration | None) -> ConflictError:
        placed = self.world.cluster.requester.store.job(job.id).executions.values()
        times_s = [(one.create_time_ns - self.world.recorder.start_ns) / SECOND_NS for one in placed]
        times_s = [one for one in times_s if at is None or one <= duration_ns(at) / SECOND_NS]
        if times_s:
            again = f"look there: lab.fork(at={max(times_s) + 1:.0f}).why(...)"
            return ConflictError(f"of so many choices of nodes, those for {job.label} are kept no longer", again)
        when = f"by {at}" if at is not None else "yet"
        hint = job.message or "let time pass first: lab.run(...)"
        return ConflictError(f"no nodes were looked at for {job.label} {when}", hint)

    def network(self) -> Network:
        """The nodes as the requester knows them, and what they do."""
        return Network(self)

    def chance(self, *name: str) -> Stream:
        """A stream of draws of one's own: seeded by the lab's seed, and no part of the cluster's."""
        return self.world.cluster.seed.stream("notebook", *name)

    # ---- showing itself ------------------------------------------------------------------------------------

    def _facts(self) -> dict[str, object]:
        views = node_views(self.world.cluster)
        settings = self.world.settings
        return {
            "time": self.now,
            "nodes": f"{len(views)}, {sum(view.is_connected for view in views)} connected",
            "jobs": ", ".join(f"{count} {state}" for state, count in self.job_states().items()) or "none",
            "seed": settings.seed,
            "policy": settings.policy or "bacalhau",
            "digest": self.digest[:12],
        }

    def __repr__(self) -> str:
        facts = self._facts()
        return f"<lab at {facts['time']}: nodes: {facts['nodes']}; jobs: {facts['jobs']}; seed {facts['seed']}>"

    def _repr_html_(self) -> str:
        numbers = readable(self.figures) if self.world.jobs else {}
        shown = {name: f"{value:,.2f} {UNITS[name][0]}".strip() for name, value in numbers.items()}
        return html.card(f"lab: {self.name}", html.facts(self._facts()), html.facts(shown) if shown else "")


def _said(key: str, value: object) -> str:
    """What is different, as a name."""
    return str(value) if key == "policy" else f"{key} {value}"


def _later(after: Duration) -> int:
    after_ns = duration_ns(after)
    if after_ns < 0:
        raise UsageError(f"{after!r} is before now", "go back with lab.fork(at=...)")
    return after_ns
