"""Logging in to networks that want it."""

from __future__ import annotations

import json
import stat

import pytest
from fake_server import ASK, CHALLENGE, SECRET

TOKEN = "a-token"


@pytest.fixture
def repository(run, tmp_path):
    return tmp_path / "repository"


def tokens(repository):
    return json.loads((repository / "tokens.json").read_text())


def test_who_is_not_asked_logs_in_nowhere(run, network, repository):
    """A network that lets everybody in sees one request, and nothing is written."""
    network.methods = {"clientkey": CHALLENGE}
    assert 0 == run("job", "list").exit_code
    assert ["/api/v1/orchestrator/jobs"] == [asked.path for asked in network.asked]
    assert not repository.exists()


def test_a_phrase_is_signed_with_the_clients_own_key(run, network, repository):
    """The first login makes the key; key and token are the owner's alone, and the token is used from then on."""
    network.token, network.methods = TOKEN, {"clientkey": CHALLENGE}
    assert "[]\n" == run("job", "list", "--output=json").stdout
    assert {network.url: TOKEN} == tokens(repository)
    key = (repository / "user_id.pem").read_text()
    assert key.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert {0o600} == {stat.S_IMODE((repository / name).stat().st_mode) for name in ("user_id.pem", "tokens.json")}
    network.asked.clear()
    assert 0 == run("job", "list").exit_code
    assert ["/api/v1/orchestrator/jobs"] == [asked.path for asked in network.asked]


def test_a_token_that_is_refused_is_replaced_once(run, network, repository):
    """The same key signs again; the body that is sent again carries the new token."""
    network.token, network.methods = TOKEN, {"clientkey": CHALLENGE}
    run("job", "list")
    key = (repository / "user_id.pem").read_bytes()
    network.token = "another"
    assert 0 == run("docker", "run", "--wait=false", "ubuntu").exit_code
    assert {network.url: "another"} == tokens(repository)
    assert key == (repository / "user_id.pem").read_bytes()
    (submitted,) = [asked for asked in network.asked if asked.method == "PUT" and asked.body["Credential"]][1:]
    assert {"Scheme": "Bearer", "Value": "another", "Params": None} == submitted.body["Credential"]


def test_the_log_stream_logs_in_too(run, network, repository):
    """Logs are the first thing that is asked for."""
    network.token, network.methods = TOKEN, {"clientkey": CHALLENGE}
    network.log_frames = [{"value": {"Type": 1, "Line": "hello\n"}}]
    job = network.add({"Type": "batch", "Tasks": []})
    assert "hello\n" == run("job", "logs", job["ID"]).stdout


def test_questions_are_answered_on_standard_input(run, network, repository):
    """The questions are on standard error; the answer opens the network."""
    network.token, network.methods = TOKEN, {"shared": ASK}
    result = run("job", "list", "--output=json", input=SECRET + "\n")
    assert (0, "[]\n", "secret: ") == (result.exit_code, result.stdout, result.stderr)
    assert {network.url: TOKEN} == tokens(repository)


def test_a_wrong_answer_is_one_line_and_leaves_no_token(run, network, repository):
    """What was stored for the server is gone; tokens of others stay."""
    repository.mkdir()
    (repository / "tokens.json").write_text(json.dumps({network.url: "old", "http://example.org:1234": "theirs"}))
    network.token, network.methods = TOKEN, {"shared": ASK}
    result = run("job", "list", "--output=json", input="guess\n")
    assert (1, "") == (result.exit_code, result.stdout)
    assert "secret: Error: failed request: failed to authorize user: credentials rejected; " in result.stderr
    assert {"http://example.org:1234": "theirs"} == tokens(repository)


def test_one_of_several_ways_is_chosen_by_its_number(run, network, repository):
    """A wrong number is asked for again; without an answer the refusal stands."""
    network.token, network.methods = TOKEN, {"shared": ASK, "clientkey": CHALLENGE}
    result = run("job", "list", input=f"7\n2\n{SECRET}\n")
    assert 0 == result.exit_code
    assert result.stderr.startswith("1. clientkey\n2. shared\n")
    network.token = "another"
    assert "Error: failed request: Invalid token" in run("job", "list", input="x\n").stderr


@pytest.mark.parametrize("methods", [{}, {"odd": {"type": "smell", "params": {}}}])
def test_no_way_in_common_is_said(run, network, methods):
    """What we can do, and what the server wants."""
    network.token, network.methods = TOKEN, methods
    types = " ".join(method["type"] for method in methods.values())
    expected = f"no common authentication method: client supports [challenge ask], server supports [{types}]"
    assert expected in run("job", "list").stderr


@pytest.mark.parametrize(
    "content", ["", "no key", "-----BEGIN RSA PRIVATE KEY-----\nQQ==\n-----END RSA PRIVATE KEY-----"]
)
def test_a_broken_key_is_named(run, network, repository, content):
    """The file, and what to do about it."""
    network.token, network.methods = TOKEN, {"clientkey": CHALLENGE}
    repository.mkdir()
    (repository / "user_id.pem").write_text(content)
    result = run("job", "list")
    assert 1 == result.exit_code
    assert f"Error: {repository / 'user_id.pem'} is no private key in PEM form: mend it" in result.stderr


def test_a_key_of_another_kind_is_named(run, network, repository):
    """Servers want RSA."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    network.token, network.methods = TOKEN, {"clientkey": CHALLENGE}
    repository.mkdir()
    pem = Ed25519PrivateKey.generate().private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    (repository / "user_id.pem").write_bytes(pem)
    assert "is no RSA key" in run("job", "list").stderr


def test_without_the_library_the_line_says_what_to_install(run, network, monkeypatch):
    """A signature is the only thing that needs it."""
    network.token, network.methods = TOKEN, {"clientkey": CHALLENGE}
    monkeypatch.setitem(__import__("sys").modules, "cryptography.hazmat.primitives", None)
    expected = "Error: this network wants a signature; install what makes one: pip install 'bacalhau-devstack[login]'\n"
    assert expected == run("job", "list").stderr


def test_key_and_tokens_may_lie_elsewhere(run, network, repository, tmp_path, monkeypatch):
    """Two settings name their files."""
    network.token, network.methods = TOKEN, {"clientkey": CHALLENGE}
    monkeypatch.setenv("BACALHAU_USER_KEYPATH", str(tmp_path / "key"))
    run("config", "set", "auth.tokenspath", str(tmp_path / "tokens"))
    assert 0 == run("job", "list").exit_code
    assert (tmp_path / "key").exists()
    assert {network.url: TOKEN} == json.loads((tmp_path / "tokens").read_text())
