"""Frames of made-up runs, as `devstack.notebook.frames` has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pandas as pd
import pytest

COLUMNS = "job job_type execution node attempt state submitted_s placed_s started_s ended_s outcome reason exit_code"
OUTCOMES = {"completed": "Completed", "failed": "Failed", "lost": "BidAccepted", "refused": "AskForBidRejected"}
Row = tuple[str, str, float, float | None, float | None, str]


def executions(*rows: Row) -> pd.DataFrame:
    """Of (job, node, placed, started, ended, outcome)."""
    full = []
    for at, (job, node, placed, started, ended, outcome) in enumerate(rows):
        state = OUTCOMES.get(outcome, "BidAccepted")
        times_s = (placed, placed, started, ended)
        full.append((job, "batch", f"e-{at}", node, 1, state, *times_s, outcome, "", None))
    times = ("submitted_s", "placed_s", "started_s", "ended_s")
    return pd.DataFrame(full, columns=COLUMNS.split()).astype(dict.fromkeys(times, "float64"))


def faults(*rows: tuple[str, str, float, float | None]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=["word", "target", "begin_s", "end_s"])
    return frame.astype({"begin_s": "float64", "end_s": "float64"})


@attrs.frozen(eq=False)
class Frames:
    executions: pd.DataFrame
    faults: pd.DataFrame
    capacity: pd.DataFrame
    queue: pd.DataFrame
    changes: pd.DataFrame
    messages: pd.DataFrame
    nodes: pd.DataFrame

    def emptied(self) -> Frames:
        return Frames(*(getattr(self, field.name).iloc[:0] for field in attrs.fields(Frames)))


@pytest.fixture(scope="session")
def run() -> Callable[[int], Frames]:
    """A run of three jobs a node; every seventh fails, every eleventh is lost, every thirteenth is under way."""
    made: dict[int, Frames] = {}
    return lambda nodes: made.get(nodes) or made.setdefault(nodes, _made(nodes))


def _made(nodes: int) -> Frames:
    rows: list[Any] = []
    for at in range(3 * nodes):
        outcome = "failed" if at % 7 == 6 else "lost" if at % 11 == 10 else "" if at % 13 == 12 else "completed"
        begin = float(at % 50)
        rows.append((f"j-{at}", f"node-{at % nodes + 1}", begin, begin + 2, begin + 40 if outcome else None, outcome))
    moves = sorted(
        (time, row[1], more) for row in rows for time, more in ((row[3], 1), (row[4], -1)) if time is not None
    )
    used = dict.fromkeys((f"node-{at}" for at in range(1, nodes + 1)), 0)
    capacity = [(0.0, name, "cpu", 0.0, 0.0, 4.0) for name in used]
    queue, running = [], 0
    for time, name, more in moves:
        used[name], running = used[name] + more, running + more
        capacity.append((time, name, "cpu", float(used[name]), 0.0, 4.0))
        queue.append((time, 3 * nodes - running, running))
    changes, messages = [], []
    for at, (_, node, begin, started, ended, outcome) in enumerate(rows):
        states = [(begin, "New"), (begin, "AskForBid"), (started, "BidAccepted")]
        states += [(ended, OUTCOMES[outcome])] if ended is not None else []
        changes += [(time, f"e-{at}", "execution", node, "New", state, "") for time, state in states]
        is_lost = at % 9 == 8
        messages.append((begin, None if is_lost else begin + 0.0005, "node-0", node, "AskForBid", f"e-{at}", is_lost))
        messages.append((begin, begin + 0.0005, node, "node-0", "Heartbeat", node, False))
    known = [
        (name, 4.0, 16000.0, 100.0, 0, "APPROVED", "CONNECTED" if name != "node-2" else "DISCONNECTED", {})
        for name in used
    ]
    return Frames(
        executions(*rows),
        faults(("crash", "node-2", 10.0, 30.0), ("partition", "side=node-1", 20.0, None)),
        pd.DataFrame(capacity, columns="time_s node kind used queued total".split()),
        pd.DataFrame(queue, columns=["time_s", "waiting", "running"]),
        pd.DataFrame(changes, columns="time_s subject kind node old new message".split()),
        pd.DataFrame(messages, columns="sent_s arrived_s source target kind subject is_lost".split()),
        pd.DataFrame(known, columns="node cpu memory_mb disk_gb gpu membership connection labels".split()),
    )


def spec(chart: Any) -> dict[str, Any]:
    """The chart as Vega-Lite has it."""
    found = chart.to_dict()
    assert isinstance(found, dict)
    return found


def rows_with(chart: Any, column: str) -> list[dict[str, Any]]:
    """All rows of data in the chart that have this column."""
    tables = spec(chart)["datasets"].values() if "datasets" in spec(chart) else values_of(spec(chart), "values")
    return [row for data in tables if isinstance(data, list) for row in data if isinstance(row, dict) and column in row]


def values_of(found: Any, key: str) -> list[Any]:
    """Everything of that key, anywhere in it."""
    if isinstance(found, dict):
        own = [found[key]] if key in found else []
        return own + [one for part in found.values() for one in values_of(part, key)]
    return [one for part in found for one in values_of(part, key)] if isinstance(found, list) else []
