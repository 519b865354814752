"""Same seed and same scenario: same digest. Wherever, whenever, beside whatever."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from devstack.scenario.mismatch import find_mismatch, read
from tests.determinism import digests
from tests.packages import lend

SCRIPT = str(Path(digests.__file__))
ROOT = str(Path(digests.__file__).parents[2])
GOLDEN = "2311332098729859727 [0, 1, 9, 414, 609193753554] [204, 447, 980, 132, 998]"


@pytest.fixture(scope="module")
def here() -> dict[str, list[str]]:
    """The digests in this process, in which Hypothesis and pytest-trio are at home."""
    return digests.digests()


def ask(python: str, arguments: Sequence[str], path: Sequence[str] = (ROOT,), hash_seed: str = "0") -> str:
    """What the script answers in a fresh process."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(path)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # The files belong to another interpreter.
    done = subprocess.run([python, SCRIPT, *arguments], capture_output=True, text=True, env=environment, check=False)
    assert 0 == done.returncode, done.stderr
    return done.stdout


def assert_same(here: dict[str, list[str]], python: str, *arguments: str, **more: object) -> None:
    """Every digest is the one of this process; otherwise the first event that differs is shown."""
    there = json.loads(ask(python, arguments, **more))  # type: ignore[arg-type]
    for which, expected in here.items():
        if expected != there[which]:
            other = read(ask(python, [*arguments, "--records", which], **more))  # type: ignore[arg-type]
            pytest.fail(
                f"{which}: {expected} here, {there[which]} there\n{find_mismatch(digests.records(which), other)}"
            )
    assert list(here) == list(there)


def test_every_universe_does_what_it_says(here: dict[str, list[str]]) -> None:
    """A digest of a broken script would compare nothing."""
    assert [] == [(which, message) for which, (verdict, _, message) in here.items() if verdict != "passed"]


def test_draws_never_change(here: dict[str, list[str]]) -> None:
    """A recorded seed keeps its meaning: these numbers are part of the product."""
    assert GOLDEN == here["draws"][1]


def test_each_seed_is_another_run(here: dict[str, list[str]]) -> None:
    """Seeds that all gave one run would make the comparisons worthless."""
    found = [digest for _, digest, _ in here.values()]
    assert len(found) == len(set(found))


def test_a_run_repeats_itself_in_one_process(here: dict[str, list[str]]) -> None:
    """No state of an earlier run shows in a later one."""
    assert here == digests.digests()


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_a_run_repeats_itself_in_a_fresh_process(here: dict[str, list[str]], hash_seed: str) -> None:
    """The order of sets of texts differs from process to process, and nothing may hang on it; nor on Hypothesis."""
    assert_same(here, sys.executable, hash_seed=hash_seed)


def test_hypothesis_and_pytest_trio_change_nothing(here: dict[str, list[str]]) -> None:
    """Both change in which order trio runs tasks that are ready at the same time."""
    extras = ["--import", "hypothesis", "--import", "pytest_trio.plugin"]
    assert_same(here, sys.executable, *extras, hash_seed="random")


def interpreter(version: str) -> str:
    """A Python of that version, or the test is skipped."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        return sys.executable
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [shutil.which(f"python{version}"), *sorted(root.glob(f"versions/{version}.*/bin/python"))]
    for candidate in filter(None, candidates):
        asked = [str(candidate), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        if version == subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip():
            return str(candidate)
    # Few machines have all three; the digests of the one that runs the tests are held everywhere.
    pytest.skip(f"there is no Python {version} on this machine, neither on PATH nor under pyenv")


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_every_supported_python_gives_the_same_run(here: dict[str, list[str]], version: str, tmp_path: Path) -> None:
    """Random generators, the texts of enums and values, the order of dicts: the same on 3.11, 3.12 and 3.13."""
    python = interpreter(version)
    # What is needed is pure Python, so the other interpreter can use what this one has.
    lend(["trio", "attrs", "cattrs", "PyYAML", "wasmtime"], tmp_path)
    assert_same(here, python, path=(ROOT, str(tmp_path)))
