"""Which platforms an image has, and fetching it. Source: compute reference 5, "Bid check" and "Image"."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

from devstack.adapters.docker.engine import Engine, EngineError, NotThereError
from devstack.errors import AdapterError

__all__ = ["CACHED_IMAGES", "Images"]

CACHED_IMAGES: Final = 1000
_WHY: Final = "could be due to repo/image not existing, or registry needing authorization"
_HINT: Final = (
    "check the image's name; for a private registry set DOCKER_USERNAME and DOCKER_PASSWORD where devstack is started"
)


class Images:
    """What the engine and the registries say of images; found platforms are kept, failures are not."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._platforms: dict[str, tuple[str, ...]] = {}
        self._supported = ""

    def refusal(self, image: str) -> str:
        """Why the engine cannot run the image, as a phrase for `this node does not ...`; empty if it can.

        Raises:
            AdapterError: nobody knows the image.
        """
        try:
            _check_path(image)
            supported = self._engine_platform()
            available = self._available(image)
        except EngineError as exc:
            raise AdapterError(f'Could not inspect image "{image}" - {_WHY}: {exc.message}', _login_hint()) from exc
        if supported in available:
            return ""
        return f"support the available image platforms [{' '.join(available)}] (supports [{supported}])"

    def _engine_platform(self) -> str:
        if not self._supported:
            version = self._engine.version()
            self._supported = f"{version['Os']}/{version['Arch']}"
        return self._supported

    def _available(self, image: str) -> tuple[str, ...]:
        known = self._platforms.get(image)
        if known is not None:
            return known
        try:
            # Bacalhau looks only at local images that came from a registry; one built here would never run.
            found: tuple[str, ...] = (self._engine.local_platform(image),)
        except NotThereError:
            found = self._engine.registry_platforms(image, _login(image))
        if len(self._platforms) < CACHED_IMAGES:
            self._platforms[image] = found
        return found

    def pull(self, image: str, unwanted: Callable[[], bool]) -> None:
        """Fetch the image, unless it turns out to be unwanted meanwhile.

        Raises:
            AdapterError: it cannot be had.
        """
        repository, tag = _split(image)
        try:
            for report in self._engine.pull(repository, tag, _login(image)):
                if unwanted():
                    return
                if "error" in report:
                    raise EngineError(f"Error response from daemon: {report['error']}")
        except EngineError as exc:
            raise AdapterError(f'Could not pull image "{image}" - {_WHY}: {exc.message}', _login_hint()) from exc


def _check_path(image: str) -> None:
    """Refuse a name that would be the address of something else of the engine's. Raises EngineError."""
    if any(part in ("", ".", "..") for part in image.split("/")):
        raise EngineError("Error response from daemon: invalid reference format")


def _split(image: str) -> tuple[str, str]:
    """Repository and tag or digest; without a tag the engine would fetch all there are."""
    repository, at, digest = image.partition("@")
    if at:
        return repository, digest
    head, colon, tag = image.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (image, "latest")


def _login(image: str) -> Mapping[str, str] | None:
    username, password = os.environ.get("DOCKER_USERNAME"), os.environ.get("DOCKER_PASSWORD")
    # Names with more parts belong to other registries, which these are not meant for.
    if username and password and image.count("/") < 2:
        return {"username": username, "password": password}
    return None


def _login_hint() -> str:
    is_set = os.environ.get("DOCKER_USERNAME") and os.environ.get("DOCKER_PASSWORD")
    return "" if is_set else _HINT
