"""A fake network for the command line, and ways to run commands against it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

# Test folders are no packages, so the helper beside this file is made importable by its own name.
_SPEC = spec_from_file_location("fake_server", Path(__file__).with_name("fake_server.py"))
assert _SPEC is not None and _SPEC.loader is not None
sys.modules["fake_server"] = module_from_spec(_SPEC)
_SPEC.loader.exec_module(sys.modules["fake_server"])

Run = Callable[..., Result]
Start = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def network() -> Iterator[Any]:
    with sys.modules["fake_server"].serving() as serving:
        yield serving


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("BACALHAU_", "DEVSTACK_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BACALHAU_DIR", str(tmp_path / "repository"))
    monkeypatch.delenv("LOG_LEVEL", raising=False)


@pytest.fixture
def offline(clean_environment: None) -> Run:
    """Runs a command in this process, with no server that it could ask."""
    from devstack.cli.main import cli

    def run(*args: str, input: str | None = None) -> Result:
        return CliRunner().invoke(cli, list(args), input=input, prog_name="devstack")

    return run


@pytest.fixture
def run(offline: Run, network: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process against the fake network."""
    monkeypatch.setenv("BACALHAU_API_PORT", str(network.port))
    return offline


@pytest.fixture
def start(run: Run) -> Start:
    """Runs a command as a user does, in a process of its own, its streams being pipes."""

    def call(*args: str, input: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "devstack", *args]
        return subprocess.run(command, input=input, capture_output=True, text=True, timeout=60, check=False)

    return call
