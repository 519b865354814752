"""The HTTP client: what it sends, and how it words what goes wrong."""

from __future__ import annotations

import json

import pytest

from devstack.client import Address, ApiError, Client, UnreachableError
from devstack.client_texts import error_text
from devstack.errors import UsageError


@pytest.fixture
def client(network):
    with Client(Address(port=network.port)) as made:
        yield made


def test_query_is_sorted_and_leaves_out_what_is_empty_zero_or_false(client, network):
    """Parameters come by name; lists repeat; empty, zero and false values are not sent."""
    client.jobs({"reverse": True, "limit": 0, "labels": ["!z", "a=b"], "order_by": "", "next_token": None})
    assert {"labels": ["!z", "a=b"], "reverse": ["true"]} == network.asked[0].query


def test_several_requests_share_one_connection_and_survive_its_loss(client, network):
    """A GET on a connection that the server has closed meanwhile is asked again on a new one."""
    network.drop_idle = True
    assert [{"Status": "OK"}] * 3 == [client.agent("alive") for _ in range(3)]


def test_stored_token_goes_into_header_and_body(network):
    """A token is sent as a bearer header, and as the credential of requests that change something."""
    with Client(Address(port=network.port), token="secret") as client:
        client.submit({"Type": "batch"})
    assert "Bearer secret" == network.asked[0].headers["authorization"]
    assert {"Scheme": "Bearer", "Value": "secret", "Params": None} == network.asked[0].body["Credential"]


def test_connection_refused_names_the_address():
    """Nobody at the address: the error says which address."""
    with pytest.raises(UnreachableError, match=r"cannot reach http://127\.0\.0\.1:1 \(connection refused\)"):
        Client(Address(port=1)).agent("alive")


def test_answer_that_is_no_bacalhau_api_is_told(client, network):
    """A 200 without the expected key comes from some other server, and is no reason for a traceback."""
    network.refuse = (200, {"hello": "world"})
    with pytest.raises(ApiError, match="is no Bacalhau API"):
        client.job("j-1")


@pytest.mark.parametrize("host", ["a..b", "x" * 70])
def test_a_name_that_no_host_can_have_is_one_error(host):
    """Before anybody is asked for its address."""
    with pytest.raises(UnreachableError, match="that is no name of a host"):
        Client(Address(host)).agent("alive")


def test_a_server_without_https_says_so(network):
    """A handshake that meets plain HTTP."""
    with pytest.raises(UnreachableError, match="it does not speak https as we do"):
        Client(Address("127.0.0.1", network.port, tls=True)).agent("alive")


def test_a_certificate_that_cannot_be_read_is_named(network, tmp_path):
    """The file of `--cacert`."""
    (tmp_path / "ca").write_text("no certificate")
    with pytest.raises(UsageError, match="there is no certificate that can be read"):
        Client(Address("127.0.0.1", network.port, tls=True, ca_certificate=str(tmp_path / "ca"))).agent("alive")


def test_network_that_wants_a_login_says_what_to_do(client, network):
    """The server's words, and what they are about."""
    network.refuse = (401, {"message": "Invalid token"})
    with pytest.raises(ApiError, match="Invalid token") as caught:
        client.agent("alive")
    assert "wants a login" in caught.value.hint
    assert caught.value.hint == caught.value.while_doing("x").hint


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": "Job not found. ID: x", "message": "Internal Server Error"}, "Job not found. ID: x"),
        ({"error": "code=400, message=bad", "message": "bad"}, "bad"),
        ({"message": "code=400, message=unexpected EOF, internal=unexpected EOF"}, "unexpected EOF"),
        ({"Error": "Client version is outdated. Update your client"}, "Client version is outdated. Update your client"),
        ({"Authentication": {"success": False, "reason": "credentials rejected"}}, "credentials rejected"),
        ("This endpoint is deprecated.", "This endpoint is deprecated."),
        ({}, "the server answered 503 Service Unavailable"),
    ],
)
def test_error_text_is_the_sentence_in_the_body(body, text):
    """Whatever the shape of an error body, the person sees its sentence."""
    assert text == error_text(503, json.dumps(body))


def test_error_text_of_plain_text_is_its_first_line():
    """Proxies and time limits answer with plain text."""
    assert "Server Timeout!" == error_text(503, "Server Timeout!\nmore")


def test_base_url_puts_ipv6_addresses_in_brackets():
    """The base URL is also the key of a stored token."""
    assert ["http://[::1]:5", "https://h:1234"] == [Address("::1", 5).base_url, Address("h", tls=True).base_url]
