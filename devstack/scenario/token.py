"""The line that repeats a run: file, scenario, seed and all that was asked for beside the scenario's own wishes.

    scenarios/lost_node.py::a_lost_node@7,nodes=3,behaviour=v1.4.0,digest=dff2262b45d8

It is text that a shell takes as one word without quotes; what could trouble one is percent-encoded.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote, unquote

import attrs

from devstack.errors import UsageError

__all__ = ["DIGEST_DIGITS", "Token", "short_path"]

DIGEST_DIGITS: Final = 12
_KNOWN: Final = ("nodes", "behaviour", "faults", "docker", "strict", "digest")
_HINT: Final = "copy the whole line that the run printed: FILE::NAME@SEED,..."


@attrs.frozen
class Token:
    """What repeats a run. `faults` are those of `--faults`, as mappings; `digest` begins the digest that it had."""

    file: str
    name: str
    seed: int
    nodes: int | None = None
    behaviour: tuple[str, ...] = ()
    faults: Sequence[Mapping[str, Any]] = ()
    strict: bool = False
    docker: str = ""
    digest: str = ""

    @property
    def target(self) -> str:
        """What `load` takes."""
        return f"{self.file}::{self.name}"

    def __str__(self) -> str:
        parts = [f"{_quoted(self.file)}::{_quoted(self.name)}@{self.seed}"]
        parts += [] if self.nodes is None else [f"nodes={self.nodes}"]
        parts += [f"behaviour={_quoted('+'.join(self.behaviour))}"] if self.behaviour else []
        parts += [f"faults={_packed(self.faults)}"] if self.faults else []
        parts += [f"docker={self.docker}"] if self.docker else []
        parts += ["strict=1"] if self.strict else []
        parts += [f"digest={self.digest[:DIGEST_DIGITS]}"] if self.digest else []
        return ",".join(parts)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The token that the text is.

        Raises:
            UsageError: it is none.
        """
        head, *parts = text.strip().split(",")
        target, at, seed = head.rpartition("@")
        file, separator, name = target.partition("::")
        if not (at and separator and file and name and seed.isascii() and seed.isdigit()):
            raise UsageError(f"{text!r} is no token of a run", _HINT)
        given = dict(part.partition("=")[::2] for part in parts)
        unknown = sorted(set(given) - set(_KNOWN))
        if unknown:
            raise UsageError(f"the token has an unknown part: {', '.join(unknown)}", _HINT)
        behaviour = unquote(given.get("behaviour", ""))
        return cls(
            file=unquote(file),
            name=unquote(name),
            seed=int(seed),
            nodes=_nodes(given["nodes"]) if "nodes" in given else None,
            behaviour=tuple(behaviour.split("+")) if behaviour else (),
            faults=_unpacked(given["faults"]) if "faults" in given else (),
            strict="strict" in given,
            docker=given.get("docker", ""),
            digest=given.get("digest", ""),
        )


def short_path(file: str) -> str:
    """The file from here, or its full path if it is not below this folder."""
    full, here = Path(file).resolve(), Path.cwd()
    return str(full.relative_to(here)) if full.is_relative_to(here) else str(full)


def _quoted(text: str) -> str:
    return quote(text, safe="/+.-_").replace("~", "%7E")


def _nodes(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"the token's nodes={text} is no number", _HINT)
    return int(text)


def _packed(faults: Sequence[Mapping[str, Any]]) -> str:
    text = json.dumps(list(faults), separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")


def _unpacked(text: str) -> tuple[Mapping[str, Any], ...]:
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return tuple(json.loads(zlib.decompress(packed)))
    except (binascii.Error, zlib.error, ValueError, TypeError):
        raise UsageError("the token's faults cannot be read", _HINT) from None
