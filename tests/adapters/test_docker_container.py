import re
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.adapters.docker.container import container_name, environment, make_result_dirs, settings
from devstack.adapters.docker.spec import DockerSpec
from devstack.errors import AdapterError
from devstack.models.job import Job, Network, NetworkType, ResultPath
from devstack.models.resources import Gpu, Resources, simulated_gpus
from devstack.runtime.ports import PreparedInput, RunRequest

SPEC = DockerSpec("x")


@pytest.fixture
def request_of(docker_runs_without_engine):
    return docker_runs_without_engine.request


def host_config(request):
    return settings(request, SPEC, "1", task_env=True)["HostConfig"]


def refusal(request):
    with pytest.raises(AdapterError) as caught:
        host_config(request)
    return caught.value.message


@pytest.mark.parametrize(
    ("engine", "task_and_system", "merged"),
    [
        ((), {"A": "task"}, ["A=task"]),
        (("A=engine",), {"A": "task", "B": "task"}, ["A=engine", "B=task"]),
        (("BACALHAU_JOB_ID=mine",), {"BACALHAU_JOB_ID": "j-1"}, ["BACALHAU_JOB_ID=j-1"]),
        (("BACALHAU_OWN=mine",), {}, ["BACALHAU_OWN=mine"]),
        (("A=1", "A=2"), {}, ["A=2"]),
        (("EMPTY=", "BARE"), {}, ["EMPTY=", "BARE"]),
    ],
)
def test_engine_variables_win_over_the_tasks_and_system_ones_over_all(engine, task_and_system, merged):
    """Precedence of variables: system, then the engine's, then the task's."""
    assert merged == environment(DockerSpec("x", environment=engine), task_and_system)


def test_without_task_env_only_the_engines_variables_count(request_of):
    """Under `task-env-ignored` neither Task.Env nor system variables reach the program."""
    spec = DockerSpec("x", environment=("A=1",))
    request = request_of(environment={"B": "2", "BACALHAU_JOB_ID": "j-1"})
    assert ["A=1"] == settings(request, spec, "1", task_env=False)["Env"]
    assert ["B=2", "BACALHAU_JOB_ID=j-1", "A=1"] == settings(request, spec, "1", task_env=True)["Env"]


def test_what_the_task_leaves_out_is_left_to_the_image(request_of):
    """Entrypoint and command are sent only if given, so that the image's own count."""
    body = settings(request_of(), SPEC, "1", task_env=True)
    assert not {"Entrypoint", "Cmd"} & body.keys()
    body = settings(request_of(), DockerSpec("x", ("a",), ("b", "c")), "1", task_env=True)
    assert (["a"], ["b", "c"]) == (body["Entrypoint"], body["Cmd"])


def test_labels_are_unique_to_the_stack(request_of):
    """Bacalhau's label names, with the stack in their values, and our own."""
    request = attrs.evolve(request_of(), stack_id="4711-99", execution_id="e-9")
    executor_id = "bacalhau-4711-99-node-1"
    assert {
        "bacalhau-executor": executor_id,
        "bacalhau-jobID": executor_id + "j-1",
        "bacalhau-executionID": executor_id + "e-9",
        "devstack.stack": "4711-99",
        "devstack.instance": "4711-99-3",
        "devstack.execution": "e-9",
    } == settings(request, SPEC, "4711-99-3", task_env=True)["Labels"]


@given(st.text(), st.text(), st.text(), st.integers(min_value=1))
def test_every_name_is_one_that_the_engine_takes(node_id, job_id, execution_id, run_number):
    """Whatever the ids are, the container's name has only letters, digits, `_`, `.` and `-`."""
    request = RunRequest("1-2", node_id, execution_id, Job(id=job_id), Resources(), Path())
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", container_name(request, run_number))


def test_inputs_and_results_are_bound(request_of, tmp_path):
    """An input is bound at its target, read-only if it says so; a result path is a writable folder of the results."""
    inputs = (PreparedInput(tmp_path / "a", "/a", read_only=True), PreparedInput(tmp_path / "b", "/b", read_only=False))
    request = request_of(inputs=inputs, result_paths=(ResultPath("out", "/outputs"),))
    mounts = [(m["Source"], m["Target"], m["ReadOnly"]) for m in host_config(request)["Mounts"]]
    assert [
        (str(tmp_path / "a"), "/a", True),
        (str(tmp_path / "b"), "/b", False),
        (str(request.results_dir / "out"), "/outputs", False),
    ] == mounts


