"""What the Tab key brings: commands, flags, words, files, and ids of the network."""

from __future__ import annotations

import socket

import pytest
from click.testing import CliRunner

from devstack.cli.main import cli


@pytest.fixture
def complete(clean_environment):
    """The completions of the last word, as the shell's script is told them."""

    def ask(*words, shell="bash"):
        words = ("devstack", *words)
        environment = {
            "_DEVSTACK_COMPLETE": f"{shell}_complete",
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": words[-1] if shell == "fish" else str(len(words) - 1),
        }
        result = CliRunner().invoke(cli, [], env=environment, prog_name="devstack")
        assert (0, "") == (result.exit_code, result.stderr)
        return [line.rpartition(",")[2] for line in result.stdout.split()]

    return ask


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["jo"], ["job"]),
        (["job", "l"], ["list", "logs"]),
        (["node", "list", "--filter-s"], ["--filter-status"]),
        (["job", "list", "--api-h"], ["--api-host"]),
        (["job", "list", "--output", ""], ["table", "csv", "json", "yaml"]),
        (["completion", "z"], ["zsh"]),
        (["config", "set", "node.clientapi.h"], ["node.clientapi.host"]),
        (["--tls", "job", "sto"], ["stop"]),
        (["nonsense", "x"], []),
    ],
)
def test_commands_flags_and_words_are_completed(complete, words, expected):
    """As far as they are known without a network."""
    assert expected == complete(*words)


@pytest.mark.parametrize("words", [["job", "run", ""], ["job", "run", "--wait", "x"], ["job", "validate", ""]])
def test_files_are_left_to_the_shell(clean_environment, words):
    """A switch in front of the file takes no word."""
    words = ["devstack", *words]
    environment = {
        "_DEVSTACK_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    assert "file," in CliRunner().invoke(cli, [], env=environment, prog_name="devstack").stdout


@pytest.mark.parametrize("command", ["describe", "executions", "history", "logs -f", "stop --quiet", "get"])
def test_job_ids_are_asked_of_the_network(complete, network, command):
    """Those that begin as typed; the server is the one that the flags name."""
    first, second = (network.add({"Type": "batch", "Tasks": []})["ID"] for _ in range(2))
    words = ["--api-port", str(network.port), "job", *command.split()]
    assert [first, second] == complete(*words, "j-")
    assert [second] == complete(*words, second[:10])


@pytest.mark.parametrize("command", ["describe", "approve", "reject", "delete -m why"])
def test_node_ids_are_asked_of_the_network(complete, network, monkeypatch, command):
    """The environment names the server too."""
    monkeypatch.setenv("BACALHAU_API_PORT", str(network.port))
    assert ["node-0", "node-1"] == complete("node", *command.split(), "n")


def test_no_network_completes_nothing_and_says_nothing(complete, network):
    """Refusals, nobody there, and wrong settings: silence."""
    network.refuse = (500, {"message": "no"})
    assert [] == complete("--api-port", str(network.port), "job", "stop", "j-")
    assert [] == complete("--api-port", "1", "job", "stop", "j-")
    assert [] == complete("--api-host", "a b", "job", "stop", "j-")


def test_a_silent_server_is_not_waited_for(complete):
    """It takes the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert [] == complete("--api-port", str(silent.getsockname()[1]), "job", "stop", "j-")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_script(offline, complete, shell):
    """It calls the command `devstack`, which answers it."""
    result = offline("completion", shell)
    assert 0 == result.exit_code
    assert f"_DEVSTACK_COMPLETE={shell}_complete" in result.stdout
    assert "list" in complete("job", "lis", shell=shell)
