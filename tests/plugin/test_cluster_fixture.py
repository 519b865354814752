"""Tests that use `cluster`: async functions that run in virtual time, once a seed."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

HEAD = """
import pytest, trio
from devstack.scenario import batch, noop
"""
MODES = ["-otrio_mode=true", "-otrio_mode=false", "-pno:trio"]


@pytest.mark.parametrize("mode", MODES)
def test_a_test_runs_in_virtual_time_whatever_pytest_trio_does(pytester: pytest.Pytester, mode: str):
    """Our tests are ours in every mode of pytest-trio, and without it."""
    pytester.makepyfile(
        HEAD
        + """
async def test_two_minutes(cluster):
    job = await cluster.submit(batch(noop(runs_for="2m"), count=3))
    await job.wait("Completed", within="15m")
    await trio.sleep(3600)
    assert cluster.now_s > 3700

class TestTogether:
    async def test_a_method(self, cluster, tmp_path):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 500)
        assert 500 == cluster.now_s and tmp_path.is_dir()
"""
    )
    pytester.runpytest(mode).assert_outcomes(passed=2)


def test_tests_of_pytest_trio_stay_its_own(pytester: pytest.Pytester):
    """Beside ours, async tests and async fixtures are as they always were; a trio mark on ours does no harm."""
    pytester.makepyfile(
        HEAD
        + """
pytestmark = pytest.mark.trio

@pytest.fixture
async def token():
    yield trio.lowlevel.current_trio_token()

async def test_theirs(token, nursery):
    assert token is trio.lowlevel.current_trio_token()

async def test_ours(cluster):
    await trio.sleep(1000)
    assert 1000 == cluster.now_s
"""
    )
    pytester.runpytest().assert_outcomes(passed=2)


def test_the_marker_says_which_network(pytester: pytest.Pytester):
    """The nearest marker decides, word by word."""
    pytester.makepyfile(
        HEAD
        + """
from devstack.faults.builders import crash
pytestmark = pytest.mark.devstack(nodes=5, behaviour="v1.4.0")

async def test_five(cluster):
    assert 5 == len(cluster.nodes)

@pytest.mark.devstack(nodes=2, seed=41)
async def test_two(cluster):
    assert (2, 41) == (len(cluster.nodes), cluster.seed)

FAULTS = [crash("node-1", after="10s"), {"crash": "node-2", "at": "20s"}, "crash node-3 after=30s"]

@pytest.mark.devstack(behaviour="documented", faults=FAULTS)
async def test_faults(cluster):
    for name in ("node-1", "node-2", "node-3"):
        await cluster.node(name).wait_connected(False, within="10m")
    assert cluster.node("node-4").is_connected

@pytest.mark.devstack(shapes={"node-2": {"labels": {"zone": "b"}}})
async def test_shapes(cluster):
    assert "b" == cluster.node("node-2").labels["zone"]
"""
    )
    pytester.runpytest().assert_outcomes(passed=4)


def test_a_test_stops_at_the_first_seed_that_fails(pytester: pytest.Pytester):
    """It tells the seed, shows the assert as pytest does, and ends with the line that repeats it."""
    pytester.makepyfile(
        test_mine=HEAD
        + """
seeds = []

@pytest.mark.devstack(nodes=1, seeds=200)
async def test_up_to_two(cluster):
    seeds.append(cluster.seed)
    job = await cluster.submit(batch(noop(runs_for="5s")))
    await job.wait("Completed")
    assert cluster.seed < 2

def test_then():
    assert [0, 1, 2] == seeds
"""
    )
    result = pytester.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       assert cluster.seed < 2",
            "E       assert 2 < 2",
            "*- devstack -*",
            "failed under seed 2",
            "*node-0 *takes *: j-*",
            "*node-1 *has completed*",
            "to repeat it: pytest test_mine.py::test_up_to_two --devstack-seed=2",
        ]
    )


def test_the_repeating_line_repeats(pytester: pytest.Pytester):
    """What it names is one test under one seed, whatever the marker asks for."""
    pytester.makepyfile(
        test_mine=HEAD
        + """
@pytest.mark.devstack(seeds=200)
@pytest.mark.parametrize("text", ["a b", "c"])
async def test_it(cluster, text):
    print("seed", cluster.seed)
    assert cluster.seed != 3 or text == "c"
