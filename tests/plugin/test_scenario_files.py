"""Scenario files as tests."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

LOST_NODE = '''
from devstack.scenario import batch, noop, scenario

@scenario(nodes=3)
async def a_job_completes(cluster):
    """A job completes."""
    job = await cluster.submit(batch(noop(runs_for="2m"), count=3))
    await job.wait("Completed", within="15m")

@scenario(nodes=2, seed=5)
async def too_short(cluster):
    """Nothing takes two minutes in one."""
    job = await cluster.submit(batch(noop(runs_for="2m")))
    await job.wait("Completed", within="1m")
'''
YAML = """
cluster: {nodes: 2, seed: 41}
jobs:
  - name: first
    at: 0s
    spec: {Type: batch, Count: 1, Tasks: [{Name: main, Engine: {Type: noop, Params: {RunsFor: 2m}}}]}
expect:
  - {job: first, state: Completed, within: 15m}
"""
JOB_FILE = "Name: mine\nType: batch\nCount: 1\nTasks: [{Name: main, Engine: {Type: noop}}]\n"


def scenario_file(pytester: pytest.Pytester, name: str, text: str) -> Path:
    path = pytester.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_folder_of_scenarios_is_collected(pytester: pytest.Pytester):
    """Below a folder called `scenarios` every scenario is a test; job files, helpers and other modules are none."""
    scenario_file(pytester, "scenarios/lost_node.py", LOST_NODE)
    scenario_file(pytester, "scenarios/deeper/first.yaml", YAML)
    scenario_file(pytester, "scenarios/jobs/batch.yaml", JOB_FILE)
    scenario_file(pytester, "scenarios/helper.py", "raise SystemError('nobody may import this')\n")
    scenario_file(pytester, "elsewhere/lost_node.py", "raise SystemError('nobody may import this')\n@scenario\n")
    result = pytester.runpytest("-v", "-otrio_mode=true")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines_random(
        [
            "scenarios/lost_node.py::a_job_completes PASSED*",
            "scenarios/lost_node.py::too_short FAILED*",
            "scenarios/deeper/first.yaml::first PASSED*",
        ]
    )


def test_a_failure_tells_the_story_and_how_to_repeat_it(pytester: pytest.Pytester):
    """The message, the line of the script, what happened, and the two commands that make it happen again."""
    scenario_file(pytester, "scenarios/lost_node.py", LOST_NODE)
    result = pytester.runpytest("scenarios")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "waited 1m0s for job j-* to be Completed; it is Running*",
            "at *scenarios/lost_node.py:14",
            "failed under seed 5",
            "*node-0 *takes *: j-*",
            "*node-0 *places j-* on node-*",
            "to repeat it: pytest scenarios/lost_node.py::too_short --devstack-seed=5",
            "to repeat it: devstack scenario replay scenarios/lost_node.py::too_short@5,digest=*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_file_that_is_named_is_collected_wherever_it_lies(pytester: pytest.Pytester):
    """On the command line a path is enough, also with the name of one scenario."""
    scenario_file(pytester, "mine.py", LOST_NODE)
    scenario_file(pytester, "mine.yaml", YAML)
    pytester.runpytest("mine.py", "mine.yaml").assert_outcomes(passed=2, failed=1)
    pytester.runpytest("mine.py::a_job_completes").assert_outcomes(passed=1)
    pytester.runpytest().assert_outcomes()


def test_scenarios_in_ordinary_test_files_are_tests(pytester: pytest.Pytester):
    """Beside test functions, once each, and in the file that defines them."""
    scenario_file(pytester, "test_mine.py", LOST_NODE + "\ndef test_plain(): pass\n")
    scenario_file(pytester, "test_other.py", "from test_mine import a_job_completes\n")
    scenario_file(pytester, "scenarios/test_third.py", LOST_NODE)
    pytester.runpytest("-pno:cacheprovider").assert_outcomes(passed=3, failed=2)


def test_scenarios_run_under_many_seeds(pytester: pytest.Pytester):
    """From the scenario's own seed on, and no further than the first that fails."""
    text = "from devstack.scenario import scenario\n\n@scenario(nodes=1, seed=5)\nasync def mine(cluster):\n"
    scenario_file(pytester, "scenarios/mine.py", text + "    assert cluster.seed < 8, 'eight is too many'\n")
    pytester.runpytest("scenarios").assert_outcomes(passed=1)
    result = pytester.runpytest("scenarios", "--devstack-seeds=1000")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["eight is too many*", "failed under seed 8", "* --devstack-seed=8"])


def test_a_broken_yaml_file_is_an_error_that_names_the_line(pytester: pytest.Pytester):
    """It is found while collecting, and told without our lines."""
    scenario_file(pytester, "scenarios/broken.yaml", YAML.replace("within: 15m", "wihtin: 15m"))
    result = pytester.runpytest("scenarios")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*broken.yaml:8*wihtin*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_broken_script_is_told_as_pytest_tells_it(pytester: pytest.Pytester):
    """A scenario file is a module like any other."""
    scenario_file(pytester, "scenarios/broken.py", LOST_NODE + "\nraise ValueError('mind the gap')\n")
    result = pytester.runpytest("scenarios")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E   ValueError: mind the gap"])
