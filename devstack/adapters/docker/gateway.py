"""The way out of one container with network type HTTP: a network of its own, and a proxy at the end of it.

The network is internal, so the container reaches nothing but the machine's own address on it, where the proxy
listens. Bacalhau runs a container with Squid there; ours is in this process, so nothing has to be downloaded.
Source: compute reference 5, "Network".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final

from devstack.adapters.docker.engine import Engine, EngineError
from devstack.errors import AdapterError

if TYPE_CHECKING:
    from devstack.adapters.docker.proxy import Proxy

__all__ = ["Gateway"]

_VARIABLES: Final = ("http_proxy", "https_proxy")


class Gateway:
    """Opened and closed by whoever makes the container; all of its methods block."""

    def __init__(
        self, engine: Engine, name: str, labels: Mapping[str, str], domains: Collection[str], job_id: str
    ) -> None:
        self._engine, self._name, self._labels = engine, name, labels
        self._domains, self._job_id = domains, job_id
        self._network_id = ""
        self._proxy: Proxy | None = None

    def open(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The container's settings, changed so that it finds the proxy.

        Raises:
            AdapterError: there can be no network, or no proxy on it.
        """
        from devstack.adapters.docker.proxy import Proxy  # Few stacks ever need a web server for containers.

        self._network_id = self._engine.create_network(self._name, self._labels)
        subnet, address = self._engine.network_address(self._network_id)
        try:
            self._proxy = Proxy(address, ip_network(subnet), self._domains, self._job_id)
        except OSError as exc:
            raise AdapterError(
                f"setting up network: nobody can listen on {address}, where the Docker engine has the network: "
                f"{(exc.strerror or str(exc)).lower()}",
                "network type HTTP needs a Docker engine on this very machine",
            ) from None
        own = [entry for entry in body["Env"] if entry.partition("=")[0].lower() not in _VARIABLES]
        return {
            **body,
            "Env": [*own, *(f"{name}={self._proxy.url}" for name in _VARIABLES)],
            "HostConfig": {**body["HostConfig"], "NetworkMode": self._network_id},
        }

    def close(self) -> None:
        """Take all of it away, once its container is gone; a second time does what the first could not."""
        proxy, self._proxy = self._proxy, None
        if proxy is not None:
            proxy.close()
        if self._network_id:
            with suppress(EngineError):  # DockerExecutor.close and the leftovers routine try again.
                self._engine.remove_network(self._network_id)
                self._network_id = ""
