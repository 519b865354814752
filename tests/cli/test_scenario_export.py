"""`scenario export` and `scenario run --report`: what is written where, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FILE = '''
from devstack.scenario import batch, noop, scenario


@scenario(nodes=2)
async def passes(cluster):
    """A batch job completes."""
    await (await cluster.submit(batch(noop(runs_for="2m"), count=2))).wait("Completed", within="15m")


@scenario(nodes=2)
async def fails(cluster):
    assert cluster.seed > 7, "seven or less"
'''


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("some.py").write_text(FILE)
    return "some.py"


def test_a_run_is_exported_as_its_name_ends(offline, file):
    """And the line says what opens it."""
    result = offline("scenario", "export", f"{file}::passes", "-o", "run.json", "--seed", "3", "--nodes", "4")
    assert (0, "wrote   run.json; open it in ui.perfetto.dev\n", "") == (result.exit_code, result.stdout, result.stderr)
    trace = json.loads(Path("run.json").read_text())
    assert "some.py::passes@3,nodes=4" in trace["otherData"]["replay"]
    names = [event["args"]["name"] for event in trace["traceEvents"] if event["name"] == "process_name"]
    assert "node-4" in names


def test_the_exit_code_is_that_of_the_run(offline, file):
    """What failed is exported all the same, for it is what one wants to look at."""
    result = offline("scenario", "export", f"{file}::fails", "-o", "run.jsonl")
    assert (1, "wrote   run.jsonl\n") == (result.exit_code, result.stdout)
    assert "failed" == json.loads(Path("run.jsonl").read_text().splitlines()[0])["run"]["verdict"]


def test_a_name_that_does_not_say_as_what_is_refused(offline, file):
    """With the formats that there are."""
    result = offline("scenario", "export", f"{file}::passes", "-o", "run.xyz")
    assert 2 == result.exit_code
    assert "Error: run.xyz: no --to says as what to write it; --to perfetto|jsonl|csv|parquet|html" in result.stderr
    assert not Path("run.xyz").exists()


def test_a_run_with_a_report_prints_what_a_run_prints(offline, file):
    """And then where the report is."""
    result = offline("scenario", "run", f"{file}::passes", "--report", "run.html")
    assert (0, "") == (result.exit_code, result.stderr)
    assert "\npassed\n" in result.stdout
    assert result.stdout.endswith("\nwrote   run.html\n")
    again = next(line for line in result.stdout.splitlines() if line.startswith("again")).split(maxsplit=1)[1]
    assert again in Path("run.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["some.py"], "--report tells of one run"),
        (["some.py::passes", "--seeds", "3"], "--report tells of one run"),
        (["some.py::passes", "--engines", "real"], "--report needs virtual time"),
    ],
)
def test_a_report_of_more_than_one_simulated_run_is_refused(offline, file, arguments, words):
    """Before anything runs."""
    result = offline("scenario", "run", *arguments, "--report", "run.html")
    assert 2 == result.exit_code
    assert words in result.stderr
    assert not Path("run.html").exists()


WITHOUT = """
import sys
for name in ("pandas", "altair", "vl_convert", "cloudpickle", "numpy", "pyarrow"):
    sys.modules[name] = None
from devstack.cli.main import main
sys.argv = ["devstack", "scenario", "export", "some.py::passes", "-o", "{path}", "--to", "{to}"]
main()
"""


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("perfetto", ""),
        ("jsonl", ""),
        ("csv", "Error: tables need pandas, which is not installed; pip install 'bacalhau-devstack[notebook]'\n"),
        ("html", "Error: charts need altair, which is not installed; pip install 'bacalhau-devstack[notebook]'\n"),
        ("parquet", "Error: Parquet needs pyarrow, which is not installed; "
                    "pip install 'bacalhau-devstack[notebook,parquet]'\n"),
    ],
)  # fmt: skip
def test_without_the_extra_one_line_says_how_to_install_it(file, to, said):
    """What needs no table and no chart works without it."""
    program = WITHOUT.format(path="out", to=to)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (said, 2 if said else 0) == (done.stderr, done.returncode)
    assert Path("out").exists() == (not said)
