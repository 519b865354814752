"""What the answer of a configured command or web page means."""

import pytest

from devstack.compute.bidding import Answer, exec_probe, http_probe
from devstack.errors import AdapterError

JSON = "application/json"
SERVER_ERROR = 'this node does not accept jobs where url "U" returns HTTP status code 500'
EXIT_ONE = 'this node does not accept jobs where external command "exit 1" returns exit code 1'


@pytest.mark.parametrize(
    ("command", "exit_code", "stderr", "answer"),
    [
        ("true", 0, "whatever", Answer(True)),
        ("exit 1", 1, "", Answer(False, False, EXIT_ONE)),
        ("echo ...", 1, "bad job\n", Answer(False, False, "this node does not accept this job: bad job")),
    ],
)
def test_exec_probe(command, exit_code, stderr, answer):
    """T079, T081: the exit code decides; what the command says on stderr is the reason."""
    assert answer == exec_probe(command, exit_code, stderr)


@pytest.mark.parametrize(
    ("status", "content_type", "body", "answer"),
    [
        (500, "text/plain", b"", Answer(False, False, SERVER_ERROR)),
        (200, JSON, b'{"shouldBid": true, "reason": "nice"}', Answer(True, False, "nice")),
        (202, JSON, b'{"shouldWait": true, "reason": "soon"}', Answer(False, True, "soon")),
        (200, "text/html", b"<html>", Answer(True)),
        (200, JSON + "; charset=utf-8", b"no json", Answer(True)),
    ],
)
def test_http_probe(status, content_type, body, answer):
    """T083, T085, T087: an error status refuses, JSON decides, anything else accepts."""
    assert answer == http_probe("U", status, content_type, body)


@pytest.mark.parametrize("body", [b"no json", b"[]"])
def test_a_probe_that_answers_nonsense(body):
    """What calls itself JSON has to be a JSON object."""
    with pytest.raises(AdapterError, match="bad JSON"):
        http_probe("U", 200, JSON, body)
