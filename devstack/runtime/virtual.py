"""Virtual pace under trio: scripts sleep and time out on the kernel's clock, and time jumps while they all wait.

One pump task runs whenever every other task is blocked. It first carries out what the tasks have asked of the
cluster at this instant, in an order that does not depend on which task trio ran first: by each task's place in the
tree of tasks, then by its own order of asking. Then it lets the kernel run to the next trio deadline, or until an
event wakes a task.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
import trio

from devstack.cluster import Cluster, Watcher
from devstack.errors import UsageError
from devstack.kernel import LivelockError
from devstack.orchestrator.store import HistoryEntry

try:  # `trio.testing` imports pytest wherever it is installed, which a short command would wait for.
    from trio._core import wait_all_tasks_blocked  # type: ignore[attr-defined]
except ImportError:
    from trio.testing import wait_all_tasks_blocked

__all__ = ["StuckError", "VirtualPace"]

R = TypeVar("R")
SECOND_NS: Final = 1_000_000_000
FAR_S: Final = 1e9
# So many steps of tasks without a moment of rest, and so many rounds of questions at one instant, are a loop.
MOST_STEPS: Final = 250_000
MOST_ROUNDS: Final = 50_000

# The folders of trio's code and of ours: what else stands on a stack is the script's.
_NOT_THEIRS: Final = (str(Path(trio.__file__).parent), str(Path(__file__).resolve().parents[1]))

Place = tuple[int, ...]


class StuckError(UsageError):
    """Nobody can go on: what the script waits for does not come."""


class _Places(trio.abc.Instrument):
    """Gives each task its place in the tree: its parent's place and how many siblings came before it."""

    def __init__(self) -> None:
        self.of: dict[trio.lowlevel.Task, Place] = {}
        self._children: dict[Place, int] = {}
        self.steps = 0
        self._last_step = MOST_STEPS
        self.on_loop: Callable[[trio.lowlevel.Task], None] = lambda task: None

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.steps += 1
        if self.steps == self._last_step:
            self.on_loop(task)

    def all_blocked(self) -> None:
        """From here the steps count that are taken without a moment of rest."""
        self._last_step = self.steps + MOST_STEPS

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        nursery = task.parent_nursery
        parent = self.of.get(nursery.parent_task, ()) if nursery is not None else ()
        number = self._children[parent] = self._children.get(parent, 0) + 1
        self.of[task] = (*parent, number)

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        self.of.pop(task, None)


