"""Input that is a folder or file of this machine, which the operator has put on an allow-list."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

import attrs

from devstack.adapters.source_params import check_source, text_param
from devstack.errors import AdapterError, UsageError
from devstack.models.job import InputSource, SpecConfig
from devstack.runtime.ports import PreparedInput

__all__ = ["AllowedPath", "LocalDirectoryStorage", "glob_regex", "parse_allow_list"]

_ALIASES: Final = ("local",)
_SPECIAL: Final = re.compile(r"[*?\[{\\]")
_NOT_ALLOWED: Final = "volume not in allowed paths"


# ---- the allow-list ----------------------------------------------------------------------------------------


@attrs.frozen
class AllowedPath:
    """One entry of the allow-list: a glob over the whole path, and whether writing is allowed."""

    pattern: str
    writable: bool = False

    def allows(self, path: str, writing: bool) -> bool:
        if writing and not self.writable:
            return False
        return bool(re.fullmatch(glob_regex(self.pattern), path, re.DOTALL)) and self._holds_target_of(path)

    def _holds_target_of(self, path: str) -> bool:
        """Whether no link below the fixed part of the pattern leads out of it.

        Else a job that may write to `/data/**` could lay a link there, and the next one mount what it points to.
        """
        base, rest = _split_pattern(self.pattern)
        real_base = os.path.realpath(base).rstrip("/") if base else ""
        return bool(re.fullmatch(re.escape(real_base) + glob_regex(rest), os.path.realpath(path), re.DOTALL))


def parse_allow_list(entries: Iterable[str]) -> tuple[AllowedPath, ...]:
    """The entries `PATTERN[:rw|:ro]`; read-only is the default.

    Raises:
        UsageError: a pattern that cannot be read.
    """
    return tuple(_parse_entry(entry.strip()) for entry in entries if entry.strip())


def _parse_entry(entry: str) -> AllowedPath:
    pattern, colon, mode = entry.rpartition(":")
    if not colon or mode not in ("rw", "ro"):
        pattern, mode = entry, "ro"
    try:
        re.compile(glob_regex(pattern))
    except (ValueError, re.error) as exc:
        raise UsageError(
            f"cannot read the allowed path {entry!r}: {exc}", "use PATTERN[:rw|:ro], for instance /data/**:rw"
        ) from exc
    return AllowedPath(pattern, mode == "rw")


def _split_pattern(pattern: str) -> tuple[str, str]:
    """The folder that is spelled out, and the rest from the slash on."""
    special = _SPECIAL.search(pattern)
    if special is None:
        return pattern, ""
    slash = pattern.rfind("/", 0, special.start())
    return (pattern[:slash], pattern[slash:]) if slash >= 0 else ("", pattern)


# ---- globs -------------------------------------------------------------------------------------------------


def glob_regex(pattern: str) -> str:
    """A regular expression for a glob over a whole path.

    `*` and `?` stay within a name, `**` as a whole name stands for any number of folders (none as well), `[a-z]` and
    `[^a-z]` are one character, `{a,b}` are alternatives, a backslash takes the next character as it is.

    Raises:
        ValueError: an unfinished class, alternative or escape.
    """
    return _Translation(pattern).regex()


class _Translation:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._depth = 0
        self._parts: list[str] = []

    def regex(self) -> str:
        while self._at < len(self._pattern):
            self._parts.append(self._next())
        if self._depth:
            raise ValueError("`{` without `}`")
        return "".join(self._parts)

    def _next(self) -> str:
        char = self._take()
        match char:
            case "*":
                return self._stars()
            case "?":
                return "[^/]"
            case "[":
                return self._character_class()
            case "\\":
                return re.escape(self._take("a backslash at the end"))
            case "{":
                self._depth += 1
                return "(?:"
            case "}":
                if not self._depth:
                    raise ValueError("`}` without `{`")
                self._depth -= 1
                return ")"
            case "," if self._depth:
                return "|"
        return re.escape(char)

    def _take(self, otherwise: str = "") -> str:
        if self._at >= len(self._pattern):
            raise ValueError(otherwise)
        self._at += 1
        return self._pattern[self._at - 1]

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _stars(self) -> str:
        start = self._at - 1
        while self._peek() == "*":
            self._at += 1
        if self._at - start == 1 or not self._is_whole_name(start):
            return "[^/]*"
        if self._peek() == "/":
            self._at += 1
            return "(?:.*/)?"
        if self._parts[-1:] == ["/"]:
            self._parts.pop()  # `a/**` is `a` too.
            return "(?:/.*)?"
        return ".*"

    def _is_whole_name(self, start: int) -> bool:
        before, after = self._pattern[start - 1 : start], self._peek()
        inside = self._depth > 0
        return (before in ("", "/") or (inside and before in "{,")) and (
            after in ("", "/") or (inside and after in ",}")
        )

    def _character_class(self) -> str:
        unfinished = "`[` without `]`"
        negated = self._peek() in ("^", "!")
        self._at += negated
        members = ""
        while (char := self._take(unfinished)) != "]" or not members:
            if char == "]":
                raise ValueError("`[]` names no character")
            if char == "\\":
                char = self._take(unfinished)
                members += re.escape(char)
            else:
                members += "-" if char == "-" and members and self._peek() != "]" else re.escape(char)
        return f"(?!/)[{'^' if negated else ''}{members}]"


# ---- the storage -------------------------------------------------------------------------------------------


class LocalDirectoryStorage:
    """Source of the rules: compute reference 8."""

    key = "localdirectory"

    def __init__(self, allow_list: Sequence[AllowedPath]) -> None:
        self._allow_list = tuple(allow_list)

    async def size_bytes(self, source: SpecConfig) -> int:
        """Zero: it takes no room of the job's.

        Raises:
            AdapterError: the path is not allowed or not there.
        """
        self._check(source)
        return 0

    async def has_locally(self, source: SpecConfig) -> bool:
        return self._is_allowed(source) and _exists(_path(source))

    async def prepare(self, source: InputSource, directory: Path) -> PreparedInput:
        assert source.source is not None  # validation refuses an input without a source
        path = self._check(source.source)
        return PreparedInput(
            Path(path),
            source.target,
            alias=source.alias,
            read_only=not _is_writing(source.source),
            input_target=source.target,
            keep=True,
        )

    def _check(self, source: SpecConfig) -> str:
        if not self._is_allowed(source):
            raise AdapterError(_NOT_ALLOWED, "the operator's --allow-listed-local-paths says which paths may be used")
        path = _path(source)
        if not _exists(path):
            raise AdapterError("volume does not exist", f"there is no {path} on the node")
        return path

    def _is_allowed(self, source: SpecConfig) -> bool:
        path, writing = _path(source), _is_writing(source)
        if "\0" in path or ".." in PurePosixPath(path).parts:
            return False  # A pattern such as `/data/**` must not be left by the path's own dots.
        return any(entry.allows(path, writing) for entry in self._allow_list)


def _path(source: SpecConfig) -> str:
    check_source(source, "localDirectory", _ALIASES)
    return text_param(source, "SourcePath", "local directory params")


def _exists(path: str) -> bool:
    return os.access(path, os.F_OK)  # Unlike Path.exists no error where the path is too long or hidden.


def _is_writing(source: SpecConfig) -> bool:
    value = source.param("ReadWrite", False)
    text = str(value).lower()
    if text not in ("true", "false", ""):
        raise AdapterError(f"invalid local directory params: ReadWrite must be true or false, not {value!r}")
    return text == "true"
