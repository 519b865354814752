"""What is measured, what the real Bacalhau 1.4.0 does on the same kind of machine, and what ours must reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from devstack.bench import commands, data, live, logs, notebook, scenarios, simulated

__all__ = ["MEASURES", "Measure"]


@attrs.frozen
class Measure:
    """One figure. `goal` is an upper bound, or a lower one if `more_is_better`."""

    name: str
    title: str
    unit: str
    real: str
    goal: float
    take: Callable[[], float]
    more_is_better: bool = False
    needs_docker: bool = False

    def is_reached(self, figure: float) -> bool:
        return figure >= self.goal if self.more_is_better else figure <= self.goal


MEASURES: Final = (
    Measure("start", "command to API answering, 5 nodes", "s", "0.28 s", 1.0, live.ready_5_nodes_s),
    Measure("start100", "100 nodes ready", "s", "1.06 s", 1.5, live.ready_100_nodes_s),
    Measure("memory100", "memory with 100 nodes", "MB", "117 MB", 120, live.memory_of_100_nodes_mb),
    Measure("noop", "one noop job over HTTP, submit to Completed, median", "ms", "34-54 ms", 10, live.noop_job_ms),
    Measure(
        "noop300", "300 noop jobs at once over HTTP, 8 clients", "jobs/s", "30-47 jobs/s", 300,
        live.jobs_at_once_per_second, more_is_better=True,
    ),
    Measure("list10000", "a page of 10 among 10,000 jobs over HTTP", "ms", "(unknown)", 20, live.page_of_10000_jobs_ms),
    Measure("wasm", "wasm hello, module seen before", "ms", "52-97 ms", 15, live.wasm_hello_ms),
    Measure(
        "docker", "docker hello, as a multiple of plain docker run", "x", "3.3-5 x", 1.5, live.docker_ratio,
        needs_docker=True,
    ),
    Measure("joblist", "command `job list`, start to end", "s", "-", 0.6, commands.job_list_s),
    Measure("version", "command `version`, start to end", "s", "-", 0.25, commands.version_s),
    Measure(
        "log", "a container's line to `job logs -f`, median", "ms", "-", 50, logs.container_line_ms,
        needs_docker=True,
    ),
    Measure("logwasm", "a module's line to `job logs -f`, median", "ms", "-", 50, logs.module_line_ms),
    Measure(
        "log100k", "100,000 lines of a container through `job logs -f`", "s", "-", 5, logs.follow_100k_lines_s,
        needs_docker=True,
    ),
    Measure(
        "logmemory", "growth by 100,000 lines that ten followers do not read", "MB", "-", 40,
        logs.memory_of_unread_lines_mb, needs_docker=True,
    ),
    Measure(
        "logstall", "noop job beside those followers, as a multiple of one without", "x", "-", 1.5,
        logs.noop_beside_unread_lines_ratio, needs_docker=True,
    ),
    Measure(
        "data", "1 GiB in, published by `local` and got again; share of the speed of cp and curl", "x", "-", 0.6,
        data.round_trip_speed, more_is_better=True, needs_docker=True,
    ),
    Measure(
        "datamemory", "growth of the stack's memory by that", "MB", "-", 64, data.memory_of_round_trip_mb,
        needs_docker=True,
    ),
    Measure(
        "executions", "in process, 100 nodes, 50 jobs of Count 100", "executions/s", "(real time)", 5_000,
        simulated.executions_per_second, more_is_better=True,
    ),
    Measure(
        "jobs", "in process, 100 nodes, 5,000 jobs of Count 1", "jobs/s", "30-47 jobs/s", 1_500,
        simulated.jobs_per_second, more_is_better=True,
    ),
    Measure(
        "seeds", "mixed universe of 5 nodes, 20 jobs, 3 faults; one core", "seeds/s", "(minutes each)", 100,
        scenarios.seeds_per_second, more_is_better=True,
    ),
    Measure(
        "idle1000", "1,000 idle nodes for a virtual hour, CPU", "s", "3,600 s", 5, scenarios.idle_hour_of_1000_nodes_s,
    ),
    Measure(
        "speed5", "5 nodes with a job a minute, against real time", "x", "1 x", 5_000, scenarios.times_real_time,
        more_is_better=True,
    ),
    Measure("scenario", "scenario run of a small scenario, cold", "s", "(real time)", 1, scenarios.cold_scenario_s),
    Measure("start10k", "in process, 10,000 nodes ready, CPU", "s", "-", 2, scenarios.ready_10000_nodes_s),
    Measure("place10k", "in process, one job on 10,000 nodes, CPU", "ms", "-", 5, scenarios.placement_on_10000_ms),
    Measure("beat10k", "heartbeat round of 10,000 nodes, CPU", "s", "-", 1, scenarios.heartbeats_of_10000_s),
    Measure("fork", "notebook: fork 100 nodes with 1,000 jobs under way, CPU", "ms", "-", 100, notebook.fork_ms),
)  # fmt: skip
