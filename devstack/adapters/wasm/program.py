"""What a guest runs: all questions of behaviour answered, all files in place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

__all__ = ["ModuleFile", "Program"]


@attrs.frozen
class ModuleFile:
    path: Path
    alias: str
    source_type: str  # Where it came from, for error texts: inline, s3, ...


@attrs.frozen
class Program:
    entry: ModuleFile
    imports: tuple[ModuleFile, ...]
    inputs: Mapping[str, Path]  # By alias or target: modules may be imported from them.
    entry_point: str
    arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    root: Path
    memory_bytes: int
    return_code: int = 0  # The exit code of a module that returns without proc_exit.
    needs_name_section: bool = False
