"""What has changed of a running cluster, for pages that follow it.

No reader has a queue. The board only remembers, for each thing, at which revision it changed last; a reader says what
it has seen and gets what has changed since, as it is now. A slow reader skips what lay between, and one that vanishes
leaves nothing behind.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict, deque
from collections.abc import Iterator
from itertools import takewhile
from typing import Final

import attrs
import trio

from devstack.cluster import Cluster, Watcher
from devstack.compute.lifecycle import LocalExecutionState
from devstack.compute.store import LocalChange
from devstack.models.history import JobHistory
from devstack.orchestrator.store import HistoryEntry

__all__ = ["Board", "Changes", "Happening", "Thing"]

MOST_THINGS: Final = 30_000
MOST_HAPPENINGS: Final = 1_000

Thing = tuple[str, str]
"""`node`, `job` or `execution`, and its id."""


@attrs.frozen
class Happening:
    """One line of the stream of events; the ids are empty where they say nothing."""

    revision: int
    time_ns: int
    what: str
    text: str
    job_id: str = ""
    execution_id: str = ""
    node_id: str = ""


@attrs.frozen
class Changes:
    """What to look at again, the longest unchanged first, and the revision that a reader has seen then."""

    revision: int
    things: tuple[Thing, ...]
    happenings: tuple[Happening, ...]
    is_all: bool


class Board(Watcher):
    """A watcher of a cluster.

    `life` differs from board to board, so that nobody takes a revision of one for one of another. Beyond
    `most_things` those that were quiet for the longest are forgotten, until they change again; nodes never are.
    """

    def __init__(self, cluster: Cluster, most_things: int = MOST_THINGS) -> None:
        self.life = secrets.token_hex(4)
        self.revision = 0
        self._most = most_things + 1 + len(cluster.nodes)
        self._changed: OrderedDict[Thing, int] = OrderedDict()
        self._began_ns: dict[str, int] = {}
        self._happenings: deque[Happening] = deque(maxlen=MOST_HAPPENINGS)
        self._stirred = trio.Event()
        self._is_awaited = False
        self._requester_id = cluster.requester_id
        for name in (cluster.requester_id, *cluster.nodes):
            self._touch("node", name)
        cluster.watchers.append(self)

    # ---- reading -------------------------------------------------------------------------------------------

    def since(self, revision: int, limit: int) -> Changes:
        """What has changed since then: at most `limit` things, and as many of the latest happenings."""
        news = list(takewhile(lambda pair: pair[1] > revision, reversed(self._changed.items())))
        news.reverse()
        is_all = len(news) <= limit
        now = self.revision if is_all else news[limit - 1][1]
        things = tuple(thing for thing, _ in news[:limit])
        return Changes(now, things, tuple(self._happenings_between(revision, now))[-limit:], is_all)

    def _happenings_between(self, after: int, until: int) -> Iterator[Happening]:
        return (one for one in self._happenings if after < one.revision <= until)

    async def wait_past(self, revision: int) -> None:
        """Wait until something has changed since then."""
        while self.revision <= revision:
            self._is_awaited = True
            await self._stirred.wait()

    def began_ns(self, execution_id: str) -> int:
        """When the execution's program was started; 0 if it was not, or long ago."""
        return self._began_ns.get(execution_id, 0)

    # ---- what the cluster tells ----------------------------------------------------------------------------

    def saw_change(self, now_ns: int, entry: HistoryEntry) -> None:
        self._touch("job", entry.job_id)
        text = entry.new.text + (f": {entry.event.message}" if entry.event.message else "")
        if isinstance(entry, JobHistory):
            self._tell(now_ns, "job", text, entry.job_id)
        else:
            self._touch("execution", entry.execution_id)
            self._tell(now_ns, "execution", text, entry.job_id, entry.execution_id, entry.node_id)

    def saw_local_change(self, now_ns: int, node_id: str, change: LocalChange) -> None:
        execution_id, _, state = change
        self._touch("node", node_id)
        if state is LocalExecutionState.RUNNING:
            self._touch("execution", execution_id)
            self._began_ns[execution_id] = now_ns
            self._tell(now_ns, "execution", "program started", "", execution_id, node_id)

    def saw_power(self, now_ns: int, machine: str, is_on: bool) -> None:
        self._touch("node", machine)
        self._tell(now_ns, "node", "power on" if is_on else "power off", node_id=machine)

    def saw_note(self, now_ns: int, machine: str, kind: str, text: str) -> None:
        """A node came or went, as the requester sees it."""
        if kind == "node" and machine == self._requester_id:
            node_id, _, what = text.rpartition(" ")
            self._touch("node", node_id)
            self._tell(now_ns, "node", what, node_id=node_id)

    # ---- keeping it ----------------------------------------------------------------------------------------

    def _touch(self, kind: str, name: str) -> None:
        self.revision += 1
        self._changed[kind, name] = self.revision
        self._changed.move_to_end((kind, name))
        if len(self._changed) > self._most:
            self._forget_one()
        self._stir()

    def _forget_one(self) -> None:
        while True:
            (kind, name), _ = self._changed.popitem(last=False)
            if kind != "node":
                self._began_ns.pop(name, None)
                return
            self.revision += 1
            self._changed[kind, name] = self.revision

    def _tell(
        self, now_ns: int, what: str, text: str, job_id: str = "", execution_id: str = "", node_id: str = ""
    ) -> None:
        self.revision += 1
        self._happenings.append(Happening(self.revision, now_ns, what, text, job_id, execution_id, node_id))
        self._stir()

    def _stir(self) -> None:
        if self._is_awaited:
            self._is_awaited = False
            self._stirred.set()
            self._stirred = trio.Event()
