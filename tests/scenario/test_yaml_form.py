"""Scenarios in YAML."""

from __future__ import annotations

import pytest

from devstack.errors import UsageError
from devstack.scenario.load import load_one
from devstack.scenario.run import RunOptions, Verdict, run
from devstack.scenario.settings import read_requester, read_shape
from devstack.scenario.yaml_form import read_faults

JOB = "{Type: batch, Count: 1, Tasks: [{Name: main, Engine: {Type: noop, Params: {RunsFor: 2m}}}]}"
SERVICE = "{Type: service, Count: 1, Tasks: [{Name: main, Engine: {Type: noop, Params: {RunsFor: 9h}}}]}"
FULL = f"""
about: A lost answer, a stop, and a node that is thrown out.
covers: [batch x message lost]
cluster:
  nodes: 2
  seed: 41
  shapes: {{node-2: {{cpu: 2, memory: 8gb, labels: {{region: eu}}}}}}
  requester: {{housekeeping_interval: 20s}}
jobs:
  - {{name: first, at: 0s, spec: {JOB}}}
  - {{name: server, at: 10s, spec: {SERVICE}}}
faults:
  - {{at: 30s, drop: {{message: BidResult, from: node-1}}}}
actions:
  - {{at: 1m, stop: server, reason: enough}}
  - {{at: 5m, delete: node-1}}
expect:
  - {{at: 20s, job: server, running: 1}}
  - {{job: first, state: Completed, within: 15m}}
  - {{job: first, executions: {{Completed: 1}}}}
  - {{job: server, over: true, message: stop}}
  - {{node: node-2, connected: true, membership: APPROVED}}
"""


def test_a_yaml_scenario_plays(write):
    """Jobs, faults and actions at their instants, then what is expected."""
    scenario = load_one(str(write("full.yaml", FULL)))
    outcome = run(scenario)
    assert (Verdict.PASSED, "") == (outcome.verdict, outcome.message)
    assert ("full", 2, 41, ("batch x message lost",)) == (
        scenario.name,
        scenario.nodes,
        scenario.seed,
        tuple(scenario.covers),
    )
    assert 300 * 10**9 <= outcome.virtual_ns


def test_the_same_file_gives_the_same_trace(write):
    """As Python scenarios do."""
    scenario = load_one(str(write("full.yaml", FULL)))
    assert run(scenario).digest == run(scenario).digest != run(scenario, RunOptions(seed=1)).digest


def test_an_expectation_that_does_not_come_true_names_its_line(write):
    """Failed, with file and line and how the job stood."""
    path = write(
        "late.yaml", f"jobs: [{{name: a, spec: {JOB}}}]\nexpect:\n  - {{job: a, state: Completed, within: 5s}}\n"
    )
    outcome = run(load_one(str(path)))
    assert Verdict.FAILED is outcome.verdict
    assert "late.yaml:3: waited 5s for job" in outcome.message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("nodes: 2", "nodes: two", "full.yaml:5: nodes cannot be 'two'"),
        ("  seed: 41", "  sed: 41", "full.yaml:6: unknown key 'sed' of cluster"),
        ("cpu: 2", "cpus: 2", "full.yaml:7: unknown key 'cpus' of node-2"),
        ("cpu: 2", "cpu: two", "full.yaml:7: invalid CPU value: two"),
        ("housekeeping_interval: 20s", "housekeeping: 20s", "full.yaml:8: requester: unknown setting 'housekeeping'"),
        ("at: 10s", "at: soon", "full.yaml:11: at: invalid duration 'soon'"),
        ("name: server", "name: first", "full.yaml:11: two jobs are called 'first'"),
        ("Count: 1, Tasks", "Count: one, Tasks", "full.yaml:10: spec: "),
        ("drop: {message", "dropp: {message", "full.yaml:13: unknown fault 'dropp'"),
        ("BidResult", "BidResults", "full.yaml:13: unknown message 'BidResults'"),
        ("stop: server", "stop: nobody", "full.yaml:15: there is no job 'nobody'"),
        ("delete: node-1", "remove: node-1", "full.yaml:16: unknown key 'remove' of an entry of actions"),
        ("state: Completed", "state: Complete", "full.yaml:19: state cannot be 'Complete'"),
        ("within: 15m", "within: 15x", "full.yaml:19: within: invalid duration"),
        ("{Completed: 1}", "{Done: 1}", "full.yaml:20: executions cannot be"),
        ("at: 20s, job: server", "at: 5s, job: server", "full.yaml:18: job 'server' is not yet there"),
        ("node: node-2, connected: true", "node: node-2, connected: 3", "full.yaml:22: connected cannot be 3"),
        ("job: server, over: true, message: stop", "job: server", "full.yaml:21: nothing is expected of the job"),
        ("node: node-2, connected", "node: node-2, job: first, connected", "full.yaml:22: an expectation is about one"),
        ("about: A", "abuot: A", "full.yaml:2: unknown key 'abuot' of a scenario"),
        ("  nodes: 2", "  nodes: 2\n  nodes: 3", "full.yaml:6: the key 'nodes' is there twice"),
        ("covers: [", "covers: [[", "full.yaml:"),
    ],
)  # fmt: skip
def test_every_mistake_is_told_with_its_line(write, old, new, words):
    """The file, the line, what is wrong."""
    assert old in FULL
    path = write("full.yaml", FULL.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        load_one(str(path))
    assert words in caught.value.message


@pytest.mark.parametrize("text", ["", "3", "[]", "jobs: []", "jobs: 3", "jobs: [3]", "jobs: [{name: x}]"])
def test_a_file_that_is_no_scenario_says_what_one_has(write, text):
    """No traceback for an empty or alien file."""
    with pytest.raises(UsageError, match=r"x\.yaml:1: "):
        load_one(str(write("x.yaml", text)))


def test_a_file_of_faults_is_a_list_or_has_one(write):
    """For `--faults`."""
    row = {"at": "30s", "crash": "node-1"}
    assert [row] == read_faults(write("a.yaml", "- {at: 30s, crash: node-1}\n"))
    assert [row] == read_faults(write("b.yaml", "faults:\n  - {at: 30s, crash: node-1}\n"))
    with pytest.raises(UsageError, match=r"c\.yaml:2: unknown fault"):
        read_faults(write("c.yaml", "faults:\n  - {crahs: node-1}\n"))
    with pytest.raises(UsageError, match=r"d\.yaml:1: a list of faults"):
        read_faults(write("d.yaml", "3\n"))


def test_settings_are_said_in_words():
    """Sizes as in a job file, durations without their unit in the name."""
    shape = read_shape({"cpu": "500m", "gpu": 1, "heartbeat_interval": "5s", "engines": ["docker"]})
    assert (500, 1) == (shape["total"].cpu_millis, shape["total"].gpu)
    assert 16 * 10**9 == shape["total"].memory_bytes
    assert (5 * 10**9, ("docker",)) == (shape["heartbeat_interval_ns"], shape["engines"])
    assert {"manual_approval": True, "queue_backoff_ns": 10**9} == read_requester(
        {"manual_approval": True, "queue_backoff": "1s"}
    )
