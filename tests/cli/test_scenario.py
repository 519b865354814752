"""`scenario run`, `replay`, `list`, `convert`: what is printed where, and exit codes."""

from __future__ import annotations

import json
import os
import pty
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

FILE = '''
from devstack.faults import crash
from devstack.scenario import batch, noop, scenario


@scenario(nodes=3)
async def passes(cluster):
    """A batch job completes."""
    await (await cluster.submit(batch(noop(runs_for="2m"), count=2))).wait("Completed", within="15m")


@scenario(nodes=3, covers="batch x nothing")
async def fails(cluster):
    """It asks for too much."""
    job = await cluster.submit(batch(noop(runs_for="2m")))
    await job.wait("Completed", within="1m")


@scenario(nodes=3)
async def breaks(cluster):
    cluster.inject(crash("node-9"))


@scenario(nodes=3)
async def dislikes_seeds_from_seven_on(cluster):
    assert cluster.seed < 7, "seven or more"
'''


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("some.py").write_text(FILE)
    return "some.py"


def test_a_run_prints_story_verdict_digest_and_the_line_that_repeats_it(offline, file):
    """And exit code 0."""
    result = offline("scenario", "run", f"{file}::passes", "--seed", "7")
    assert (0, "") == (result.exit_code, result.stderr)
    assert "passes  seed 7, 3 nodes\nA batch job completes.\n" in result.stdout
    assert "is Completed" in result.stdout
    assert re.search(r"^passed$", result.stdout, re.MULTILINE)
    assert re.search(r"^digest  [0-9a-f]{64}$", result.stdout, re.MULTILINE)
    assert re.search(r"^again   devstack scenario replay some.py::passes@7,digest=\w{12}$", result.stdout, re.MULTILINE)
    assert "\x1b" not in result.stdout


def test_the_printed_line_repeats_the_run(offline, file):
    """Copied as it is, it gives the same story and the same digest."""
    first = offline("scenario", "run", f"{file}::fails", "--nodes", "4", "--behaviour", "v1.4.0")
    command = next(line for line in first.stdout.splitlines() if line.startswith("again")).split()[2:]
    second = offline(*command)
    assert 1 == first.exit_code == second.exit_code
    assert "the same to the byte" in second.stdout
    without_times = [re.sub(r"in \d.*s$", "", text, flags=re.MULTILINE) for text in (first.stdout, second.stdout)]
    assert without_times[0] in without_times[1]


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("fails", 1, "failed: waited 1m0s for job"),
        ("breaks", 2, "broken: no machine matches 'node-9'"),
        ("dislikes_seeds_from_seven_on", 0, "passed"),
    ],
)
def test_exit_codes_tell_failed_from_broken(offline, file, name, code, words):
    """1: what the script asks for does not hold. 2: the script is at fault."""
    result = offline("scenario", "run", f"{file}::{name}")
    assert code == result.exit_code
    assert words in result.stdout


def test_several_scenarios_give_the_worst_code(offline, file):
    """A failed one and a broken one: broken. Those that pass are one line each, or none."""
    result = offline("scenario", "run", file)
    assert 2 == result.exit_code
    assert "passed  some.py::passes\n" in result.stdout
    assert "fails  seed 0, 3 nodes\nIt asks for too much.\n" in result.stdout
    assert "4 scenarios: 2 passed" in result.stdout
    quiet = offline("scenario", "run", file, "--quiet")
    assert 2 == quiet.exit_code
    assert "passes" not in quiet.stdout
    assert "breaks  seed 0" in quiet.stdout


def test_a_file_that_cannot_be_read_is_broken(offline, file):
    """One line on standard error, exit code 2."""
    result = offline("scenario", "run", "none.py")
    assert (2, "", "Error: there is no scenario file none.py\n") == (result.exit_code, result.stdout, result.stderr)


def test_json_has_the_outcome(offline, file):
    """Verdict, digest, draws, token; nothing else on standard output."""
    result = offline("scenario", "run", f"{file}::passes", "--json")
    outcome = json.loads(result.stdout)
    assert ("passes", "passed", 0) == (outcome["scenario"], outcome["verdict"], outcome["seed"])
    assert outcome["token"].endswith(outcome["digest"][:12])
    assert outcome["draws"]["requester/ids"] > 0


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_many_seeds_are_summed_up(offline, file, jobs):
    """Counts, the first seed that did not pass with its message, and its line; exit code 1."""
    result = offline("scenario", "run", f"{file}::dislikes_seeds_from_seven_on", "--seeds", "20", "--jobs", jobs)
    assert 1 == result.exit_code
    assert "20 seeds, 7 passed, 13 failed" in result.stdout
    assert "first   seed 7 failed" in result.stdout
    assert "seven or more" in result.stdout
    assert "again   devstack scenario replay some.py::dislikes_seeds_from_seven_on@7,digest=" in result.stdout
    assert "" == result.stderr


