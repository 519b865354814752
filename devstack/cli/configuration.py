"""config.yaml and the environment: found, read, written. Source: command line reference 1.3 and 6.1.

An environment variable beats the file, and one that is set but empty counts as unset.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devstack.errors import UsageError

__all__ = ["assign", "environment", "lookup", "read_file", "write_file", "write_privately"]


def environment() -> Mapping[str, str]:
    """The process's variables, over them those of the file that DEVSTACK_ENV_FILE names."""
    return {**os.environ, **_environment_file()}


def _environment_file() -> dict[str, str]:
    """The KEY=VALUE lines that `up` has left in the file named by DEVSTACK_ENV_FILE."""
    path = os.environ.get("DEVSTACK_ENV_FILE")
    if not path or not Path(path).is_file():
        return {}
    try:
        text = Path(path).read_text()
    except (OSError, ValueError) as exc:
        raise UsageError(f"DEVSTACK_ENV_FILE {path} cannot be read: {exc}") from None
    lines = (line.strip().removeprefix("export ") for line in text.splitlines())
    pairs = (assignment.partition("=") for line in lines if not line.startswith("#") for assignment in line.split())
    return {name: value.strip("'\"") for name, equals, value in pairs if equals}


def read_file(folder: Path) -> dict[str, Any]:
    """The content of the folder's config.yaml as nested mappings; empty if there is none.

    Raises:
        UsageError: it cannot be read, or is no mapping in YAML.
    """
    path = folder / "config.yaml"
    if not path.is_file():
        return {}
    import yaml

    try:
        content = yaml.safe_load(path.read_text()) or {}
    except OSError as exc:
        raise UsageError(f"{path}: {(exc.strerror or str(exc)).lower()}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise UsageError(f"{path} is not YAML: {' '.join(str(exc).split())}") from None
    if not isinstance(content, Mapping):
        raise UsageError(f"{path} holds no settings: write KEY: VALUE lines, or use `config set`")
    return dict(content)


def lookup(content: Mapping[str, Any], path: str) -> Any:
    """The value under a dotted key, sections being found in any case; None if there is none."""
    found: Any = content
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = next((value for key, value in found.items() if str(key).lower() == name), None)
    return found


def assign(content: dict[str, Any], path: str, value: Any) -> None:
    """Put a value under a dotted key; whatever case the file has its sections in, they stay."""
    first, _, rest = path.partition(".")
    name = next((key for key in content if str(key).lower() == first), first)
    if not rest:
        content[name] = value
        return
    section = content.get(name)
    content[name] = dict(section) if isinstance(section, Mapping) else {}
    assign(content[name], rest, value)


def write_file(folder: Path, content: Mapping[str, Any]) -> None:
    """Replace the folder's config.yaml at once, so that nobody reads half of it."""
    import yaml

    write_privately(folder / "config.yaml", yaml.safe_dump(dict(content), indent=4, sort_keys=True, allow_unicode=True))


def write_privately(path: Path, text: str) -> None:
    """A file that only its owner may read, replaced at once."""
    from tempfile import NamedTemporaryFile

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            file.write(text)
        Path(file.name).replace(path)
    except OSError as exc:
        raise UsageError(f"{path} cannot be written: {(exc.strerror or str(exc)).lower()}") from None
