"""The way out of containers: one network and one proxy, which come and go together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from devstack.adapters.docker.engine import EngineError
from devstack.adapters.docker.gateway import Gateway, Visa
from devstack.errors import AdapterError

BODY = {"Env": ["A=1", "https_proxy=http://mine", "HTTP_PROXY=x"], "HostConfig": {"NetworkMode": "none", "Memory": 5}}


class Networks:
    """The networks of an engine, all of them at one address, and who is on them."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.address = address
        self.there: dict[str, Mapping[str, str]] = {}
        self.members: dict[str, str] = {}
        self.is_gone = False

    def create_network(self, name: str, labels: Mapping[str, str]) -> str:
        self.there[name] = labels
        return name

    def network_address(self, network_id: str) -> str:
        return self.address

    def network_members(self, network_id: str) -> Mapping[str, str]:
        if self.is_gone:
            raise EngineError("no engine answers")
        return self.members

    def remove_network(self, network_id: str) -> None:
        del self.there[network_id]


def gateway_of(networks: Any) -> Gateway:
    return Gateway(networks, "n", {"devstack.stack": "1-2"})


def test_the_container_is_told_of_the_network_and_the_proxy():
    """Whatever the task says of a proxy; everything else stays as it is."""
    networks = Networks()
    gateway = gateway_of(networks)
    body = gateway.settings(BODY)
    assert {"n": {"devstack.stack": "1-2"}} == networks.there
    assert {"NetworkMode": "n", "Memory": 5} == body["HostConfig"]
    own, http, https = body["Env"]
    assert ("A=1", http.partition("=")[2]) == (own, https.partition("=")[2])
    assert http.startswith("http_proxy=http://127.0.0.1:")
    gateway.close()
    assert {} == networks.there


def test_all_containers_share_one_network_and_one_proxy():
    """Until it is closed; then there is another one."""
    networks = Networks()
    gateway = gateway_of(networks)
    assert gateway.settings(BODY) == gateway.settings(BODY)
    gateway.close()
    gateway.close()
    assert {} == networks.there
    gateway.settings(BODY)
    assert {"n"} == networks.there.keys()
    gateway.close()


def test_a_container_is_known_by_its_address_of_this_moment():
    """An address that is given away again does not take the visa of its last owner along."""
    networks = Networks()
    gateway = gateway_of(networks)
    one, two = Visa("j-1", frozenset({"a.org"})), Visa("j-2", frozenset({"b.org"}))
    gateway.admit("c-1", one)
    networks.members = {"10.0.0.2": "c-1", "10.0.0.3": "stranger"}
    assert [one, None, None] == [gateway.visa_of(f"10.0.0.{number}") for number in (2, 3, 4)]
    gateway.admit("c-2", two)
    networks.members = {"10.0.0.2": "c-2"}
    assert two == gateway.visa_of("10.0.0.2")
    gateway.forget("c-2")
    gateway.forget("never-there")
    assert gateway.visa_of("10.0.0.2") is None


def test_without_an_engine_nobody_is_let_through():
    """Rather than anybody."""
    networks = Networks()
    gateway = gateway_of(networks)
    gateway.admit("c-1", Visa("j-1", frozenset()))
    networks.is_gone = True
    assert gateway.visa_of("10.0.0.2") is None


def test_an_engine_elsewhere_is_told_as_the_reason():
    """Nobody can listen on an address that this machine does not have; the network goes all the same."""
    networks = Networks("203.0.113.9")
    gateway = gateway_of(networks)
    for _ in range(2):
        with pytest.raises(AdapterError, match="nobody can listen on 203.0.113.9") as caught:
            gateway.settings(BODY)
    assert "on this very machine" in caught.value.hint
    gateway.close()
    assert {} == networks.there
