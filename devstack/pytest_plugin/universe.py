"""Runs test functions that use `cluster`: once a seed, each time on a network of its own, in virtual time.

A test is an async function, and pytest-trio would run it in real time. So for the length of its call it is replaced by
an ordinary function that runs all seeds: neither pytest-trio (whatever its mode) nor pytest itself minds that.
Under Hypothesis it is the inner function, the one that is called for each example, that is replaced.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final

import pytest

from devstack.errors import UsageError
from devstack.pytest_plugin.plan import Plan, plan_of
from devstack.pytest_plugin.report import ToldRun, describe_run, run_told, told_plainly
from devstack.scenario import ClusterHandle, Scenario

__all__ = ["ClusterInTest", "add_story", "in_virtual_time", "is_ours"]

Test = Callable[..., Awaitable[object]]

FAILED: Final = pytest.StashKey[ToldRun]()


class NoTestRunsError(UsageError, AttributeError):
    """There is no network behind `cluster` now."""

    # An AttributeError too, because Hypothesis and debuggers ask every value for attributes that few have.


class ClusterInTest:
    """What the fixture `cluster` gives: stands for the network of the run that is going on."""

    def __init__(self) -> None:
        self._handle: ClusterHandle | None = None

    def __getattr__(self, name: str) -> Any:
        if self._handle is None:
            raise NoTestRunsError(
                f"cluster.{name} is asked for while no test runs", "use `cluster` in the test, or in what it calls"
            )
        return getattr(self._handle, name)

    def __repr__(self) -> str:
        return "<cluster>"

    @contextmanager
    def standing_for(self, handle: ClusterHandle) -> Iterator[None]:
        """Stand for this network for the length of a block."""
        self._handle = handle
        try:
            yield
        finally:
            self._handle = None


def is_ours(item: pytest.Item) -> bool:
    """Whether the test uses `cluster`, be it through another fixture."""
    return _stand_in(item) is not None


def _stand_in(item: pytest.Item) -> ClusterInTest | None:
    values = (getattr(item, "funcargs", None) or {}).values()
    return next((value for value in values if isinstance(value, ClusterInTest)), None)


@contextmanager
def in_virtual_time(item: pytest.Item) -> Iterator[None]:
    """Have the call of this test run its seeds."""
    assert isinstance(item, pytest.Function)
    hypothesis = getattr(item.obj, "hypothesis", None)
    holder, attribute = (item, "obj") if hypothesis is None else (hypothesis, "inner_test")
    original = getattr(holder, attribute)
    if not inspect.iscoroutinefunction(original):
        pytest.fail(
            f"{item.name} uses `cluster` and is no async function: write `async def {item.name}`", pytrace=False
        )
    with told_plainly():
        replacement = _all_seeds(item, original)
    setattr(holder, attribute, replacement)
    try:
        yield
    finally:
        setattr(holder, attribute, original)


def _all_seeds(item: pytest.Function, test: Test) -> Callable[..., None]:
    plan = plan_of(item)
    stand_in = _stand_in(item)
    assert stand_in is not None

    @functools.wraps(test)
    def under_all_seeds(*arguments: Any, **fixtures: Any) -> None:
        __tracebackhide__ = True
        for seed in plan.seeds:
            _under_one_seed(item, _Script(test, arguments, fixtures, stand_in), plan, seed)

    # pytest-trio takes a function with this mark for its own and leaves it as it is.
    under_all_seeds._trio_test_runner_wrapped = True  # type: ignore[attr-defined]
    return under_all_seeds


def _under_one_seed(item: pytest.Function, script: _Script, plan: Plan, seed: int) -> None:
    __tracebackhide__ = True
    told = run_told(Scenario(script, item.name, file=str(item.path)), plan, seed)
    if told is None:
        return
    item.stash[FAILED] = told
    if script.error is not None:
        raise script.error.with_traceback(script.traceback)
    pytest.fail(told.outcome.message, pytrace=False)


class _Script:
    """A test function as the script of a scenario; it keeps what the test raised, for pytest to show."""

    def __init__(self, test: Test, arguments: tuple[Any, ...], fixtures: dict[str, Any], stand_in: ClusterInTest):
        self.__wrapped__ = test  # Where those look who judge a script by its module.
        self._test = functools.partial(test, *arguments)
        self._fixtures, self._stand_in = fixtures, stand_in
        self.error: BaseException | None = None
        self.traceback: TracebackType | None = None

    async def __call__(self, handle: ClusterHandle) -> None:
        given = {name: handle if value is self._stand_in else value for name, value in self._fixtures.items()}
        with self._stand_in.standing_for(handle):
            try:
                await self._test(**given)
            except (Exception, pytest.fail.Exception) as exc:
                self.error = exc
                self.traceback = exc.__traceback__ and exc.__traceback__.tb_next  # The test's own part.
                if isinstance(exc, Exception):
                    raise
                raise AssertionError(str(exc)) from exc


def add_story(item: pytest.Item, report: pytest.TestReport) -> None:
    """Put the run that failed under the test's own report."""
    told = item.stash.get(FAILED, None)
    if told is not None:
        report.sections.append(("devstack", describe_run(told, item)))