class _Clock(trio.abc.Clock):
    """trio's clock, which shows the kernel's time in seconds since the start of the run."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._start_ns = cluster.now_ns

    def start_clock(self) -> None:
        pass

    def current_time(self) -> float:
        # From zero, not from 1970: a float then holds every nanosecond of the first hundred days.
        return (self._cluster.now_ns - self._start_ns) / SECOND_NS

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return 0 if deadline <= self.current_time() else FAR_S

    def to_ns(self, time_s: float) -> int:
        return self._start_ns + round(time_s * SECOND_NS)


@attrs.define(eq=False)
class _Request:
    place: Place
    number: int
    ask: Callable[[], Any]
    done: trio.Event | None
    answer: Any = None
    error: BaseException | None = None


@attrs.define(eq=False)
class _Waiter:
    """A task that goes on when `is_met`; looked at after every change that concerns it: of its jobs, or of any."""

    what: str
    is_met: Callable[[], bool]
    job_ids: frozenset[str]
    done: trio.Event = attrs.field(factory=trio.Event)


class VirtualPace(Watcher):
    """Runs scripts against one cluster in virtual time.

    Args:
        patience_ns: How long virtual time may run without anything happening that a script could see, while no
            deadline is set, before the run is taken as stuck.
    """

    def __init__(self, cluster: Cluster, patience_ns: int = 6 * 3600 * SECOND_NS) -> None:
        self.cluster = cluster
        self._patience_ns = patience_ns
        self._clock = _Clock(cluster)
        self._places = _Places()
        self._requests: list[_Request] = []
        self._asked = 0
        self._waiters: list[_Waiter] = []
        self._any_is_awaited, self._awaited = False, frozenset[str]()
        self._last_change_ns = cluster.now_ns
        self._changed = False
        self._loop = ""
        self._tasks_of_one = -1
        self._instant_ns, self._rounds = cluster.now_ns, 0
        cluster.watchers.append(self)

    # ---- for scripts ---------------------------------------------------------------------------------------

    def run(self, script: Callable[[], Any]) -> Any:
        """Run an async function to its end in virtual time; what it returns or raises comes out here."""
        try:
            result = trio.run(self._main, script, clock=self._clock, instruments=[self._places])
            if self._loop:
                raise LivelockError(self._loop)
            return result
        except BaseExceptionGroup as group:
            if len(group.exceptions) == 1:  # The pump's nursery wraps what is one error to everybody else.
                raise group.exceptions[0] from None
            raise

    def progress(self) -> int:
        """Grows with every step of a task and every event, and with nothing else. May be asked by any thread."""
        return self._places.steps + self.cluster.kernel.trace.count

    async def ask(self, question: Callable[..., R], *arguments: Any) -> R:
        """Put a question to the cluster at this instant, in its turn among those that others ask."""
        if self._is_alone() and not self._requests and self._rounds < MOST_ROUNDS:
            # Its turn is now: nobody else could ask. Most scripts are one task, and each way to the pump costs them.
            # One that asks without end still goes to the pump, which finds its line.
            await trio.lowlevel.checkpoint_if_cancelled()
            self._count_round()
            return question(*arguments)
        request = self._request(lambda: question(*arguments), trio.Event())
        assert request.done is not None
        await request.done.wait()
        if request.error is not None:
            raise request.error
        answer: R = request.answer
        return answer

    def ask_later(self, question: Callable[..., object], *arguments: Any) -> None:
        """The same for those who need no answer; it happens at this instant, before time moves on."""
        self._request(lambda: question(*arguments), None)

    async def wait(self, what: str, is_met: Callable[[], bool], job_ids: Iterable[str] = ()) -> None:
        """Wait until the condition holds; `what` tells people what is awaited. Put a timeout around it.

        Args:
            job_ids: The condition hangs on these jobs (and on nodes) alone; empty: on anything.
        """
        # Through the queue of requests: what was asked before, by anybody, is done before the first look.
        if await self.ask(is_met):
            return
        waiter = _Waiter(what, is_met, frozenset(job_ids))
        self._waiters.append(waiter)
        self._count_awaited()
        try:
            await waiter.done.wait()
        finally:
            self._waiters.remove(waiter)
            self._count_awaited()

    def _count_awaited(self) -> None:
        """Which jobs' changes somebody waits for: all others need not stop the kernel."""
        self._any_is_awaited = any(not waiter.job_ids for waiter in self._waiters)
        self._awaited = frozenset().union(*(waiter.job_ids for waiter in self._waiters))

    def _is_alone(self) -> bool:
        """Whether the script is one task: beside it there are only the pump and trio's own."""
        return len(self._places.of) == self._tasks_of_one

    def _request(self, ask: Callable[[], Any], done: trio.Event | None) -> _Request:
        self._asked += 1
        place = self._places.of.get(trio.lowlevel.current_task(), ())
        request = _Request(place, self._asked, ask, done)
        self._requests.append(request)
        return request

    # ---- the pump ------------------------------------------------------------------------------------------

    async def _main(self, script: Callable[[], Any]) -> Any:
        async with trio.open_nursery() as nursery:
            self._places.on_loop = lambda task: self._end_loop(nursery.cancel_scope, task)
            nursery.start_soon(self._pump)
            self._tasks_of_one = len(self._places.of)
            try:
                return await script()
            finally:
                nursery.cancel_scope.cancel()

    async def _pump(self) -> None:
        while True:
            await wait_all_tasks_blocked()
            self._places.all_blocked()
            if self._requests:
                self._count_round()
                self._answer_requests()
                self._look_at_waiters()
            else:
                statistics = trio.lowlevel.current_statistics()
                self._refuse_real_waiting(statistics.io_statistics)
                self._move_on(statistics.seconds_to_next_deadline)

    def _end_loop(self, scope: trio.CancelScope, task: trio.lowlevel.Task) -> None:
        """A script whose tasks never rest keeps time from moving on for ever."""
        self._loop = (
            f"the script took {MOST_STEPS:,} steps at one instant and time does not move on: a loop without a wait, at "
            f"{_script_line(task) or 'an unknown place'}"
        )
        scope.cancel()

    def _count_round(self) -> None:
        now_ns = self.cluster.now_ns
        self._instant_ns, self._rounds = now_ns, self._rounds + 1 if now_ns == self._instant_ns else 0
        if self._rounds > MOST_ROUNDS:
            raise LivelockError(
                f"the script asked the cluster {MOST_ROUNDS:,} things at one instant and time does not move on: a loop "
                f"without a wait, at {self._who_asks()}"
            )

    def _who_asks(self) -> str:
        """The line of the task that asked first."""
        task = next((task for task, place in self._places.of.items() if place == self._requests[0].place), None)
        return (task and _script_line(task)) or "an unknown place"

    def _answer_requests(self) -> None:
        requests = sorted(self._requests, key=lambda request: (request.place, request.number))
        self._requests.clear()
        for request in requests:
            try:
                request.answer = request.ask()
            except Exception as exc:
                if request.done is None:
                    raise
                request.error = exc
            if request.done is not None:
                request.done.set()

    def _look_at_waiters(self) -> None:
        self._changed = False
        for waiter in list(self._waiters):
            if waiter.is_met():
                waiter.done.set()

    def _move_on(self, wait_s: float) -> None:
        """Let time pass until somebody has something to do; the next deadline is `wait_s` away."""
        cluster = self.cluster
        has_deadline = wait_s != math.inf
        limit_ns = self._stuck_ns()
        if has_deadline:
            # At least a nanosecond: a float deadline may lie a hair behind the instant that it is rounded to.
            limit_ns = max(self._clock.to_ns(self._clock.current_time() + wait_s), cluster.now_ns + (wait_s > 0))
        while True:
            cluster.run_until(limit_ns)
            if self._changed:
                self._look_at_waiters()
                if any(waiter.done.is_set() for waiter in self._waiters):
                    return
                continue
            if has_deadline:
                return
            limit_ns = self._stuck_ns()
            if cluster.now_ns >= limit_ns:
                raise StuckError(
                    self._why_stuck(), "give the wait a limit (`within`), or end the fault that prevents it"
                )

    def _stuck_ns(self) -> int:
        return self._last_change_ns + self._patience_ns

    def _why_stuck(self) -> str:
        waiting = [waiter.what for waiter in self._waiters] or ["something that is no part of the cluster"]
        hours = self._patience_ns / (3600 * SECOND_NS)
        return f"nothing has changed for {hours:g} virtual hours, and the script waits for: " + "; ".join(waiting)

    def _refuse_real_waiting(self, statistics: object) -> None:
        """A task that waits for a thread or a socket would see virtual time run away from it."""
        limiter = trio.to_thread.current_default_thread_limiter().statistics()
        waiting = getattr(statistics, "tasks_waiting_read", 0) + getattr(statistics, "tasks_waiting_write", 0)
        # trio's own wake-up socket is always read.
        if limiter.borrowed_tokens or waiting > 1:
            raise StuckError(
                f"a script waits for the real world ({self._where()}), which does not exist in virtual time",
                "do real work before or after the scenario, or run it with --engines real",
            )

    def _where(self) -> str:
        """The line of the task that waits for something real."""
        for task in list(self._places.of):
            frames = [frame.f_code.co_filename for frame, _ in task.iter_await_frames()]
            if any(part in file for file in frames for part in ("/trio/_threads", "/trio/_socket", "/trio/_core/_io")):
                return _script_line(task) or "a thread or a socket"
        return "a thread or a socket"

    # ---- what the cluster tells ----------------------------------------------------------------------------

    def _notice(self) -> None:
        self._last_change_ns = self.cluster.now_ns
        self._changed = True
        if self._waiters:
            self.cluster.kernel.halt()

    def saw_change(self, now_ns: int, entry: HistoryEntry) -> None:
        if self._any_is_awaited or entry.job_id in self._awaited:
            self._notice()
        else:
            self._last_change_ns = now_ns

    def saw_note(self, now_ns: int, machine: str, kind: str, text: str) -> None:
        if kind == "node":
            self._notice()

    def saw_power(self, now_ns: int, machine: str, is_on: bool) -> None:
        self._notice()


def _script_line(task: trio.lowlevel.Task) -> str:
    """Where the task stands in code that is neither trio's nor ours; empty if it stands nowhere else."""
    frames = [(frame.f_code.co_filename, line) for frame, line in task.iter_await_frames()]
    theirs = [(file, line) for file, line in frames if not file.startswith(_NOT_THEIRS)]
    return f"{theirs[-1][0]}:{theirs[-1][1]}" if theirs else ""
