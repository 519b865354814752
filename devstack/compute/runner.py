"""From an accepted bid to the end of its execution: waits for room, prepares, runs, publishes, cleans up.

Whoever holds capacity is in the buffer and awaits one event. An event that nobody awaits comes late, twice or from
the dead: it is refused, and nothing changes. Capacity is given back in one place, `_leave`.
Source: compute reference 3 and 4.
"""

from __future__ import annotations

from typing import Final

from devstack.compute.actions import (
    Discard,
    Prepare,
    Prepared,
    Publish,
    Published,
    RunFinished,
    StartRun,
    StepFailed,
    StopRun,
)
from devstack.compute.buffer import NOT_ENOUGH_CAPACITY, ExecutorBuffer
from devstack.compute.config import ComputeConfig
from devstack.compute.lifecycle import LocalExecution, LocalExecutionState, Stimulus
from devstack.compute.outbox import Outbox
from devstack.compute.store import ExecutionStore
from devstack.messages import CancelResult, CancelTimer, ComputeError, RunResult, SetTimer, UpdateResources
from devstack.models.event import Event, Topic
from devstack.models.execution import RunCommandResult
from devstack.models.gotext import SECOND_NS, duration_text
from devstack.models.job import Job, SpecConfig

__all__ = ["TIMEOUT", "Runner", "StepEvent"]

TIMEOUT: Final = "timeout"

StepEvent = Prepared | RunFinished | Published | StepFailed

State = LocalExecutionState
_NOTHING_PUBLISHED: Final = SpecConfig()
_MORE_TIME: Final = "Increase the task timeout or allocate more resources"


