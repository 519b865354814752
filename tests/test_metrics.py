"""Figures of runs, from what was recorded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.metrics import (
    MILLION,
    Attempt,
    JobLife,
    Load,
    balance_ppm,
    fairness_ppm,
    figures,
    jain_ppm,
    makespan_ns,
    quantile,
    queue_steps,
    utilisation_ppm,
    waits_ns,
    wasted_core_ns,
)


def job(name: str = "a", submitted: int = 0, over: int | None = None, wanted: int = 1, **more: bool) -> JobLife:
    return JobLife(name, "batch", submitted, over, wanted, **more)


def attempt(name: str = "a", start: int | None = None, stop: int | None = None, **more: object) -> Attempt:
    values = {"placed_ns": 0, "ended_ns": stop, "is_completed": stop is not None, "cpu_millis": 1000, **more}
    return Attempt(f"e-{name}", name, "node-1", started_ns=start, stopped_ns=stop, **values)


def load(time: int, used: int, total: int = 4000, node: str = "node-1") -> Load:
    return Load(time, node, (used, 0, 0, 0), (0, 0, 0, 0), (total, 0, 0, 0))


def test_a_job_waits_until_its_first_program_starts():
    """Later attempts do not count; a job that never started has waited until its end, or until now."""
    jobs = [job("a", 5), job("b", 10, over=30), job("c", 20)]
    attempts = [attempt("a", 40), attempt("a", 25), attempt("b")]
    assert {"a": 20, "b": 20, "c": 80} == waits_ns(jobs, attempts, until_ns=100)


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2), (75, 3), (95, 4), (100, 4)])
def test_a_quantile_is_one_of_the_numbers(percent, value):
    """The nearest rank."""
    assert value == quantile([1, 2, 3, 4], percent)


def test_makespan_leaves_out_what_never_ends_by_itself():
    """A service that still runs does not stretch it; a batch job that still runs does."""
    service = job("s", over=None, is_long_running=True)
    assert 90 == makespan_ns([job("a", 10, over=100), service], 500)
    assert 490 == makespan_ns([job("a", 10, over=None)], 500)
    assert 0 == makespan_ns([], 500)


def test_use_is_of_the_time_that_nodes_had_power():
    """Half of the first ten, all of the next ten, then no power."""
    loads = [load(0, 2000), load(10, 4000), load(20, 0, total=0)]
    assert 750_000 == utilisation_ppm(loads, 0, 100)
    assert MILLION == utilisation_ppm(loads, 10, 20)
    assert 0 == utilisation_ppm([], 0, 10)


def test_balance_compares_the_nodes():
    """One that does all against one that does nothing: the index is a half."""
    alike = [load(0, 2000), load(0, 2000, node="node-2")]
    assert MILLION == balance_ppm(alike, 0, 10)
    assert 500_000 == balance_ppm([load(0, 2000), load(0, 0, node="node-2")], 0, 10)


def test_fairness_compares_the_jobs():
    """Two that run all their lives fare alike; one that waits half of its life does not."""
    jobs = [job("a", 0, over=10), job("b", 0, over=20)]
    assert MILLION == fairness_ppm(jobs, [attempt("a", 0, 10), attempt("b", 0, 20)], 20)
    assert 900_000 == fairness_ppm(jobs, [attempt("a", 0, 10), attempt("b", 10, 20)], 20)


@given(st.lists(st.integers(0, 10**9), min_size=1))
def test_jain_lies_between_one_of_n_and_one(shares):
    """Of nothing at all it is one."""
    assert MILLION // len(shares) <= jain_ppm(shares) <= MILLION


def test_work_is_wasted_when_it_ends_and_does_not_complete():
    """Of jobs that are meant to end; what runs on may still complete."""
    lost = attempt("a", 0, 30, is_completed=False, cpu_millis=2000)
    assert 60 == wasted_core_ns([job("a")], [lost, attempt("a", 30), attempt("a", 0, 7)], 100)
    assert 0 == wasted_core_ns([job("a", is_long_running=True)], [lost], 100)


def test_the_queue_is_what_jobs_want_and_has_neither_run_nor_completed():
    """A lost program waits again."""
    jobs = [job("a", 0, over=50, wanted=2)]
    attempts = [attempt("a", 10, 40), attempt("a", 10, 20, is_completed=False), attempt("a", 30, 50)]
    assert [(0, 2, 0), (10, 0, 2), (20, 1, 1), (30, 0, 2), (40, 0, 1), (50, 0, 0)] == queue_steps(jobs, attempts)


def test_a_job_for_every_node_wants_what_was_placed():
    """And something, before anything was."""
    attempts = [attempt("a", 5, 9, placed_ns=2), attempt("a", 6, 9, placed_ns=2)]
    steps = queue_steps([job("a", 0, over=9, wanted=0)], attempts)
    assert [(0, 1, 0), (2, 2, 0), (5, 1, 1), (6, 0, 2), (9, 0, 0)] == steps


def test_nothing_gives_figures_too():
    """An empty lab can be looked at."""
    empty = figures([], [], [], 0)
    assert (0, 0, 0, 0) == (empty.jobs, empty.wait_p95_ns, empty.makespan_ns, empty.wasted_core_ns)