"""
    )
    first = pytester.runpytest()
    first.assert_outcomes(passed=1, failed=1)
    line = "to repeat it: pytest 'test_mine.py::test_it[[]a b]' --devstack-seed=3"
    first.stdout.fnmatch_lines([line])
    again = pytester.runpytest("test_mine.py::test_it[a b]", "--devstack-seed=3")
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["seed 3", line])


def test_the_command_line_decides_how_many_seeds(pytester: pytest.Pytester):
    """`--devstack-seeds` goes before the marker; with `--devstack-seed` it counts from there."""
    pytester.makepyfile(
        """
import pytest
seeds = []

@pytest.mark.devstack(nodes=1, seeds=2)
async def test_it(cluster):
    seeds.append(cluster.seed)

def test_shown():
    print("seeds", seeds)
"""
    )
    pytester.runpytest("-s").stdout.fnmatch_lines(["*seeds [[]0, 1]*"])
    pytester.runpytest("-s", "--devstack-seeds=4").stdout.fnmatch_lines(["*seeds [[]0, 1, 2, 3]*"])
    pytester.runpytest("-s", "--devstack-seed=9", "--devstack-seeds=2").stdout.fnmatch_lines(["*seeds [[]9, 10]*"])


def test_a_violated_checker_fails_a_test_that_passes(pytester: pytest.Pytester):
    """What always holds needs no line in a test."""
    pytester.makepyfile(
        """
from devstack.checkers import Checkers, Violation

async def test_it(cluster, monkeypatch):
    def settle(checkers):
        checkers.violations.append(Violation("capacity", 1_000_000, "node-1 is over its capacity"))
    monkeypatch.setattr(Checkers, "settle", settle)
"""
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*over its capacity*", "violated: *node-1 is over its capacity*", "to repeat it: *"])


def test_skips_and_failures_by_word_mean_what_they_mean(pytester: pytest.Pytester):
    """`pytest.skip`, `xfail` and `fail` work inside, and so does an xfail mark."""
    # The project below is what is tested; none of ours is skipped here.
    pytester.makepyfile(
        """
import pytest

async def test_skip(cluster):
    pytest.skip("not today")

async def test_xfail(cluster):
    pytest.xfail("known")

@pytest.mark.xfail(strict=True)
async def test_marked(cluster):
    assert not cluster.nodes

async def test_fail(cluster):
    pytest.fail("so it is")
"""
    )
    result = pytester.runpytest()
    result.assert_outcomes(skipped=1, xfailed=2, failed=1)
    result.stdout.fnmatch_lines(["*Failed: so it is", "failed under seed 0"])


def test_other_fixtures_may_use_the_cluster(pytester: pytest.Pytester):
    """A fixture may keep it for the test; only while the test runs is there a network behind it."""
    pytester.makepyfile(
        """
import pytest

class Pipeline:
    def __init__(self, cluster):
        self.cluster = cluster
    async def work(self):
        await self.cluster.advance("1m")

@pytest.fixture(scope="module")
def pipeline(cluster):
    return Pipeline(cluster)

@pytest.mark.devstack(seeds=2)
async def test_it(pipeline):
    assert 0 == pipeline.cluster.now_s
    await pipeline.work()
    assert 60 == pipeline.cluster.now_s

@pytest.fixture
def early(cluster):
    cluster.nodes

async def test_too_early(early):
    pass
"""
    )
    result = pytester.runpytest()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*cluster.nodes is asked for while no test runs*"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("def test_it(cluster): pass", "test_it uses `cluster` and is no async function: write `async def test_it`"),
        (
            "@pytest.mark.devstack(node=3)\nasync def test_it(cluster): pass",
            "*does not take node; it takes nodes, seeds, faults, behaviour, *",
        ),
        ("@pytest.mark.devstack(5)\nasync def test_it(cluster): pass", "*does not take 5; it takes nodes, *by name"),
        (
            "@pytest.mark.devstack(seeds=0)\nasync def test_it(cluster): pass",
            "@pytest.mark.devstack(seeds=0): it is a whole number, 1 or more",
        ),
        (
            "@pytest.mark.devstack(behaviour='v1.4')\nasync def test_it(cluster): pass",
            "unknown behaviour 'v1.4'; use documented, *",
        ),
        (
            "@pytest.mark.devstack(faults=['crush node-1'])\nasync def test_it(cluster): pass",
            "*unknown fault*crush*crash*",
        ),
        (
            "@pytest.mark.devstack(faults=['crash node-9'])\nasync def test_it(cluster): pass",
            "*node-9*",
        ),
        ("from time import sleep\nasync def test_it(cluster): sleep(1)", "*RefusedError: * calls time.sleep, *"),
        ("async def test_it(cluster): await trio.Event().wait()", "nothing has changed for *"),
    ],
)
def test_mistakes_are_told_in_one_sentence(pytester: pytest.Pytester, line: str, message: str):
    """Whoever writes a test wrong sees what and what to do, and none of our lines."""
    pytester.makepyfile(HEAD + line)
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([message])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_plugin*")


def test_a_project_may_have_a_cluster_of_its_own(pytester: pytest.Pytester):
    """The name is common; a fixture of the project hides ours."""
    pytester.makepyfile(
        """
