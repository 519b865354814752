"""The way out of the containers with network type HTTP: an internal network, and a proxy at the end of it.

A container there reaches nothing but the machine's own address on that network, where the proxy listens; the proxy
knows each container by its address, and lets it through to the domains of its own job. Bacalhau makes a network and a
container with Squid for each execution. Ours is one network for a whole stack, for an engine has addresses for thirty,
and making one takes longer than most programs; and the proxy is in this process, so nothing has to be downloaded.
Source: compute reference 5, "Network".
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import attrs

from devstack.adapters.docker.engine import Engine, EngineError
from devstack.errors import AdapterError

if TYPE_CHECKING:
    from devstack.adapters.docker.proxy import Proxy

__all__ = ["Gateway", "Visa"]

_VARIABLES: Final = ("http_proxy", "https_proxy")


@attrs.frozen
class Visa:
    """Where the containers of a job may go."""

    job_id: str
    domains: frozenset[str]


class Gateway:
    """Opened when first needed; may be called from any thread, and all of its methods block."""

    def __init__(self, engine: Engine, name: str, labels: Mapping[str, str]) -> None:
        self._engine, self._name, self._labels = engine, name, labels
        self._lock = threading.Lock()
        self._network_id = ""
        self._proxy: Proxy | None = None
        self._visas: dict[str, Visa] = {}

    def settings(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The container's settings, changed so that it finds the proxy.

        Raises:
            AdapterError: there can be no network, or no proxy on it.
        """
        with self._lock:
            proxy = self._proxy or self._open()
        own = [entry for entry in body["Env"] if entry.partition("=")[0].lower() not in _VARIABLES]
        return {
            **body,
            "Env": [*own, *(f"{name}={proxy.url}" for name in _VARIABLES)],
            "HostConfig": {**body["HostConfig"], "NetworkMode": self._network_id},
        }

    def admit(self, container_id: str, visa: Visa) -> None:
        """Let the container through, before it is started."""
        self._visas[container_id] = visa

    def forget(self, container_id: str) -> None:
        """The container is over."""
        self._visas.pop(container_id, None)

    def visa_of(self, address: str) -> Visa | None:
        """Where the container of that address may go; None: it is none of ours.

        Addresses are given away again, so the engine is asked each time.
        """
        with suppress(EngineError):
            container_id = self._engine.network_members(self._network_id).get(address, "")
            return self._visas.get(container_id)
        return None

    def close(self) -> None:
        """Take all of it away, once its containers are gone; it may be opened again."""
        with self._lock:
            proxy, self._proxy = self._proxy, None
            if proxy is not None:
                proxy.close()
            network_id, self._network_id = self._network_id, ""
            if network_id:
                with suppress(EngineError):  # It is found by its labels, too, and the leftovers routine tries again.
                    self._engine.remove_network(network_id)

    def _open(self) -> Proxy:
        from devstack.adapters.docker.proxy import Proxy  # Few stacks ever need a web server for containers.

        self._network_id = self._network_id or self._engine.create_network(self._name, self._labels)
        address = self._engine.network_address(self._network_id)
        try:
            self._proxy = Proxy(address, self.visa_of)
        except OSError as exc:
            raise AdapterError(
                f"setting up network: nobody can listen on {address}, where the Docker engine has the network: "
                f"{(exc.strerror or str(exc)).lower()}",
                "network type HTTP needs a Docker engine on this very machine",
            ) from None
        return self._proxy
