"""A recorded run, as a value and as a file that people can read, compare and commit."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

import attrs

from devstack.adapters.cassette.recipe import Recipe
from devstack.errors import AdapterError
from devstack.models.gotext import duration_text, parse_duration_ns

__all__ = ["Cassette", "Recorded"]

_HEAD: Final = "# What a container did, for replay without an engine. To record it anew, delete this file.\n"
_LINE_WIDTH: Final = 110


@attrs.frozen
class Recorded:
    """What came of a run.

    `duration_ns` is in whole milliseconds. `ends` is False for a program that was stopped while it still ran: in a
    replay it runs until somebody ends it. `files` are the result files, by path below the results; those in
    `left_out` were too large to keep. `image_id` says which image it was: for people, nothing reads it.
    """

    exit_code: int
    duration_ns: int
    stdout: bytes = b""
    stderr: bytes = b""
    error: str = ""
    ends: bool = True
    files: Mapping[str, bytes] = attrs.field(factory=dict)
    left_out: tuple[str, ...] = ()
    image_id: str = ""


_ODD_LINE_ENDS: Final = ("\x85", "\u2028", "\u2029")


@attrs.frozen
class Cassette:
    recipe: Recipe
    recorded: Recorded

    def to_text(self) -> str:
        """The file's text: YAML, always the same for the same cassette."""
        import yaml

        recorded = self.recorded
        outcome: dict[str, Any] = {
            "exit_code": recorded.exit_code,
            "duration": duration_text(recorded.duration_ns),
            "stdout": _to_yaml(recorded.stdout),
            "stderr": _to_yaml(recorded.stderr),
        }
        if recorded.error:
            outcome["error"] = recorded.error
        if not recorded.ends:
            outcome["ends"] = False
        if recorded.files:
            outcome["files"] = {path: _to_yaml(recorded.files[path]) for path in sorted(recorded.files)}
        if recorded.left_out:
            outcome["left_out"] = list(recorded.left_out)
        content = {"key": self.recipe.key, "run": dict(self.recipe.parts), "outcome": outcome}
        if recorded.image_id:
            content["image_id"] = recorded.image_id
        dumper: Any = type("Dumper", (yaml.SafeDumper,), {})
        dumper.add_representer(str, _as_block)
        return _HEAD + yaml.dump(content, Dumper=dumper, sort_keys=False, width=_LINE_WIDTH, allow_unicode=True)

    @classmethod
    def from_text(cls, text: str, name: str) -> Cassette:
        """Read a file's text; `name` is for the error.

        Raises:
            AdapterError: it is no cassette, or its run was edited.
        """
        import yaml

        try:
            content = yaml.safe_load(text)
            cassette = cls(Recipe(content["run"]), _recorded(content["outcome"], content.get("image_id", "")))
            key = content["key"]
        except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as exc:
            raise AdapterError(f"{name} is no cassette: {_in_a_line(exc)}", "delete it and record again") from None
        if key != cassette.recipe.key:
            raise AdapterError(
                f"{name} has the key {key}, and its run has the key {cassette.recipe.key}: it was edited by hand",
                "delete it and record again; what may be edited is its outcome",
            )
        return cassette


def _recorded(outcome: Mapping[str, Any], image_id: str) -> Recorded:
    files = outcome.get("files") or {}
    return Recorded(
        exit_code=int(outcome["exit_code"]),
        duration_ns=parse_duration_ns(outcome["duration"]),
        stdout=_from_yaml(outcome["stdout"]),
        stderr=_from_yaml(outcome["stderr"]),
        error=str(outcome.get("error") or ""),
        ends=outcome.get("ends", True) is not False,
        files={str(path): _from_yaml(data) for path, data in files.items()},
        left_out=tuple(outcome.get("left_out") or ()),
        image_id=image_id,
    )


def _to_yaml(data: bytes) -> str | dict[str, str]:
    """Text as it is, other bytes as base64."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _from_yaml(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    try:
        return base64.b64decode(value["base64"], validate=True)
    except binascii.Error as exc:
        raise ValueError(f"illegal base64 data: {exc}") from None


def _as_block(dumper: Any, text: str) -> Any:
    """Several lines as a block, which people can read; PyYAML falls back to quotes where a block would change them."""
    style = "|" if "\n" in text else None
    if any(odd in text for odd in _ODD_LINE_ENDS):  # Between quotes they are written as escapes, elsewhere folded away.
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _in_a_line(exc: Exception) -> str:
    text = f"no {exc}" if isinstance(exc, KeyError) else str(exc)
    return " ".join(text.split())