import pytest

@pytest.fixture
def cluster():
    return "mine"

def test_it(cluster):
    assert "mine" == cluster
"""
    )
    pytester.runpytest().assert_outcomes(passed=1)


def test_hypothesis_gives_each_example_a_cluster_of_its_own(pytester: pytest.Pytester):
    """No health check has to be switched off, and the smallest example that fails is told with its story."""
    pytester.makepyfile(
        test_mine=HEAD
        + """
from hypothesis import given, settings, strategies as st

@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 50))
@pytest.mark.devstack(nodes=2)
async def test_holds(cluster, count):
    assert 0 == cluster.now_s
    job = await cluster.submit(batch(noop(runs_for=count)))
    await job.wait("Completed")
    assert cluster.now_s >= count

class TestTogether:
    @settings(max_examples=50, deadline=None)
    @given(count=st.integers(1, 50))
    @pytest.mark.parametrize("limit", [10, 20])
    async def test_fails(self, cluster, count, limit):
        job = await cluster.submit(batch(noop(runs_for=count)))
        await job.wait("Completed")
        assert cluster.now_s < limit
"""
    )
    # A process of its own: schemathesis, once it is imported, rewrites what hypothesis reports.
    result = pytester.runpytest_subprocess("-otrio_mode=true", "-pno:cacheprovider")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.no_fnmatch_line("*devstack/scenario/run.py*in *")
    result.stdout.fnmatch_lines(
        ["*limit=10,", "*count=10,", "failed under seed 0", "*limit=20,", "*count=20,", "failed under seed 0"]
    )


def test_it_works_beside_xdist_hypothesis_and_pytest_trio_at_once(pytester: pytest.Pytester):
    """What a worker finds arrives in the terminal with its story; each plugin has its own tests, and scenarios run."""
    pytester.makepyfile(
        test_mine=HEAD
        + """
from hypothesis import given, settings, strategies as st

@pytest.mark.parametrize("number", range(6))
@pytest.mark.devstack(seeds=3)
async def test_it(cluster, number):
    assert (number, cluster.seed) != (4, 2)

@settings(max_examples=10, deadline=None)
@given(count=st.integers(1, 3))
@pytest.mark.devstack(nodes=3, seeds=2)
async def test_examples(cluster, count):
    job = await cluster.submit(batch(noop(runs_for="10m"), count=count))
    await job.wait("Completed")
    assert count < 3

async def test_theirs(nursery):
    await trio.lowlevel.checkpoint()

def test_live(bacalhau):
    assert bacalhau.port
"""
    )
    mine = "from devstack.scenario import scenario\n\n@scenario(nodes=1)\nasync def mine(cluster):\n    pass\n"
    (pytester.mkdir("scenarios") / "mine.py").write_text(mine)
    result = pytester.runpytest("-n2", "-otrio_mode=true", "-pno:cacheprovider")
    result.assert_outcomes(passed=8, failed=2)
    line = "to repeat it: pytest 'test_mine.py::test_it[[]4]' --devstack-seed=2"
    result.stdout.fnmatch_lines(["failed under seed 2", line])
    result.stdout.fnmatch_lines(["*count=3,*", "failed under seed 0", "to repeat it: *::test_examples *"])


def test_a_wait_that_fails_shows_the_test_and_none_of_our_lines(pytester: pytest.Pytester):
    """The line that waits, and what it waited for."""
    pytester.makepyfile(
        HEAD
        + """
async def test_it(cluster):
    job = await cluster.submit(batch(noop(runs_for="1h")))
    await job.wait("Completed", within="1m")
"""
    )
    result = pytester.runpytest()
    result.stdout.fnmatch_lines(
        [
            ">       await job.wait(*",
            "E       *ScenarioFailure: waited 1m0s for job j-* to be Completed; it is Running*",
        ]
    )
    result.stdout.no_fnmatch_line("*devstack/scenario/*")
