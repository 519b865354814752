"""README's words are true: its snippets are run as they stand, on a port of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.live.stacks import Stack, repository, running

pytestmark = pytest.mark.live

README = (repository() / "README.md").read_text()


def snippets(section: str) -> list[str]:
    """What that section has to be run."""
    text = README.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"```(?:sh|python)\n(.*?)```", text, re.DOTALL)


CURL, COMMAND_LINE, SDK = snippets("A first job")
(WHY,) = snippets("Look at it, and ask why")


def perform(snippet: str, interpreter: list[str], stack: Stack, folder: Path) -> str:
    """What the snippet prints, this stack's port and this interpreter in the place of README's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BACALHAU_", "DEVSTACK_"))}
    variables = {"BACALHAU_API_HOST": "127.0.0.1", "BACALHAU_API_PORT": str(stack.port), "BACALHAU_DIR": str(folder),
                 "NO_PROXY": "127.0.0.1"}  # fmt: skip
    ours = snippet.replace("127.0.0.1:1234", f"127.0.0.1:{stack.port}")
    ours = ours.replace(".venv/bin/devstack", f"{sys.executable} -m devstack")
    done = subprocess.run([*interpreter, ours], capture_output=True, text=True, check=False, timeout=60,
                          cwd=repository(), env={**kept, **variables})  # fmt: skip
    assert (0, "") == (done.returncode, done.stderr), done.stdout
    return done.stdout


@pytest.mark.docker
def test_the_job_by_curl(docker_stack: Stack, tmp_path: Path):
    """Submitted without a warning, and in the list."""
    submitted, listed = re.findall(r"^\{.*?^\}", perform(CURL, ["bash", "-euc"], docker_stack, tmp_path), re.S | re.M)
    assert '"Warnings": null' in submitted
    (job_id,) = re.findall(r'"JobID": "(j-[^"]+)"', submitted)
    assert f'"ID": "{job_id}"' in listed
    assert "Completed" == docker_stack.wait_over(job_id)["State"]["StateType"]


@pytest.mark.docker
def test_the_jobs_by_the_command_line(docker_stack: Stack, tmp_path: Path):
    """Each line works: the module's greeting is there, the list ends with the two jobs, the choice is explained."""
    printed, _, explained = perform(
        f"{COMMAND_LINE}\necho ----\n{WHY}", ["bash", "-euc"], docker_stack, tmp_path
    ).partition("----\n")
    assert "\nhello from wasm\n" in printed
    jobs = [line.split()[2:] for line in printed.splitlines() if line.endswith(" Completed ")]
    assert {("docker", "batch", "Completed"), ("wasm", "batch", "Completed")} <= {tuple(job) for job in jobs}
    assert 2 == explained.count("Choice 1 for j-")


@pytest.mark.docker
# The package itself refuses later versions of Python.
@pytest.mark.skipif(find_spec("bacalhau_sdk") is None, reason="Bacalhau's SDK is for Python below 3.12")
def test_the_job_by_the_sdk(docker_stack: Stack, tmp_path: Path):
    """The script waits for the job and prints what it has printed."""
    assert "['hello\\n']\n" == perform(SDK, [sys.executable, "-c"], docker_stack, tmp_path)


@pytest.mark.docker
def test_the_stack_greets_as_shown(docker_engine: object):
    """README's picture of the start, but for versions, seed and port."""
    (shown,) = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    (flags,) = re.findall(r"-m devstack up (.*)", README.partition("## Run the tests")[0])
    with running(*flags.split()) as stack:
        greeting = "\n".join(stack.banner) + "\n"

    def without_numbers(text: str) -> str:
        return re.sub(r"(docker|wasmtime|seed|PORT=|1:)( ?)[\d.]+", r"\1\2N", text)

    assert without_numbers(shown) == without_numbers(greeting)


@pytest.mark.parametrize("flags", [["up", "--behaviour", "help"], ["bench", "--help"]])
def test_the_flags_that_it_names_are_there(flags: list[str]):
    """`--behaviour help` and the like answer."""
    done = subprocess.run(
        [sys.executable, "-m", "devstack", *flags], capture_output=True, text=True, check=False, timeout=60
    )
    assert (0, "") == (done.returncode, done.stderr)


def test_the_files_and_folders_that_it_names_are_there():
    """Links, and whatever looks like a path of the repository."""
    named = re.findall(r"\]\(([^)]+)\)", README) + re.findall(r"(?:scenarios|devstack)/[\w./]+", README)
    assert named
    assert [] == [name for name in named if not (repository() / name).exists()]
