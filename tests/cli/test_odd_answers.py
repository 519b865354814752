"""Servers that are none, or that mean harm: one error, never a traceback."""

from __future__ import annotations

import datetime
import ipaddress

import pytest
from fake_server import serving
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAMES = """
Items Nodes Job Node History Executions ID State StateType Tasks Engine Info NextToken Type ComputeState
RunOutput CreateTime Labels Event Details Message Time JobID Warnings EvaluationID Success ComputeNodeInfo
build_version_info NodeID
""".split()
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
ANSWERS = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=25,
)
COMMANDS = """
job list
job describe j
job describe --output text j
job executions j
job history j
job stop j
job get j
node list
node list --show version,features,capacity
node describe n
node approve n
agent alive
agent version
agent node
version
docker run --wait=false x
""".strip().splitlines()


@given(st.sampled_from(COMMANDS), st.dictionaries(st.sampled_from(NAMES), ANSWERS, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_answer_is_shown_or_is_one_error(run, network, command, answer):
    """Right names, wrong values."""
    network.answer = answer
    result = run(*command.split())
    assert isinstance(result.exception, SystemExit | None)
    assert result.exit_code in (0, 1)
    assert bool(result.exit_code) == ("Error: " in result.stderr)


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xfe", b"[1]", b"null", b"[" * 100_000])
def test_what_is_no_object_is_no_bacalhau_api(run, network, content):
    """Another program listens there."""
    network.answer = content
    error = run("job", "list").stderr
    assert f"Error: failed request: {network.url} is no Bacalhau API: it does not answer" in error


@pytest.fixture
def certificate(tmp_path):
    """A file with a key and a certificate for 127.0.0.1 that nobody but itself has signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path / "certificate.pem"
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    path.write_bytes(private + signed.public_bytes(form.Encoding.PEM))
    return path


def test_https_is_spoken_with_servers_that_are_trusted(offline, certificate):
    """By an authority's file, or because nobody shall check; else the error says what to do."""
    with serving(certificate) as network:
        where = ["job", "list", "--api-host", "127.0.0.1", "--api-port", str(network.port), "--tls"]
        assert 0 == offline(*where, "--insecure").exit_code
        assert 0 == offline(*where, "--cacert", str(certificate)).exit_code
        error = offline(*where).stderr
    assert "its certificate is not trusted: self-signed certificate; name its authority with --cacert" in error
