"""Tasks on a real engine, from `assess` to the result."""

import re
import socket
import threading

import attrs
import pytest
import trio

from devstack.adapters.docker import DockerExecutor, this_stack_id
from devstack.behaviour import DOCUMENTED, parse
from devstack.errors import AdapterError
from devstack.models.job import Network, NetworkType, ResultPath
from devstack.models.resources import NO_RESOURCES, Resources
from devstack.runtime.ports import STDOUT, PreparedInput

pytestmark = pytest.mark.docker

ECHO = 'ENTRYPOINT ["/bin/echo"]'
CMD = 'CMD ["echo", "This is from CMD"]'
LS = ["/bin/ls"]
MEDIA = "cdrom\nfloppy\nusb\n"
ROOT = "bin\ndev\netc\nmedia\nproc\nsys\ntmp\n"
TRAP = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.1; done"


# ---- output and exit codes -----------------------------------------------------------------------------------


async def test_both_streams_and_the_exit_code_come_back(docker_runs):
    """Standard output and standard error are kept apart; a non-zero exit code is no error."""
    result = await docker_runs.run("sh", "-c", "echo out; echo err >&2; exit 3")
    assert ("out\n", "err\n", 3, "") == (result.stdout, result.stderr, result.exit_code, result.error_msg)


async def test_a_quick_program_loses_no_output(docker_runs):
    """What a program writes right before its end arrives, however much it is."""
    result = await docker_runs.run("sh", "-c", "yes 1234567 | head -n 40000; echo end >&2")
    assert ("1234567\n" * 40000, "end\n") == (result.stdout, result.stderr)


async def test_output_arrives_while_the_program_runs(docker_runs):
    """A line can be read before the program ends."""
    sink = docker_runs.output()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(docker_runs.executor.run, docker_runs.request("sh", "-c", "echo now; sleep 600"), sink)
            await sink.wait_first_byte()
            assert b"now\n" == sink.data[STDOUT]
            nursery.cancel_scope.cancel()


async def test_standard_input_is_empty(docker_runs):
    """A program that reads its input meets the end at once."""
    assert "end\n" == (await docker_runs.run("sh", "-c", "cat; echo end")).stdout


# ---- the entrypoint matrix -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "entrypoint", "parameters", "stdout"),
    [
        ((ECHO, CMD), [], ["media"], "media\n"),
        ((ECHO, CMD), LS, [], ROOT),
        ((ECHO, CMD), LS, ["media"], MEDIA),
        ((ECHO, CMD), [], [], "echo This is from CMD\n"),
        ((ECHO,), [], ["media"], "media\n"),
        ((ECHO,), LS, [], ROOT),
        ((ECHO,), LS, ["media"], MEDIA),
        ((ECHO,), [], [], "\n"),
        ((CMD,), LS, [], ROOT),
        ((CMD,), LS, ["media"], MEDIA),
        ((CMD,), [], ["ls", "media"], MEDIA),
        ((CMD,), [], [], "This is from CMD\n"),
        (('CMD ["sh"]',), LS, [], ROOT),
        (('CMD ["sh"]',), LS, ["media"], MEDIA),
        (('CMD ["sh"]',), [], [], ""),
    ],
)
async def test_entrypoint_and_parameters_override_the_images(
    make_image, docker_runs, changes, entrypoint, parameters, stdout
):
    """Parameters replace the image's CMD; an entrypoint replaces its ENTRYPOINT and drops its CMD."""
    result = await docker_runs.run(*parameters, image=make_image(*changes), Entrypoint=entrypoint)
    assert (0, stdout) == (result.exit_code, result.stdout.replace("linuxrc\n", ""))


# ---- what the program sees -------------------------------------------------------------------------------------


async def test_the_program_sees_its_environment(docker_runs):
    """The engine's variables win over the task's, the system's over both."""
    environment = {"A": "task", "B": "task", "BACALHAU_JOB_ID": "j-1"}
    variables = ["A=engine", "BACALHAU_JOB_ID=mine"]
    wishes = {"environment": environment, "EnvironmentVariables": variables}
    result = await docker_runs.run("sh", "-c", "echo $A $B $BACALHAU_JOB_ID", **wishes)
    assert "engine task j-1\n" == result.stdout


async def test_a_working_directory_is_made(docker_runs):
    """A working directory that the image lacks is made."""
    assert "/made/for/this\n" == (await docker_runs.run("pwd", WorkingDirectory="/made/for/this")).stdout