class Runner:
    def __init__(self, config: ComputeConfig, store: ExecutionStore, outbox: Outbox) -> None:
        behaviour = config.behaviour
        self._config = config
        self._store = store
        self._outbox = outbox
        self._simulated = config.simulated_engines
        self._refusal_keeps_record = behaviour.on("buffer-refusal-keeps-record")
        self._timeout_names_job_value = behaviour.on("timeout-names-job-value")
        self._cancelled_keeps_slot = behaviour.on("queued-cancel-keeps-slot")
        self._early_cancel_is_lost = behaviour.on("cancel-before-start-is-lost")
        self._restart_forgets_queued = behaviour.on("restart-forgets-queued")
        self._restart_is_cancel = behaviour.on("restart-reported-as-cancel")
        self._results_kept = behaviour.on("results-kept")
        self._may_come_back = not behaviour.on("long-running-never-restarted")
        self._is_starting_next = False
        self.buffer = ExecutorBuffer(config.total, unstable=behaviour.on("queue-unstable"))
        self.completed = 0
        for record in store:
            record.wipe()

    # ---- the beginning -------------------------------------------------------------------------------------

    def runs_at_once(self, job: Job) -> bool:
        """Whether there is nothing to prepare: a simulated engine without inputs."""
        task = job.task
        return not task.input_sources and task.engine is not None and task.engine.key in self._simulated

    def line_up(self, now_ns: int, record: LocalExecution) -> None:
        """Queue an accepted execution, and start it if there is room; the requester hears of a refusal."""
        refusal = self.buffer.refusal(record)
        if refusal:
            self._refuse(now_ns, record, refusal)
        elif self.buffer.grant(record):
            self._begin(now_ns, record)
        else:
            self.buffer.enqueue(record)
            self._start_next(now_ns)

    def _refuse(self, now_ns: int, record: LocalExecution, refusal: str) -> None:
        is_too_big = refusal == NOT_ENOUGH_CAPACITY
        if is_too_big and not self._refusal_keeps_record:
            self._store.advance(record, Stimulus.FAIL, now_ns, refusal)
        event = Event.of_error(refusal, Topic.PREPARING, now_ns, fails_execution=is_too_big)
        self._report(record, ComputeError(record.id, record.job.id, event))

    def _start_next(self, now_ns: int) -> None:
        if self._is_starting_next:
            return  # An execution that ended as soon as it began; the loop below goes on with the next.
        self._is_starting_next = True
        while (record := self.buffer.next_granted()) is not None:
            self._begin(now_ns, record)
        self._is_starting_next = False

    def _begin(self, now_ns: int, record: LocalExecution) -> None:
        if record.limit_ns:
            record.timer = (TIMEOUT, record.id)
            self._outbox.add(SetTimer(record.timer, now_ns + record.limit_ns))
        if self.runs_at_once(record.job):
            self._start(now_ns, record)
        else:
            record.awaits = Prepared
            self._outbox.add(Prepare(record.id, record.job, record.held or record.usage))

    def _start(self, now_ns: int, record: LocalExecution) -> None:
        if not self._store.advance(record, Stimulus.START, now_ns):
            self._leave(now_ns, record)  # v1.4.0: it was cancelled before its turn came.
            return
        record.started_ns = now_ns
        if self._config.is_bad_actor:
            text = f"i am a baaad node. i failed execution {record.id}"
            self._fail(now_ns, record, Event.of_error(text, Topic.RUNNING, now_ns))
        else:
            record.awaits = RunFinished
            self._outbox.add(StartRun(record.id, record.job, record.held or record.usage))

    # ---- what the shell reports ----------------------------------------------------------------------------

    def take(self, now_ns: int, event: StepEvent) -> bool:
        """Go on after a step; False if no execution awaits this event."""
        record = self.buffer.holder(event.execution_id)
        if record is None or record.awaits is None:
            return False
        if record.awaits is not type(event) and not isinstance(event, StepFailed):
            return False
        record.awaits = None
        if record.state.is_terminal:
            self._leave(now_ns, record)  # v1.4.0: its cancel was lost, and only now is it gone.
            return True
        match event:
            case RunFinished():
                self._run_finished(now_ns, record, event.result)
            case Prepared():
                self._start(now_ns, record)
            case Published():
                self._complete(now_ns, record, event.published, record.result)
            case StepFailed():
                details = Event.of_error(event.reason, event.topic, now_ns, details=event.details)
                self._fail(now_ns, record, details)
        return True

    def _run_finished(self, now_ns: int, record: LocalExecution, result: RunCommandResult) -> None:
        publisher = record.job.task.publisher
        if result.error_msg:
            event = Event.of_error(f"execution error: {result.error_msg}", Topic.RUNNING, now_ns)
            self._fail(now_ns, record, event)
        elif publisher is None or publisher.is_empty:
            self._complete(now_ns, record, _NOTHING_PUBLISHED, result)
        else:
            self._clear_timer(record)
            self._store.advance(record, Stimulus.PUBLISH, now_ns)
            record.awaits, record.result = Published, result
            self._outbox.add(Publish(record.id, record.job, result))

    # ---- the timeout ---------------------------------------------------------------------------------------

    def timed_out(self, now_ns: int, execution_id: str) -> bool:
        """The execution had its time; False if it no longer runs."""
        record = self.buffer.holder(execution_id)
        if record is None or record.timer != (TIMEOUT, execution_id):
            return False
        record.timer = None
        self._outbox.add(StopRun(execution_id))
        if record.state.is_terminal:
            self._leave(now_ns, record)  # v1.4.0: its cancel was lost.
        else:
            self._fail(now_ns, record, self._timeout_event(now_ns, record))
        return True

    def _timeout_event(self, now_ns: int, record: LocalExecution) -> Event:
        if record.state is State.BID_ACCEPTED:
            return Event.of_error("preparing arguments: context deadline exceeded", Topic.RUNNING, now_ns)
        limit_ns = record.limit_ns
        if self._timeout_names_job_value:
            limit_ns = record.job.task.timeouts.effective_execution_s * SECOND_NS
        text = f"Execution timed out after {duration_text(limit_ns)}"
        return Event.of_error(text, Topic.RUNNING, now_ns, hint=_MORE_TIME, retryable=True)

    def _clear_timer(self, record: LocalExecution) -> None:
        if record.timer is not None:
            self._outbox.add(CancelTimer(record.timer))
            record.timer = None

    # ---- the end -------------------------------------------------------------------------------------------

    def cancel(self, now_ns: int, record: LocalExecution, justification: str) -> None:
        """End an execution that is not over; what runs is stopped, what waits gives up its place."""
        lingers = self._cancel_is_lost(now_ns, record)
        self._store.advance(record, Stimulus.CANCEL, now_ns, f"execution canceled due to: {justification}")
        if record.held is None:
            if not self._cancelled_keeps_slot:
                self.buffer.withdraw(record)
        elif not lingers:
            self._outbox.add(StopRun(record.id))
            self._outbox.tell(CancelResult(record.id, record.job.id))
            self._leave(now_ns, record)

    def _cancel_is_lost(self, now_ns: int, record: LocalExecution) -> bool:
        """Whether v1.4.0 would write the cancel down and let the work go on all the same."""
        if record.awaits is Prepared:
            return self._cancelled_keeps_slot
        if not self._early_cancel_is_lost or record.awaits is not RunFinished:
            return False
        engine = record.job.task.engine
        is_simulated = engine is not None and engine.key in self._simulated
        return not is_simulated and now_ns < record.started_ns + self._config.engine_start_ns

    def _complete(
        self, now_ns: int, record: LocalExecution, published: SpecConfig, result: RunCommandResult | None
    ) -> None:
        assert result is not None  # kept since the run finished
        keeps = self._results_kept and record.state is State.RUNNING
        self._store.advance(record, Stimulus.COMPLETE, now_ns)
        self.completed += 1
        self._report(record, RunResult(record.id, record.job.id, published, result))
        self._leave(now_ns, record, keep_results=keeps)

    def _fail(self, now_ns: int, record: LocalExecution, event: Event) -> None:
        keeps = self._results_kept and record.state is State.RUNNING
        self._store.advance(record, Stimulus.FAIL, now_ns, event.message)
        self._report(record, ComputeError(record.id, record.job.id, event))
        self._leave(now_ns, record, keep_results=keeps)

    def _report(self, record: LocalExecution, report: RunResult | ComputeError) -> None:
        record.report = report
        self._outbox.tell(report)

    def _leave(self, now_ns: int, record: LocalExecution, *, keep_results: bool = False) -> None:
        """Give back what the execution holds, clean up, and let the next one in."""
        self._clear_timer(record)
        record.awaits = record.result = None
        self.buffer.release(record)
        self._outbox.add(Discard(record.id, keep_results))
        self._start_next(now_ns)
        if record.job.is_long_running and self._may_come_back:
            # Else the requester, which may be about to start the program again, would count its own past against it.
            self._outbox.tell(
                UpdateResources(self._config.node_id, self.buffer.room.available, self.buffer.waiting.used)
            )

    # ---- after a crash -------------------------------------------------------------------------------------

    def recover(self, now_ns: int) -> None:
        """Deal with what the store remembers and this machine does not, the oldest first."""
        for record in self._store.live():
            if self.buffer.knows(record):
                continue
            if record.job.is_long_running and record.state is State.RUNNING:
                self.line_up(now_ns, record)
            else:
                self._fail(now_ns, record, self._restart_event(now_ns, record.id))
        if not self._restart_forgets_queued:
            for record in self._store.in_state(State.BID_ACCEPTED):
                if not self.buffer.knows(record):
                    self.line_up(now_ns, record)

    def _restart_event(self, now_ns: int, execution_id: str) -> Event:
        if self._restart_is_cancel:
            text = f"canceling execution ({execution_id}): execution not found"
            return Event.of_error(text, Topic.CANCELING, now_ns)
        return Event.of_error("Failed due to node restart", Topic.RUNNING, now_ns)
