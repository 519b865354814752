"""A container's way out: its network and its proxy come and go together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from devstack.adapters.docker.engine import EngineError
from devstack.adapters.docker.gateway import Gateway
from devstack.errors import AdapterError

BODY = {"Env": ["A=1", "https_proxy=http://mine", "HTTP_PROXY=x"], "HostConfig": {"NetworkMode": "none", "Memory": 5}}


class Networks:
    """The networks of an engine, all of them at one address."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.address = address
        self.there: dict[str, Mapping[str, str]] = {}
        self.refusals = 0

    def create_network(self, name: str, labels: Mapping[str, str]) -> str:
        self.there[name] = labels
        return name

    def network_address(self, network_id: str) -> tuple[str, str]:
        return "127.0.0.0/8", self.address

    def remove_network(self, network_id: str) -> None:
        if self.refusals:
            self.refusals -= 1
            raise EngineError("network has active endpoints")
        del self.there[network_id]


def gateway_of(networks: Any) -> Gateway:
    return Gateway(networks, "n", {"devstack.stack": "1-2"}, ("example.com",), "j-1")


def test_the_container_is_told_of_the_network_and_the_proxy():
    """Whatever the task says of a proxy; everything else stays as it is."""
    networks = Networks()
    gateway = gateway_of(networks)
    body = gateway.open(BODY)
    assert {"n": {"devstack.stack": "1-2"}} == networks.there
    assert {"NetworkMode": "n", "Memory": 5} == body["HostConfig"]
    own, http, https = body["Env"]
    assert ("A=1", http.partition("=")[2]) == (own, https.partition("=")[2])
    assert http.startswith("http_proxy=http://127.0.0.1:")
    gateway.close()
    assert {} == networks.there


def test_closing_again_does_what_could_not_be_done():
    """A network whose container is still there cannot go."""
    networks = Networks()
    gateway = gateway_of(networks)
    gateway.open(BODY)
    networks.refusals = 1
    gateway.close()
    assert {"n"} == networks.there.keys()
    gateway.close()
    gateway.close()
    assert {} == networks.there


def test_an_engine_elsewhere_is_told_as_the_reason():
    """Nobody can listen on an address that this machine does not have; the network goes all the same."""
    networks = Networks("203.0.113.9")
    gateway = gateway_of(networks)
    with pytest.raises(AdapterError, match="nobody can listen on 203.0.113.9") as caught:
        gateway.open(BODY)
    assert "on this very machine" in caught.value.hint
    gateway.close()
    assert {} == networks.there


def test_closing_what_was_never_opened_does_nothing():
    """A run may end before it begins."""
    gateway_of(Networks()).close()
