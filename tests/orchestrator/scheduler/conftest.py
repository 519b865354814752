"""A scheduler with a fake selector, driven by scenes written as in the reference: `e0@node0:5`."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from devstack.behaviour import DOCUMENTED, Behaviour
from devstack.kernel.seed import Seed
from devstack.models.evaluation import Evaluation, Trigger
from devstack.models.event import NO_EVENT
from devstack.models.execution import ComputeState, DesiredState, Execution
from devstack.models.job import Job, JobState, SpecConfig, Task, Timeouts
from devstack.models.plan import Plan
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.retry import FixedRetry
from devstack.orchestrator.scheduler import Schedulers
from devstack.orchestrator.selection import NoConnectedNodesError, Selection
from devstack.orchestrator.store import JobRecord, JobStore

MINUTE_NS = 60 * 1_000_000_000
NOW_NS = 1_000 * MINUTE_NS


class FakeNodes:
    """Knows the given nodes; all others are lost."""

    revision = 1

    def __init__(self, known: tuple[str, ...]) -> None:
        self.known = known

    def eligible(self):
        raise AssertionError("only the selector looks at the nodes")

    def is_lost(self, node_id: str) -> bool:
        return node_id not in self.known


class FakeSelector:
    """Answers with the given nodes in their order; None means that it must not be asked."""

    def __init__(self, known, match, resting=None) -> None:
        self.nodes = FakeNodes(known)
        self.match = match
        self.resting = resting or {}
        self.calls = 0

    def matching(self, record, now_ns):
        return self.top(record, None, now_ns)

    def top(self, record, count, now_ns):
        self.calls += 1
        assert self.match is not None, "the selector must not be asked"
        if self.match == "nobody":
            raise NoConnectedNodesError
        chosen = list(self.match if count is None else self.match[:count])
        return Selection(chosen, len(self.match), len(self.match) + len(self.resting), resting=self.resting)


@attrs.define
class Outcome:
    """A plan, in the words of the reference."""

    plan: Plan
    record: JobRecord

    @property
    def state(self) -> JobState:
        return self.plan.desired_job_state

    @property
    def new(self) -> list[str]:
        return [execution.node_id for execution in self.plan.new_executions]

    @property
    def stopped(self) -> list[str]:
        return [key for key, update in self.plan.updates.items() if update.desired is DesiredState.STOPPED]

    @property
    def approved(self) -> list[str]:
        return [key for key, update in self.plan.updates.items() if update.desired is DesiredState.RUNNING]

    def reason(self, execution_id: str) -> str:
        return self.plan.updates[execution_id].event.message

    @property
    def is_empty(self) -> bool:
        return not (self.new or self.plan.updates or self.plan.new_evaluations or self.state)


@attrs.define
class Scene:
    """A job with executions; `run` has it scheduled."""

    store: JobStore
    record: JobRecord
    selector: FakeSelector
    retry: bool
    config: RequesterConfig

    def run(self, trigger: str = Trigger.EXEC_UPDATE, now_ns: int = NOW_NS) -> Outcome:
        job = self.record.job
        evaluation = Evaluation("v1", job.id, job.type, trigger, job.namespace, 7)
        chance = Seed(1).stream("ids")
        schedulers = Schedulers(self.store, self.selector, FixedRetry(self.retry), self.config, chance)
        return Outcome(schedulers.plan(evaluation, now_ns), self.record)


def make_scene(
    job_type: str, *executions: str, count: int = 1, known: str = "", match: object = None, retry: bool = True,
    age_ns: int = NOW_NS, state: JobState = JobState.PENDING, behaviour: Behaviour = DOCUMENTED,
    resting: dict[str, int] | None = None, total_s: int = 0, execution_s: int = 0, queue_s: int = 0,
) -> Scene:  # fmt: skip
    store = JobStore()
    timeouts = Timeouts(execution_s, queue_s, total_s)
    task = Task("main", SpecConfig("noop"), SpecConfig(), timeouts=timeouts)
    job = Job("j1", "j1", "default", job_type, 7, count, tasks=(task,))
    record = store.create_job(job, "digest", NO_EVENT, NOW_NS - age_ns)
    record.state = state
    for text in executions:
        name, _, rest = text.partition("@")
        node_id, _, number = rest.partition(":")
        execution = Execution(name, "j1", node_id, "default", "v0")
        store.create_execution(execution, NO_EVENT, NOW_NS)
        execution.compute = ComputeState(int(number))
    nodes = tuple(match.split()) if isinstance(match, str) and match != "nobody" else match
    config = RequesterConfig(behaviour=behaviour, queue_backoff_ns=5 * 1_000_000_000)
    return Scene(store, record, FakeSelector(tuple(known.split()), nodes, resting), retry, config)


@pytest.fixture
def scene() -> Callable[..., Scene]:
    return make_scene


@pytest.fixture
def now_ns() -> int:
    return NOW_NS