def test_a_folder_is_made_for_each_result_path(request_of):
    """The folder has the result path's name and mode 0755."""
    request = request_of(result_paths=(ResultPath("out", "/outputs"),))
    make_result_dirs(request)
    assert 0o755 == (request.results_dir / "out").stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("result_paths", "text"),
    [
        ([ResultPath("", "/x")], "output volume has no name: {Name: Path:/x}"),
        ([ResultPath("x", "")], "output volume has no Location: {Name:x Path:}"),
        (
            [ResultPath("a/b", "/x")],
            "failed to create results dir for execution: mkdir RESULTS/a/b: no such file or directory",
        ),
        (
            [ResultPath("a", "/x"), ResultPath("a", "/y")],
            "failed to create results dir for execution: mkdir RESULTS/a: file exists",
        ),
    ],
)
def test_a_result_path_that_cannot_be_is_named(request_of, result_paths, text):
    """A result path needs a name, a place and a folder of its own."""
    request = request_of(result_paths=tuple(result_paths))
    with pytest.raises(AdapterError) as caught:
        make_result_dirs(request)
    expected = text.replace("RESULTS", str(request.results_dir))
    assert f"creating container mounts: {expected}" == caught.value.message


def test_limits_are_those_of_the_resources(request_of):
    """CPU is sent in billionths of a core, memory in bytes; zero means no limit."""
    host = host_config(request_of(resources=Resources(cpu_millis=100, memory_bytes=100_000_000)))
    assert (100_000_000, 100_000_000) == (host["NanoCpus"], host["Memory"])


def test_gpus_are_asked_for_by_vendor(request_of):
    """NVIDIA devices are requested by index, AMD and Intel ones mapped as device files."""
    gpus = (Gpu(1, vendor="NVIDIA"), Gpu(0, vendor="AMD/ATI", pci_address="0000:e7:00.0"))
    host = host_config(request_of(resources=Resources(gpu=2, gpus=gpus)))
    assert [["1"]] == [request["DeviceIDs"] for request in host["DeviceRequests"]]
    paths = [device["PathOnHost"] for device in host["Devices"]]
    by_path = "/dev/dri/by-path/pci-0000:e7:00.0"
    assert ["/dev/kfd", f"{by_path}-card", f"{by_path}-render"] == paths


def test_a_simulated_gpu_is_asked_of_nobody(request_of):
    """It is counted and handed out, but there is no device, of whatever make it is said to be."""
    gpus = (*simulated_gpus(1), *simulated_gpus(1, vendor="Voodoo"))
    assert not {"DeviceRequests", "Devices"} & host_config(request_of(resources=Resources(gpu=2, gpus=gpus))).keys()


def test_a_gpu_of_unknown_make_is_refused(request_of):
    """A vendor that nobody knows how to pass on is an error."""
    request = request_of(resources=Resources(gpu=1, gpus=(Gpu(0, vendor="Voodoo"),)))
    expected = 'creating container devices: job requires GPU from unsupported vendor "Voodoo"'
    assert expected == refusal(request)


def test_network_none_and_full(request_of):
    """None has no network at all; Full is the host's, which also has a name."""
    assert "none" == host_config(request_of())["NetworkMode"]
    full = host_config(request_of(network=Network(NetworkType.FULL)))
    assert ("host", ["host.docker.internal:host-gateway"]) == (full["NetworkMode"], full["ExtraHosts"])


def test_network_http_begins_without_any(request_of):
    """The gateway makes one; without a domain there would be nothing to be reached."""
    assert "none" == host_config(request_of(network=Network(NetworkType.HTTP, ("example.com",))))["NetworkMode"]
    assert "at least one domain is required" in refusal(request_of(network=Network(NetworkType.HTTP)))


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("../../out", "out"),
        ("/out", "out"),
        ("a/../../out", "out"),
        ("./out/", "out"),
        ("//out", "out"),
        (".out", ".out"),
    ],
)
def test_a_result_lies_below_the_results_whatever_its_name(request_of, name, folder):
    """Dots and slashes lead nowhere else, neither for the folder nor for what the container may write to."""
    request = request_of(result_paths=(ResultPath(name, "/outputs"),))
    make_result_dirs(request)
    assert [folder] == [path.name for path in request.results_dir.iterdir()]
    [mount] = host_config(request)["Mounts"]
    assert str(request.results_dir / folder) == mount["Source"]


def test_a_zero_byte_in_the_name_of_a_result_is_told(request_of):
    """Before anything is made."""
    request = request_of(result_paths=(ResultPath("o\0", "/outputs"),))
    with pytest.raises(AdapterError, match="zero byte in its name"):
        make_result_dirs(request)
