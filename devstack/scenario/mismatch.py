"""Where two runs of one seed part: the first event that differs, with both contexts and the draws up to there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import IO, Any, Final

import attrs

from devstack.cluster import Cluster
from devstack.errors import InvariantError
from devstack.kernel import Keep, Record, Trace
from devstack.scenario.run import Outcome, RunOptions, run
from devstack.scenario.token import Token

__all__ = ["Mismatch", "Observed", "find_mismatch", "observe", "observe_elsewhere", "watch_draws", "write"]

CONTEXT: Final = 6
_LONGEST: Final = 200
Draws = Mapping[str, int]


@attrs.frozen
class Observed:
    """A run in full: its records, and from which record on each stream had given how many draws."""

    digest: str
    records: Sequence[Record]
    draws: Sequence[tuple[int, Draws]]

    def draws_at(self, index: int) -> Draws:
        """The draws of every stream before the record of that index was written."""
        place = bisect_right([at for at, _ in self.draws], index)
        return self.draws[place - 1][1] if place else {}


class _DrawTrace(Trace):
    """A trace that also notes what had been drawn when a record was written."""

    cluster: Cluster
    log: list[tuple[int, Draws]]
    total: int

    def add(self, time_ns: int, kind: str, subject: str, detail: str) -> None:
        total = self.cluster.seed.total()
        if total != self.total:
            self.total = total
            self.log.append((self.count, {"/".join(name): count for name, count in self.cluster.draws().items()}))
        super().add(time_ns, kind, subject, detail)


def watch_draws(cluster: Cluster) -> list[tuple[int, Draws]]:
    """Have the cluster's trace keep a log of draws; the log, which grows."""
    trace = _DrawTrace.__new__(_DrawTrace)
    trace.__dict__.update(cluster.kernel.trace.__dict__)
    trace.cluster, trace.log, trace.total = cluster, [], -1
    cluster.kernel.trace = trace
    return trace.log


def observe(token: Token) -> Observed:
    """Run the token's scenario once, here, and keep everything."""
    from devstack.scenario.load import load_one
    from devstack.scenario.replay import options_of

    return observe_run(load_one(token.target), options_of(token))[1]


def observe_run(scenario: Any, options: RunOptions) -> tuple[Outcome, Observed]:
    """Run the scenario and keep everything; other watchers of `options` still look on."""
    logs: list[list[tuple[int, Draws]]] = []
    watch = options.watch

    def both(cluster: Cluster) -> None:
        logs.append(watch_draws(cluster))
        if watch is not None:
            watch(cluster)

    outcome = run(scenario, attrs.evolve(options, keep=Keep.ALL, watch=both))
    return outcome, Observed(outcome.digest, outcome.records, logs[0] if logs else [])


def observe_elsewhere(token: Token, hash_seed: int = 1) -> Observed:
    """The same in a fresh process, whose `hash()` of texts is another."""
    command = [sys.executable, "-m", "devstack.scenario.worker", str(token), "--records"]
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    try:
        return read(done.stdout)
    except (ValueError, KeyError):
        raise InvariantError(f"a second run in another process did not end: {done.stderr.strip()[-300:]}") from None


def write(observed: Observed, to: IO[str]) -> None:
    json.dump({"digest": observed.digest, "records": list(observed.records), "draws": list(observed.draws)}, to)
    to.flush()


def read(text: str) -> Observed:
    content = json.loads(text)
    records = [(record[0], record[1], record[2], record[3]) for record in content["records"]]
    return Observed(content["digest"], records, [(row[0], row[1]) for row in content["draws"]])


@attrs.frozen
class Mismatch:
    """The first difference between two runs; `index` counts records from zero."""

    index: int
    first: Observed
    second: Observed

    def __str__(self) -> str:
        """Both contexts, the differing event marked, and the draws of each stream so far."""
        parts = [f"the runs part at event {self.index + 1}; before it, they agree on:"]
        parts += [f"      {_shown(record)}" for record in self.first.records[max(0, self.index - CONTEXT) : self.index]]
        for name, run_ in (("one run", self.first), ("the other", self.second)):
            parts += [f"{name} goes on:"]
            rest = list(run_.records[self.index : self.index + CONTEXT])
            parts += [f"  {'>>>' if at == 0 else '   '} {_shown(record)}" for at, record in enumerate(rest)]
            parts += [] if rest else ["  >>> (it ends here)"]
        return "\n".join([*parts, "draws so far, by stream:", *self._draws()])

    def _draws(self) -> list[str]:
        one, other = self.first.draws_at(self.index), self.second.draws_at(self.index)
        rows = []
        for name in sorted({*one, *other}):
            left, right = one.get(name, 0), other.get(name, 0)
            rows.append(f"      {name}: {left}" + (f" in one run, {right} in the other  <<<" if left != right else ""))
        return rows


def _shown(record: Record) -> str:
    from devstack.cluster import SIMULATED_START_NS
    from devstack.scenario.story import time_text

    time_ns, kind, subject, detail = record
    detail = detail if len(detail) <= _LONGEST else detail[:_LONGEST] + "..."
    return f"{time_text(time_ns - SIMULATED_START_NS)} {kind} {subject} {detail}".rstrip()


def find_mismatch(first: Observed, second: Observed) -> Mismatch | None:
    """Where the two part; None if they are the same."""
    if first.digest == second.digest:
        return None
    pairs = zip(first.records, second.records, strict=False)
    shorter = min(len(first.records), len(second.records))
    return Mismatch(next((at for at, (one, other) in enumerate(pairs) if one != other), shorter), first, second)
