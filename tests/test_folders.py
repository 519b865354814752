"""Where a stack keeps its files: one folder for one stack, gone when it ends or at the next start."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from devstack.adapters.docker import this_stack_id
from devstack.errors import UsageError
from devstack.folders import EXECUTIONS, _remove_abandoned_once, remove_abandoned, scenario_folder, stack_folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine's folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def gone_stack_id() -> str:
    """The id of a stack whose process has ended."""
    program = "from devstack.adapters.docker import this_stack_id; print(this_stack_id())"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_a_temporary_folder_names_its_stack_and_goes_with_it(temporary: Path):
    """With all that is in it."""
    with stack_folder(None, "7-8") as folder:
        assert (temporary, True) == (folder.parent, folder.name.startswith("devstack-7-8-"))
        (folder / "deep" / "er").mkdir(parents=True)
    assert [] == list(temporary.iterdir())


@pytest.mark.parametrize("keep_results", [False, True])
def test_of_a_named_folder_only_executions_go(tmp_path: Path, keep_results: bool):
    """At the start, what a killed stack has left; at the end, this one's. Results that shall be kept are."""
    (tmp_path / EXECUTIONS / "old").mkdir(parents=True)
    (tmp_path / "published").write_text("x")
    with stack_folder(tmp_path, "7-8", keep_results) as folder:
        assert keep_results == (folder / EXECUTIONS / "old").exists()
        (folder / EXECUTIONS / "new").mkdir(parents=True)
    assert keep_results == (tmp_path / EXECUTIONS).exists()
    assert "x" == (tmp_path / "published").read_text()


def test_a_folder_is_made_if_there_is_none(tmp_path: Path):
    """And a relative one is where the person stands."""
    with stack_folder(tmp_path / "a" / "b", "7-8") as folder:
        assert (tmp_path / "a" / "b").resolve() == folder


def test_one_folder_is_for_one_stack(tmp_path: Path):
    """The second is told so; when the first has ended it may be used again."""
    with stack_folder(tmp_path, "7-8"), pytest.raises(UsageError, match="another stack keeps its files in"):
        stack_folder(tmp_path, "9-9").__enter__()
    with stack_folder(tmp_path, "9-9"):
        pass


def test_a_folder_that_cannot_be_is_the_persons_mistake(tmp_path: Path):
    """With its name, the reason and the way out."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot keep the stack's files in .*below: Not a directory") as caught:
        stack_folder(tmp_path / "file" / "below", "7-8").__enter__()
    assert "--repo" in caught.value.hint


def test_a_missing_place_for_temporary_files_is_told(monkeypatch: pytest.MonkeyPatch):
    """As any other folder that cannot be made."""
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(UsageError, match="cannot keep the stack's files in /nowhere: No such file or directory"):
        stack_folder(None, "7-8").__enter__()


def test_only_folders_of_stacks_that_are_gone_are_removed(temporary: Path, gone_stack_id: str):
    """Not those of living ones, not other people's, not what only looks alike, and never through a link."""
    elsewhere = temporary / "elsewhere"
    (elsewhere / "kept").mkdir(parents=True)
    kept = {f"devstack-{this_stack_id()}-abc", "devstack-old", "devstack-scenario-1", f"mine-{gone_stack_id}-abc"}
    kept.add(f"devstack-scenario-{this_stack_id()}-abc")
    for name in (*kept, f"devstack-{gone_stack_id}-abc", f"devstack-scenario-{gone_stack_id}-abc"):
        (temporary / name).mkdir()
    (temporary / f"devstack-{gone_stack_id}-link").symlink_to(elsewhere)
    remove_abandoned()
    assert {*kept, "elsewhere", f"devstack-{gone_stack_id}-link"} == {path.name for path in temporary.iterdir()}
    assert (elsewhere / "kept").exists()


def test_a_simulated_world_first_removes_what_killed_ones_have_left(temporary: Path, gone_stack_id: str):
    """Once a process; its own folder names the process, so that it too is found if that is killed."""
    (temporary / f"devstack-scenario-{gone_stack_id}-abc").mkdir()
    _remove_abandoned_once.cache_clear()
    folder = scenario_folder()
    assert [folder] == list(temporary.iterdir())
    assert folder.name.startswith(f"devstack-scenario-{this_stack_id()}-")
