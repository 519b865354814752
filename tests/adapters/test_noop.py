"""The simulated engine."""

from __future__ import annotations

from typing import Any

import pytest

from devstack.adapters.noop import NoopEngine, NoopOutcome, check_noop
from devstack.errors import InvariantError
from devstack.models.job import SpecConfig, Task

SECOND_NS = 1_000_000_000


def task(**params: Any) -> Task:
    return Task(name="main", engine=SpecConfig("noop", params))


def test_without_parameters_it_ends_at_once_and_well():
    """Every parameter is optional."""
    assert NoopOutcome() == NoopEngine().outcome(task(), "node-1")


def test_parameters_say_what_happens():
    """Duration, output and exit code are the parameters'."""
    given = task(RunsFor="1m30s", ExitCode=3, Stdout="out\n", Stderr="err\n")
    assert NoopOutcome(90 * SECOND_NS, "out\n", "err\n", 3, "") == NoopEngine().outcome(given, "node-1")


def test_keys_are_read_in_any_case():
    """`runsfor` is `RunsFor`."""
    assert NoopOutcome(duration_ns=2 * SECOND_NS) == NoopEngine().outcome(task(runsfor="2s", EXITCODE=None), "node-1")


@pytest.mark.parametrize(
    ("params", "node_name", "error"),
    [
        ({"Fails": "no luck"}, "node-1", "no luck"),
        ({"Fails": "no luck", "FailsOn": ["node-2"]}, "node-1", ""),
        ({"Fails": "no luck", "FailsOn": ["node-1", "node-2"]}, "node-2", "no luck"),
        ({"FailsOn": ["node-1"]}, "node-1", "FailsOn names node-1"),
        ({"FailsOn": []}, "node-1", ""),
    ],
)
def test_it_fails_where_it_is_told_to(params, node_name, error):
    """`Fails` is the error, on the nodes of `FailsOn` if there are any."""
    outcome = NoopEngine().outcome(task(**params), node_name)
    assert (error, -1 if error else 0) == (outcome.error, outcome.exit_code)


def test_a_failure_takes_its_time_and_keeps_its_output():
    """A failing run fails after `RunsFor`, with its output."""
    outcome = NoopEngine().outcome(task(RunsFor="5s", Stdout="x", Fails="boom"), "node-1")
    assert NoopOutcome(5 * SECOND_NS, "x", "", -1, "boom") == outcome


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"RunFor": "1s"}, "'RunFor'"),
        ({"RunsFor": 5}, "'RunsFor'"),
        ({"RunsFor": "soon"}, "'RunsFor'"),
        ({"RunsFor": "-1s"}, "'RunsFor'"),
        ({"RunsFor": "9999999h"}, "'RunsFor'"),
        ({"ExitCode": "0"}, "'ExitCode'"),
        ({"ExitCode": 1.5}, "'ExitCode'"),
        ({"ExitCode": True}, "'ExitCode'"),
        ({"Stdout": ["x"]}, "'Stdout'"),
        ({"Stderr": 1}, "'Stderr'"),
        ({"Fails": True}, "'Fails'"),
        ({"FailsOn": "node-1"}, "'FailsOn'"),
        ({"FailsOn": [1]}, "'FailsOn'"),
    ],
)
def test_a_wrong_parameter_is_named(params, named):
    """An unknown key or a wrong type fails the bid, and the text names the key."""
    assert named in NoopEngine().problem(task(**params))
    assert named in check_noop(SpecConfig("noop", params))


def test_right_parameters_are_no_problem():
    """The empty text means that the task can run."""
    assert "" == NoopEngine().problem(task(RunsFor="", ExitCode=0, FailsOn=["node-1"]))
    assert "" == NoopEngine().problem(Task())


def test_a_task_that_is_refused_cannot_have_an_outcome():
    """Running it is a bug of ours."""
    with pytest.raises(InvariantError, match="RunFor"):
        NoopEngine().outcome(task(RunFor="1s"), "node-1")