def test_many_seeds_as_json(offline, file):
    """From --seed on."""
    result = offline(
        "scenario", "run", f"{file}::dislikes_seeds_from_seven_on", "--seed", "5", "--seeds", "4", "--json"
    )
    summary = json.loads(result.stdout)
    assert (2, 2, 0, 7) == (summary["passed"], summary["failed"], summary["broken"], summary["first"]["seed"])


def test_a_progress_bar_appears_on_a_terminal_only(file):
    """Standard error is a terminal: a bar; the summary is on standard output as ever."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "devstack", "scenario", "run", f"{file}::passes", "--seeds", "3"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=follower, text=True)
    os.close(follower)
    out = process.communicate(timeout=60)[0]
    shown = os.read(leader, 10_000).decode()
    os.close(leader)
    assert "3/3" in shown
    assert "3 seeds, 3 passed" in out
    assert "\x1b" not in out


def test_faults_of_a_file_are_injected_and_repeated(offline, file):
    """They are part of the token."""
    Path("faults.yaml").write_text("- {at: 30s, crash: all, chance: 1}\n")
    result = offline("scenario", "run", f"{file}::passes", "--faults", "faults.yaml")
    assert 1 == result.exit_code, result.stdout
    assert "loses its power" in result.stdout
    command = next(line for line in result.stdout.splitlines() if line.startswith("again")).split()[2:]
    Path("faults.yaml").unlink()
    assert "the same to the byte" in offline(*command).stdout


def test_a_replay_with_another_digest_says_so(offline, file):
    """Exit code 2."""
    result = offline("scenario", "replay", "some.py::passes@7,digest=000000000000")
    assert 2 == result.exit_code
    assert "and was 000000000000" in result.stdout


@pytest.mark.parametrize("token", ["x", "some.py::passes@x", "some.py::nobody@1", "none.py::passes@1"])
def test_a_token_that_means_nothing_is_one_line(offline, file, token):
    """Exit code 2, on standard error."""
    result = offline("scenario", "replay", token)
    assert (2, "") == (result.exit_code, result.stdout)
    assert 1 == result.stderr.count("\n")


def test_the_list_has_names_and_what_they_are_about(offline, file):
    """One line each; as JSON with what they cover."""
    result = offline("scenario", "list", ".")
    assert re.search(r"^some.py::passes +A batch job completes\.$", result.stdout, re.MULTILINE)
    rows = json.loads(offline("scenario", "list", ".", "--json").stdout)
    assert ["batch x nothing"] == rows[1]["covers"]


def test_a_scenario_is_converted(offline, file):
    """To standard output or to a file; what is left out is said on standard error."""
    result = offline("scenario", "convert", f"{file}::passes", "--output", "some.yaml")
    assert (0, "", "") == (result.exit_code, result.stdout, result.stderr)
    assert "@scenario(" in offline("scenario", "convert", "some.yaml").stdout
    failed = offline("scenario", "convert", f"{file}::fails")
    assert 1 == failed.exit_code
    assert failed.stderr.startswith("not converted: the run did not pass")


def test_two_behaviours_are_compared(offline, file):
    """The documented one and that of v1.4.0."""
    result = offline("scenario", "compare", f"{file}::passes", "--with", "v1.4.0")
    assert 0 == result.exit_code
    assert "no differences" in result.stdout


def test_seeds_need_virtual_time(offline, file):
    """A real network or real engines have no seeds."""
    result = offline("scenario", "run", f"{file}::passes", "--seeds", "3", "--engines", "real")
    assert 2 == result.exit_code
    assert "--seeds needs virtual time" in result.stderr


def test_a_small_scenario_imports_no_server_and_no_engine(file):
    """What is not needed would be waited for."""
    script = (
        "import sys; from devstack.cli.main import cli\n"
        f"sys.argv = ['devstack', 'scenario', 'run', '{file}::passes']\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('starlette', 'hypercorn', 'docker', 'httpx', 'wasmtime', 'rich', 'pytest', 'yaml')"
        " if name in sys.modules], file=sys.stderr)\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert "[]\n" == done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


@pytest.mark.parametrize("many", [(), ("--seeds", "3"), ("--seeds", "3", "--jobs", "2")])
def test_live_containers_in_virtual_time_are_refused(offline, file, many):
    """Before anything is run, with the two ways out."""
    result = offline("scenario", "run", f"{file}::passes", "--docker", "live", *many)
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith("Error: a live container takes real time, and virtual time stands still")
    assert "--engines real" in result.stderr
    assert "--docker record" in result.stderr
