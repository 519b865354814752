"""The recorded conversations with the real v1.4.0, folder by folder, each against a fresh stack.

Under `--behaviour v1.4.0` every case must agree; by default those that follow Bacalhau's documentation must.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.stacks import running

pytestmark = [pytest.mark.live, pytest.mark.docker]

HERE = Path(__file__).parent
FOLDERS = sorted(path.name for path in (HERE / "cases").iterdir())
MODES = {"v1.4.0": (["--behaviour", "v1.4.0"], []), "documented": ([], ["--documented-only", "--allow-extra-keys"])}


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("mode", MODES)
def test_the_stack_answers_as_recorded(mode: str, folder: str, tmp_path: Path, docker_engine: object):
    """Every difference is printed with its path."""
    flags, replay_flags = MODES[mode]
    allowed = [str(tmp_path), f"{tmp_path / 'rw'}:rw", f"{tmp_path}/tree/**"]
    paths = [word for path in allowed for word in ("--allow-listed-local-paths", path)]
    with running("--nodes", "5", *paths, *flags) as stack:
        done = subprocess.run(
            [sys.executable, str(HERE / "replay.py"), "--api", stack.url, "--data", str(tmp_path),
             "--only", f"{folder}/*", *replay_flags, str(HERE / "cases")],
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
    assert 0 == done.returncode, done.stdout + done.stderr
