"""Blocking calls to the Docker engine, and what its errors mean; every method may be called from any thread."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from devstack.errors import AdapterError

__all__ = ["Attachment", "Engine", "EngineError", "NotThereError"]

_CALL_TIMEOUT_S: Final = 120  # Starting a hundred containers at once keeps each of them waiting.
_CONNECTIONS: Final = 500  # kept ones; one more than that would be closed with a warning on the terminal
_FRAME_HEADER_BYTES: Final = 8


class EngineError(AdapterError):
    """The engine refused, failed or is not there; the message is in its own words."""


class NotThereError(EngineError):
    """The engine has no such image, container or network."""


class Attachment:
    """A container's output as it comes."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._reader = stream.makefile("rb") if hasattr(stream, "makefile") else io.BufferedReader(stream)

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """(stream, bytes) until the container's end, or the engine's."""
        try:
            while len(header := self._reader.read(_FRAME_HEADER_BYTES)) == _FRAME_HEADER_BYTES:
                yield header[0], self._reader.read(int.from_bytes(header[4:], "big"))
        except OSError:
            return  # A dead engine shows itself by the wait that follows, which can also say why.

    def close(self) -> None:
        # The SDK ties stream and response into a cycle: left alone, the connection stays open until a collection.
        response = getattr(self._stream, "_response", None)
        if response is not None:
            response.close()
        self._reader.close()
        self._stream.close()


class Engine:
    """The engine that DOCKER_HOST names, else the local one; the connection is made when first used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._api: Any = None

    @property
    def is_connected(self) -> bool:
        return self._api is not None

    def close(self) -> None:
        with self._lock:
            api, self._api = self._api, None
        if api is not None:
            api.close()

    def _connect(self) -> Any:
        with self._lock:
            if self._api is None:
                import docker  # Takes 0.2 s, and most runs need no engine.

                client = docker.from_env(timeout=_CALL_TIMEOUT_S, max_pool_size=_CONNECTIONS)
                self._api = client.api
            return self._api

    def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        with _in_our_words():
            return getattr(self._connect(), method)(*args, **kwargs)

    # ---- the engine and its images -------------------------------------------------------------------------

    def version(self) -> Mapping[str, Any]:
        """Keys `Version`, `Os`, `Arch` and more."""
        answer: Mapping[str, Any] = self._call("version")
        return answer

    def local_platform(self, image: str) -> str:
        """`os/architecture` of an image that is here."""
        answer = self._call("inspect_image", image)
        return f"{answer['Os']}/{answer['Architecture']}"

    def image_id(self, image: str) -> str:
        """The content id of an image that is here."""
        image_id: str = self._call("inspect_image", image)["Id"]
        return image_id

    def registry_platforms(self, image: str, login: Mapping[str, str] | None) -> tuple[str, ...]:
        """`os/architecture` of each variant that the image's registry has."""
        answer = self._call("inspect_distribution", image, auth_config=login)
        return tuple(f"{platform['os']}/{platform['architecture']}" for platform in answer["Platforms"] or ())

    def pull(self, image: str, tag: str, login: Mapping[str, str] | None) -> Iterator[Mapping[str, Any]]:
        """Progress reports, the last of which may hold `error`; leaving the iteration stops the pull."""
        with _in_our_words():
            yield from self._connect().pull(image, tag=tag, stream=True, decode=True, auth_config=login)

    # ---- containers ----------------------------------------------------------------------------------------

    def create(self, body: Mapping[str, Any], name: str) -> str:
        container_id: str = self._call("create_container_from_config", body, name)["Id"]
        return container_id

    def attach(self, container_id: str) -> Attachment:
        wanted = {"stdout": 1, "stderr": 1, "stream": 1}
        return Attachment(self._call("attach_socket", container_id, params=wanted))

    def start(self, container_id: str) -> None:
        self._call("start", container_id)

    def wait(self, container_id: str) -> int:
        """The exit code, as soon as there is one."""
        exit_code: int = self._call("wait", container_id, timeout=None)["StatusCode"]
        return exit_code

    def was_out_of_memory(self, container_id: str) -> bool:
        return bool(self._call("inspect_container", container_id)["State"]["OOMKilled"])

    def stop(self, container_id: str, grace_s: int) -> None:
        self._call("stop", container_id, timeout=grace_s)

    def remove(self, container_id: str) -> None:
        self._call("remove_container", container_id, force=True, v=True)

    def labelled(self, *labels: str) -> list[Mapping[str, Any]]:
        """Containers, running or not, that have all of the labels (`NAME` or `NAME=VALUE`)."""
        found: list[Mapping[str, Any]] = self._call("containers", all=True, filters={"label": list(labels)})
        return found

    def create_network(self, name: str, labels: Mapping[str, str]) -> str:
        """A network from which only this machine's own address on it can be reached, not even its other members."""
        no_talk = {"com.docker.network.bridge.enable_icc": "false"}
        wanted = {"driver": "bridge", "internal": True, "labels": dict(labels), "options": no_talk}
        network_id: str = self._call("create_network", name, **wanted)["Id"]
        return network_id

    def network_address(self, network_id: str) -> str:
        """This machine's address on the network."""
        place = self._call("inspect_network", network_id)["IPAM"]["Config"][0]
        return str(place["Gateway"].partition("/")[0])

    def network_members(self, network_id: str) -> Mapping[str, str]:
        """The running containers on the network, by their addresses."""
        members = self._call("inspect_network", network_id)["Containers"] or {}
        return {member["IPv4Address"].partition("/")[0]: container_id for container_id, member in members.items()}

    def labelled_networks(self, *labels: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self._call("networks", filters={"label": list(labels)})
        return found

    def remove_network(self, network_id: str) -> None:
        self._call("remove_network", network_id)


@contextmanager
def _in_our_words() -> Iterator[None]:
    """What the SDK raises, as an EngineError."""
    import docker.errors
    import requests

    try:
        yield
    except docker.errors.NotFound as exc:
        raise NotThereError(_daemon_text(exc)) from exc
    except docker.errors.APIError as exc:
        raise EngineError(_daemon_text(exc)) from exc
    except requests.exceptions.ReadTimeout as exc:
        raise EngineError(f"the Docker engine did not answer within {_CALL_TIMEOUT_S} s") from exc
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as exc:
        raise EngineError(f"Cannot connect to the Docker daemon at {_address()} ({_reason(exc)})") from exc


def _address() -> str:
    return os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


def _daemon_text(exc: Any) -> str:
    return f"Error response from daemon: {exc.explanation or exc}".strip()


def _reason(exc: BaseException) -> str:
    """The first cause, which is the one that says something: `No such file or directory`."""
    seen: BaseException | None = exc
    while seen is not None:
        for found in (seen, *seen.args):
            if isinstance(found, OSError) and found.strerror:
                return found.strerror
        seen = seen.__cause__ or seen.__context__
    return str(exc)
