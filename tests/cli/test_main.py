"""Exit codes, streams, and errors as one line."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest

from devstack.errors import AdapterError

START = "start a stack with `devstack up`, or name another server with --api-host and --api-port"


def test_nobody_at_the_address_is_one_line_that_says_how_to_start_a_stack(offline):
    """Connection refused names the address and the command that starts a stack; exit 1, nothing on stdout."""
    result = offline("job", "list", "--api-port", "1")
    assert (1, "") == (result.exit_code, result.stdout)
    assert f"Error: cannot reach http://127.0.0.1:1 (connection refused); {START}\n" == result.stderr


def test_started_as_a_module_hints_name_the_module(start):
    """`python -m devstack` proposes `python -m devstack up`."""
    result = start("job", "list", "--api-port", "1")
    assert result.stderr.count("\n") == 1
    assert "`python -m devstack up`" in result.stderr


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["nod"], 'unknown command "nod" for "devstack"; did you mean "node"?'),
        (["job", "foo"], 'unknown command "foo" for "devstack job"'),
        (["job", "stop"], "accepts 1 arg(s), received 0: JOB_ID"),
        (["job", "list", "extra"], "accepts 0 arg(s), received 1"),
        (
            ["job", "list", "--output", "xml"],
            'invalid argument "xml" for "--output" flag: it is one of table, csv, json, yaml',
        ),
        (["agent", "alive", "--output=csv"], 'invalid argument "csv" for "--output" flag: it is one of json, yaml'),
        (["job", "list", "--limit=-1"], 'invalid argument "-1" for "--limit" flag: it is a whole number, zero or more'),
    ],
)
def test_usage_error_is_one_error_line_and_the_usage(offline, args, error):
    """A wrong word on the command line: exit 1, the error and the usage on stderr, nothing on stdout."""
    result = offline(*args)
    lines = result.stderr.splitlines()
    assert (1, "", f"Error: {error}", 2) == (result.exit_code, result.stdout, lines[0], len(lines))
    assert re.match(r"Usage: devstack.* \(see `devstack.* --help`\)", lines[1])


@pytest.mark.parametrize("args", [[], ["job"], ["docker"], ["job", "-h"], ["help", "job"], ["docker", "run", "--help"]])
def test_help_goes_to_standard_output(offline, args):
    """Help is what was asked for: exit 0, on stdout."""
    result = offline(*args)
    assert (0, "", "Usage: devstack") == (result.exit_code, result.stderr, result.stdout[:15])


@pytest.mark.parametrize(("old", "new"), [("list", "job list"), ("create", "job run"), ("id", "agent node")])
def test_commands_of_old_name_their_successor(offline, old, new):
    """The top-level commands of earlier versions: a notice on stderr, exit 1."""
    result = offline(old, "--anything")
    assert (1, "") == (result.exit_code, result.stdout)
    assert f'Error: the command "{old}" is gone, use "devstack {new}"\n' == result.stderr


@pytest.mark.parametrize("name", ["serve", "devstack"])
def test_what_starts_a_network_elsewhere_points_to_up(offline, name):
    """Fingers that know Bacalhau find the way."""
    assert (
        f'Error: "{name}" is a command of Bacalhau\'s, here it is "devstack up"\n' == offline(name, "--port=1").stderr
    )


def test_a_mistake_of_ours_is_one_line_too(offline, monkeypatch):
    """A traceback is for those who ask for it."""

    def fail(*_):
        raise KeyError("oops")

    monkeypatch.setattr("devstack.cli.agent.connect", fail)
    result = offline("agent", "alive")
    assert (1, 1) == (result.exit_code, result.stderr.count("\n"))
    assert "in devstack itself (KeyError: 'oops'); LOG_LEVEL=debug shows where" in result.stderr
    monkeypatch.setenv("LOG_LEVEL", "debug")
    assert isinstance(offline("agent", "alive").exception, KeyError)


def test_own_errors_show_message_and_hint(offline, monkeypatch):
    """A DevstackError is its message and what to do, never a traceback."""

    def fail(*_):
        raise AdapterError("the engine is gone", "start it")

    monkeypatch.setattr("devstack.cli.agent.connect", fail)
    assert "Error: the engine is gone; start it\n" == offline("agent", "alive").stderr


def test_closed_pipe_is_no_error(network, start):
    """`devstack job list | head -0` ends quietly."""
    for _ in range(200):
        network.add({"Type": "batch", "Tasks": []})
    command = f"{sys.executable} -m devstack job list | head -c 10"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert ("", 10) == (result.stderr, len(result.stdout))


def test_version_answers_fast_and_imports_little(start):
    """A short command must not pay for what others need."""
    start("version")
    heavy = ("rich", "yaml", "httpx", "trio", "docker", "wasmtime", "cattrs")
    command = [sys.executable, "-X", "importtime", "-m", "devstack", "version"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert set() == imported & set(heavy)


def _wait_for(condition, limit_s=60.0):
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_interrupt_while_waiting_leaves_the_job_and_says_so(network, run):
    """Ctrl-C while waiting: a farewell with the next commands, exit 0, and nothing is sent."""
    network.states = ("Pending", "Running")
    command = [sys.executable, "-m", "devstack", "docker", "run", "ubuntu"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        _wait_for(lambda: len(network.asked) > 4)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert (0, "") == (process.returncode, stderr)
    assert "Printout canceled (the job is still running)." in stdout
    assert f"python -m devstack job stop {network.jobs and next(iter(network.jobs))}" in stdout
    assert "DELETE" not in {asked.method for asked in network.asked}


def test_a_terminal_gets_a_spinner_and_colours(network, run):
    """On a terminal the current step is redrawn in place."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "devstack", "docker", "run", "ubuntu"]
    process = subprocess.Popen(command, stdout=follower, stderr=follower, stdin=subprocess.DEVNULL)
    os.close(follower)
    shown = b""
    try:
        while block := os.read(leader, 65536):
            shown += block
    except OSError:
        pass  # Linux says so when the last writer has closed its end.
    finally:
        os.close(leader)
    assert 0 == process.wait(timeout=60)
    assert "⠋".encode() in shown
    assert b"\r\x1b[K" in shown


def test_an_argument_that_is_no_text_is_named(start):
    """Bytes that are no UTF-8 can be typed, but not sent."""
    command = [sys.executable, "-m", "devstack", "job", "describe", b"\xff"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (1, "Error: argument 3 is no UTF-8 text: '\\udcff'\n") == (result.returncode, result.stderr)


@pytest.mark.parametrize(
    ("shell", "code"),
    [
        ("config list >&-", 0),
        ("job run <&-", 1),
        ("job foo 2>&-", 1),
        ("job foo <&- >&- 2>&-", 1),
        ("config list >/dev/full", 1),
    ],
)
def test_closed_and_full_streams_are_no_traceback(start, shell, code):
    """Whatever a script has closed."""
    command = f"{sys.executable} -m devstack {shell}"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert code == result.returncode
    assert "Traceback" not in result.stderr


def test_what_others_have_written_does_not_reach_the_terminal_as_commands(run, network):
    """A job's engine, an error's text: control characters are shown, not obeyed."""
    network.add({"Type": "batch", "Tasks": [{"Engine": {"Type": "\x1b[31mred\x07"}}]})
    assert "\N{REPLACEMENT CHARACTER}[31mred" in run("job", "list").stdout
    network.refuse = (500, {"message": "no\x1b[2J"})
    assert "Error: failed request: no\N{REPLACEMENT CHARACTER}[2J\n" == run("job", "list").stderr
