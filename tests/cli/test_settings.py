"""Which server is asked, and with which token."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def address(offline, monkeypatch):
    """The address that a command would ask, or its error."""
    import devstack.cli.agent
    from devstack.cli.settings import address

    found = []

    def connect():
        found.append(address())
        raise SystemExit(0)

    monkeypatch.setattr(devstack.cli.agent, "connect", connect)

    def ask(*args):
        found.clear()
        result = offline("agent", "alive", *args)
        return found[0] if found else result.stderr.strip()

    return ask


def test_default_is_this_machine(address):
    """Unasked, nothing but this machine is contacted."""
    assert "http://127.0.0.1:1234" == address().base_url


def test_flag_beats_environment_beats_file(address, monkeypatch, tmp_path):
    """Flag, long variable, short variable, config.yaml, default: the first that is set."""
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "config.yaml").write_text("Node:\n    ClientAPI:\n        Host: file\n        Port: 1\n")
    seen = [address().base_url]
    monkeypatch.setenv("BACALHAU_API_HOST", "short")
    monkeypatch.setenv("BACALHAU_API_PORT", "2")
    seen.append(address().base_url)
    monkeypatch.setenv("BACALHAU_NODE_CLIENTAPI_HOST", "long")
    seen.append(address().base_url)
    seen.append(address("--api-host", "flag", "--api-port=3").base_url)
    assert ["http://file:1", "http://short:2", "http://long:2", "http://flag:3"] == seen


def test_empty_variable_counts_as_unset(address, monkeypatch):
    """An empty variable is no host."""
    monkeypatch.setenv("BACALHAU_API_HOST", "")
    assert "http://127.0.0.1:1234" == address().base_url


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("https://example.org", "https://example.org:1234"),
        ("http://example.org:80/", "http://example.org:80"),
        ("example.org:80", "http://example.org:80"),
        ("::1", "http://[::1]:1234"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("HTTPS://Example.org:", "https://Example.org:1234"),
        ("fe80::1:80", "http://[fe80::1:80]:1234"),
    ],
)
def test_host_may_be_a_url(address, host, url):
    """A URL brings its scheme, and its port if it has one."""
    assert url == address("--api-host", host).base_url


def test_bad_values_are_named(address, monkeypatch, tmp_path):
    """A port, a host or a certificate that cannot be: an error before any request."""
    for host in ("a/b", "ftp://x", "http://user:word@example.org", "[::1", "x?y", "a b", "http://http://x"):
        assert f"{host!r} is no host" in address("--api-host", host)
    assert "there is no file" in address("--cacert", str(tmp_path / "none"))
    monkeypatch.setenv("BACALHAU_API_PORT", "many")
    assert "'many' is no port" in address()


def test_file_of_a_running_stack_is_read(address, monkeypatch, tmp_path):
    """DEVSTACK_ENV_FILE names a file of exports that `up` writes."""
    (tmp_path / "run").write_text("# stack\nexport BACALHAU_API_HOST=127.0.0.1 BACALHAU_API_PORT=7\n")
    monkeypatch.setenv("DEVSTACK_ENV_FILE", str(tmp_path / "run"))
    assert 7 == address().port


def test_global_flags_may_stand_before_the_command_and_the_later_one_wins(run, network):
    """`devstack --api-port 1 agent alive --api-port N` asks N."""
    assert 0 == run("--api-port", "1", "agent", "alive", "--api-port", str(network.port)).exit_code


def test_token_of_exactly_this_address_is_sent(run, network, tmp_path):
    """tokens.json holds tokens by base URL; another port has none."""
    (tmp_path / "repository").mkdir()
    path = tmp_path / "repository" / "tokens.json"
    path.write_text(json.dumps({"http://127.0.0.1:1": "other"}))
    run("agent", "alive")
    path.write_text(json.dumps({network.url: "mine"}))
    run("agent", "alive")
    path.write_text("")
    run("agent", "alive")
    assert [None, "Bearer mine", None] == [asked.headers.get("authorization") for asked in network.asked]


def test_a_client_command_leaves_no_files(run, tmp_path):
    """Only a login and `config set` write to the repository."""
    run("job", "list")
    assert not (tmp_path / "repository").exists()
