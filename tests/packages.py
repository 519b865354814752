"""Installed packages, lent to other environments without a network: an environment sees exactly what it may."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path


def needed(names: Iterable[str]) -> dict[str, Distribution]:
    """The distributions of these names and all that they need, extras apart."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:  # Needed on other systems or versions only.
            continue
        required = [text for text in found[name].requires or [] if "extra ==" not in text]
        waiting += [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in required]
    return found


def lend(names: Iterable[str], folder: Path) -> None:
    """Link the packages of these names, and all that they need, into a folder."""
    for found in needed(names).values():
        parts = {file.parts[0] for file in found.files or [] if not file.is_absolute()}
        for part in sorted(parts - {"..", "__pycache__"}):
            target = Path(str(found.locate_file(part)))
            link = folder / part
            if target.exists() and not link.exists():
                link.symlink_to(target)
