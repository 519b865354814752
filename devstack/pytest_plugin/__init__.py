"""The pytest plugin: scenario files as tests, and two fixtures for tests of one's own.

plan      what the marker and the options ask for      collect  `scenarios/*.py` and YAML scenarios as test items
universe  one test function under one or many seeds    report   what a failure says
stack     what a test asks of its live stack

`cluster` is for async tests, which run in virtual time, in process; `bacalhau` is a live stack on a free port.

    @pytest.mark.devstack(nodes=5, seeds=200)
    async def test_a_lost_node_does_not_lose_my_job(cluster): ...

    def test_my_client(bacalhau): httpx.get(bacalhau.url + "/api/v1/agent/alive")

Under Hypothesis every example, and under `seeds` every seed, has a cluster of its own, while all other fixtures are
made once a test; no health check has to be switched off.

This module is imported at the start of every pytest run on a machine that has devstack, so it imports nothing of ours
until a test needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from devstack.scenario import ClusterHandle
    from devstack.threaded import Bacalhau

__all__ = ["bacalhau", "cluster"]

MARKER = (
    "devstack(nodes, seeds, faults, behaviour, seed, shapes, requester): the network of a test that uses `cluster` or "
    "`bacalhau`; with seeds=N the test runs under N seeds and stops at the first that fails"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("devstack", "simulated Bacalhau networks")
    group.addoption(
        "--devstack-seeds", type=int, metavar="N", help="Run scenarios and tests with `cluster` under N seeds each."
    )
    group.addoption(
        "--devstack-seed", type=int, metavar="N", help="Run them under seed N (with --devstack-seeds: from N on)."
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


# ---- fixtures ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def cluster() -> ClusterHandle:
    """A simulated network in virtual time, for async tests.

    Fixtures may keep it, but only the running test can use it: each run of the test has a network of its own.
    """
    # One stand-in for the whole session, because Hypothesis refuses fixtures of function scope, rightly: they are
    # made once for all examples. What is behind this one is made anew for each.
    from devstack.pytest_plugin.universe import ClusterInTest

    # Nothing of the handle is missing in the stand-in, and people want its methods completed.
    stand_in: Any = ClusterInTest()
    handle: ClusterHandle = stand_in
    return handle


@pytest.fixture
def bacalhau(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bacalhau]:
    """A live stack on a free port, for any Bacalhau client; the client's environment variables point to it."""
    from devstack.pytest_plugin.report import told_plainly
    from devstack.pytest_plugin.stack import options_of
    from devstack.threaded import live_stack

    with ExitStack() as leaving:
        with told_plainly():
            stack = leaving.enter_context(live_stack(options_of(request.node)))
        for name, value in stack.environment.items():
            monkeypatch.setenv(name, value)
        yield stack


# ---- tests with `cluster` ----------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    # First of all wrappers: what pytest-trio and others then find is an ordinary function.
    universe = sys.modules.get("devstack.pytest_plugin.universe")
    if universe is None or not universe.is_ours(item):
        return (yield)
    with universe.in_virtual_time(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    universe = sys.modules.get("devstack.pytest_plugin.universe")
    if universe is not None and call.when == "call" and report.failed:
        universe.add_story(item, report)
    return report


# ---- scenario files ----------------------------------------------------------------------------------------


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix not in (".py", ".yaml", ".yml"):
        return None
    given = parent.session.isinitpath(file_path)
    if not given and "scenarios" not in file_path.parts:
        return None
    from devstack.pytest_plugin.collect import collect_file

    return collect_file(file_path, parent, is_given=given)


def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> pytest.Item | None:
    if type(obj).__module__ != "devstack.scenario.decorator":
        return None
    from devstack.pytest_plugin.collect import make_item

    return make_item(collector, name, obj)
