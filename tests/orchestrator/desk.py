"""A requester on a desk: the test is its network and its clock."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from devstack.behaviour import DOCUMENTED, Behaviour
from devstack.kernel.seed import Seed
from devstack.messages import (
    BidResult,
    ComputeError,
    ExecutionReply,
    Heartbeat,
    Note,
    Register,
    RunResult,
    Send,
    SetTimer,
)
from devstack.models.event import Event, Topic
from devstack.models.execution import ComputeState, Execution, RunCommandResult
from devstack.models.job import Job, JobState, SpecConfig, Task, Timeouts
from devstack.models.node import ComputeNodeInfo, NodeInfo
from devstack.models.resources import Resources
from devstack.orchestrator.config import RequesterConfig
from devstack.orchestrator.requester import Requester

S = ComputeState
SECOND = 1_000_000_000
ROOM = Resources(4000, 16 * 10**9, 100 * 10**9)
DONE = RunCommandResult("hi\n", exit_code=0)


class Desk:
    """A requester with connected nodes; `log` keeps every action, `sent` those messages that nobody has looked at."""

    def __init__(self, nodes: int = 3, behaviour: Behaviour = DOCUMENTED, **settings: Any) -> None:
        seed = Seed(1)
        streams = [seed.stream(name) for name in ("ids", "ranking", "broker")]
        self.machine = Requester(RequesterConfig(behaviour=behaviour, **settings), *streams)
        self.now_ns = SECOND
        self.log: list[Any] = []
        self.timers: dict[Hashable, int] = {}
        self.machine.start(self.now_ns)
        self.collect()
        for number in range(1, nodes + 1):
            self.join(f"n{number}")
        self.log.clear()

    # What the test does to it.

    def join(self, node_id: str) -> None:
        compute = ComputeNodeInfo(("docker",), ("local",), ("inline",), ROOM, Resources(), ROOM, ROOM)
        self.hear(Register(NodeInfo(node_id, labels={"name": node_id}, compute=compute)), node_id)
        self.hear(Heartbeat(node_id, 1), node_id)

    def hear(self, message: Any, source: str = "n1") -> None:
        """A message arrives, and its instant comes to an end."""
        self.machine.handle(self.now_ns, source, message)
        self.collect()
        self.pass_time(0)

    def submit(self, kind: str = "batch", count: int = 1, timeouts: Timeouts | None = None, **fields: Any) -> str:
        task = Task("main", SpecConfig("noop"), SpecConfig(), timeouts=timeouts or Timeouts())
        job_id = self.machine.submit(self.now_ns, Job(type=kind, count=count, tasks=(task,), **fields)).record.job.id
        self.collect()
        self.pass_time(0)
        return job_id

    def stop(self, job_id: str) -> None:
        self.machine.stop(self.now_ns, job_id, "")
        self.collect()
        self.pass_time(0)

    def change(self, node_id: str, action: str) -> str:
        answer = self.machine.change_node(self.now_ns, node_id, action)
        self.collect()
        self.pass_time(0)
        return answer

    def pass_time(self, duration_ns: int, heartbeats: tuple[str, ...] = ()) -> None:
        """Let timers fire until then; the named nodes are heard of every ten seconds."""
        end_ns = self.now_ns + duration_ns
        while due := sorted((at_ns, str(key)) for key, at_ns in self.timers.items() if at_ns <= end_ns):
            at_ns, key = due[0]
            while heartbeats and at_ns - self.now_ns > 10 * SECOND:
                self.now_ns += 10 * SECOND
                for node_id in heartbeats:
                    self.machine.handle(self.now_ns, node_id, Heartbeat(node_id, 2))
            self.now_ns = max(self.now_ns, at_ns)
            del self.timers[key]
            self.machine.timer(self.now_ns, key)
            self.collect()
        self.now_ns = end_ns

    def collect(self) -> None:
        for action in self.machine.drain():
            if isinstance(action, SetTimer):
                self.timers[action.key] = action.at_ns
            self.log.append(action)

    # What the test sees of it.

    def sent(self, *kinds: type) -> list[Send]:
        """The messages since the last look."""
        found = [a for a in self.log if isinstance(a, Send) and (not kinds or isinstance(a.message, kinds))]
        self.log = [a for a in self.log if not isinstance(a, Send)]
        return found

    def notes(self, kind: str) -> list[str]:
        return [action.text for action in self.log if isinstance(action, Note) and action.kind == kind]

    def executions(self, job_id: str) -> list[Execution]:
        return list(self.machine.store.job(job_id).executions.values())

    def state(self, job_id: str) -> JobState:
        return self.machine.store.job(job_id).state

    # A node's side of the conversation.

    def reply(self, name: str, execution: Execution, error: str = "") -> None:
        self.hear(ExecutionReply(execution.id, execution.job_id, name, error), execution.node_id)

    def bid(self, execution: Execution, accepted: bool = True, text: str = "Accepted job") -> None:
        event = Event(text, Topic.BIDDING, self.now_ns)
        self.hear(BidResult(execution.id, execution.job_id, accepted, event), execution.node_id)

    def finish(self, execution: Execution) -> None:
        self.hear(RunResult(execution.id, execution.job_id, SpecConfig(), DONE), execution.node_id)

    def fail(self, execution: Execution, text: str = "boom") -> None:
        event = Event.of_error(text, Topic.RUNNING, self.now_ns)
        self.hear(ComputeError(execution.id, execution.job_id, event), execution.node_id)

    def run(self, execution: Execution) -> None:
        """Asked, bid, accepted: it runs."""
        self.reply("AskForBid", execution)
        self.bid(execution)
        self.reply("BidAccepted", execution)
        assert S.BID_ACCEPTED is execution.compute


def history_of(desk: Desk, job_id: str) -> list[tuple[str, int, int, str]]:
    """As reference 12.3 writes it: level, revision, the states, the message."""
    entries = desk.machine.store.job(job_id).history
    return [(type(e).__name__[0], e.new_revision, (int(e.previous), int(e.new)), e.event.message) for e in entries]