async def test_inputs_are_where_they_were_wanted(docker_runs, tmp_path):
    """A file and a folder are mounted at their targets; a read-only one cannot be written."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "pets.txt").write_text("1 cat\n2 dog\n3 dodo\n")
    inputs = (PreparedInput(tmp_path / "in", "/data"), PreparedInput(tmp_path / "in/pets.txt", "/one.txt"))
    script = "grep do /data/pets.txt; sed -n s/cat/CAT/p /one.txt; awk '/3/{print $2}' /one.txt; : >/data/new"
    result = await docker_runs.run("sh", "-c", script, inputs=inputs)
    assert "2 dog\n3 dodo\n1 CAT\ndodo\n" == result.stdout
    assert "Read-only file system" in result.stderr


async def test_results_are_left_in_their_folders(docker_runs):
    """What is written below a result path is in the folder of its name."""
    request = docker_runs.request("sh", "-c", "echo hi >/outputs/x", result_paths=(ResultPath("out", "/outputs"),))
    await docker_runs.executor.run(request, docker_runs.output())
    assert "hi\n" == (request.results_dir / "out" / "x").read_text()


async def test_without_network_there_is_the_loopback_only(docker_runs):
    """Network None leaves one interface."""
    assert "lo\n" == (await docker_runs.run("sh", "-c", "cd /sys/class/net && echo *")).stdout


async def test_full_network_reaches_a_server_on_the_host(docker_runs):
    """Network Full is the host's network, and the host has a name in it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        greeter = threading.Thread(target=_greet_once, args=(server,))
        greeter.start()
        script = f"nc 127.0.0.1 {server.getsockname()[1]}; grep -c host.docker.internal /etc/hosts"
        result = await docker_runs.run("sh", "-c", script, network=Network(NetworkType.FULL))
        greeter.join()
    assert "hello from the host\n1\n" == result.stdout


def _greet_once(server):
    server.settimeout(10)
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"hello from the host\n")


def fetch(url):
    """A request by way of the proxy that the environment names: the base image has no client that does it."""
    return f"""
      proxy=${{http_proxy#http://}}
      printf 'GET {url} HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n' | nc ${{proxy%:*}} ${{proxy#*:}}
    """


async def test_network_http_passes_on_what_goes_to_the_domains(docker_runs, site):
    """T115, T119: by a proxy, which tells the server whose job it is; nothing is left of it."""
    network = Network(NetworkType.HTTP, ("localhost", ".example.com"))
    result = await docker_runs.run("sh", "-c", fetch(f"http://localhost:{site}/hello.txt?a=b"), network=network)
    assert result.stdout.endswith("\r\n\r\nGET /hello.txt?a=b  j-1"), result
    await docker_runs.executor.close()
    assert [] == docker_runs.networks()


async def test_network_http_answers_what_goes_elsewhere(docker_runs, site):
    """T117: with an error page that names the domain."""
    network = Network(NetworkType.HTTP, ("example.com",))
    result = await docker_runs.run("sh", "-c", fetch(f"http://localhost:{site}/"), network=network)
    assert " 403 " in result.stdout.splitlines()[0]
    assert "ERROR: The requested URL could not be retrieved" in result.stdout
    assert "localhost is not among the domains of this job: example.com" in result.stdout


async def test_network_http_leads_by_the_proxy_alone(docker_runs, site):
    """What listens on this machine's loopback is not there; a proxy that the task names itself is replaced."""
    script = f"nc 127.0.0.1 {site} </dev/null; echo $?; env | grep _proxy | sort"
    result = await docker_runs.run(
        "sh", "-c", script, network=Network(NetworkType.HTTP, ("localhost",)),
        EnvironmentVariables=["HTTP_PROXY=http://elsewhere:1"],
    )  # fmt: skip
    refused, *proxies = result.stdout.split()
    assert "1" == refused
    address = re.fullmatch(r"http_proxy=(http://[0-9.]+:\d+)", proxies[0])
    assert address and [f"http_proxy={address[1]}", f"https_proxy={address[1]}"] == proxies


