"""A project of somebody else, in an environment that has our wheel, what it needs, and pytest; nothing more."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.packages import lend, needed

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "scenarios"

PROJECT = {
    "tests/test_pipeline.py": """
import json
import urllib.request

import pytest
from devstack.scenario import batch, noop

@pytest.mark.devstack(nodes=5, seeds=20)
async def test_my_job_survives_a_lost_node(cluster):
    job = await cluster.submit(batch(noop(runs_for="2m"), count=3))
    execution = await job.wait_running()
    from devstack.faults.builders import crash
    cluster.inject(crash(execution.node, after="30s"))
    await job.wait("Completed", within="15m")

@pytest.mark.devstack(nodes=2)
def test_my_client_lists_nodes(bacalhau):
    with urllib.request.urlopen(bacalhau.url + "/api/v1/orchestrator/nodes") as answer:
        assert 3 == len(json.load(answer)["Nodes"])
""",
    "scenarios/first.py": '''
from devstack.scenario import noop, ops, scenario

@scenario(nodes=3)
async def everywhere(cluster):
    """An ops job runs on every node."""
    job = await cluster.submit(ops(noop()))
    await job.wait("Completed", within="1m")
    assert {"node-1", "node-2", "node-3"} == job.nodes_used
''',
}


def run(*command: str | Path, folder: Path, more: Mapping[str, str] | None = None) -> str:
    """What the command prints; it must succeed. No path of this checkout leads into it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    environment |= more or {}
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has our wheel."""
    return environment_with_wheel(tmp_path_factory.mktemp("installed"))


@pytest.mark.live
def test_a_project_needs_nothing_but_the_wheel(python: Path, tmp_path: Path):
    """Marker, fixtures and scenario files work as soon as the package is installed beside pytest."""
    project = tmp_path / "project"
    for name, text in PROJECT.items():
        (project / name).parent.mkdir(parents=True)
        (project / name).write_text(text)
    said = run(python, "-m", "pytest", "-v", "-p", "no:cacheprovider", folder=project)
    assert "3 passed" in said, said
    assert str(ROOT) not in run(python, "-c", "import devstack; print(devstack.__file__)", folder=project)


@pytest.mark.live
def test_containers_and_modules_need_no_engine(python: Path, tmp_path: Path):
    """The scenarios with real programs pass where no Docker engine can be reached and no source of ours lies."""
    for name in ("docker_by_cassette.py", "real_wasm.py", "cassettes", "jobs/wat"):
        copy = shutil.copytree if (SCENARIOS / name).is_dir() else shutil.copy
        (tmp_path / "scenarios" / name).parent.mkdir(parents=True, exist_ok=True)
        copy(SCENARIOS / name, tmp_path / "scenarios" / name)
    nowhere = {"DOCKER_HOST": "tcp://127.0.0.1:1"}
    said = run(python, "-m", "devstack", "scenario", "run", "scenarios", folder=tmp_path, more=nowhere)
    assert re.search(r"^(\d+) scenarios: \1 passed$", said, re.MULTILINE), said


@pytest.mark.live
def test_the_dashboard_is_in_the_wheel(python: Path, tmp_path: Path):
    """Its page, its styles, its modules."""
    program = "from devstack.dashboard.files import page_files; print(*sorted(page_files()))"
    found = set(run(python, "-c", program, folder=tmp_path).split())
    assert found == {file.name for file in (ROOT / "devstack/dashboard/static").iterdir()}


def environment_with_wheel(folder: Path) -> Path:
    """The interpreter of a fresh environment; nothing is fetched for it."""
    pip = (sys.executable, "-m", "pip", "-q")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT, folder=folder)
    venv.create(folder / "environment", with_pip=False, symlinks=True)
    site_packages = next(folder.glob("environment/lib/python*/site-packages"))
    lend({"pytest", *needed(["bacalhau-devstack"])} - {"bacalhau-devstack"}, site_packages)
    wheel = next(folder.glob("*.whl"))
    run(*pip, "install", "--no-deps", "--no-index", "--target", site_packages, wheel, folder=folder)
    return folder / "environment/bin/python"
