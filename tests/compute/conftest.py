"""A compute node on a bench: the test is its network, its shell and its clock."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import attrs
import pytest

from devstack.behaviour import parse
from devstack.compute import ComputeConfig, ComputeNode, ExecutionStore, LocalExecutionState
from devstack.compute.actions import Prepared, Published, RunFinished, StepFailed
from devstack.messages import AskForBid, BidAccepted, CancelExecution, CancelTimer, Note, Send, SetTimer
from devstack.models.execution import RunCommandResult
from devstack.models.job import InputSource, Job, ResourcesConfig, SpecConfig, Task, Timeouts
from devstack.models.resources import Resources

SECOND = 1_000_000_000
REQUESTER = "node-0"


def build_job(job_id: str = "j-1", *, cpu: str = "1", memory: str = "", gpu: str = "", **settings: Any) -> Job:
    """A job on the noop engine; what is no field of Job is one of its task."""
    engine = SpecConfig(settings.pop("engine", "noop"))
    publisher = SpecConfig(settings.pop("publisher", ""))
    task = {key: settings.pop(key) for key in list(settings) if key in attrs.fields_dict(Task)}
    resources = ResourcesConfig(cpu, memory, "", gpu)
    timeouts = Timeouts(execution_s=settings.pop("execution_s", 0), total_s=settings.pop("total_s", 0))
    main = Task("main", engine, publisher, resources=resources, timeouts=timeouts, **task)
    return Job(job_id, type=settings.pop("type", "batch"), namespace="default", tasks=(main,), **settings)


def local_input(kind: str = "inline") -> InputSource:
    return InputSource(SpecConfig(kind, {"URL": "data:,x"}), target="/in")


class Bench:
    """A node whose actions are kept in `log`; its timers fire when the test lets time pass."""

    def __init__(
        self, *behaviour: str, total: Resources | None = None, store: ExecutionStore | None = None, **settings: Any
    ) -> None:
        total = total or Resources(2000, 8 * 10**9, 10**12)
        config = ComputeConfig("node-1", REQUESTER, total=total, behaviour=parse(behaviour), **settings)
        self.node = ComputeNode(config, store)
        self.now_ns = 0
        self.log: list[Any] = []
        self.timers: dict[Hashable, int] = {}

    # What the test does to it.

    def ask(self, execution_id: str, job: Job, *, wait: bool = True) -> None:
        self.handle(AskForBid(execution_id, job, "digest", wait))

    def accept(self, execution_id: str) -> None:
        self.handle(BidAccepted(execution_id))

    def run(self, execution_id: str, job: Job) -> None:
        """Ask and accept."""
        self.ask(execution_id, job)
        self.accept(execution_id)

    def cancel(self, execution_id: str, why: str = "enough") -> None:
        self.handle(CancelExecution(execution_id, why))

    def prepared(self, execution_id: str) -> None:
        self.event(Prepared(execution_id))

    def finish(self, execution_id: str, error: str = "", exit_code: int = 0) -> None:
        self.event(RunFinished(execution_id, RunCommandResult("out", exit_code=exit_code, error_msg=error)))

    def published(self, execution_id: str) -> None:
        self.event(Published(execution_id, SpecConfig("urlDownload", {"URL": "http://here/x"})))

    def fail_step(self, execution_id: str, topic: str, reason: str) -> None:
        self.event(StepFailed(execution_id, topic, reason))

    def start(self) -> None:
        self.node.start(self.now_ns)
        self.collect()

    def handle(self, message: Any) -> None:
        self.node.handle(self.now_ns, REQUESTER, message)
        self.collect()

    def event(self, event: Any) -> None:
        self.node.event(self.now_ns, event)
        self.collect()

    def pass_time(self, duration_ns: int) -> None:
        """Let time pass; timers fire when they are due."""
        end_ns = self.now_ns + duration_ns
        while due := sorted((at_ns, str(key), key) for key, at_ns in self.timers.items() if at_ns <= end_ns):
            self.now_ns, _, key = due[0]
            del self.timers[key]
            self.node.timer(self.now_ns, key)
            self.collect()
        self.now_ns = end_ns

    def restart(self) -> Bench:
        """The same node after a power cut: only its store is left."""
        again = Bench(store=self.node.store)
        again.node = ComputeNode(self.node.config, self.node.store)
        again.now_ns = self.now_ns
        again.start()
        return again

    def collect(self) -> None:
        for action in self.node.drain():
            if isinstance(action, SetTimer):
                self.timers[action.key] = action.at_ns
            elif isinstance(action, CancelTimer):
                del self.timers[action.key]
            self.log.append(action)

    # What the test sees of it.

    def sent(self, *kinds: type) -> list[Any]:
        """The messages of these kinds, or all."""
        messages = [action.message for action in self.log if isinstance(action, Send)]
        return [message for message in messages if not kinds or isinstance(message, kinds)]

    def done(self, *kinds: type) -> list[Any]:
        """The actions of these kinds, or all that are for the shell."""
        return [a for a in self.log if (isinstance(a, kinds) if kinds else not isinstance(a, Send | SetTimer | Note))]

    def state(self, execution_id: str) -> LocalExecutionState:
        return self.node.store.read(execution_id).state


@pytest.fixture(scope="session")
def make_job() -> Any:
    return build_job


@pytest.fixture(scope="session")
def make_input() -> Any:
    return local_input


@pytest.fixture(scope="session")
def make_node() -> Any:
    return Bench
