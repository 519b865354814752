"""`exec`: code as a job of a known kind."""

from __future__ import annotations

import base64
import io
import tarfile

import pytest
import yaml


@pytest.fixture
def dry(offline):
    def run(*args):
        result = offline("exec", "--dry-run", *args)
        return result.stderr if result.exit_code else yaml.safe_load(result.stdout)

    return run


def test_python_takes_its_arguments_behind_two_dashes(dry):
    """Words with blanks are quoted for the shell that takes them apart."""
    job = dry("python", "--version=3.10", "--", "-c", "import this")
    params = {"Version": "3.10", "Command": "python", "Arguments": ["-c", "'import this'"]}
    assert ("Python", {"Type": "python", "Params": params}) == (job["Name"], job["Tasks"][0]["Engine"])
    assert "InputSources" not in job["Tasks"][0]


def test_duckdb_queries_its_inputs(dry):
    """One argument, and one input."""
    (task,) = dry("-i", "src=http://h/test.csv,dst=/inputs/test.csv", "duckdb", "select * from x")["Tasks"]
    assert {"Command": "duckdb", "Arguments": ["'select * from x'"]} == task["Engine"]["Params"]
    assert ["/inputs/test.csv"] == [each["Target"] for each in task["InputSources"]]


def test_the_job_is_described_by_the_other_flags(dry):
    """A publisher brings the result path `outputs`."""
    job = dry("-p", "local", "-e", "A=B", "-l", "x=y", "-s", "gpu", "--timeout=5", "--do-not-track", "python", "app.py")
    (task,) = job["Tasks"]
    assert ({"x": "y"}, [{"Key": "gpu", "Operator": "exists"}]) == (job["Labels"], job["Constraints"])
    assert ({"A": "B"}, {"ExecutionTimeout": 5}) == (task["Env"], task["Timeouts"])
    assert ({"Type": "local"}, [{"Name": "outputs", "Path": "/outputs"}]) == (task["Publisher"], task["ResultPaths"])
    assert [{"Name": "o", "Path": "/o"}] == dry("-p=local", "-o", "o:/o", "python")["Tasks"][0]["ResultPaths"]


def test_code_travels_with_the_job(dry, tmp_path):
    """A file as it is, under its name; a folder packed, as /code."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "app.py").write_text("import lib.x\n")
    (tmp_path / "lib/x.py").write_text("x = 1\n")
    (file,) = dry("--code", str(tmp_path / "app.py"), "python", "app.py")["Tasks"][0]["InputSources"]
    assert ("code", "/code/app.py") == (file["Alias"], file["Target"])
    assert b"import lib.x\n" == base64.b64decode(file["Source"]["Params"]["URL"].partition(",")[2])
    (folder,) = dry("--code", str(tmp_path), "python", "app.py")["Tasks"][0]["InputSources"]
    content = base64.b64decode(folder["Source"]["Params"]["URL"].partition(",")[2])
    with tarfile.open(fileobj=io.BytesIO(content)) as packed:
        assert ["app.py", "lib/x.py"] == packed.getnames()
    assert "/code" == folder["Target"]


def test_code_that_is_too_large_is_refused(dry, tmp_path, monkeypatch):
    """Before any request."""
    monkeypatch.setattr("devstack.cli.inline._MOST_BYTES", 100)
    (tmp_path / "app.py").write_bytes(bytes(range(256)) * 4)
    assert "is too large to travel in a job" in dry("--code", str(tmp_path / "app.py"), "python")


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["ruby"], "the job type 'ruby' is not supported (use python or duckdb)"),
        (["--code", "none.py", "python"], "--code: there is no file or folder none.py"),
        (["-o", "invalid", "python"], "--output: invalid output volume: invalid"),
        (["-e", "A", "python"], "--env: expected 'key=value', got 'A'"),
        (["--colour=red", "python"], "unknown flag: --colour"),
        (["--timeout=-1", "python"], 'invalid argument "-1" for "--timeout" flag'),
        ([], "requires at least 1 arg(s), only received 0"),
    ],
)
def test_mistakes_are_named(dry, args, error):
    """Each in one line."""
    assert error in dry(*args)
