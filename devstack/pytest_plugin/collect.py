"""Scenario files as tests: each scenario in them is one item."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from devstack.errors import DevstackError
from devstack.pytest_plugin.plan import plan_of
from devstack.pytest_plugin.report import ToldRun, describe, run_told, told_plainly, words_of
from devstack.scenario import Scenario
from devstack.scenario.load import load
from devstack.scenario.token import Token, short_path

__all__ = ["ScenarioItem", "YamlScenarios", "collect_file", "make_item"]

# Looked for in the text, because a file that holds no scenario must not be imported.
IN_PYTHON: Final = re.compile(r"^@(\w+\.)*scenario\b", re.MULTILINE)
IN_YAML: Final = re.compile(r"^(cluster|jobs|faults|expect)\s*:", re.MULTILINE)


def collect_file(path: Path, parent: pytest.Collector, *, is_given: bool) -> pytest.Collector | None:
    """The collector of a file that lies below a `scenarios` folder or was given on the command line."""
    if path.suffix != ".py":
        return YamlScenarios.from_parent(parent, path=path) if is_given or _holds(IN_YAML, path) else None
    patterns = parent.config.getini("python_files")
    if is_given or any(path.match(pattern) for pattern in patterns) or not _holds(IN_PYTHON, path):
        return None  # pytest has it already, or it is no scenario.
    # An ordinary module: asserts are explained, import errors reported, and test functions in it are tests, too.
    module: pytest.Module = pytest.Module.from_parent(parent, path=path)
    return module


def _holds(pattern: re.Pattern[str], path: Path) -> bool:
    return pattern.search(path.read_text(encoding="utf-8", errors="replace")) is not None


def make_item(collector: pytest.Collector, name: str, obj: object) -> pytest.Item | None:
    """A test for a scenario that a module defines; one that it only imports belongs to another."""
    if not isinstance(obj, Scenario) or Path(obj.file).resolve() != collector.path.resolve():
        return None
    item: ScenarioItem = ScenarioItem.from_parent(collector, name=name, scenario=obj)
    return item


class YamlScenarios(pytest.File):
    """A YAML file of scenarios."""

    def collect(self) -> Iterable[pytest.Item]:
        try:
            scenarios = load(str(self.path))
        except DevstackError as exc:
            raise self.CollectError(words_of(exc)) from None
        for scenario in scenarios:
            yield ScenarioItem.from_parent(self, name=scenario.name, scenario=scenario)


class ScenarioRunFailed(Exception):
    """A scenario did not hold under one seed."""

    def __init__(self, told: ToldRun) -> None:
        super().__init__(told.outcome.message)
        self.told = told


class ScenarioItem(pytest.Item):
    """One scenario; it runs under its own seed, or under as many as are asked for."""

    def __init__(self, *, scenario: Scenario, **more: Any) -> None:
        super().__init__(**more)
        self.scenario = scenario
        self.obj = scenario  # Plugins such as pytest-trio look at every item's object.

    def runtest(self) -> None:
        with told_plainly():
            plan = plan_of(self, self.scenario.seed)
        for seed in plan.seeds:
            told = run_told(self.scenario, plan, seed)
            if told is not None:
                raise ScenarioRunFailed(told)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, ScenarioRunFailed):
            return describe(excinfo.value.told, self, *self._token_lines(excinfo.value.told))
        return super().repr_failure(excinfo, style)

    def _token_lines(self, told: ToldRun) -> list[str]:
        """The same without pytest, where no marker has changed the scenario."""
        if self.get_closest_marker("devstack") is not None:
            return []
        token = Token(short_path(self.scenario.file), self.scenario.name, told.outcome.seed, digest=told.outcome.digest)
        return [f"devstack scenario replay {token}"]

    def reportinfo(self) -> tuple[Path, int | None, str]:
        code = getattr(self.scenario.script, "__code__", None)  # The script of a YAML file is no function of its own.
        is_here = code is not None and Path(code.co_filename) == self.path
        return self.path, getattr(code, "co_firstlineno", 1) - 1 if is_here else None, self.name
