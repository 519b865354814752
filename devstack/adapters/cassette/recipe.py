"""What a container is made of, as far as it decides what the program does, and the key of that.

Where it runs, for whom and when is left out: the same run on another node or in another year has the same key. The
image counts by its reference; which image that was when it was recorded is noted in the cassette.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import attrs

from devstack.adapters.docker.container import environment
from devstack.adapters.docker.spec import decode
from devstack.errors import AdapterError
from devstack.models.resources import Resources
from devstack.runtime.ports import RunRequest

__all__ = ["Recipe", "content_hash", "recipe_of"]

_KEY_LENGTH: Final = 16
_CHUNK_BYTES: Final = 1024 * 1024


@attrs.frozen
class Recipe:
    """The ingredients of one run: plain lists, texts and numbers."""

    parts: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The first 64 bits of the SHA-256 over the parts as canonical JSON."""
        canonical = json.dumps(self.parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return sha256(canonical.encode()).hexdigest()[:_KEY_LENGTH]

    @property
    def file_name(self) -> str:
        """For people the image's name, for us the key."""
        image = re.sub(r"[^a-z0-9]+", "-", str(self.parts["image"]).lower()).strip("-")[-40:].strip("-")
        return f"{image or 'image'}-{self.key}.yaml"

    @property
    def summary(self) -> str:
        """The run in a few words, such as `busybox:latest echo hi`."""
        words = [self.parts["image"], *self.parts["entrypoint"], *self.parts["parameters"]]
        text = " ".join(str(word) for word in words)
        return text if len(text) <= 60 else text[:59] + "…"


def recipe_of(request: RunRequest) -> Recipe:
    """The recipe of a docker task, whose inputs are here.

    Raises:
        AdapterError: the task's parameters or its inputs cannot be read.
    """
    spec, task = decode(request.task.engine), request.task
    return Recipe(
        {
            "image": spec.image,
            "entrypoint": list(spec.entrypoint),
            "parameters": list(spec.parameters),
            "environment": sorted(environment(spec, request.environment)),
            "working_directory": spec.working_directory,
            "inputs": [{"target": one.target, "sha256": content_hash(one.path)} for one in request.inputs],
            "results": [{"name": one.name, "path": one.path} for one in task.result_paths],
            "resources": _limits(request.resources),
            "network": {"type": task.network.type.value, "domains": list(task.network.domains)},
        }
    )


def _limits(resources: Resources) -> dict[str, int]:
    """What a container is held to; its disk is not limited."""
    return {"cpu_millis": resources.cpu_millis, "memory_bytes": resources.memory_bytes, "gpu": resources.gpu}


def content_hash(path: Path) -> str:
    """The SHA-256 of a file's bytes, or of the names and hashes of all that is in a folder.

    Raises:
        AdapterError: something cannot be read.
    """
    try:
        if not path.is_dir():
            return _file_hash(path)
        return sha256("\n".join(_lines(path)).encode(errors="surrogateescape")).hexdigest()
    except OSError as exc:
        raise AdapterError(f"cannot read the input {path.name}: {exc.strerror}") from None


def _lines(folder: Path) -> Iterator[str]:
    """One line for each thing in the folder, in an order that no file system decides."""
    for directory, folders, files in os.walk(folder):
        folders.sort()
        here = Path(directory)
        for name in sorted([*files, *folders]):
            path = here / name
            yield f"{path.relative_to(folder)}\0{_what(path)}"


def _what(path: Path) -> str:
    if path.is_symlink():
        return f"link {path.readlink()}"
    return "folder" if path.is_dir() else _file_hash(path)


def _file_hash(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