async def test_jobs_on_one_network_do_not_share_their_domains(docker_runs, site):
    """Nor does one reach the program of another."""
    ready = docker_runs.output()
    serve = "ip addr | grep -o 'inet 1[79]2[0-9.]*' | cut -d' ' -f2; nc -l -p 99"
    first = docker_runs.request("sh", "-c", serve, network=Network(NetworkType.HTTP, ("example.com",)))
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(docker_runs.executor.run, first, ready)
            await ready.wait_first_byte()
            address = ready.data[STDOUT].decode().strip()
            script = f"nc -w 1 {address} 99 </dev/null; echo $?; {fetch(f'http://localhost:{site}/')}"
            result = await docker_runs.run("sh", "-c", script, network=Network(NetworkType.HTTP, ("localhost",)))
            nursery.cancel_scope.cancel()
    assert "1" == result.stdout.split()[0]
    assert result.stdout.endswith("GET /  j-1")
    assert 1 == len(docker_runs.networks())


# ---- limits ----------------------------------------------------------------------------------------------------


async def test_cpu_and_memory_are_limited(docker_runs):
    """A task of 0.1 CPU and 100 MiB has just that in its control group."""
    v1 = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/memory/memory.limit_in_bytes"
    v2 = "cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/memory.max"
    resources = Resources(cpu_millis=100, memory_bytes=100 * 2**20)
    result = await docker_runs.run("sh", "-c", f"{v1} 2>/dev/null || {v2}", resources=resources)
    quota, *_, memory = re.findall(r"\d+", result.stdout)
    assert (10_000, 100 * 2**20) == (int(quota), int(memory))


async def test_a_program_that_takes_too_much_memory_is_told_apart(docker_runs):
    """Killed by the memory limit: the exit code is kept, the error says why."""
    result = await docker_runs.run("tail", "/dev/zero", resources=Resources(memory_bytes=16_000_000))
    link = "https://docs.bacalhau.org/getting-started/resources/#docker-executor"
    assert f"memory limit exceeded. Please refer to {link} for more information" == result.error_msg
    assert 137 == result.exit_code


async def test_a_program_that_is_killed_is_not_taken_for_one_out_of_memory(docker_runs):
    """137 alone does not mean the memory limit."""
    result = await docker_runs.run("sh", "-c", "exit 137", resources=Resources(memory_bytes=16_000_000))
    assert (137, "") == (result.exit_code, result.error_msg)


async def test_less_memory_than_the_engine_grants_cannot_be_made(docker_runs):
    """The engine's refusal to make the container is an error of the step."""
    expected = "failed to create docker job container: creating container: Error response from daemon: Minimum memory"
    with pytest.raises(AdapterError, match=expected):
        await docker_runs.run("true", resources=Resources(memory_bytes=1_000_000))


# ---- programs and images that are not there --------------------------------------------------------------------


async def test_a_missing_program_by_name(docker_runs):
    """A bare name that is not in the path has a text of its own."""
    result = await docker_runs.run("nosuchprogram")
    assert -1 == result.exit_code
    assert re.match(
        r"failed to start container: executable file not found: Error response from daemon: .*nosuchprogram",
        result.error_msg,
    )


async def test_a_missing_program_by_path(docker_runs):
    """A path that is not in the image is a failed start."""
    result = await docker_runs.run("/no/such/program")
    assert re.match(
        r"failed to start container: failed to start container: Error response from daemon: .*"
        r"stat /no/such/program: no such file or directory",
        result.error_msg,
    )


async def test_an_image_that_is_here_is_accepted(docker_runs):
    """An image without a registry digest can be run."""
    assert "" == await docker_runs.executor.assess(docker_runs.request().task, NO_RESOURCES)


async def test_an_image_that_is_nowhere_fails_the_bid(docker_runs):
    """The image error names the image and has a hint."""
    image = "127.0.0.1:1/no/such:image"
    expected = re.escape(
        f'Could not inspect image "{image}" - could be due to repo/image not existing, or registry needing '
        "authorization: Error response from daemon: "
    )
    with pytest.raises(AdapterError, match=expected) as caught:
        await docker_runs.executor.assess(docker_runs.request(image=image).task, NO_RESOURCES)
    assert "DOCKER_USERNAME" in caught.value.hint


async def test_an_image_that_cannot_be_fetched_fails_the_run(docker_runs):
    """An image that went away after the bid is fetched, and told to be missing."""
    expected = 'failed to create docker job container: Could not pull image "127.0.0.1:1/no/such:image" - '
    with pytest.raises(AdapterError, match=re.escape(expected)):
        await docker_runs.run(image="127.0.0.1:1/no/such:image")


