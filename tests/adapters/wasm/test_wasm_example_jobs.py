"""The example jobs: complete, in step with their sources, and doing what they say."""

import base64
import importlib.util
import json
from pathlib import Path
from urllib.parse import unquote

import attrs
import pytest
import yaml

from devstack.adapters.noop import check_noop
from devstack.adapters.wasm.spec import read_spec
from devstack.adapters.wire import SUBMIT, decode
from devstack.models.job import ResultPath
from devstack.models.normalise import normalise
from devstack.models.validation import validate, validate_submission
from devstack.runtime.ports import PreparedInput

FOLDER = Path(__file__).parents[3] / "scenarios" / "jobs"
JOBS = sorted(FOLDER.glob("*.yaml"))


@pytest.fixture(scope="module")
def embed_wat():
    spec = importlib.util.spec_from_file_location("embed_wat", FOLDER / "embed_wat.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(name):
    return yaml.safe_load((FOLDER / name).read_text())


def embedded_module(bench, source):
    path = bench.folder / f"{len(list(bench.folder.iterdir()))}.wasm"
    path.write_bytes(base64.b64decode(source["Source"]["Params"]["URL"].split(",")[1]))
    return PreparedInput(path, "", source.get("Alias", ""))


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_job_file_is_complete(path):
    """It opens with a comment on what to see, and has the fields that every job needs."""
    text = path.read_text()
    job = yaml.safe_load(text)
    assert text.startswith("# ")
    assert job["Type"] in ("batch", "ops", "service", "daemon")
    assert (job["Type"] in ("batch", "service")) == ("Count" in job)
    assert path.stem.replace("_", "-") == job["Name"]
    (task,) = job["Tasks"]
    assert task["Name"]
    assert task["Engine"]["Type"] in ("docker", "wasm", "noop")
    assert task["Engine"]["Params"]


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_job_file_can_be_submitted(path):
    """It passes the same checks as a submission, and its engine takes its parameters."""
    submitted = decode(SUBMIT, json.dumps({"Job": yaml.safe_load(path.read_text())}).encode())
    job = normalise(attrs.evolve(submitted, id="j-1"))
    validate_submission(job)
    validate(job)
    if job.task.engine.key == "wasm":
        read_spec(job.task)
    if job.task.engine.key == "noop":
        assert "" == check_noop(job.task.engine)


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_embedded_modules_equal_their_sources(path, embed_wat):
    """Building them anew changes nothing, and no module is without a source."""
    text = path.read_text()
    assert text == embed_wat.embedded(text)
    assert text.count("data:application/wasm") == text.count("# wat/")


def test_embedding_mends_a_file(embed_wat):
    """The script replaces whatever stands in the URL."""
    text = (FOLDER / "wasm_hello.yaml").read_text()
    assert text == embed_wat.embedded(text.replace("AGFzb", "broken"))


@pytest.mark.parametrize(
    ("name", "stdout", "exit_code"),
    [("wasm_hello", "hello from wasm\n", 0), ("wasm_sleep", "tick\n" * 6, 0), ("wasm_import", "", 7)],
)
async def test_the_modules_do_what_the_comments_say(bench, name, stdout, exit_code):
    """Each job's module, run as the job says."""
    params = read(f"{name}.yaml")["Tasks"][0]["Engine"]["Params"]
    sources = [params["EntryModule"], *params.get("ImportModules", [])]
    request = bench.request("(module)", params=params)
    ran = await bench.run_request(request, modules=tuple(embedded_module(bench, source) for source in sources))
    assert (stdout, exit_code, "") == (ran.result.stdout, ran.result.exit_code, ran.result.error_msg)


async def test_the_copying_module_copies(bench):
    """Its input ends up in its result folder."""
    task = read("wasm_files.yaml")["Tasks"][0]
    (result,), (source,) = task["ResultPaths"], task["InputSources"]
    text = unquote(source["Source"]["Params"]["URL"].removeprefix("data:,"))
    (bench.folder / "text").write_text(text)
    request = bench.request(
        "(module)",
        params=task["Engine"]["Params"],
        inputs=(PreparedInput(bench.folder / "text", source["Target"]),),
        results=(ResultPath(result["Name"], result["Path"]),),
    )
    ran = await bench.run_request(request, modules=(embedded_module(bench, task["Engine"]["Params"]["EntryModule"]),))
    assert (0, "") == (ran.result.exit_code, ran.result.error_msg)
    assert text == (ran.results_dir / "outputs" / "copy.txt").read_text()
