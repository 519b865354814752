"""One scenario on two backends, side by side: where the outcomes differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from devstack.behaviour import parse
from devstack.client import Address
from devstack.cluster import Cluster
from devstack.kernel import Keep
from devstack.scenario.decorator import Scenario
from devstack.scenario.elsewhere import JobEnd, PlayedOutcome
from devstack.scenario.run import RunOptions, run
from devstack.scenario.simulated import execution_view, job_view

__all__ = ["Comparison", "compare", "run_simulated"]

SIMULATED = "simulated"


@attrs.frozen
class Row:
    what: str
    left: str
    right: str

    @property
    def is_same(self) -> bool:
        return self.left == self.right


@attrs.frozen
class Comparison:
    """What was compared; the rows that differ are marked."""

    left: str
    right: str
    rows: Sequence[Row]

    @property
    def is_same(self) -> bool:
        return all(row.is_same for row in self.rows)

    def plain(self) -> dict[str, Any]:
        rows = [{"what": row.what, "left": row.left, "right": row.right, "same": row.is_same} for row in self.rows]
        return {"left": self.left, "right": self.right, "same": self.is_same, "rows": rows}

    def __str__(self) -> str:
        table = [("", "", self.left, self.right)]
        table += [("" if row.is_same else "!", row.what, row.left or "-", row.right or "-") for row in self.rows]
        widths = [max(len(cells[column]) for cells in table) for column in range(4)]
        lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)) for cells in table]
        count = sum(not row.is_same for row in self.rows)
        end = f"{count} of {len(self.rows)} rows differ" if count else "no differences"
        return "\n".join([*(line.rstrip() for line in lines), end])


def compare(
    scenario: Scenario, other: str, seed: int | None = None, address: Address | None = None, token: str = ""
) -> Comparison:
    """Run the scenario simulated and elsewhere: `real`, `api` (at the address) or `v1.4.0`."""
    options = RunOptions(seed=seed, keep=Keep.NONE)
    left = run_simulated(scenario, options)
    return Comparison(left.world, other, _rows(left, _right(scenario, other, options, address, token)))


def _right(
    scenario: Scenario, other: str, options: RunOptions, address: Address | None, token: str
) -> PlayedOutcome:  # fmt: skip
    if other == "api":
        from devstack.scenario.remote import run_on_network

        assert address is not None
        return run_on_network(scenario, address, token)
    if other == "real":
        from devstack.scenario.real import run_real

        return run_real(scenario, attrs.evolve(options, docker="live"))
    return run_simulated(scenario, attrs.evolve(options, behaviour=parse([other])), other)


def run_simulated(scenario: Scenario, options: RunOptions, name: str = SIMULATED) -> PlayedOutcome:
    """A simulated run, told as one elsewhere is."""
    clusters: list[Cluster] = []
    outcome = run(scenario, attrs.evolve(options, watch=clusters.append))
    jobs = [
        JobEnd(job_view(cluster, record.job.id), [execution_view(one) for one in record.executions.values()])
        for cluster in clusters
        for record in cluster.requester.store.jobs()
    ]
    return PlayedOutcome(
        scenario.name, name, outcome.verdict, outcome.message, outcome.where, outcome.virtual_ns, jobs
    )  # fmt: skip


def _rows(left: PlayedOutcome, right: PlayedOutcome) -> list[Row]:
    rows = [Row("verdict", left.verdict.value, right.verdict.value)]
    rows += [Row("why", left.message, right.message)] if left.message or right.message else []
    for number in range(max(len(left.jobs), len(right.jobs))):
        one, other = (jobs[number] if number < len(jobs) else None for jobs in (left.jobs, right.jobs))
        rows += _job_rows(f"job {number + 1}", one, other)
    return rows


def _job_rows(label: str, one: JobEnd | None, other: JobEnd | None) -> list[Row]:
    ends = [end for end in (one, other) if end is not None]
    states = sorted({state for end in ends for state in end.counts()})
    label = f"{label} ({ends[0].job.type})"
    rows = [Row(label, *(_state(end) for end in (one, other)))]
    for state in states:
        counts = [str(end.counts().get(state, 0)) if end is not None else "" for end in (one, other)]
        rows.append(Row(f"  executions {state}", *counts))
    for what, texts in (("message", _message), ("execution messages", _execution_messages)):
        told = [texts(end) for end in (one, other)]
        rows += [Row(f"  {what}", *told)] if any(told) else []
    return rows


def _state(end: JobEnd | None) -> str:
    return "(not there)" if end is None else end.job.state.text


def _message(end: JobEnd | None) -> str:
    return "" if end is None else " ".join(end.job.message.split())


def _execution_messages(end: JobEnd | None) -> str:
    """The distinct messages of executions that went wrong; ids and nodes in them differ from run to run."""
    if end is None:
        return ""
    texts = {" ".join(one.message.split()) for one in end.executions if one.message and one.message != "Accepted job"}
    return " / ".join(sorted(texts))