async def test_an_odd_environment_fails_the_bid_under_its_switch(docker_runs):
    """`docker-environment-even-count` refuses one variable; documented behaviour takes it."""
    task = docker_runs.request("true", EnvironmentVariables=["A=1"]).task
    assert "" == await docker_runs.executor.assess(task, NO_RESOURCES)
    old = DockerExecutor(this_stack_id(), parse(["v1.4.0"]))
    with pytest.raises(AdapterError, match="must contain an even number of elements"):
        await old.assess(task, NO_RESOURCES)


# ---- the end ---------------------------------------------------------------------------------------------------


async def test_containers_of_runs_that_ended_go_away_by_themselves(docker_runs):
    """Nobody has to close anything for a finished container to be removed."""
    await docker_runs.run("true")
    await docker_runs.run("/no/such/program")
    await trio.to_thread.run_sync(docker_runs.executor._remover.join)
    assert [] == docker_runs.containers()


async def test_cancelling_kills_the_program_and_removes_its_container(docker_runs):
    """A program that ignores SIGTERM lives for a second of grace; when the call is back, nothing is left."""
    sink, started = docker_runs.output(), trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(docker_runs.executor.run, docker_runs.request("sh", "-c", "echo up; sleep 600"), sink)
        await sink.wait_first_byte()
        assert 1 == len(docker_runs.containers())
        nursery.cancel_scope.cancel()
    assert [] == docker_runs.containers()
    assert trio.current_time() - started < 8


async def test_a_cancelled_program_may_finish_within_its_grace(docker_runs):
    """SIGTERM comes first, and what the program says to it is still heard."""
    sink = docker_runs.output()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(docker_runs.executor.run, docker_runs.request("sh", "-c", TRAP), sink)
        await sink.wait_first_byte()
        nursery.cancel_scope.cancel()
    assert b"ready\ncaught\n" == sink.data[STDOUT]


@pytest.mark.parametrize("delay_s", [0, 0.001, 0.005, 0.01, 0.03, 0.1])
async def test_cancelling_at_any_moment_of_the_start_leaves_nothing(docker_runs, delay_s):
    """Before, while and after the container is made: it ends, and it is gone."""
    with trio.move_on_after(delay_s):
        await docker_runs.run("sleep", "600")
    assert [] == docker_runs.containers()


async def test_no_thread_of_ours_is_left(docker_runs):
    """After runs, a cancel and the close, the remover's thread has ended and no call blocks any more."""
    await docker_runs.run("true")
    with trio.move_on_after(0.3):
        await docker_runs.run("sleep", "600")
    await docker_runs.executor.close()
    assert [] == [thread.name for thread in threading.enumerate() if thread.name == "docker-remover"]
    assert 0 == docker_runs.executor._limiter.borrowed_tokens


async def test_two_runs_of_one_execution_do_not_meet(docker_runs):
    """Two clusters of the same seed in one process have equal ids, and still run side by side."""
    request = docker_runs.request("echo", "hi")
    twin = attrs.evolve(request, results_dir=request.results_dir)
    sinks = docker_runs.output(), docker_runs.output()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(docker_runs.executor.run, request, sinks[0])
        nursery.start_soon(docker_runs.executor.run, twin, sinks[1])
    assert [b"hi\n", b"hi\n"] == [sink.data[STDOUT] for sink in sinks]


async def test_more_programs_than_trio_has_threads_run_at_once(docker_runs, monkeypatch):
    """A program that waits for its end does not keep the next one from starting."""
    monkeypatch.setattr(trio.to_thread.current_default_thread_limiter(), "total_tokens", 2)
    sinks = [docker_runs.output() for _ in range(4)]
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for sink in sinks:
                nursery.start_soon(docker_runs.executor.run, docker_runs.request("sh", "-c", TRAP), sink)
            for sink in sinks:
                await sink.wait_first_byte()
            nursery.cancel_scope.cancel()


async def test_the_engine_says_its_version(docker_runs):
    """Name and version in two words."""
    assert "" == await docker_runs.executor.unavailable_reason()
    assert re.fullmatch(r"docker \d+\.\d+", await docker_runs.executor.engine_version())


async def test_closing_an_executor_that_was_never_used_asks_nobody():
    """No engine is needed to close."""
    await DockerExecutor(this_stack_id(), DOCUMENTED).close()
